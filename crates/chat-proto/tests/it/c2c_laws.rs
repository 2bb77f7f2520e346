//! Laws of the frames of order chat, on arbitrary values.

use chat_proto::c2c::C2c;
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::{Down, Loose, MessageId, Push, Up};
use chat_proto::codec::{Client, Codec, Limits, Server, Wire};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn order_no() -> impl Strategy<Value = String> {
    // Up to three times as long as what fits into 64 bits.
    "[1-9][0-9]{0,60}"
}

pub(crate) fn same_cases_each_run() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0xC2C),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    #[test]
    fn texts_come_back(uuid in ".{1,40}", order in order_no(), content: String, at: u64) {
        let sent = Up::text(uuid.as_str(), order.as_str(), content.as_str(), at);
        let text = Wire::encode(&sent);
        let read = Up::decode(text.as_str()).unwrap();
        prop_assert_eq!(&read, &sent);
        prop_assert_eq!(read.order_no.text(), order);
        let written = read.content.unwrap();
        prop_assert_eq!(written.text(), content);
        prop_assert_eq!(read.create_time.unwrap().as_u64(), Some(at));
    }

    #[test]
    fn images_come_back(order in order_no(), url in "https://[a-z]{1,9}/[!-~]{0,40}", width: u32, height: u32) {
        let image = ImageRef { url: url.as_str().into(), image_type: "jpg".into(), width, height };
        let sent = Up::image("u", order.as_str(), image, 1);
        let text = Wire::encode(&sent);
        let read = Up::decode(text.as_str()).unwrap();
        prop_assert_eq!(&read, &sent);
        prop_assert!(read.content.is_none());
        prop_assert_eq!(read.width.unwrap().as_u32(), Some(width));
    }

    #[test]
    fn pushes_come_back(
        id: i64,
        uuid: String,
        order in order_no(),
        own in proptest::option::of(any::<bool>()),
        name in proptest::option::of(".{0,12}"),
        content in proptest::option::of(".{0,40}"),
        at: u64,
        quoted: bool,
    ) {
        let sent = Push {
            id: MessageId::from_i64(id),
            uuid: uuid.as_str().into(),
            order_no: order.as_str().into(),
            self_: own,
            from_nickname: name.as_deref().map(Into::into),
            create_time: Some(if quoted { Loose::string(at.to_string()) } else { Loose::number(at) }),
            content: content.as_deref().map(Loose::string),
            ..Push::of("text")
        };
        let text = Wire::encode(&Down::from(sent.clone()));
        let read = Down::decode(text.as_str()).unwrap();
        prop_assert_eq!(&read.pushes()[0], &sent);
        prop_assert_eq!(&Wire::encode(&read), &text);
        prop_assert_eq!(read.pushes()[0].is_from_counterparty(), own == Some(false));
        prop_assert_eq!(read.pushes()[0].create_millis(), Some(at));
    }

    #[test]
    fn any_text_is_an_answer_or_an_error(text: String) {
        let _ = Codec::<C2c, Client>::new(Limits::default()).decode(&text).is_ok();
        let _ = Codec::<C2c, Server>::new(Limits::default()).decode(&text).is_ok();
    }

    #[test]
    fn nearly_frames_do_no_harm(
        member in "type|id|self|orderNo|content|createTime|width|markIds|data|[a-z]{1,3}",
        value in r#"null|true|-?[0-9]{1,40}|"[a-z\\\\"]{0,6}"|\[[0-9,]{0,6}\]|\{"type":"text"\}"#,
    ) {
        for text in [
            format!(r#"{{"type":"text","{member}":{value}}}"#),
            format!(r#"[{{"{member}":{value}}}]"#),
            format!(r#"{{"{member}":{value}}}"#),
        ] {
            if let Ok(frame) = Down::decode(&text) {
                let written = Wire::encode(&frame);
                let again = Down::decode(written.as_str()).unwrap();
                prop_assert_eq!(&Wire::encode(&again), &written);
            }
            let _ = Up::decode(&text).is_ok();
        }
    }
}
