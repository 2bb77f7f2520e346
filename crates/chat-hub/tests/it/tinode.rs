//! Rules 254 to 264, and what the two flavours do differently with the same request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat_hub::HubConfig;
use chat_proto::machine::ConnId;
use chat_sign::Secret;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, DOMAIN, Lab, ctrl, of, only, usr};

/// A connection on Tinode's path.
pub(crate) fn connect(lab: &mut Lab) -> ConnId {
    let head = Request::get("/v0/channels?apikey=AQAAAAABAAAS").body(()).unwrap();
    let offer = lab.hub.offer(&head, lab.now).unwrap();
    let conn = lab.hub.accepted(offer, lab.now);
    lab.pump();
    conn
}

fn hi(ver: &str) -> Value {
    json!({"hi": {"id": "1", "ver": ver, "ua": "Lab/1.0", "lang": "en-US", "platf": "web"}})
}

fn basic(login: &str, password: &str) -> Value {
    let secret = STANDARD.encode(format!("{login}:{password}"));
    json!({"login": {"id": "2", "scheme": "basic", "secret": secret}})
}

/// A session of an extension of the first tenant.
pub(crate) fn session(lab: &mut Lab, number: &str) -> (ConnId, String) {
    let conn = connect(lab);
    assert_eq!(lab.code(conn, hi("0.25")), 201);
    let login = basic(&format!("{number}@{DOMAIN}"), &format!("demo-{number}"));
    let frames = lab.ask(conn, login);
    assert_eq!(ctrl(&frames)["code"], 200, "{frames:?}");
    (conn, ctrl(&frames)["params"]["token"].as_str().unwrap().to_owned())
}

fn sub(lab: &mut Lab, conn: ConnId, topic: &str) -> Value {
    let frames = lab.sub(conn, topic);
    ctrl(&frames).clone()
}

/// A group of the first session, joined by the second.
fn group(lab: &mut Lab, owner: ConnId, member: ConnId) -> String {
    let name = sub(lab, owner, "new")["topic"].as_str().unwrap().to_owned();
    sub(lab, member, &name);
    lab.clear();
    name
}

#[test]
fn rule_254_hi_is_answered_with_the_limits() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    let frames = lab.ask(conn, hi("0.25"));
    let ctrl = ctrl(&frames);
    assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(201), &json!("created")));
    let params = &ctrl["params"];
    assert_eq!(params["ver"], "0.25");
    assert!(params["build"].as_str().unwrap().starts_with("chat-hub:"));
    let config = HubConfig::default();
    assert_eq!(params["maxMessageSize"], config.session.limits.max_bytes);
    assert_eq!(params["maxSubscriberCount"], config.max_members);
    assert_eq!(params["maxFileUploadSize"], config.max_file_bytes);
    let tags = ["maxTagCount", "maxTagLength", "minTagLength"].map(|name| params[name].as_u64());
    assert_eq!(tags, [Some(16), Some(96), Some(2)]);
}

#[test]
fn rule_254_a_key_is_checked_where_there_are_keys() {
    let api_keys = vec![Secret::new("one"), Secret::new("two")];
    let lab = &mut Lab::with(HubConfig { api_keys, ..HubConfig::default() });
    let offer = |lab: &mut Lab, head: http::request::Builder| {
        let head = head.body(()).unwrap();
        lab.hub.offer(&head, lab.now).map_err(Box::new)
    };
    for head in [
        Request::get("/v0/channels"),
        Request::get("/v0/channels?apikey=three"),
        Request::get("/v0/channels?apikey=one").header("x-tinode-apikey", "three"),
        Request::get("/v0/channels").header("cookie", "apikey="),
    ] {
        let response = offer(lab, head).unwrap_err();
        assert_eq!(response.status(), 403);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["ctrl"]["code"], 403);
        assert_eq!(body["ctrl"]["text"], "valid API key required");
    }
    for head in [
        Request::get("/v0/channels?apikey=one"),
        Request::get("/v0/channels").header("x-tinode-apikey", "two"),
        Request::get("/v0/channels").header("cookie", "a=b; apikey=two"),
        Request::get("/im"),
    ] {
        assert!(offer(lab, head).is_ok());
    }
}

