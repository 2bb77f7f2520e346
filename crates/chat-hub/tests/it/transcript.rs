//! The whole conversation of the published samples, frame by frame.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat_hub::{Transfer, Uploaded};
use chat_proto::machine::ConnId;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, DOMAIN, Lab, usr};

struct Script {
    lab: Lab,
    names: Vec<(ConnId, &'static str)>,
    text: String,
}

impl Script {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn step(&mut self, title: &str) {
        self.line(&format!("\n# {title}"));
        self.lab.wait(1_000);
    }

    /// What everybody got, in the order of the cast.
    fn heard(&mut self) {
        for (conn, name) in self.names.clone() {
            for text in self.lab.texts(conn) {
                self.line(&format!("{name} ← {text}"));
            }
        }
    }

    fn say(&mut self, conn: ConnId, frame: &Value) -> String {
        let (_, name) = *self.names.iter().find(|(it, _)| *it == conn).unwrap();
        let text = frame.to_string();
        self.line(&format!("{name} → {text}"));
        self.lab.send(conn, text);
        let start = self.text.len();
        self.heard();
        self.text[start..].to_owned()
    }

    fn enter(&mut self, name: &'static str, number: &str) -> (ConnId, String) {
        self.step(&format!("{name} logs in"));
        let token = self.lab.token(number, DOMAIN);
        let conn = self.lab.connect();
        self.names.push((conn, name));
        let secret = STANDARD.encode(format!("{number}@{DOMAIN}:{token}"));
        let login = json!({"login": {"id": "login", "scheme": "access_token", "secret": secret}});
        let said = self.say(conn, &login);
        let file_token = said.split("\"token\":\"").nth(1).unwrap().split('"').next().unwrap();
        (conn, file_token.to_owned())
    }
}

#[test]
fn the_published_conversation() {
    let mut script = Script { lab: Lab::new(), names: Vec::new(), text: String::new() };
    let (ann, token) = script.enter("ann", "101");
    let (bob, _) = script.enter("bob", "102");
    let (cat, _) = script.enter("cat", "103");
    let sub = |topic: &str| json!({"sub": {"id": "sub", "topic": topic}});
    let publish = |topic: &str, id: &str| json!({"pub": {"id": id, "topic": topic, "noecho": false, "content": "test test test"}});
    script.step("All come online");
    for conn in [ann, bob, cat] {
        script.say(conn, &sub("me"));
    }
    script.step("Subscribe to a P2P topic");
    script.say(bob, &sub(&usr(ANN)));
    script.say(ann, &sub(&usr(BOB)));
    script.step("Send a message to a P2P topic");
    script.say(ann, &publish(&usr(BOB), "p1"));
    script.step("Who is in the topic");
    let ims = json!({"ims": "2024-01-03T07:38:56.304Z"});
    script.say(ann, &json!({"get": {"sub": ims, "id": "g1", "topic": usr(BOB), "what": "sub"}}));
    script.step("Query the topic's details");
    script.say(ann, &json!({"get": {"desc": ims, "id": "g2", "topic": usr(BOB), "what": "desc"}}));
    script.step("Obtain historical messages");
    let data = json!({"before": 10000, "limit": 1000, "since": 0});
    script.say(ann, &json!({"get": {"data": data, "id": "g3", "topic": usr(BOB), "what": "data"}}));
    script.step("Create a group");
    let said = script.say(ann, &sub("new"));
    let group = format!("grp{}", &said.split("\"topic\":\"grp").nth(1).unwrap()[..11]);
    script.step("Join the group");
    script.say(bob, &sub(&group));
    script.say(cat, &sub(&group));
    script.step("Send a message to the group");
    script.say(ann, &publish(&group, "p2"));
    script.step("Leave and come back");
    script.say(cat, &json!({"leave": {"id": "l1", "topic": group}}));
    script.say(cat, &sub(&group));
    script.step("Leave for good");
    script.say(cat, &json!({"leave": {"id": "l2", "topic": group, "unsub": true}}));
    script.say(cat, &sub(&group));
    script.step("Remove a member");
    script.say(ann, &json!({"del": {"id": "d1", "topic": group, "user": usr(CAT), "what": "sub"}}));
    script.step("Update the group's information");
    let public = json!({"public": {"fn": "My group"}});
    script.say(ann, &json!({"set": {"id": "s1", "topic": group, "desc": public}}));
    script.step("Transfer ownership");
    let owner = json!({"mode": "JRWPASDO", "user": usr(BOB)});
    script.say(ann, &json!({"set": {"id": "s2", "topic": group, "sub": owner}}));
    script.step("Delete the group");
    script.say(bob, &json!({"del": {"id": "d2", "topic": group, "what": "topic"}}));
    script.step("Upload a file and send its URL");
    let head = Request::post("/im/file")
        .header("authorization", format!("token {token}"))
        .header("content-type", "multipart/form-data; boundary=x")
        .body(())
        .unwrap();
    let Transfer::Receive { key, .. } = script.lab.hub.begin_transfer(&head, script.lab.now) else {
        panic!("an upload is received");
    };
    let uploaded =
        Uploaded { form_id: "f1".into(), name: "a.png".into(), mime: "image/png".into(), size: 36 };
    let id = script.lab.next_id();
    script.lab.hub.finish_upload(id, &key, Ok(uploaded), script.lab.now);
    script.lab.pump();
    let response = script.lab.answers.remove(&id.get()).unwrap();
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    script.line(&format!("ann ← HTTP {} {body}", response.status().as_u16()));
    let content = json!({"url": key.as_str(), "name": "a.png"});
    script.say(ann, &json!({"pub": {"id": "p3", "topic": usr(BOB), "content": content}}));
    script.step("The server stops");
    script.lab.hub.shutdown(script.lab.now);
    script.lab.pump();
    script.heard();
    insta::assert_snapshot!(script.text);
}
