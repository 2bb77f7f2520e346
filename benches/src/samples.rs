//! Texts to decode. Members stand in the order in which the services write them; ids are invented.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

const TS: &str = "2026-01-02T03:04:05.678901Z";
const GROUP: &str = "grpAbCdEfGhIjK";
const USER: &str = "usr100000000000000001";
const ID: &str = "99c5075a-cf52-4000-8000-9e30437a02ce";
const ORDER: &str = "22000000000000000001";
const PICTURE: &str = "https://bin.example.com/client_upload/c2c/chat/20260101/0123456789abcdef0123456789abcdef_20260101120000.jpg";

/// IM `{data}` with this content, which is JSON.
#[must_use]
pub fn data(content: &str) -> String {
    data_numbered(378, content)
}

/// IM `{data}` with this number and content.
#[must_use]
pub fn data_numbered(seq: u64, content: &str) -> String {
    format!(
        r#"{{"data":{{"topic":"{GROUP}","from":"{USER}","ts":"{TS}","seq":{seq},"content":{content},"reqid":"{ID}"}}}}"#
    )
}

/// A short text, as JSON.
#[must_use]
pub fn short_content() -> String {
    r#""The parcel left this morning and arrives on Friday.""#.to_owned()
}

/// An object as rich-text clients send it.
#[must_use]
pub fn object_content() -> String {
    r#"{"ent":[{"data":{"height":600,"mime":"image/jpeg","name":"parcel.jpg","ref":"/v0/file/s/AbCdEf.jpg","size":48213,"width":800},"tp":"IM"},{"data":{"url":"https://example.com/track/100"},"tp":"LN"}],"fmt":[{"at":0,"len":1},{"at":24,"key":1,"len":4},{"at":2,"len":6,"tp":"ST"}],"txt":"  parcel left; track it here"}"#
        .to_owned()
}