#[test]
fn rule_255_nothing_before_hi() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    for frame in [
        basic("102", "demo-102"),
        json!({"acc": {"id": "2", "user": "new"}}),
        json!({"sub": {"id": "2", "topic": "me"}}),
        json!({"pub": {"id": "2", "topic": "me"}}),
    ] {
        let frames = lab.ask(conn, frame);
        let ctrl = ctrl(&frames);
        assert_eq!((&ctrl["code"], &ctrl["id"]), (&json!(409), &json!("2")));
        assert_eq!(ctrl["text"], "command out of sequence");
    }
    assert!(lab.ask(conn, json!({"note": {"topic": "me", "what": "kp"}})).is_empty());
    assert_eq!(lab.code(conn, json!({"what": {}})), 400);
    assert_eq!(lab.code(conn, hi("0.25")), 201);
    assert_eq!(lab.code(conn, json!({"sub": {"id": "2", "topic": "me"}})), 401);
    assert_eq!(lab.code(conn, basic("102", "demo-102")), 200);
}

#[test]
fn rule_256_versions() {
    let mut lab = Lab::new();
    for (ver, code) in [("abc", 400), ("", 400), ("0.1", 505), ("0.19", 505), ("v0.22", 201)] {
        let conn = connect(&mut lab);
        assert_eq!(lab.code(conn, hi(ver)), code, "{ver}");
        let next = if code == 201 { 200 } else { 409 };
        assert_eq!(lab.code(conn, basic("102", "demo-102")), next, "{ver}");
    }
}

#[test]
fn rule_256_hi_again() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    assert_eq!(lab.code(conn, hi("0.25")), 201);
    assert_eq!(lab.code(conn, hi("0.24")), 409);
    assert_eq!(lab.code(conn, hi("0.25")), 401);
    assert_eq!(lab.code(conn, basic("102", "demo-102")), 200);
    assert_eq!(lab.code(conn, hi("0.25")), 200);
    assert_eq!(lab.code(conn, hi("")), 200);
    assert_eq!(lab.code(conn, hi("0.24")), 409);
}

#[test]
fn rule_257_258_basic_then_token() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    lab.ask(conn, hi("0.25"));
    let frames = lab.ask(conn, basic(&format!("102@{DOMAIN}"), "demo-102"));
    let params = &ctrl(&frames)["params"];
    assert_eq!((&params["user"], &params["authlvl"]), (&json!(usr(BOB)), &json!("auth")));
    // A day after the lab's start, without a fraction.
    assert_eq!(params["expires"], "2024-10-25T01:06:38Z");
    let token = params["token"].as_str().unwrap();
    for scheme in ["token", "TOKEN"] {
        let conn = connect(&mut lab);
        lab.ask(conn, hi("0.25"));
        let login = json!({"login": {"id": "2", "scheme": scheme, "secret": token}});
        let frames = lab.ask(conn, login.clone());
        assert_eq!(ctrl(&frames)["params"]["user"], usr(BOB), "{frames:?}");
        assert_eq!(lab.code(conn, login), 409);
    }
    lab.wait(24 * 60 * 60 * 1000);
    let conn = connect(&mut lab);
    lab.ask(conn, hi("0.25"));
    assert_eq!(lab.code(conn, json!({"login": {"scheme": "token", "secret": token}})), 401);
}

#[test]
fn rule_257_basic_is_checked() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    lab.ask(conn, hi("0.25"));
    for (login, password, code) in [
        ("102", "demo-101", 401),
        ("102@elsewhere.example.com", "demo-102", 401),
        ("999", "demo-999", 401),
        // Two tenants have this extension: it needs its domain.
        ("101", "demo-101", 401),
        ("109", "demo-109", 403),
        ("102", "", 400),
        ("", "demo-102", 400),
        ("102", "demo-102", 200),
    ] {
        assert_eq!(lab.code(conn, basic(login, password)), code, "{login}:{password}");
    }
    for scheme in ["anonymous", "reset", "rest", ""] {
        let conn = connect(&mut lab);
        lab.ask(conn, hi("0.25"));
        let login = json!({"login": {"id": "2", "scheme": scheme, "secret": "eDp5"}});
        let frames = lab.ask(conn, login);
        assert_eq!(ctrl(&frames)["text"], "unknown authentication scheme", "{scheme}");
    }
}

