//! Rule 102 as a property: numbers have no holes, and every attached reader sees every message
//! exactly once, in order, whatever else happens, failed commits included.

use std::collections::BTreeMap;

use chat_proto::machine::ConnId;
use proptest::prelude::*;
use serde_json::json;

use crate::lab::{Lab, Store};

#[derive(Clone, Debug)]
enum Op {
    Publish(usize),
    Repeat(usize),
    Leave(usize),
    Join(usize),
    Lose(usize),
    Note(usize),
    Erase(usize, u64),
    Hold,
    Commit,
    Fail,
    Wait,
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..4usize;
    prop_oneof![
        6 => who.clone().prop_map(Op::Publish),
        1 => who.clone().prop_map(Op::Repeat),
        1 => who.clone().prop_map(Op::Leave),
        2 => who.clone().prop_map(Op::Join),
        1 => who.clone().prop_map(Op::Lose),
        1 => who.clone().prop_map(Op::Note),
        1 => (who, 1..9u64).prop_map(|(who, seq)| Op::Erase(who, seq)),
        1 => Just(Op::Hold),
        2 => Just(Op::Commit),
        1 => Just(Op::Fail),
        1 => Just(Op::Wait),
    ]
}

/// Four sessions of three users; the last is the first user's second.
const NUMBERS: [&str; 4] = ["101", "102", "103", "101"];

struct Model {
    lab: Lab,
    topic: String,
    conns: [ConnId; 4],
    /// What each session saw since it last attached: numbers in order.
    seen: BTreeMap<ConnId, Vec<u64>>,
    /// Acknowledged: id to number.
    acked: BTreeMap<String, u64>,
    sent: usize,
    last: [Option<String>; 4],
}

impl Model {
    fn new() -> Self {
        let mut lab = Lab::new();
        let conns = NUMBERS.map(|number| lab.session(number));
        let topic = lab.group(&conns[..3]);
        lab.sub(conns[3], &topic);
        lab.clear();
        let last = [const { None }; 4];
        Self { lab, topic, conns, seen: BTreeMap::new(), acked: BTreeMap::new(), sent: 0, last }
    }

    fn read(&mut self) {
        for conn in self.conns {
            for frame in self.lab.frames(conn) {
                if let Some(data) = frame.get("data") {
                    self.seen.entry(conn).or_default().push(data["seq"].as_u64().unwrap());
                }
                let Some(ctrl) = frame.get("ctrl") else { continue };
                match ctrl["code"].as_u64().unwrap() {
                    202 if ctrl["params"].get("acs").is_none() => {
                        let id = ctrl["id"].as_str().unwrap().to_owned();
                        let seq = ctrl["params"]["seq"].as_u64().unwrap();
                        assert_eq!(*self.acked.entry(id).or_insert(seq), seq, "one id, one number");
                    }
                    200 if ctrl["id"] == "join" => drop(self.seen.remove(&conn)),
                    _ => {}
                }
            }
        }
    }

    fn publish(&mut self, who: usize, id: String) {
        let frame = json!({"pub": {"id": id, "topic": self.topic, "content": 1}});
        self.last[who] = Some(id);
        self.lab.send(self.conns[who], frame.to_string());
    }

    fn run(&mut self, op: &Op) {
        let topic = self.topic.clone();
        match *op {
            Op::Publish(who) => {
                self.sent += 1;
                self.publish(who, format!("m{}", self.sent));
            }
            Op::Repeat(who) => {
                if let Some(id) = self.last[who].clone() {
                    self.publish(who, id);
                }
            }
            Op::Leave(who) => {
                let frame = json!({"leave": {"id": "leave", "topic": topic}});
                self.lab.send(self.conns[who], frame.to_string());
            }
            Op::Join(who) => {
                let frame = json!({"sub": {"id": "join", "topic": topic}});
                self.lab.send(self.conns[who], frame.to_string());
            }
            Op::Lose(who) => {
                // A login needs its answer, so what is held must go first.
                self.settle();
                self.lab.lose(self.conns[who]);
                self.conns[who] = self.lab.session(NUMBERS[who]);
            }
            Op::Note(who) => {
                let frame = json!({"note": {"topic": topic, "what": "read", "seq": 3}});
                self.lab.send(self.conns[who], frame.to_string());
            }
            Op::Erase(who, low) => {
                let frame = json!({"del": {"id": "del", "topic": topic, "delseq": [{"low": low}]}});
                self.lab.send(self.conns[who], frame.to_string());
            }
            Op::Hold => self.lab.mode = Store::Waits,
            Op::Commit => self.lab.finish_commit(),
            Op::Fail => self.lab.fail_commit(),
            Op::Wait => self.lab.wait(3_000),
        }
        self.lab.pump();
        self.read();
    }

    fn settle(&mut self) {
        self.lab.mode = Store::Works;
        while self.lab.commit.is_some() {
            self.lab.finish_commit();
            self.lab.pump();
        }
        self.read();
    }

    fn check(&mut self) {
        self.settle();
        let mut numbers: Vec<_> = self.acked.values().copied().collect();
        numbers.sort_unstable();
        let dense: Vec<_> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, dense, "every number is one acknowledged message");
        for (conn, seen) in &self.seen {
            let span: Vec<_> =
                seen.first().map_or(Vec::new(), |first| (*first..).take(seen.len()).collect());
            assert_eq!(*seen, span, "no hole, no repetition for {conn:?}");
        }
        let reader = self.lab.session("102");
        self.lab.sub(reader, &self.topic);
        let get = json!({"get": {"id": "all", "topic": self.topic, "what": "desc"}});
        let frames = self.lab.ask(reader, get);
        let seq = frames[0]["meta"]["desc"].get("seq").map_or(0, |it| it.as_u64().unwrap());
        assert_eq!(seq, numbers.len() as u64);
    }
}

proptest! {
    #![proptest_config(crate::lab::cases(96))]

    #[test]
    fn rule_102_dense_and_exactly_once(ops in prop::collection::vec(op(), 1..60)) {
        let mut model = Model::new();
        for op in &ops {
            model.run(op);
        }
        model.check();
    }
}
