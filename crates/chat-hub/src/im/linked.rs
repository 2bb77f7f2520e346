//! Which files are in use: those that a message or a description has named.
//!
//! Tinode's clients say so beside the verb, PortSIP's say nothing, and both put the id somewhere into
//! what they send; so the id is looked for in the whole frame. (tinode-doc; choice)

use super::Im;
use crate::effects::Cx;
use crate::record::{FileRow, Record};
use crate::transfer::FileKey;

/// Characters of a file's id.
const KEY: usize = 32;
/// Files that are given up in one step. (choice)
const SWEPT: usize = 64;

impl Im {
    /// Marks the files that a frame of `user` names.
    pub(super) fn link_files(&mut self, cx: &mut Cx<'_>, user: u64, text: &str) {
        if self.files.unlinked.is_empty() {
            return;
        }
        for key in keys_in(text) {
            let row = self.files.row(key).filter(|row| !row.linked);
            let row = row.filter(|row| cx.accounts.visible(user, row.user));
            let Some(row) = row.map(|row| FileRow { linked: true, ..row.clone() }) else {
                continue;
            };
            self.put(cx, Record::File { key: key.to_owned(), row: Some(row) });
        }
    }

    /// Gives up files that nothing has named for too long.
    pub(super) fn sweep_files(&mut self, cx: &mut Cx<'_>) {
        let Some(keep) = cx.config.unlinked_file_for else { return };
        let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let until = cx.stamp.saturating_sub(keep);
        let old: Vec<_> = self
            .files
            .unlinked
            .iter()
            .take_while(|(created, _)| *created <= until)
            .take(SWEPT)
            .map(|(_, key)| key.clone())
            .collect();
        for key in old {
            cx.fx.remove(FileKey::new(&key).expect("a stored file has a key"));
            self.put(cx, Record::File { key, row: None });
        }
    }
}

/// What may be the id of a file in a text.
fn keys_in(text: &str) -> impl Iterator<Item = &str> {
    let outside = |it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_';
    text.split(outside).filter(|part| part.len() == KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let key = "NDW4_NYseeH20iuC3rih-wAAwItyRIMM";
        for text in [
            format!(r#"{{"extra":{{"attachments":["/v0/file/s/{key}.png"]}}}}"#),
            format!(r#"{{"content":"{key}"}}"#),
            format!(r#"{{"content":"\\/v0\\/file\\/s\\/{key}"}}"#),
        ] {
            assert_eq!(keys_in(&text).collect::<Vec<_>>(), [key], "{text}");
        }
        assert_eq!(keys_in(&format!("x{key}")).count(), 0);
        assert_eq!(keys_in(&key[1..]).count(), 0);
    }
}