#[test]
fn rule_257_basic_is_not_for_portsip() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    assert_eq!(lab.code(conn, basic("102", "demo-102")), 401);
}

/// Every text that begins like a date, wherever it stands.
fn stamps(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("20") && text.ends_with('Z') => {
            found.push(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|it| stamps(it, found)),
        Value::Object(all) => all.values().for_each(|it| stamps(it, found)),
        _ => {}
    }
}

#[test]
fn rule_259_time_stamps_are_no_longer_than_24_characters() {
    let mut lab = Lab::new();
    // One reader of each flavour, so that both get the same message in their own form.
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let cat = lab.session("103");
    let name = sub(&mut lab, ann, "new")["topic"].as_str().unwrap().to_owned();
    for conn in [bob, cat] {
        sub(&mut lab, conn, &name);
        sub(&mut lab, conn, "me");
    }
    lab.wait(1);
    lab.ask(cat, json!({"pub": {"id": "p", "topic": name, "content": "x"}}));
    let get = json!({"get": {"id": "g", "topic": name, "what": "desc sub data del tags aux"}});
    lab.send(bob, get.to_string());
    lab.send(bob, json!({"get": {"id": "m", "topic": "me", "what": "desc sub"}}).to_string());
    lab.send(bob, json!({"get": {"id": "m", "topic": "me", "what": "nothing"}}).to_string());
    let frames = lab.frames(bob);
    let mut found = Vec::new();
    frames.iter().for_each(|frame| stamps(frame, &mut found));
    assert!(found.len() > 10, "{frames:?}");
    assert!(found.iter().all(|it| it.len() <= 24), "{found:?}");
    // The other flavour keeps its microseconds.
    let frames = lab.frames(ann);
    let short = only(&frames, "data")["ts"].as_str().unwrap().to_owned();
    assert_eq!((short.len(), short.as_str()), (24, "2024-10-24T01:06:38.925Z"));
    lab.ask(ann, json!({"pub": {"id": "p", "topic": name, "content": "y"}}));
    let frames = lab.frames(cat);
    let long = only(&frames, "data")["ts"].as_str().unwrap().to_owned();
    assert!(long.len() > 24, "{long}");
}

#[test]
fn rule_260_every_request_is_answered_at_once() {
    let mut lab = Lab::new();
    let (conn, _) = session(&mut lab, "101");
    for (id, (verb, body)) in [
        ("sub", json!({"topic": "me"})),
        ("get", json!({"topic": "me", "what": "desc"})),
        ("set", json!({"topic": "me", "desc": {"public": {"fn": "A"}}})),
        ("sub", json!({"topic": "fnd"})),
        ("get", json!({"topic": "fnd", "what": "sub"})),
        ("sub", json!({"topic": "chnAAAAAAAAAAA"})),
        ("pub", json!({"topic": "me", "content": 1})),
        ("del", json!({"topic": "me", "what": "cred", "cred": {"meth": "email", "val": "a"}})),
        ("leave", json!({"topic": "me"})),
        ("acc", json!({"user": "new"})),
        ("login", json!({"scheme": "basic", "secret": "eDp5"})),
        ("hi", json!({"ver": "0.25"})),
        ("get", json!({"topic": "usrnobody", "what": "desc"})),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut body, id) = (body, id.to_string());
        body["id"] = json!(id);
        let frames = lab.ask(conn, json!({verb: body}));
        let answers = |frame: &Value| ["ctrl", "meta"].iter().any(|kind| frame[*kind]["id"] == *id);
        assert!(frames.iter().any(answers), "{verb}: {frames:?}");
    }
}

