//! What frames take from peers that differ, and what they refuse.

use chat_proto::codec::{Client, Codec, DecodeError, Limits, Server, Wire};
use chat_proto::im::up::{Verb, recover_id};
use chat_proto::im::{Down, Im, Up};

fn up(text: &str) -> Up<'_> {
    Up::decode(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn down(text: &str) -> Down<'_> {
    Down::decode(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn unknown_members_are_kept_at_every_level() {
    for text in [
        r#"{"pub":{"id":"1","topic":"t","content":1,"ttl":{"s": 5},"n\u00fc":[null]}}"#,
        r#"{"get":{"data":{"since":3,"order":"asc"},"topic":"t","what":"data","deep":true}}"#,
        r#"{"set":{"sub":{"mode":"J","until":9},"x":null}}"#,
        r#"{"del":{"delseq":[{"low":1,"why":"spam"}]}}"#,
        r#"{"pub":{"topic":"t"},"extra":{"obo":"usr1","trace":"abc"}}"#,
    ] {
        assert_eq!(up(text).encode().as_str(), text);
    }
    for text in [
        r#"{"ctrl":{"id":"1","code":200,"ts":"","node":3}}"#,
        r#"{"data":{"topic":"t","ts":"","seq":1,"content":null,"edited":{"at":[1]}}}"#,
        r#"{"meta":{"topic":"t","desc":{"acs":{"want":"J","x":1},"y":2},"sub":[{"z":3}],"quota":{}}}"#,
        r#"{"pres":{"topic":"me","what":"on","dacs":{"mode":"J"},"place":"home"}}"#,
        r#"{"info":{"topic":"t","what":"kp","lang":"de"}}"#,
    ] {
        assert_eq!(down(text).encode().as_str(), text);
    }
}

#[test]
fn unknown_kinds_values_and_codes_are_kept() {
    let text = r#"{"react":{"id":"1","emoji": "👍"}}"#;
    assert!(matches!(&up(text).verb, Verb::Other(name, _) if *name == "react"));
    assert_eq!(up(text).encode().as_str(), text);
    let text = r#"{"bye":[1, 2]}"#;
    assert!(
        matches!(down(text), Down::Other(name, body) if name == "bye" && body.as_str() == "[1, 2]")
    );
    assert_eq!(down(text).encode().as_str(), text);
    assert_eq!(*down(text).kind().decode(), *"bye");
    for text in [
        r#"{"ctrl":{"code":799,"text":"novel","ts":"2026-01-02T03:04:05Z"}}"#,
        r#"{"pres":{"topic":"me","what":"typing-in-the-air"}}"#,
        r#"{"info":{"topic":"t","what":"react"}}"#,
    ] {
        assert_eq!(down(text).encode().as_str(), text);
    }
}

#[test]
fn other_spellings_are_read_and_the_usual_one_is_written() {
    for (read, written) in [
        (
            r#"{"pres":{"topic":"t","what":"acs","acs":{"want":"-O"}}}"#,
            r#"{"pres":{"topic":"t","what":"acs","dacs":{"want":"-O"}}}"#,
        ),
        (
            r#"{"meta":{"topic":"t","desc":{"status":"ok"}}}"#,
            r#"{"meta":{"topic":"t","desc":{"state":"ok"}}}"#,
        ),
    ] {
        assert_eq!(down(read).encode().as_str(), written);
    }
    let read = r#"{"acc":{"state":"suspended"}}"#;
    assert_eq!(up(read).encode().as_str(), r#"{"acc":{"status":"suspended"}}"#);
}

#[test]
fn what_is_missing_or_null_is_the_default() {
    let Down::Ctrl(ctrl) = down(r#"{"ctrl":{}}"#) else { panic!("ctrl") };
    assert_eq!((ctrl.code, ctrl.id.is_empty(), ctrl.ts.is_empty()), (0, true, true));
    for (text, same) in [
        (
            r#"{"pub":{"id":null,"topic":"t","noecho":null,"head":null}}"#,
            r#"{"pub":{"topic":"t"}}"#,
        ),
        (r#"{"pub":null,"sub":{"topic":"t"},"get":null}"#, r#"{"sub":{"topic":"t"}}"#),
        (
            r#"{"note":{"topic":"t","what":"read","seq":0}}"#,
            r#"{"note":{"topic":"t","what":"read"}}"#,
        ),
        (r#"{"get":{"what":"data","data":null}}"#, r#"{"get":{"what":"data"}}"#),
    ] {
        assert_eq!(up(text), up(same), "{text}");
    }
    // Absent, false and zero differ where the samples write them.
    assert_ne!(up(r#"{"leave":{"unsub":false}}"#), up(r#"{"leave":{}}"#));
    assert_ne!(up(r#"{"get":{"data":{"since":0}}}"#), up(r#"{"get":{"data":{}}}"#));
}

#[test]
fn the_last_of_two_equal_names_wins() {
    assert_eq!(up(r#"{"pub":{"id":"a","topic":"t","id":"b"}}"#).id(), "b");
    assert_eq!(up(r#"{"pub":{"id":"a"},"pub":{"id":"b"}}"#).id(), "b");
    assert_eq!(up(r#"{"pub":{"id":"a","\u0069d":"b"}}"#).id(), "b");
    let Down::Data(data) = down(r#"{"data":{"seq":1,"seq":2}}"#) else { panic!("data") };
    assert_eq!(data.seq, 2);
}

#[test]
fn the_first_verb_in_the_documented_order_counts() {
    let order = chat_proto::im::up::KINDS;
    for (at, first) in order.iter().enumerate() {
        // Written backwards, so that the order of the text cannot be what decides.
        let later: String =
            order[at + 1..].iter().rev().map(|verb| format!(r#""{verb}":{{}},"#)).collect();
        let text = format!(r#"{{"novel":{{}},{later}"{first}":{{}}}}"#);
        assert_eq!(*up(&text).kind().decode(), **first, "{text}");
    }
    let text = r#"{"info":{},"pres":{},"meta":{},"data":{},"ctrl":{}}"#;
    assert_eq!(*down(text).kind().decode(), *"ctrl");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_and_the_id_is_found() {
    for text in [
        r#"{"note":{"id":"x7","topic":"t","what":"read","seq":"5"}}"#,
        r#"{"note":{"seq":-1,"id":"x7"}}"#,
        r#"{"note":{"seq":1.0,"id":"x7"}}"#,
        r#"{"note":{"seq":18446744073709551616,"id":"x7"}}"#,
        r#"{"note":{"seq":1e999,"id":"x7"}}"#,
        r#"{"pub":{"id":"x7","topic":5}}"#,
        r#"{"pub":{"id":"x7","noecho":"false"}}"#,
        r#"{"pub":{"id":"x7","noecho":0}}"#,
        r#"{"leave":{"id":"x7","unsub":"true"}}"#,
        r#"{"get":{"id":"x7","data":[]}}"#,
        r#"{"get":{"id":"x7","data":{"limit":"24"}}}"#,
        r#"{"set":{"id":"x7","tags":"a"}}"#,
        r#"{"set":{"id":"x7","tags":[1]}}"#,
        r#"{"del":{"id":"x7","delseq":{"low":1}}}"#,
        r#"{"login":{"id":"x7","secret":{}}}"#,
        r#"{"sub":5,"pub":{"id":"x7"}}"#,
    ] {
        assert!(matches!(Up::decode(text), Err(DecodeError::Json(_))), "{text}");
        assert_eq!(recover_id(text).as_deref(), Some("x7"), "{text}");
    }
    for text in [
        r#"{"pub":{"id":7}}"#,
        r#"{"pub":5}"#,
        r#"{"pub":[{"id":"a"}]}"#,
        r#"["id"]"#,
        r#"{"id":"a"}"#,
        "{",
        "",
    ] {
        assert_eq!(recover_id(text), None, "{text}");
    }
    for text in [
        r#"{"data":{"seq":"1"}}"#,
        r#"{"ctrl":{"code":4294967296}}"#,
        r#"{"ctrl":{"code":"200"}}"#,
        r#"{"ctrl":{"code":200,"ts":1729758281}}"#,
        r#"{"meta":{"sub":{}}}"#,
        r#"{"pres":{"dacs":"-O"}}"#,
    ] {
        assert!(matches!(Down::decode(text), Err(DecodeError::Json(_))), "{text}");
    }
}

#[test]
fn numbers_inside_content_are_nobodys_business() {
    let text = r#"{"pub":{"topic":"t","content":[1e999,-0,123456789012345678901234567890,0.10]}}"#;
    assert_eq!(up(text).encode().as_str(), text);
}

#[test]
fn what_is_no_frame_is_refused() {
    for text in [r"{}", r#"{"pub":null}"#, r#"{"novel":null}"#, r#"{"extra":{"obo":"usr1"}}"#] {
        assert!(matches!(Up::decode(text), Err(DecodeError::NoKind)), "{text}");
    }
    for text in [r"{}", r#"{"ctrl":null}"#] {
        assert!(matches!(Down::decode(text), Err(DecodeError::NoKind)), "{text}");
    }
    for text in [
        "",
        " ",
        "null",
        "true",
        "1",
        "0",
        "5.5",
        "\"pub\"",
        "[]",
        r#"[{"pub":{}}]"#,
        r#"{"pub":{}} x"#,
        r#"{"pub":{}}{}"#,
        r#"{"pub":{},}"#,
        r#"{"pub":{}"#,
        r#"{'pub':{}}"#,
        r#"{pub:{}}"#,
        "\u{feff}{\"pub\":{}}",
        "{\"pub\":{}}\0",
        "{\"pub\":{\"id\":\"a\nb\"}}",
        r#"{"pub":{"id":"\x"}}"#,
        r#"{"pub":{"content":01}}"#,
        r#"{"pub":{"content":NaN}}"#,
        r#"{"pub":{"content":/* */1}}"#,
        r#"{"pub":"text"}"#,
        r#"{"pub":[]}"#,
    ] {
        assert!(matches!(Up::decode(text), Err(DecodeError::Json(_))), "{text}");
        assert!(Down::decode(text).is_err() || text.contains("pub"), "{text}");
    }
    // White space around a frame is not garbage.
    assert_eq!(up(" \r\n\t{\"pub\":{\"id\":\"a\"}} \n").id(), "a");
}

#[test]
fn lone_surrogates_pass_through() {
    for half in [r"\ud83d", r"\ude00", r"\ud83d\ud83d", r"\udc00\ud800"] {
        let text = format!(r#"{{"pub":{{"id":"{half}","topic":"t{half}","content":"{half}"}}}}"#);
        assert_eq!(up(&text).encode().as_str(), text);
        assert!(up(&text).id().decode().contains('\u{fffd}'), "{text}");
    }
}

#[test]
fn stamps_keep_their_digits() {
    for digits in 0..=9 {
        let fraction: String = "987654321".chars().take(digits).collect();
        let dot = if digits > 0 { "." } else { "" };
        let text =
            format!(r#"{{"ctrl":{{"code":200,"ts":"2024-10-24T08:24:41{dot}{fraction}Z"}}}}"#);
        let frame = down(&text);
        assert_eq!(frame.encode().as_str(), text);
        let Down::Ctrl(ctrl) = frame else { panic!("ctrl") };
        let micros: i64 = format!("{fraction:0<6}")[..6].parse().unwrap();
        assert_eq!(ctrl.ts.unix_micros(), Some(1_729_758_281_000_000 + micros), "{text}");
    }
}

#[test]
fn the_depth_of_content_is_limited() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"pub":{{"id":"x7","content":{open}{close}}}}}"#)
    };
    let codec = Codec::<Im, Server>::new(Limits::default());
    let (frame_and_verb, limit) = (2, Limits::default().max_depth);
    assert!(codec.decode(&nested(limit - frame_and_verb)).is_ok());
    assert!(matches!(codec.decode(&nested(limit - frame_and_verb + 1)), Err(DecodeError::TooDeep)));
    // Even without limits no depth brings the process down.
    for text in [nested(400_000), "[".repeat(400_000), r#"{"pub":"#.repeat(100_000)] {
        let _ = Up::decode(&text);
        let _ = Down::decode(&text);
        let _ = recover_id(&text);
    }
}

#[test]
fn the_length_of_a_frame_is_limited() {
    let codec = Codec::<Im, Client>::new(Limits { max_bytes: 64, ..Limits::default() });
    let text = format!(r#"{{"data":{{"content":"{}"}}}}"#, "x".repeat(64));
    assert!(matches!(codec.decode(&text), Err(DecodeError::TooLong { limit: 64, .. })));
}

#[test]
fn secrets_do_not_print() {
    for text in [
        r#"{"login":{"scheme":"basic","secret":"aHVzaA==","cred":[{"meth":"email","resp":"aHVzaA=="}]}}"#,
        r#"{"acc":{"secret":"aHVzaA==","tmpsecret":"aHVzaA==","cred":[{"resp":"aHVzaA=="}]}}"#,
        r#"{"set":{"cred":{"meth":"tel","resp":"aHVzaA=="}}}"#,
    ] {
        let shown = format!("{:?} {:#?}", up(text), up(text));
        assert!(!shown.contains("aHVz"), "{shown}");
    }
    let text = r#"{"ctrl":{"code":200,"params":{"user":"usr1","token":"aHVzaA=="}}}"#;
    let shown = format!("{:?} {:#?}", down(text), down(text));
    assert!(!shown.contains("aHVz"), "{shown}");
}

#[test]
fn errors_do_not_quote_a_secret_in_the_wrong_place() {
    for text in [
        r#"{"login":"aHVzaA=="}"#,
        r#"{"login":{"secret":["aHVzaA=="]}}"#,
        r#"{"acc":"aHVzaA=="}"#,
        r#"{"acc":{"cred":["aHVzaA=="]}}"#,
        r#""aHVzaA==""#,
    ] {
        let error = Up::decode(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("aHVz"), "{error}");
    }
}
