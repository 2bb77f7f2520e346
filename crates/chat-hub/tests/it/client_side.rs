//! Rules 24, 227, 241, 242: what a client makes of the service, with the client session of this
//! workspace.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::client::Session;
use chat_proto::im::client::{Credentials, ImConfig};
use chat_proto::im::rest::{FileError, FileUrl, ImHost, check_download, upload_answer};
use chat_proto::im::{AccessMode, Dacs, Im};
use chat_proto::machine::{ConnId, HttpId};
use chat_proto::rest::{BaseUrl, FilePart};
use chat_proto::{Action, Input, Machine, Message, Now};
use chat_sign::FileToken;
use http::Response;
use serde_json::json;

use crate::lab::{Lab, only};

/// A client that is logged in and answers nothing but what it is given.
struct Client {
    session: Session<Im>,
    now: Now,
    conn: ConnId,
    asked: Vec<(HttpId, String)>,
}

impl Client {
    /// With tokens that live `life` seconds.
    fn ready(life: u64) -> Self {
        let base = BaseUrl::parse("https://pbx.example.com:8887").unwrap();
        let credentials = Credentials::password("101", "pbx.example.com", "demo-101");
        let config = ImConfig::new(&base, credentials).unwrap();
        let now = Lab::new().now;
        let session = Session::im(config, 7, now);
        let mut client = Self { session, now, conn: ConnId::new(0), asked: Vec::new() };
        client.session.connect(now);
        client.act();
        client.tokens(life);
        client.act();
        client.session.handle_input(Input::Opened { conn: client.conn }, now);
        let login = client.session.poll_transmit().expect("it logs in").message;
        let Message::Text(login) = login else { panic!("no text") };
        let login: serde_json::Value = serde_json::from_str(login.as_str()).unwrap();
        let params = json!({"user": "usr7", "authlvl": "auth", "token": "AAAA"});
        let said = json!({"ctrl": {"id": login["login"]["id"], "code": 200, "text": "ok",
            "params": params, "ts": "2024-10-24T01:06:38.9Z"}});
        client.receive(&said.to_string());
        client.asked.clear();
        client
    }

    fn act(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Dial { conn, .. } => self.conn = conn,
                Action::Http { id, request, .. } => {
                    let body = request.into_request().into_body();
                    self.asked.push((id, String::from_utf8_lossy(&body).into_owned()));
                }
                Action::Drop { .. } | Action::AbortHttp { .. } => {}
            }
        }
    }

    fn tokens(&mut self, life: u64) {
        let (id, _) = self.asked.pop().expect("it asks for tokens");
        let body = json!({"access_token": "A", "expires_in": life, "refresh_token": "R",
            "token_type": "Bearer"});
        let response = Response::new(Bytes::from(body.to_string()));
        self.session.handle_input(Input::Response { id, result: Ok(response) }, self.now);
    }

    fn receive(&mut self, text: &str) {
        let message = Message::text(text.to_owned());
        self.session.handle_input(Input::Received { conn: self.conn, message }, self.now);
    }

    /// Seconds until it asks for new tokens.
    fn refreshed_after(&mut self, most: u64) -> Option<u64> {
        for second in 1..=most {
            self.now = self.now.after(Duration::from_secs(1));
            self.receive("0");
            self.session.handle_input(Input::Timeout, self.now);
            while self.session.poll_transmit().is_some() {}
            self.act();
            if self.asked.iter().any(|(_, body)| body.contains("grant_type=refresh_token")) {
                return Some(second);
            }
        }
        None
    }
}

#[test]
fn rule_024_tokens_are_refreshed_by_the_life_they_came_with() {
    for life in [600, 1800, 3600] {
        let mut client = Client::ready(life);
        let after = client.refreshed_after(2 * life).expect("it refreshes");
        assert!((life * 3 / 4..life).contains(&after), "{after} of {life} s");
        // And by the life of the next one.
        client.tokens(100);
        client.asked.clear();
        let after = client.refreshed_after(200).expect("it refreshes again");
        assert!((75..100).contains(&after), "{after} of 100 s");
    }
}