#[test]
fn rule_261_accounts_come_from_the_pbx() {
    let mut lab = Lab::new();
    let conn = connect(&mut lab);
    lab.ask(conn, hi("0.25"));
    let acc = json!({"acc": {"id": "3", "user": "newX", "scheme": "basic", "secret": "eDp5",
        "login": true, "tags": ["a"], "desc": {"public": {"fn": "X"}}}});
    let frames = lab.ask(conn, acc);
    let ctrl = ctrl(&frames);
    assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(403), &json!("permission denied")));
}

#[test]
fn rule_262_attachments_are_accepted_and_acting_for_others_is_not() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let name = group(&mut lab, ann, bob);
    let publish =
        |extra: Value| json!({"pub": {"id": "p", "topic": name, "content": "x"}, "extra": extra});
    let extra = json!({"attachments": ["/v0/file/s/abc.png"]});
    assert_eq!(lab.code(ann, publish(extra)), 202);
    assert_eq!(only(&lab.frames(bob), "data")["content"], "x");
    for extra in [json!({"obo": usr(BOB)}), json!({"authlevel": "root"})] {
        assert_eq!(lab.code(ann, publish(extra.clone())), 403);
        let note = json!({"note": {"topic": name, "what": "kp"}, "extra": extra});
        assert!(lab.ask(ann, note).is_empty());
    }
    assert!(lab.frames(bob).is_empty());
}

fn search(lab: &mut Lab, conn: ConnId, query: &str) -> Vec<Value> {
    let set = json!({"set": {"id": "q", "topic": "fnd", "desc": {"public": query}}});
    assert_eq!(lab.code(conn, set), 200);
    let frames = lab.ask(conn, json!({"get": {"id": "g", "topic": "fnd", "what": "sub"}}));
    match frames[0].get("meta") {
        Some(meta) => meta["sub"].as_array().unwrap().clone(),
        None => {
            assert_eq!(frames[0]["ctrl"]["code"], 204, "{frames:?}");
            assert_eq!(frames[0]["ctrl"]["params"]["what"], "sub");
            Vec::new()
        }
    }
}

#[test]
fn rule_263_fnd_finds_by_tags() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let tag = |lab: &mut Lab, conn, topic: &str, tags: Value| {
        sub(lab, conn, topic);
        assert_eq!(lab.code(conn, json!({"set": {"id": "t", "topic": topic, "tags": tags}})), 200);
    };
    tag(&mut lab, bob, "me", json!(["travel", "ski"]));
    let name = sub(&mut lab, bob, "new")["topic"].as_str().unwrap().to_owned();
    tag(&mut lab, bob, &name, json!(["travel"]));
    let get = json!({"get": {"id": "g", "topic": "fnd", "what": "sub"}});
    assert_eq!(lab.code(ann, get.clone()), 403);
    assert_eq!(sub(&mut lab, ann, "fnd")["code"], 200);
    assert_eq!(sub(&mut lab, ann, "fnd")["code"], 304);
    assert_eq!(lab.code(ann, get), 204);
    let rows = search(&mut lab, ann, "travel,ski");
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["user"], &rows[0]["private"]),
        (&json!(usr(BOB)), &json!(["travel", "ski"]))
    );
    assert_eq!(rows[0]["public"], json!({"fn": "Ext 102"}));
    assert_eq!((&rows[1]["topic"], &rows[1]["private"]), (&json!(name), &json!(["travel"])));
    assert_eq!(search(&mut lab, ann, "travel ski").len(), 1);
    assert_eq!(search(&mut lab, ann, "103")[0]["user"], usr(CAT));
    assert!(search(&mut lab, ann, "\u{2421}").is_empty());
    // Oneself, the suspended and another tenant are not there to be found.
    assert!(search(&mut lab, ann, "101").is_empty());
    assert!(search(&mut lab, ann, "109").is_empty());
}

