//! Receipts and typing.

use super::*;

impl Rig {
    fn notes(&mut self) -> Vec<(String, u64)> {
        let frames = self.frames();
        let notes = frames.iter().filter_map(|frame| frame.get("note"));
        notes.map(|note| (text(&note["what"]), note["seq"].as_u64().unwrap_or(0))).collect()
    }

    fn read(&mut self, seq: u64) {
        self.session.note_read(&PEER.into(), seq, self.now).unwrap();
    }

    fn received(&mut self, seq: u64) {
        self.session.note_received(&PEER.into(), seq, self.now).unwrap();
    }
}

#[test]
fn receipts_that_follow_each_other_become_one() {
    let mut rig = Rig::subscribed(100);
    rig.received(1);
    assert_eq!(rig.notes(), [("recv".into(), 1)], "the first goes out at once");
    for seq in 2..50 {
        rig.received(seq);
    }
    rig.read(40);
    assert_eq!(rig.notes(), []);
    rig.wait(Duration::from_millis(999));
    assert_eq!(rig.notes(), []);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.notes(), [("read".into(), 40), ("recv".into(), 49)]);
    // What is known already is not told, nor what is implied.
    rig.read(40);
    rig.received(10);
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.notes(), []);
    rig.read(60);
    rig.received(55);
    assert_eq!(rig.notes(), [("read".into(), 60)]);
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.notes(), []);
    let view = rig.session.topic(&PEER.into()).unwrap();
    assert_eq!((view.read().get(), view.received().get()), (60, 60));
}

#[test]
fn a_receipt_beyond_the_end_is_one_for_the_end() {
    let mut rig = Rig::subscribed(5);
    rig.read(9);
    assert_eq!(rig.notes(), [("read".into(), 5)]);
    rig.data(PEER, 6);
    rig.wait(Duration::from_secs(1));
    rig.read(6);
    assert_eq!(rig.notes(), [("read".into(), 6)], "it was not taken for told");
}

#[test]
fn receipts_survive_a_loss() {
    let mut rig = Rig::subscribed(9);
    rig.read(4);
    rig.lose();
    rig.read(7);
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.written();
    // The server has heard of the first; or of both, from another session.
    for known in [4, 7] {
        let mut rig = Rig::subscribed(9);
        rig.read(4);
        rig.written();
        rig.lose();
        rig.read(7);
        rig.wait(Duration::from_secs(2));
        rig.open();
        rig.accept_login();
        rig.answer(200, "{}", PEER);
        assert_eq!(rig.session.topic(&PEER.into()).unwrap().read(), 7);
        let id = rig.last_id();
        rig.receive(&format!(
            r#"{{"meta":{{"id":"{id}","topic":"{PEER}","desc":{{"seq":9,"read":{known}}}}}}}"#
        ));
        let expected = if known == 4 { vec![("read".to_owned(), 7)] } else { Vec::new() };
        assert_eq!(rig.notes(), expected);
    }
}

#[test]
fn receipts_are_for_topics_that_are_followed() {
    let mut rig = Rig::ready();
    assert!(rig.session.note_read(&PEER.into(), 1, rig.now).is_err());
    rig.session.note_typing(&PEER.into(), TypingKind::Text, rig.now);
    assert_eq!(rig.notes(), []);
}

#[test]
fn typing_is_told_every_three_seconds_at_most_and_never_later() {
    let mut rig = Rig::subscribed(0);
    let mut told = 0;
    for _ in 0..50 {
        rig.session.note_typing(&PEER.into(), TypingKind::Text, rig.now);
        told += rig.notes().len();
        rig.wait(Duration::from_millis(200));
    }
    assert_eq!(told, 4, "10 s");
    rig.wait(Duration::from_secs(3));
    assert_eq!(rig.notes(), [], "nothing is made up for");
    for (kind, what) in [(TypingKind::Audio, "kpa"), (TypingKind::Video, "kpv")] {
        rig.session.note_typing(&PEER.into(), kind, rig.now);
        assert_eq!(rig.notes(), [(what.to_owned(), 0)]);
        rig.wait(Duration::from_secs(3));
    }
    rig.lose();
    rig.session.note_typing(&PEER.into(), TypingKind::Text, rig.now);
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.attach(0);
    let kept = std::mem::take(&mut rig.kept);
    assert!(kept.iter().all(|frame| frame.get("note").is_none()), "{kept:?}");
}
