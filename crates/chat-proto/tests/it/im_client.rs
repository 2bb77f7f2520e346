//! `Session<Im>` driven by hand, under a clock of the test's own.

mod doubt;
mod edges;
mod hostile;
mod mirror;
mod notes;
mod notices;
mod recovery;
mod verbs;

use std::time::Duration;

use bytes::Bytes;
use chat_proto::client::{Event, Phase, RequestId};
use chat_proto::error::{CloseReason, Lost, RequestError};
use chat_proto::im::client::{
    Answer, Credentials, HistoryQuery, ImConfig, ImEvent, Publish, Query, Section, Subscribe,
    TypingKind,
};
use chat_proto::im::{Im, TopicName};
use chat_proto::machine::{CloseFrame, HttpFailure, LinkFailure};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, UnixMillis};

type Session = chat_proto::client::Session<Im>;
type ImEventOf = Event<ImEvent, Answer>;

const PEER: &str = "usr804252613548703744";

/// A session, its clock, and the server played by the test.
struct Rig {
    session: Session,
    now: Now,
    conn: ConnId,
    /// Frames that were written while the test answered others.
    kept: Vec<serde_json::Value>,
    /// What the transport took, and nobody looked at yet.
    taken: Vec<Message>,
}

impl Rig {
    fn new(change: impl FnOnce(&mut ImConfig)) -> Self {
        let base = BaseUrl::parse("https://pbx.example.com:8887").unwrap();
        let credentials = Credentials::password("101", "pbx.example.com", "demo-101");
        let mut config = ImConfig::new(&base, credentials).unwrap();
        change(&mut config);
        let now = Now { mono: crate::some_instant(), unix: UnixMillis::new(1_730_000_000_000) };
        let (session, conn) = (Session::im(config, 7, now), ConnId::new(0));
        Self { session, now, conn, kept: Vec::new(), taken: Vec::new() }
    }

    /// Connected and logged in.
    fn ready() -> Self {
        Self::ready_with(|_| {})
    }

