//! Every fixture decodes and comes out byte for byte.

use chat_proto::codec::Wire;
use chat_proto::im::{Down, Up};

#[test]
fn smoke() {
    for text in [
        r#"{"ctrl":{"id":"99c5075a-cf52-493c-8572-9e30437a02ce","topic":"usr804252613548703744","params":{"seq":377},"code":202,"text":"accepted","ts":"2024-10-24T08:24:41.913558Z"}}"#,
        r#"{"data":{"topic":"usr804252613548703744","from":"usr804252613548777777","ts":"2024-10-24T08:24:41.913558Z","seq":377,"content":"test test test","reqid":"99c5075a-cf52-493c-8572-9e30437a02ce"}}"#,
        r#"{"meta":{"id":"926c7203-0ff7-4241-b9d2-0b46a5e625c6","topic":"usr804252613548703744","ts":"2024-10-24T01:30:45.144013Z","desc":{"created":"2024-10-24T01:04:20.286287Z","updated":"2024-10-24T01:26:51.198007Z","touched":"2024-10-24T01:26:51.197597Z","acs":{"want":"JRWPA","given":"JRWPA","mode":"JRWPA"},"seq":305,"read":305,"recv":305}}}"#,
    ] {
        assert_eq!(Down::decode(text).unwrap().encode().as_str(), text);
    }
    let text = r#"{"get":{"data":{"before":10000,"limit":1000,"since":0},"id":"a","topic":"usr804252613548703744","what":"data"}}"#;
    assert_eq!(Up::decode(text).unwrap().encode().as_str(), text);
}
