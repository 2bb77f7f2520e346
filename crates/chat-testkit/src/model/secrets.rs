//! What must never be shown, looked for in one pass.

use std::collections::BTreeMap;

/// Secrets by how they begin.
#[derive(Default)]
pub(super) struct Secrets {
    /// A bit for each pair of bytes that a secret begins with.
    starts: Vec<u64>,
    by_start: BTreeMap<[u8; START], Vec<String>>,
    count: usize,
}

/// Shorter texts are no secrets: they would be found everywhere.
const START: usize = 6;

fn bit(pair: [u8; 2]) -> (usize, u64) {
    let at = usize::from(u16::from_le_bytes(pair));
    (at / 64, 1 << (at % 64))
}

impl Secrets {
    /// From here on it must not be shown. Texts of less than 6 bytes are not looked for.
    pub(super) fn add(&mut self, secret: &str) {
        let Some(start) = secret.as_bytes().first_chunk::<START>() else { return };
        let known = self.by_start.entry(*start).or_default();
        if known.iter().any(|it| it == secret) {
            return;
        }
        known.push(secret.to_owned());
        self.count += 1;
        self.starts.resize(1 << 10, 0);
        let (at, mask) = bit([start[0], start[1]]);
        self.starts[at] |= mask;
    }

    /// What stands before the first secret in `text`, the last 80 bytes of it.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        if self.starts.is_empty() {
            return None;
        }
        let is_secret = |at: usize, window: &[u8]| {
            let (word, mask) = bit([window[0], window[1]]);
            let begun = self.starts[word] & mask != 0;
            let known = begun.then(|| self.by_start.get(window)).flatten();
            let rest = &text.as_bytes()[at..];
            known.is_some_and(|it| it.iter().any(|secret| rest.starts_with(secret.as_bytes())))
        };
        let mut windows = text.as_bytes().windows(START).enumerate();
        let at = windows.find(|(at, window)| is_secret(*at, window))?.0;
        (at.saturating_sub(80)..=at).find_map(|from| text.get(from..at))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_a_search_for_each_finds() {
        let all = ["hunter2", "hunter22", "trader-0-secret", "short", "\u{e4}\u{f6}\u{fc}-key"];
        let mut secrets = Secrets::default();
        all.iter().for_each(|it| secrets.add(it));
        secrets.add("hunter2");
        let texts =
            ["", "hunter", "a hunter2", "hunter22", "hhunter2", "short", "\u{e4}\u{f6}\u{fc}-key"];
        let found = texts.map(|text| secrets.find(text));
        assert_eq!(found, [None, None, Some("a "), Some(""), Some("h"), None, Some("")]);
        assert_eq!(format!("{secrets:?}"), "Secrets(4)");
        assert_eq!(Secrets::default().find("hunter2"), None);
    }
}