    fn ready_with(change: impl FnOnce(&mut ImConfig)) -> Self {
        let mut rig = Self::new(change);
        rig.session.connect(rig.now);
        rig.give_tokens("A1", 1800);
        rig.open();
        rig.accept_login();
        assert_eq!(rig.session.phase(), Phase::Ready);
        rig.events();
        rig
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.session.poll_action()).collect()
    }

    fn events(&mut self) -> Vec<ImEventOf> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// The transport takes what there is.
    fn take(&mut self) {
        let all = std::iter::from_fn(|| self.session.poll_transmit());
        self.taken.extend(all.map(|transmit| transmit.message));
    }

    /// The texts written since the last look; pings left out.
    fn written(&mut self) -> Vec<String> {
        self.take();
        std::mem::take(&mut self.taken)
            .into_iter()
            .filter_map(|message| match message {
                Message::Text(text) => Some(text.as_str().to_owned()),
                Message::Close(_) => Some("close".to_owned()),
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) => None,
            })
            .collect()
    }

    fn wait(&mut self, by: Duration) {
        self.take();
        self.now = self.now.after(by);
        while self.session.poll_timeout().is_some_and(|at| at <= self.now.mono) {
            self.session.handle_input(Input::Timeout, self.now);
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|at| at > self.now.mono), "a timer stayed due: {next:?}");
        }
    }

    fn http(&mut self) -> (HttpId, http::Request<Bytes>) {
        let found = self.actions().into_iter().find_map(|action| match action {
            Action::Http { id, request, .. } => Some((id, request.into_request())),
            Action::Dial { .. } | Action::Drop { .. } | Action::AbortHttp { .. } => None,
        });
        found.expect("the session asks for something over HTTP")
    }

    fn respond(&mut self, id: HttpId, status: u16, body: &str) {
        let response = http::Response::builder().status(status).body(body.to_owned().into());
        let result = Ok(response.unwrap());
        self.session.handle_input(Input::Response { id, result }, self.now);
    }

    fn give_tokens(&mut self, access: &str, life: u64) {
        let (id, request) = self.http();
        assert_eq!(request.uri().path(), "/api/login/oauth/token");
        let body = format!(
            r#"{{"access_token":"{access}","expires_in":{life},"refresh_token":"R-{access}","token_type":"Bearer"}}"#
        );
        self.respond(id, 200, &body);
    }

    fn open(&mut self) {
        let dial = self.actions().into_iter().find_map(|action| match action {
            Action::Dial { conn, request } => Some((conn, request)),
            Action::Http { .. } | Action::Drop { .. } | Action::AbortHttp { .. } => None,
        });
        let (conn, request) = dial.expect("the session dials");
        assert_eq!(request.request().uri(), "wss://pbx.example.com:8887/im");
        self.conn = conn;
        self.session.handle_input(Input::Opened { conn }, self.now);
    }

    fn receive(&mut self, text: &str) {
        let input = Input::Received { conn: self.conn, message: Message::text(text) };
        self.session.handle_input(input, self.now);
    }

    fn lose(&mut self) {
        self.take();
        self.taken.clear();
        let input = Input::Lost { conn: self.conn, failure: LinkFailure::Ended };
        self.session.handle_input(input, self.now);
    }

    /// Loses the link, connects and logs in again; tokens are asked for only when they are old.
    fn come_back(&mut self) {
        self.lose();
        self.wait(Duration::from_secs(2));
        self.open();
        self.accept_login();
    }

    fn accept_login(&mut self) {
        let written = self.written();
        let login = written.iter().rfind(|text| text.starts_with(r#"{"login""#)).unwrap();
        let login: serde_json::Value = serde_json::from_str(login).unwrap();
        let id = login["login"]["id"].as_str().unwrap();
        self.receive(&format!(
            r#"{{"ctrl":{{"id":"{id}","params":{{"authlvl":"auth","token":"dG9rZW4=","user":"usr804252613548777777"}},"code":200,"text":"ok","ts":"2024-10-24T01:06:38.924626Z"}}}}"#
        ));
    }

    /// Answers the one frame written since the last look with a `ctrl`.
    fn answer(&mut self, code: u32, params: &str, topic: &str) {
        let id = self.last_id();
        self.ctrl(&id, code, params, topic);
    }

    fn ctrl(&mut self, id: &str, code: u32, params: &str, topic: &str) {
        let ts = "2024-10-24T08:24:41.913558Z";
        self.receive(&format!(
            r#"{{"ctrl":{{"id":"{id}","topic":"{topic}","params":{params},"code":{code},"text":"text","ts":"{ts}"}}}}"#
        ));
    }

    fn last_id(&mut self) -> String {
        let written = self.written();
        let frame: serde_json::Value = serde_json::from_str(written.last().unwrap()).unwrap();
        let (_, body) = frame.as_object().unwrap().iter().next().unwrap();
        body["id"].as_str().unwrap().to_owned()
    }

    fn head(&mut self, topic: &str, seq: u64) {
        let id = self.last_id();
        self.receive(&format!(
            r#"{{"meta":{{"id":"{id}","topic":"{topic}","desc":{{"seq":{seq}}}}}}}"#
        ));
    }

    fn data(&mut self, topic: &str, seq: u64) {
        self.receive(&format!(
            r#"{{"data":{{"topic":"{topic}","from":"{PEER}","ts":"2024-10-24T08:24:41Z","seq":{seq},"content":"m{seq}"}}}}"#
        ));
    }

    /// The frames written since the last look.
    fn frames(&mut self) -> Vec<serde_json::Value> {
        self.written().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// A message with an author and the id of its `pub`.
    fn data_of(&mut self, topic: &str, seq: u64, from: &str, reqid: &str) {
        self.receive(&format!(
            r#"{{"data":{{"topic":"{topic}","from":"{from}","ts":"2024-10-24T08:24:41Z","seq":{seq},"content":"m{seq}","reqid":"{reqid}"}}}}"#
        ));
    }

    /// A `pres` on `me`.
    fn pres(&mut self, src: &str, what: &str, more: &str) {
        self.receive(&format!(
            r#"{{"pres":{{"topic":"me","src":"{src}","what":"{what}"{more}}}}}"#
        ));
    }

    /// Answers what the session asks by itself after a login: `sub` for each topic, and its head.
    fn attach(&mut self, head: u64) {
        loop {
            let frames = self.frames();
            if frames.is_empty() {
                return;
            }
            for frame in frames {
                if let Some(sub) = frame.get("sub") {
                    self.ctrl(&text(&sub["id"]), 200, "{}", &text(&sub["topic"]));
                } else if frame["get"]["what"] == "desc" {
                    let (id, topic) = (text(&frame["get"]["id"]), text(&frame["get"]["topic"]));
                    self.receive(&format!(
                        r#"{{"meta":{{"id":"{id}","topic":"{topic}","desc":{{"seq":{head}}}}}}}"#
                    ));
                } else {
                    self.kept.push(frame);
                }
            }
        }
    }

    /// Subscribed to the peer, with `head` messages there already.
    fn subscribed(head: u64) -> Self {
        let mut rig = Self::ready();
        rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, "{}", PEER);
        rig.head(PEER, head);
        rig.events();
        rig
    }
}

/// A string in a frame.
fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The events of the service.
fn told(events: Vec<ImEventOf>) -> Vec<ImEvent> {
    let told = events.into_iter().filter_map(|event| match event {
        Event::Service(event) => Some(event),
        _ => None,
    });
    told.collect()
}

fn completion(events: &[ImEventOf], id: RequestId) -> &Result<Answer, RequestError> {
    let mut found = events.iter().filter_map(|event| match event {
        Event::Completed { id: of, result } if *of == id => Some(result),
        _ => None,
    });
    let result = found.next().expect("the request is completed");
    assert!(found.next().is_none(), "completed twice");
    result
}

fn seqs(events: &[ImEventOf]) -> Vec<u64> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Service(ImEvent::Message(data)) => Some(data.seq()),
            _ => None,
        })
        .collect()
}

