//! Changing what an application stored: deep merge, U+2421 clears. (portsip-docs, tinode-code)

use std::collections::BTreeMap;
use std::fmt;

use chat_proto::json::Raw;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::SharedText;

/// As a value: clear. As a member: remove the member.
const CLEAR: &str = "\"\u{2421}\"";

/// The value after a change. `null` changes nothing; two objects are merged member by member, in the
/// order they stand; anything else replaces.
pub(super) fn merge(old: Option<&SharedText>, change: Option<&Raw<'_>>) -> Option<SharedText> {
    let Some(change) = change.filter(|it| !it.is_null()) else { return old.cloned() };
    merge_text(old.map(SharedText::as_str), change.as_str()).map(SharedText::from)
}

fn merge_text(old: Option<&str>, change: &str) -> Option<String> {
    if is_clear(change) {
        return None;
    }
    let Some(changes) = members(change) else { return Some(change.to_owned()) };
    let mut merged = old.and_then(members).unwrap_or_default();
    for (name, value) in changes.0.into_iter().flatten() {
        if value == "null" {
            continue;
        }
        let value = merge_text(merged.get(&name), &value);
        merged.set(name, value);
    }
    Some(merged.to_json())
}

fn is_clear(text: &str) -> bool {
    text == CLEAR || text.eq_ignore_ascii_case("\"\\u2421\"")
}

/// The members of an object as JSON texts, in order; `None` for another kind of value.
pub(super) fn members(text: &str) -> Option<Members> {
    serde_json::from_str(text).ok()
}

/// Members in the order they stand, found by name.
#[derive(Default)]
pub(super) struct Members(pub(super) Vec<Option<(String, String)>>, BTreeMap<String, usize>);

impl Members {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let at = self.1.get(name)?;
        self.0[*at].as_ref().map(|(_, value)| value.as_str())
    }

    /// The object as JSON.
    pub(super) fn to_json(&self) -> String {
        let members: Vec<_> = self
            .0
            .iter()
            .flatten()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.1.is_empty()
    }

    /// Replaces a member in its place, appends it, or removes it.
    pub(super) fn set(&mut self, name: String, value: Option<String>) {
        let Some(value) = value else {
            if let Some(at) = self.1.remove(&name) {
                self.0[at] = None;
            }
            return;
        };
        let at = *self.1.entry(name.clone()).or_insert(self.0.len());
        if at == self.0.len() {
            self.0.push(None);
        }
        self.0[at] = Some((name, value));
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.set(name, Some(value.get().to_owned()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(old: &str, change: &str) -> String {
        let old = (!old.is_empty()).then(|| SharedText::from(old));
        let raw = Raw::new(change).unwrap();
        merge(old.as_ref(), Some(&raw)).map_or(String::new(), |it| it.as_str().to_owned())
    }

    /// Rules 146, 147, 148.
    #[test]
    fn clears_keeps_and_merges() {
        assert_eq!(merged(r#"{"a":1}"#, "\"\u{2421}\""), "");
        assert_eq!(merged(r#"{"a":1}"#, r#""\u2421""#), "");
        assert_eq!(merged(r#"{"a":1}"#, "null"), r#"{"a":1}"#);
        assert_eq!(merged(r#"{"a":1,"b":2}"#, "{\"b\":\"\u{2421}\",\"c\":3}"), r#"{"a":1,"c":3}"#);
        assert_eq!(
            merged(r#"{"z":{"x":1,"y":2},"a":5}"#, r#"{"z":{"y":3},"b":[1]}"#),
            r#"{"z":{"x":1,"y":3},"a":5,"b":[1]}"#
        );
        assert_eq!(merged(r#"{"a":1}"#, "[1 ,2]"), "[1 ,2]");
        assert_eq!(
            merged("", r#"{"big":123456789012345678901234567890}"#),
            r#"{"big":123456789012345678901234567890}"#
        );
    }
}