/// A text in several scripts, with escapes: 4 KiB of JSON.
#[must_use]
pub fn rich_content() -> String {
    filled(r#"Größe 42 für 3 €; 明日の午後に届きます 😀, \"bis dann\"\nпосылка уже в пути. "#)
}

/// A plain English text: 4 KiB of JSON.
#[must_use]
pub fn ascii_content() -> String {
    filled("The parcel left this morning and arrives on Friday before noon. ")
}

fn filled(line: &str) -> String {
    let mut out = String::from("\"");
    while out.len() + line.len() < 4096 {
        out.push_str(line);
    }
    while out.len() < 4095 {
        out.push('.');
    }
    out.push('"');
    out
}

/// IM `{ctrl}`: a message was accepted.
#[must_use]
pub fn ctrl() -> String {
    format!(
        r#"{{"ctrl":{{"id":"{ID}","topic":"{GROUP}","params":{{"seq":378}},"code":202,"text":"accepted","ts":"{TS}"}}}}"#
    )
}

/// IM `{ctrl}` that answers the request `id`.
#[must_use]
pub fn ctrl_for(id: &str, params: &str) -> String {
    format!(r#"{{"ctrl":{{"id":"{id}","params":{params},"code":200,"text":"ok","ts":"{TS}"}}}}"#)
}

/// IM `{pres}`: there is a new message.
#[must_use]
pub fn pres() -> String {
    pres_about(GROUP)
}

/// The same about another topic.
#[must_use]
pub fn pres_about(topic: &str) -> String {
    format!(r#"{{"pres":{{"topic":"me","src":"{topic}","what":"msg","seq":378,"act":"{USER}"}}}}"#)
}

/// IM `{info}`: someone has read.
#[must_use]
pub fn info() -> String {
    format!(r#"{{"info":{{"topic":"{GROUP}","from":"{USER}","what":"read","seq":378}}}}"#)
}

/// IM `{meta}` with so many subscribers.
#[must_use]
pub fn meta(rows: u64) -> String {
    let mut out = format!(r#"{{"meta":{{"id":"{ID}","topic":"{GROUP}","ts":"{TS}","sub":["#);
    for row in 0..rows {
        let (comma, user) = (if row == 0 { "" } else { "," }, 100_000_000_000_000_001 + row);
        let _ = write!(
            out,
            r#"{comma}{{"updated":"{TS}","acs":{{"want":"JRWPS","given":"JRWPAS","mode":"JRWPS"}},"read":367,"recv":{},"public":{{"fn":"Extension {}"}},"user":"usr{user}"}}"#,
            367 + row % 11,
            100 + row,
        );
    }
    out + "]}}"
}

/// IM `{pub}` with this content, which is JSON.
#[must_use]
pub fn publish(content: &str) -> String {
    format!(r#"{{"pub":{{"id":"{ID}","topic":"{GROUP}","noecho":false,"content":{content}}}}}"#)
}

/// IM `{note}`: read up to here.
#[must_use]
pub fn note() -> String {
    format!(r#"{{"note":{{"topic":"{GROUP}","what":"read","seq":378}}}}"#)
}

/// IM `{sub}`: attach and fetch.
#[must_use]
pub fn sub() -> String {
    format!(
        r#"{{"sub":{{"id":"{ID}","topic":"{GROUP}","get":{{"what":"data sub desc","data":{{"limit":24,"since":370}}}}}}}}"#
    )
}

/// IM `{set}`: the mode of a member.
#[must_use]
pub fn set() -> String {
    format!(
        r#"{{"set":{{"id":"{ID}","topic":"{GROUP}","sub":{{"mode":"JRWPS","user":"{USER}"}}}}}}"#
    )
}

/// C2C text.
#[must_use]
pub fn c2c_text() -> String {
    c2c_text_numbered(1)
}

/// C2C text with ids of its own.
#[must_use]
pub fn c2c_text_numbered(number: u64) -> String {
    let (start, id) = (&ID[..24], 1_009_649_847_000_000_000 + number);
    format!(
        r#"{{"type":"text","id":"{id}","uuid":"{start}{number:012x}","orderNo":"{ORDER}","topicId":"{ORDER}","topicType":"ORDER","groupId":"1234567890","sourceType":"contact","self":false,"status":"unread","fromNickname":"Pat***","createTime":1700000000124,"content":"I have paid, please check.","unreadCount":2,"hasOngoingOrder":true}}"#
    )
}

/// C2C picture.
#[must_use]
pub fn c2c_image() -> String {
    format!(
        r#"{{"type":"image","id":"1009649847000000001","uuid":"{ID}","orderNo":"{ORDER}","self":false,"status":"unread","fromNickname":"Pat***","createTime":1700000000000,"imageUrl":"{PICTURE}","thumbnailUrl":"{PICTURE}","imageType":"jpg","width":720,"height":1600}}"#
    )
}

/// C2C event of an order: the content is JSON text.
#[must_use]
pub fn c2c_system() -> String {
    format!(
        r#"{{"type":"system","id":"1009649847000000002","uuid":"{ID}","orderNo":"{ORDER}","self":false,"status":"unread","createTime":1700000001000,"content":"{{\"type\":\"seller_payed\",\"nickName\":\"Pat***\",\"realName\":\"PAT DOE\",\"orderNo\":\"{ORDER}\",\"symbol\":\"USDT\"}}"}}"#
    )
}

/// A page of C2C history, every fifth message a picture.
#[must_use]
pub fn c2c_history(rows: u64) -> String {
    let mut out = String::from(r#"{"code":"000000","message":"success","data":["#);
    for row in 0..rows {
        let comma = if row == 0 { "" } else { "," };
        let (id, time) = (1_009_649_847_000_000_999 - row, 1_700_000_000_999 - row);
        let mine = row % 2 == 0;
        let _ = if row % 5 == 4 {
            write!(
                out,
                r#"{comma}{{"id":"{id}","uuid":"{ID}","type":"image","orderNo":"{ORDER}","self":{mine},"status":"read","fromNickName":"Pat***","imageUrl":"{PICTURE}","thumbnailUrl":"{PICTURE}","imageType":"jpg","width":720,"height":1600,"createTime":{time}}}"#
            )
        } else {
            write!(
                out,
                r#"{comma}{{"id":"{id}","uuid":"{ID}","type":"text","orderNo":"{ORDER}","content":"Message number {row} of this order.","self":{mine},"status":"read","fromNickName":"Pat***","createTime":{time}}}"#
            )
        };
    }
    let _ = write!(out, r#"],"total":{rows},"success":true}}"#);
    out
}

/// The same JSON with one space after each `:` and `,`, as Python's `json.dumps` writes it.
#[must_use]
pub fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            ':' | ',' if !in_string => out.push(' '),
            _ => {}
        }
    }
    out
}

/// The same JSON with the members of every object in alphabetical order.
///
/// # Panics
///
/// `text` is not JSON.
#[must_use]
pub fn sorted(text: &str) -> String {
    const JSON: &str = "samples are JSON";
    let joined = |parts: Vec<String>| parts.join(",");
    if text.starts_with('{') {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).expect(JSON);
        let member =
            |(name, value): (&String, &&RawValue)| format!("\"{name}\":{}", sorted(value.get()));
        format!("{{{}}}", joined(members.iter().map(member).collect()))
    } else if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).expect(JSON);
        format!("[{}]", joined(items.iter().map(|item| sorted(item.get())).collect()))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_respelt_and_means_the_same() {
        let text = r#"{"b":["x:,\\",{"d":1,"c":"\","}],"a":null}"#;
        assert_eq!(spaced(text), r#"{"b": ["x:,\\", {"d": 1, "c": "\","}], "a": null}"#);
        assert_eq!(sorted(text), r#"{"a":null,"b":["x:,\\",{"c":"\",","d":1}]}"#);
    }

    #[test]
    fn long_contents_are_4_kib() {
        assert_eq!(rich_content().len(), 4096);
        assert_eq!(ascii_content().len(), 4096);
    }
}