#[test]
fn connects_by_password_and_logs_in_as_the_sample_does() {
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    assert_eq!(rig.session.phase(), Phase::Preparing);
    rig.give_tokens("A1", 1800);
    rig.open();
    let written = rig.written();
    let login: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    assert_eq!(login["login"]["scheme"], "access_token");
    assert_eq!(login["login"]["secret"], "MTAxQHBieC5leGFtcGxlLmNvbTpBMQ==");
    let id = login["login"]["id"].as_str().unwrap().to_owned();
    rig.receive(&format!(
        r#"{{"ctrl":{{"id":"{id}","params":{{"token":"dG9rZW4=","user":"usr7"}},"code":200,"ts":"2024-10-24T01:06:38Z"}}}}"#
    ));
    let events = rig.events();
    assert!(
        matches!(&events[1], Event::Service(ImEvent::LoggedIn { user }) if user.as_str() == "usr7")
    );
    assert_eq!(events[2], Event::Ready { resumed: false });
    assert_eq!(rig.session.file_token().unwrap().secret().expose(), "dG9rZW4=");
}

#[test]
fn a_wrong_password_asks_for_another_and_keeps_the_words_of_the_pbx() {
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    let (id, _) = rig.http();
    rig.respond(
        id,
        400,
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"bad user or password"}]}"#,
    );
    let events = rig.events();
    assert!(
        matches!(&events[..], [Event::CredentialsNeeded { why }] if why.to_string().contains("bad user or password")),
        "{events:?}"
    );
    assert_eq!(rig.session.phase(), Phase::Waiting);
    rig.wait(Duration::from_secs(3600));
    assert_eq!(rig.actions().len(), 0, "no attempt without new credentials");
    rig.session.connect(rig.now);
    rig.http();
}