#[test]
fn rule_227_a_change_is_applied_and_a_mode_assigned() {
    let mode = |text: &str| AccessMode::parse_lenient(text);
    for (old, change, new) in [
        ("JRWPS", "-PS", "JRW"),
        ("JRW", "+PS", "JRWPS"),
        ("JRWPASDO", "-ADO", "JRWPS"),
        ("JRWP", "+A-P", "JRWA"),
        ("JRWPS", "JR", "JR"),
        ("JRWPS", "N", "N"),
        ("N", "+J", "J"),
    ] {
        let change = Dacs::parse(change).unwrap();
        assert_eq!(change.apply(mode(old)), mode(new), "{old} {change:?}");
    }
    assert_eq!(Dacs::parse(""), None, "the side is as it was");
    assert_eq!((mode("JRWPA") & mode("JRWPAS")).to_string(), "JRWPA");
    // What the hub tells leads from what it said before to what it says after.
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let acs = |lab: &mut Lab| {
        let get = json!({"get": {"id": "1", "topic": group, "what": "desc"}});
        only(&lab.ask(bob, get), "meta")["desc"]["acs"].clone()
    };
    let before = acs(&mut lab);
    let set = json!({"set": {"id": "2", "topic": group,
        "sub": {"user": crate::lab::usr(crate::lab::BOB), "mode": "JRD"}}});
    lab.ask(ann, set);
    let told = lab.frames(bob).remove(0)["pres"]["dacs"].clone();
    let after = acs(&mut lab);
    for side in ["want", "given"] {
        let old = mode(before[side].as_str().unwrap());
        let change = Dacs::parse(told[side].as_str().unwrap_or_default());
        let new = change.map_or(old, |change| change.apply(old));
        assert_eq!(new.to_string(), after[side], "{side}");
    }
    assert_eq!(after["mode"], "JR");
}

fn host() -> ImHost {
    ImHost::portsip(BaseUrl::parse("https://im.example.com:8887").unwrap()).unwrap()
}

#[test]
fn rule_241_242_redirects_are_followed_once_and_credentials_stay_home() {
    let token = FileToken::new("AAAA").unwrap();
    let mut moved = Response::builder().status(307).body(Bytes::new()).unwrap();
    for (to, home) in [
        ("https://other.example.com/im/file", false),
        ("https://im.example.com:8887/im/file2", true),
    ] {
        moved.headers_mut().insert("location", to.parse().unwrap());
        let answers = [upload_answer(&moved).map(drop), check_download(&moved)];
        for answer in answers {
            let Err(FileError::Redirected { location }) = answer else { panic!("{answer:?}") };
            assert_eq!(location, FileUrl::new(to));
            let location = host().locate(&location).unwrap();
            let upload = host().upload_to(&location, &token, "1", &FilePart::new("a", 3), 1);
            let upload = upload.with_body(b"abc").unwrap().into_request();
            assert_eq!(*upload.uri(), to);
            assert!(upload.body().windows(3).any(|it| it == b"abc"), "the body is sent again");
            let download = host().download(&location, &token).into_request();
            for headers in [upload.headers(), download.headers()] {
                assert_eq!(headers.contains_key("authorization"), home, "{to}");
            }
        }
    }
    for (file, home) in [
        ("https://other.example.com/x", false),
        ("http://im.example.com:8887/x", false),
        ("//other.example.com/x", false),
        ("https://im.example.com:8887/x", true),
        ("/im/file/x", true),
        ("x", true),
    ] {
        let location = host().locate(&FileUrl::new(file)).unwrap();
        let request = host().download(&location, &token).into_request();
        assert_eq!(request.headers().contains_key("authorization"), home, "{file}");
    }
}
