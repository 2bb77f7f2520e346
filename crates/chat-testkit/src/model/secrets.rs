//! What must never be shown, looked for in one pass.

use std::collections::BTreeMap;

/// Secrets by how they begin.
#[derive(Default)]
pub(super) struct Secrets {
    /// A bit for each pair of bytes that a secret begins with.
    starts: Vec<u64>,
    by_start: BTreeMap<[u8; START], Vec<(usize, String)>>,
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
        if known.iter().any(|(_, it)| it == secret) {
            return;
        }
        known.push((self.count, secret.to_owned()));
        self.count += 1;
        self.starts.resize(1 << 10, 0);
        let (at, mask) = bit([start[0], start[1]]);
        self.starts[at] |= mask;
    }

    /// The number of the first secret that `text` shows, in the order in which they came.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        if self.starts.is_empty() {
            return None;
        }
        text.as_bytes().windows(START).enumerate().find_map(|(at, window)| {
            let (word, mask) = bit([window[0], window[1]]);
            if self.starts[word] & mask == 0 {
                return None;
            }
            let found = self.by_start.get(window)?;
            let rest = &text.as_bytes()[at..];
            let found = found.iter().find(|(_, secret)| rest.starts_with(secret.as_bytes()));
            found.map(|(number, _)| *number)
        })
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
        assert_eq!(found, [None, None, Some(0), Some(0), Some(0), None, Some(3)]);
        assert_eq!(format!("{secrets:?}"), "Secrets(4)");
        assert_eq!(Secrets::default().find("hunter2"), None);
    }
}
