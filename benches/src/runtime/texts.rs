//! What travels: texts of 200 bytes, and those that open a session.

/// The topic that everything is about.
pub const TOPIC: &str = "grpAbCdEfGhIjK";

/// The number before the first: all that follow have as many digits.
pub const HEAD: u64 = 1_000_000_000;

/// Length of the texts that are counted.
pub const BYTES: usize = 200;

/// What a `pub` starts with; its id follows.
pub const PUB: &str = r#"{"pub":{"id":""#;

/// Length of an id.
pub const ID_BYTES: usize = 36;

const ID: &str = "99c5075a-cf52-4000-8000-9e30437a02ce";
const TS: &str = "2026-01-02T03:04:05.678901Z";
const USER: &str = "usr100000000000000001";

/// A message of the flood.
#[must_use]
pub fn data(seq: u64) -> String {
    let frame = |content: &str| {
        format!(
            r#"{{"data":{{"topic":"{TOPIC}","from":"{USER}","ts":"{TS}","seq":{seq},"content":"{content}","reqid":"{ID}"}}}}"#
        )
    };
    frame(&prose(BYTES - frame("").len()))
}

/// A message to send, as a session writes it.
#[must_use]
pub fn publish() -> String {
    format!(
        r#"{{"pub":{{"id":"{ID}","topic":"{TOPIC}","noecho":true,"content":"{}"}}}}"#,
        content()
    )
}

/// The content that makes a `pub` 200 bytes long.
#[must_use]
pub fn content() -> String {
    let rest = r#"{"pub":{"id":"","topic":"","noecho":true,"content":""}}"#;
    prose(BYTES - rest.len() - ID_BYTES - TOPIC.len())
}

fn prose(bytes: usize) -> String {
    "The parcel left this morning and arrives on Friday. ".chars().cycle().take(bytes).collect()
}

/// The answer to a `pub`.
#[must_use]
pub fn accepted(id: &str, seq: u64) -> String {
    format!(
        r#"{{"ctrl":{{"id":"{id}","topic":"{TOPIC}","params":{{"seq":{seq}}},"code":202,"text":"accepted","ts":"{TS}"}}}}"#
    )
}

/// The answer to a request of the opening: `hi`, `login`, `sub`, and `get` for how far a topic goes.
#[must_use]
pub fn answer(kind: &str, id: &str) -> String {
    let (params, code) = match kind {
        "hi" => (r#"{"ver":"0.25","build":"bench"}"#.to_owned(), 201),
        "login" => (
            format!(r#"{{"authlvl":"auth","token":"dG9rZW4=","user":"{USER}","expires":"{TS}"}}"#),
            200,
        ),
        "get" => {
            return format!(
                r#"{{"meta":{{"id":"{id}","topic":"{TOPIC}","ts":"{TS}","desc":{{"created":"{TS}","updated":"{TS}","touched":"{TS}","acs":{{"want":"JRWPS","given":"JRWPS","mode":"JRWPS"}},"seq":{HEAD},"read":{HEAD},"recv":{HEAD}}}}}}}"#
            );
        }
        _ => (format!(r#"{{"seq":{HEAD}}}"#), 200),
    };
    format!(
        r#"{{"ctrl":{{"id":"{id}","topic":"{TOPIC}","params":{params},"code":{code},"text":"ok","ts":"{TS}"}}}}"#
    )
}

/// What opens a session, for clients that have none. Each is answered by one text; after the answer
/// to the last one a flood begins.
pub const OPENING: [&str; 3] = [
    r#"{"login":{"id":"1","scheme":"basic","secret":"MTAxOnRva2Vu"}}"#,
    r#"{"sub":{"id":"2","topic":"grpAbCdEfGhIjK"}}"#,
    r#"{"get":{"id":"3","topic":"grpAbCdEfGhIjK","what":"desc"}}"#,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_texts_are_200_bytes_of_json() {
        for text in [data(HEAD + 1), data(HEAD + 999_999), publish()] {
            assert_eq!(text.len(), BYTES, "{text}");
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
        assert!(publish().starts_with(PUB));
        assert_eq!(&publish()[PUB.len()..PUB.len() + ID_BYTES], ID);
    }

    #[test]
    fn answers_are_json() {
        let texts = ["hi", "login", "sub", "get", "leave"].map(|kind| answer(kind, "7"));
        for text in texts.into_iter().chain([accepted(ID, 5)]).chain(OPENING.map(str::to_owned)) {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }
}
