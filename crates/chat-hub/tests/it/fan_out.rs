//! A frame for many is encoded once.

use chat_proto::machine::{ConnId, Message};
use serde_json::json;

use crate::lab::{ANN, BOB, Lab, usr};

/// The frames of one kind that came on a connection.
fn texts(lab: &mut Lab, conn: ConnId, kind: &str) -> Vec<chat_proto::Text> {
    let start = format!("{{\"{kind}\":");
    let texts = lab.messages(conn).into_iter().filter_map(|message| match message {
        Message::Text(text) => Some(text),
        _ => None,
    });
    texts.filter(|text| text.as_str().starts_with(&start)).collect()
}

/// The one frame of its kind on each connection, and how many buffers hold them.
fn each(lab: &mut Lab, conns: &[ConnId], kind: &str) -> (Vec<String>, usize) {
    let all: Vec<_> = conns.iter().flat_map(|conn| texts(lab, *conn, kind)).collect();
    assert_eq!(all.len(), conns.len());
    let mut at: Vec<_> = all.iter().map(|text| text.as_str().as_ptr()).collect();
    at.sort_unstable();
    at.dedup();
    (all.iter().map(|text| text.as_str().to_owned()).collect(), at.len())
}

#[test]
fn a_thousand_readers_of_a_group_share_one_buffer() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let readers: Vec<_> = (0..1000).map(|_| lab.connect_as("102")).collect();
    for conn in &readers {
        lab.sub(*conn, &group);
    }
    lab.clear();
    lab.publish(ann, &group, "one");
    let (texts, buffers) = each(&mut lab, &readers, "data");
    assert_eq!((texts.len(), buffers), (1000, 1));
}

#[test]
fn the_two_ends_of_a_p2p_topic_get_texts_that_differ_in_its_name() {
    let mut lab = Lab::new();
    // In turns: each end has sessions between those of the other.
    let conns: Vec<_> = (0..6).map(|at| lab.session(["101", "102"][at % 2])).collect();
    for (at, conn) in conns.iter().enumerate() {
        lab.sub(*conn, &usr([BOB, ANN][at % 2]));
    }
    lab.clear();
    let frame = json!({"pub": {"id": "7", "topic": usr(BOB), "noecho": false, "content": "one"}});
    lab.send(conns[0], frame.to_string());
    let (texts, buffers) = each(&mut lab, &conns, "data");
    assert_eq!(buffers, 2, "one for each name");
    let topic = |name: u64| format!("{{\"data\":{{\"topic\":\"{}\",", usr(name));
    for (at, text) in texts.iter().enumerate() {
        let own = topic([BOB, ANN][at % 2]);
        assert!(text.starts_with(&own), "{text}");
        assert_eq!(text.replacen(&own, &topic(BOB), 1), texts[0]);
    }

    let typing = json!({"note": {"topic": usr(BOB), "what": "kpv"}});
    lab.send(conns[0], typing.to_string());
    let (texts, buffers) = each(&mut lab, &conns[1..], "info");
    assert_eq!(buffers, 2);
    assert!(texts[0].contains(&format!("\"topic\":\"{}\"", usr(ANN))), "{}", texts[0]);
    assert!(texts[1].contains(&format!("\"topic\":\"{}\"", usr(BOB))), "{}", texts[1]);
}

#[test]
fn all_who_are_told_of_somebody_share_one_buffer() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let peers = [("102", bob), ("103", cat)];
    let group = lab.group(&[ann, bob, cat]);
    for (_, conn) in peers {
        lab.ask(conn, json!({"leave": {"id": "1", "topic": group}}));
    }
    let mut listeners = vec![bob, cat];
    for (number, _) in peers {
        let second = lab.session(number);
        lab.sub(second, "me");
        listeners.push(second);
    }
    lab.ask(ann, json!({"leave": {"id": "1", "topic": group}}));
    lab.clear();
    lab.wait(10_000);
    let (texts, buffers) = each(&mut lab, &listeners, "pres");
    assert_eq!(texts[0], format!(r#"{{"pres":{{"topic":"me","src":"{group}","what":"off"}}}}"#));
    assert_eq!(buffers, 1);
}