#[test]
fn rule_263_fnd_is_for_searching_only() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let set = |desc: Value| json!({"set": {"id": "q", "topic": "fnd", "desc": desc}});
    assert_eq!(lab.code(ann, set(json!({"public": "x"}))), 403);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "l", "topic": "fnd"}})), 304);
    let query = json!({"sub": {"id": "s", "topic": "fnd", "set": {"desc": {"public": "103"}},
        "get": {"what": "desc sub tags"}}});
    let frames = lab.ask(ann, query);
    assert_eq!(ctrl(&frames)["code"], 200);
    let metas = of(&frames, "meta");
    assert_eq!(metas[0]["desc"]["public"], "103");
    assert_eq!(metas[1]["sub"][0]["user"], usr(CAT));
    assert_eq!(metas[2]["tags"], json!(["basic:103"]));
    for (frame, code) in [
        (set(json!({"public": 7})), 400),
        (set(json!({"public": "\"open"})), 200),
        (json!({"get": {"id": "g", "topic": "fnd", "what": "sub"}}), 400),
        (set(json!({"defacs": {"auth": "JR"}})), 403),
        (json!({"set": {"id": "q", "topic": "fnd"}}), 400),
        (json!({"set": {"id": "q", "topic": "fnd", "tags": ["x"]}}), 405),
        (json!({"get": {"id": "g", "topic": "fnd", "what": "data"}}), 403),
        (json!({"get": {"id": "g", "topic": "fnd", "what": "cred"}}), 405),
        (json!({"get": {"id": "g", "topic": "fnd", "what": "bogus"}}), 400),
        (json!({"pub": {"id": "p", "topic": "fnd", "content": 1}}), 403),
        (json!({"del": {"id": "d", "topic": "fnd", "what": "topic"}}), 403),
        (json!({"leave": {"id": "l", "topic": "fnd", "unsub": true}}), 403),
        (json!({"leave": {"id": "l", "topic": "fnd"}}), 200),
    ] {
        assert_eq!(lab.code(ann, frame.clone()), code, "{frame}");
    }
    assert!(lab.ask(ann, json!({"note": {"topic": "fnd", "what": "kp"}})).is_empty());
}

#[test]
fn rule_264_data_carries_the_request_id() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let name = group(&mut lab, ann, bob);
    lab.ask(ann, json!({"pub": {"id": "p7", "topic": name, "noecho": true, "content": "x"}}));
    assert_eq!(only(&lab.frames(bob), "data")["reqid"], "p7");
    assert!(of(&lab.frames(ann), "data").is_empty());
}

/// A group joined by both flavours: what a new member is told. Rule 61.
#[test]
fn rule_061_joining_is_200_with_the_access() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let name = sub(&mut lab, ann, "new")["topic"].as_str().unwrap().to_owned();
    let joined = sub(&mut lab, bob, &name);
    assert_eq!(joined["code"], 200);
    assert_eq!(joined["params"]["acs"]["mode"], "JRWPS");
    assert!(joined["params"].get("seq").is_none());
}

fn owners(lab: &mut Lab, conn: ConnId, topic: &str) -> Vec<String> {
    let frames = lab.ask(conn, json!({"get": {"id": "g", "topic": topic, "what": "sub"}}));
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    rows.iter()
        .filter(|row| row["acs"]["mode"].as_str().unwrap_or_default().contains('O'))
        .map(|row| row["user"].as_str().unwrap().to_owned())
        .collect()
}

fn mode(topic: &str, user: &str, mode: &str) -> Value {
    json!({"set": {"id": "m", "topic": topic, "sub": {"user": user, "mode": mode}}})
}