#[test]
fn a_busy_pbx_never_blames_the_password_and_its_pause_is_kept() {
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    let (id, _) = rig.http();
    let response = http::Response::builder().status(503).header("retry-after", "90");
    let result = Ok(response.body(Bytes::new()).unwrap());
    rig.session.handle_input(Input::Response { id, result }, rig.now);
    let events = rig.events();
    let [Event::Lost { reason: Lost::Prepare(_), retry_in: Some(pause) }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(*pause >= Duration::from_secs(90));
    let (id, _) = {
        rig.wait(*pause);
        rig.http()
    };
    let result = Err(HttpFailure::TimedOut);
    rig.session.handle_input(Input::Response { id, result }, rig.now);
    assert!(matches!(rig.events()[0], Event::Lost { reason: Lost::Prepare(_), .. }));
}

#[test]
fn a_refused_login_fetches_a_fresh_pair_once() {
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    rig.give_tokens("A1", 1800);
    rig.open();
    let id = rig.last_id();
    rig.ctrl(&id, 401, "{}", "");
    assert!(matches!(rig.events().last(), Some(Event::Lost { reason: Lost::Refused(_), .. })));
    rig.wait(Duration::from_secs(2));
    let (id, request) = rig.http();
    assert!(std::str::from_utf8(request.body()).unwrap().contains("grant_type=refresh_token"));
    rig.respond(
        id,
        200,
        r#"{"access_token":"A2","expires_in":60,"refresh_token":"R2","token_type":"Bearer"}"#,
    );
    rig.open();
    let id = rig.last_id();
    rig.ctrl(&id, 401, "{}", "");
    assert!(matches!(rig.events().last(), Some(Event::CredentialsNeeded { .. })));
}

#[test]
fn tokens_are_refreshed_at_four_fifths_of_their_life() {
    let mut rig = Rig::ready();
    rig.receive("0");
    for _ in 0..48 {
        rig.wait(Duration::from_secs(29));
        rig.receive("0");
        assert!(rig.actions().is_empty(), "too early");
    }
    rig.wait(Duration::from_secs(50));
    let (_, request) = rig.http();
    assert!(std::str::from_utf8(request.body()).unwrap().contains("refresh_token=R-A1"));
    assert_eq!(rig.session.phase(), Phase::Ready);
}

#[test]
fn a_publish_completes_with_its_number_and_the_echo_is_a_message() {
    let mut rig = Rig::subscribed(376);
    let id = rig.session.publish(&PEER.into(), Publish::text("test test test"), rig.now).unwrap();
    let written = rig.written();
    let wire = serde_json::from_str::<serde_json::Value>(&written[0]).unwrap();
    let wire = wire["pub"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        written,
        [format!(
            r#"{{"pub":{{"id":"{wire}","topic":"{PEER}","noecho":false,"content":"test test test"}}}}"#
        )]
    );
    rig.ctrl(&wire, 202, r#"{"seq":377}"#, PEER);
    rig.data(PEER, 377);
    let events = rig.events();
    let Ok(Answer::Published(receipt)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(receipt.seq, 377);
    assert_eq!(seqs(&events), [377]);
}

#[test]
fn an_own_message_without_an_echo_leaves_no_gap() {
    let mut rig = Rig::subscribed(5);
    let message = Publish::text("quiet").without_echo();
    rig.session.publish(&PEER.into(), message, rig.now).unwrap();
    rig.answer(202, r#"{"seq":6}"#, PEER);
    rig.data(PEER, 7);
    assert_eq!(seqs(&rig.events()), [7]);
    assert_eq!(rig.written(), Vec::<String>::new());
}

#[test]
fn doubles_are_told_once_and_holes_are_fetched_first() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 6);
    rig.data(PEER, 6);
    rig.data(PEER, 9);
    assert_eq!(seqs(&rig.events()), [6]);
    let written = rig.written();
    assert!(written[0].contains(r#""data":{"before":9,"limit":2,"since":7}"#), "{written:?}");
    let id = serde_json::from_str::<serde_json::Value>(&written[0]).unwrap();
    let id = id["get"]["id"].as_str().unwrap().to_owned();
    rig.data(PEER, 8);
    rig.data(PEER, 7);
    rig.ctrl(&id, 208, r#"{"what":"data","count":2}"#, PEER);
    assert_eq!(seqs(&rig.events()), [7, 8, 9]);
}

#[test]
fn a_hole_that_cannot_be_filled_is_announced_before_what_follows() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 9);
    let id = rig.last_id();
    rig.ctrl(&id, 204, r#"{"what":"data"}"#, PEER);
    let events = rig.events();
    let gap = ImEvent::Gap { topic: PEER.into(), from: 6.into(), to: 8.into() };
    assert_eq!(events[0], Event::Service(gap));
    assert_eq!(seqs(&events), [9]);
}

#[test]
fn after_a_loss_topics_are_attached_and_missed_messages_fetched_before_anything_else() {
    let mut rig = Rig::subscribed(5);
    rig.lose();
    let kept = rig.session.publish(&PEER.into(), Publish::text("later"), rig.now).unwrap();
    assert!(matches!(rig.events()[0], Event::Lost { retry_in: Some(_), .. }));
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    let written = rig.written();
    assert!(written.len() == 1 && written[0].contains(r#""sub""#), "{written:?}");
    let sub: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    rig.ctrl(sub["sub"]["id"].as_str().unwrap(), 200, "{}", PEER);
    let written = rig.written();
    assert!(written[0].contains(r#""what":"desc""#), "{written:?}");
    assert!(written[1].contains("later"), "{written:?}");
    let get: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    let id = get["get"]["id"].as_str().unwrap();
    rig.receive(&format!(r#"{{"meta":{{"id":"{id}","topic":"{PEER}","desc":{{"seq":7}}}}}}"#));
    let id = rig.last_id();
    rig.data(PEER, 7);
    rig.data(PEER, 6);
    rig.ctrl(&id, 208, r#"{"what":"data","count":2}"#, PEER);
    let events = rig.events();
    assert!(events.contains(&Event::Ready { resumed: true }));
    assert_eq!(seqs(&events), [6, 7]);
    rig.session.cancel(kept, rig.now);
    assert_eq!(completion(&rig.events(), kept), &Err(RequestError::Unknown));
}

#[test]
fn a_loss_asks_reads_again() {
    let mut rig = Rig::subscribed(5);
    let query = Query::of(&[Section::Sub]);
    let read = rig.session.get(&PEER.into(), &query, rig.now).unwrap();
    rig.written();
    rig.lose();
    assert_eq!(rig.session.waiting(), 1);
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.answer(200, "{}", PEER);
    let written = rig.written();
    assert!(written.iter().any(|frame| frame.contains(r#""what":"sub""#)), "{written:?}");
    rig.wait(Duration::from_secs(30));
    assert_eq!(completion(&rig.events(), read), &Err(RequestError::TimedOut));
}

#[test]
fn requests_end_in_time_without_an_answer() {
    let mut rig = Rig::subscribed(0);
    let publish = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    let read = rig.session.history(&PEER.into(), HistoryQuery::default(), rig.now).unwrap();
    rig.wait(Duration::from_secs(11));
    let events = rig.events();
    assert_eq!(completion(&events, publish), &Err(RequestError::Unknown));
    assert_eq!(completion(&events, read), &Err(RequestError::TimedOut));
}

#[test]
fn history_is_sorted_and_ends_at_the_marker() {
    let mut rig = Rig::subscribed(305);
    let query = HistoryQuery::newest(1000).before(10_000);
    let id = rig.session.history(&PEER.into(), query, rig.now).unwrap();
    let wire = rig.last_id();
    for seq in [3, 2, 1, 2] {
        rig.data(PEER, seq);
    }
    rig.ctrl(&wire, 208, r#"{"what":"data","count":3}"#, PEER);
    let events = rig.events();
    let Ok(Answer::History(page)) = completion(&events, id) else { panic!("{events:?}") };
    let seqs: Vec<_> = page.messages.iter().map(|message| message.seq).collect();
    assert_eq!((seqs, page.count, page.older()), (vec![1, 2, 3], 3, None));
}

#[test]
fn a_query_completes_when_every_section_was_answered() {
    let mut rig = Rig::subscribed(0);
    let query = Query::of(&[Section::Desc, Section::Sub, Section::Tags]);
    let id = rig.session.get(&PEER.into(), &query, rig.now).unwrap();
    let wire = rig.last_id();
    rig.receive(&format!(r#"{{"meta":{{"id":"{wire}","topic":"{PEER}","desc":{{"seq":3}}}}}}"#));
    rig.receive(&format!(
        r#"{{"meta":{{"id":"{wire}","topic":"{PEER}","sub":[{{"user":"u"}}]}}}}"#
    ));
    assert!(rig.events().is_empty());
    rig.ctrl(&wire, 204, r#"{"what":"tags"}"#, PEER);
    let events = rig.events();
    let Ok(Answer::Meta(meta)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(meta.desc.as_ref().unwrap().seq, 3);
    assert_eq!(meta.sub.as_ref().unwrap().len(), 1);
}

#[test]
fn what_concerns_a_topic_waits_for_its_subscription() {
    let mut rig = Rig::ready();
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.session.publish(&PEER.into(), Publish::text("hello"), rig.now).unwrap();
    let query = Query::of(&[Section::Desc]);
    rig.session.get(&TopicName::me(), &query, rig.now).unwrap();
    let written = rig.written();
    assert!(written[0].starts_with(r#"{"sub""#) && written[1].contains(r#""topic":"me""#));
    assert_eq!(written.len(), 2, "{written:?}");
    let sub: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    rig.ctrl(sub["sub"]["id"].as_str().unwrap(), 200, "{}", PEER);
    assert!(rig.written().iter().any(|frame| frame.contains("hello")));
}

#[test]
fn a_refusal_carries_the_code() {
    let mut rig = Rig::subscribed(0);
    let id = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    rig.answer(403, "{}", PEER);
    let events = rig.events();
    let Err(RequestError::Rejected(why)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(why.code, "403");
}

#[test]
fn a_topic_that_is_gone_is_not_attached_again() {
    let gone = format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"gone"}}}}"#);
    let evicted = format!(
        r#"{{"ctrl":{{"topic":"{PEER}","params":{{"unsub":true}},"code":205,"text":"evicted","ts":"2024-10-24T01:06:38Z"}}}}"#
    );
    for frame in [gone, evicted] {
        let mut rig = Rig::subscribed(3);
        rig.receive(&frame);
        assert!(rig.events().iter().any(
            |event| matches!(event, Event::Service(ImEvent::TopicGone { topic, cause: Some(_) }) if *topic == *PEER)
        ));
        rig.lose();
        rig.wait(Duration::from_secs(2));
        rig.open();
        rig.accept_login();
        assert_eq!(rig.written(), Vec::<String>::new());
    }
}

#[test]
fn silence_is_a_loss_and_any_message_is_life() {
    let mut rig = Rig::ready();
    for _ in 0..5 {
        rig.wait(Duration::from_secs(40));
        rig.receive("0");
    }
    assert_eq!(rig.session.phase(), Phase::Ready);
    rig.wait(Duration::from_secs(60));
    assert!(matches!(rig.events()[0], Event::Lost { reason: Lost::Silent(_), .. }));
}

#[test]
fn a_late_dial_and_a_stale_link_change_nothing() {
    let mut rig = Rig::ready();
    let stale = rig.conn;
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.events();
    rig.session.handle_input(Input::Lost { conn: stale, failure: LinkFailure::Ended }, rig.now);
    rig.session.handle_input(Input::Opened { conn: stale }, rig.now);
    let message = Message::text("{}");
    rig.session.handle_input(Input::Received { conn: stale, message }, rig.now);
    assert_eq!(rig.session.phase(), Phase::Ready);
    assert_eq!(rig.events(), []);
}

#[test]
fn hostile_frames_are_events_and_the_session_lives() {
    let mut rig = Rig::subscribed(1);
    for text in ["garbage", "[]", "{}", "\u{feff}{}", r#"{"data":5}"#, r#"{"new":{}}"#] {
        rig.receive(text);
    }
    rig.ctrl("nobody-asked", 200, "{}", "");
    rig.data("grpUnknown", 5);
    rig.data(PEER, 0);
    assert_eq!(rig.session.phase(), Phase::Ready);
    let events = rig.events();
    let garbage =
        events.iter().filter(|event| matches!(event, Event::Service(ImEvent::Garbage(_)))).count();
    assert_eq!(garbage, 5);
    assert!(seqs(&events).is_empty());
}

#[test]
fn closing_shakes_hands_and_ends_every_request_once() {
    let mut rig = Rig::subscribed(1);
    let sent = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    rig.take();
    rig.session.close(rig.now);
    assert_eq!(rig.written().last().unwrap(), "close");
    assert!(rig.session.publish(&PEER.into(), Publish::text("y"), rig.now).is_err());
    let frame = Some(CloseFrame::new(1000, ""));
    let input = Input::Received { conn: rig.conn, message: Message::Close(frame) };
    rig.session.handle_input(input, rig.now);
    let events = rig.events();
    assert_eq!(completion(&events, sent), &Err(RequestError::Unknown));
    assert_eq!(events.last(), Some(&Event::Closed(CloseReason::Requested)));
    assert!(matches!(rig.actions().last(), Some(Action::Drop { .. })));
    assert!(rig.session.is_finished());
    assert_eq!(rig.session.poll_timeout(), None);
}

#[test]
fn a_peer_that_ignores_the_close_is_dropped_in_time() {
    let mut rig = Rig::ready();
    rig.session.close(rig.now);
    rig.wait(Duration::from_secs(5));
    assert_eq!(rig.events(), [Event::Closed(CloseReason::Requested)]);
}

#[test]
fn too_much_is_refused_at_once() {
    let mut rig = Rig::new(|config| {
        config.session.max_requests = 2;
        config.session.max_message = 200;
    });
    let topic = PEER.into();
    assert!(rig.session.publish(&topic, Publish::text(&"x".repeat(200)), rig.now).is_err());
    for _ in 0..2 {
        rig.session.publish(&topic, Publish::text("x"), rig.now).unwrap();
    }
    let full = rig.session.publish(&topic, Publish::text("x"), rig.now);
    assert!(full.unwrap_err().to_string().contains('2'));
}