#[test]
fn rule_178_ownership_is_offered_and_accepted() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let (cat, _) = session(&mut lab, "103");
    let name = group(&mut lab, ann, bob);
    sub(&mut lab, cat, &name);
    lab.clear();
    assert_eq!(lab.code(bob, mode(&name, "", "JRWPASDO")), 403);
    let frames = lab.ask(ann, mode(&name, &usr(BOB), "JRWPASDO"));
    let acs = &ctrl(&frames)["params"]["acs"];
    assert_eq!((&acs["given"], &acs["want"]), (&json!("JRWPASDO"), &json!("JRWPS")));
    assert_eq!(owners(&mut lab, ann, &name), [usr(ANN)]);
    // A second offer: whoever accepts first ends the other.
    assert_eq!(lab.code(ann, mode(&name, &usr(CAT), "JRWPSO")), 200);
    assert_eq!(owners(&mut lab, ann, &name), [usr(ANN)]);
    lab.clear();
    let frames = lab.ask(bob, mode(&name, "", "JRWPASDO"));
    assert_eq!(ctrl(&frames)["params"]["acs"]["mode"], "JRWPASDO");
    let news = of(&lab.frames(ann), "pres");
    let lost = news.iter().find(|it| it.get("src").is_none()).unwrap();
    assert_eq!(lost["dacs"], json!({"want": "-O", "given": "-O"}));
    assert_eq!(owners(&mut lab, bob, &name), [usr(BOB)]);
    assert_eq!(lab.code(cat, mode(&name, "", "JRWPSO")), 403);
    // The former owner keeps the rest, and may go.
    let public = json!({"set": {"id": "d", "topic": name, "desc": {"public": {"fn": "x"}}}});
    assert_eq!(lab.code(ann, public.clone()), 403);
    assert_eq!(lab.code(bob, public), 200);
    assert_eq!(lab.code(ann, mode(&name, &usr(CAT), "JR")), 200);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "l", "topic": name, "unsub": true}})), 200);
    assert_eq!(lab.code(bob, json!({"leave": {"id": "l", "topic": name, "unsub": true}})), 403);
}

#[test]
fn rule_175_an_offer_ends_when_the_other_flavour_passes_the_group_on() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    let (bob, _) = session(&mut lab, "102");
    let (cat, _) = session(&mut lab, "103");
    let name = group(&mut lab, ann, bob);
    sub(&mut lab, cat, &name);
    assert_eq!(lab.code(ann, mode(&name, &usr(BOB), "JRWPSO")), 200);
    // Who has an offer and leaves may come back, without owning anything.
    assert_eq!(lab.code(bob, json!({"leave": {"id": "l", "topic": name, "unsub": true}})), 200);
    assert_eq!(sub(&mut lab, bob, &name)["code"], 200);
    let portsip = lab.session("101");
    sub(&mut lab, portsip, &name);
    lab.clear();
    assert_eq!(lab.code(portsip, mode(&name, &usr(CAT), "JRWPASDO")), 200);
    assert_eq!(owners(&mut lab, cat, &name), [usr(CAT)]);
    assert_eq!(lab.code(bob, mode(&name, "", "JRWPSO")), 403);
    assert_eq!(owners(&mut lab, cat, &name), [usr(CAT)]);
}

#[test]
fn rule_214_on_tells_the_name_of_the_client() {
    let mut lab = Lab::new();
    let (ann, _) = session(&mut lab, "101");
    sub(&mut lab, ann, "me");
    sub(&mut lab, ann, &usr(BOB));
    lab.clear();
    let (bob, _) = session(&mut lab, "102");
    sub(&mut lab, bob, "me");
    let pres = only(&lab.frames(ann), "pres");
    assert_eq!((&pres["what"], &pres["src"]), (&json!("on"), &json!(usr(BOB))));
    assert_eq!(pres["ua"], "Lab/1.0");
}

#[test]
fn what_me_has_for_a_client_of_the_other_kind() {
    let mut lab = Lab::new();
    let (conn, _) = session(&mut lab, "101");
    let query = json!({"sub": {"id": "s", "topic": "me", "get": {"what": "desc sub tags cred"}}});
    let frames = lab.ask(conn, query);
    assert_eq!(frames[0]["ctrl"]["code"], 200);
    let desc = &frames[1]["meta"]["desc"];
    assert_eq!(desc["public"], json!({"fn": "Ext 101"}));
    assert_eq!(desc["defacs"]["auth"], "JRWPAS");
    let nothing: Vec<_> = of(&frames, "ctrl")[1..]
        .iter()
        .map(|it| (it["code"].clone(), it["params"]["what"].clone()))
        .collect();
    let what = ["sub", "tags", "creds"].map(|what| (json!(204), json!(what)));
    assert_eq!(nothing, what);
}
