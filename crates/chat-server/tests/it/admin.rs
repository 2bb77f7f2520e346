//! Steering a server while it runs.

use bytes::Bytes;
use chat_proto::c2c::Kind;
use chat_proto::c2c::client::C2cEvent;
use chat_proto::client::Event;
use chat_server::{Config, TestServer, Tls, world};
use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use crate::support::{C2cClient, api, exchange, http, json_of, plain, runtime, server, soon};

const ORDER: &str = "20476365073825144832";

async fn steered() -> TestServer {
    plain(|config| config.admin = true).await
}

/// A request of somebody who has the token.
async fn ask(server: &TestServer, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    let token = server.urls().admin.as_ref().unwrap().token.clone();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Bytes::from(body));
    http(server, request.unwrap()).await
}

async fn set(server: &TestServer, faults: Value) -> Value {
    let answer = ask(server, Method::POST, "/admin/faults", &faults).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    json_of(&answer)
}

async fn play(server: &TestServer, steps: Value) -> Response<Bytes> {
    let script = json!({ "order": ORDER, "steps": steps });
    ask(server, Method::POST, "/admin/script", &script).await
}

#[tokio::test]
async fn c2c_rule_120_there_is_no_way_in_unless_it_is_asked_for() {
    let server = server().await;
    assert!(server.urls().admin.is_none());
    assert!(!server.urls().ready_line().contains("admin"));
    for path in ["/admin/faults", "/admin/script", "/admin"] {
        let request = Request::post(path).body(Bytes::from_static(b"{}")).unwrap();
        assert_eq!(http(&server, request).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn c2c_rule_121_the_token_is_asked_for_and_each_server_has_its_own() {
    let (server, other) = (steered().await, steered().await);
    let token = |server: &TestServer| {
        let admin = server.urls().admin.clone().unwrap();
        assert_eq!(admin.url, format!("{}/admin", server.urls().pbx));
        admin.token.expose().to_owned()
    };
    assert_eq!(token(&server).len(), 64);
    assert_ne!(token(&server), token(&other));
    let wrong = ["".to_owned(), "Bearer ".to_owned(), format!("Bearer {}", token(&other))];
    let bare = token(&server);
    let short = format!("Bearer {}", &token(&server)[..63]);
    for said in wrong.iter().chain([&bare, &short]) {
        let request = Request::post("/admin/faults")
            .header(header::AUTHORIZATION, said)
            .body(Bytes::from_static(br#"{"no_echo":true}"#));
        let answer = http(&server, request.unwrap()).await;
        assert_eq!(answer.status(), 401, "{said}");
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!String::from_utf8_lossy(answer.body()).contains(&bare));
    }
    let bare = Request::get("/admin/faults").body(Bytes::new()).unwrap();
    assert_eq!(http(&server, bare).await.status(), 401);
    assert!(!server.hub(|hub, _| hub.faults().no_echo).await.unwrap());
}

#[tokio::test]
async fn c2c_rule_119_122_switches_are_set_one_by_one_and_taken_back_all_at_once() {
    let toml = "faults = { duplicate = true, refuse_text = \"whatsapp\" }\n";
    let world = world::from_toml(&format!("{toml}{}", without_faults())).unwrap();
    let mut config = Config::new(world);
    (config.tls, config.admin) = (Tls::Off, true);
    let server = TestServer::start_with(config).await.unwrap();
    let at_start = json_of(&ask(&server, Method::GET, "/admin/faults", &Value::Null).await);
    assert_eq!(
        (&at_start["duplicate"], &at_start["refuse_text"], &at_start["no_echo"]),
        (&json!(true), &json!("whatsapp"), &json!(false))
    );
    let now = set(&server, json!({"no_echo": true, "close_when": "echoed"})).await;
    assert_eq!((&now["no_echo"], &now["duplicate"]), (&json!(true), &json!(true)));
    let now = set(&server, json!({"duplicate": false})).await;
    assert_eq!((&now["no_echo"], &now["duplicate"]), (&json!(true), &json!(false)));
    assert_eq!(set(&server, json!({})).await, now);

    for (wrong, why) in [
        (json!({"no_ehco": true, "duplicate": true}), "unknown field `no_ehco`"),
        (json!({"no_echo": "yes"}), "invalid type"),
        (json!({"close_when": "later"}), "unknown variant `later`"),
        (json!({"server_error": 404}), "server_error"),
        (json!({"bye_code": 1006}), "bye_code"),
        (json!({"fault_calls": "sendMessage"}), "sendMessage"),
        (json!([]), "invalid type"),
    ] {
        let answer = ask(&server, Method::POST, "/admin/faults", &wrong).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert!(json_of(&answer)["error"].as_str().unwrap().contains(why), "{answer:?}");
    }
    let answer = ask(&server, Method::GET, "/admin/faults", &Value::Null).await;
    assert_eq!(json_of(&answer), now, "a mistake changes nothing");
    let answer = ask(&server, Method::DELETE, "/admin/faults", &Value::Null).await;
    assert_eq!(json_of(&answer), at_start);
    let answer = ask(&server, Method::PUT, "/admin/faults", &Value::Null).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["allow"]),
        (405, &"GET, POST, DELETE".parse().unwrap())
    );
}

fn without_faults() -> &'static str {
    world::BUILTIN.split("\n[faults]").next().unwrap()
}

#[tokio::test]
async fn c2c_rule_118_122_a_fault_is_injected_while_it_runs() {
    let server = steered().await;
    let call = async || {
        let now = runtime_tokio::Runtime::now(&runtime(&server)).unix;
        let request = api(&server, "merchant").credential(now).into_request();
        exchange(&runtime(&server), request).await.unwrap().status().as_u16()
    };
    assert_eq!(call().await, 200);
    set(&server, json!({"retry_after_secs": 3, "fault_times": 2})).await;
    assert_eq!((call().await, call().await, call().await), (429, 429, 200));
    set(&server, json!({"retry_after_secs": 0, "server_error": 503})).await;
    assert_eq!((call().await, call().await, call().await), (503, 503, 200));
    let answer = ask(&server, Method::DELETE, "/admin/faults", &Value::Null).await;
    assert_eq!((answer.status().as_u16(), call().await), (200, 200));
}

#[tokio::test]
async fn c2c_rule_123_a_script_speaks_for_the_other_side() {
    let server = steered().await;
    let mut merchant = C2cClient::ready(&server, "merchant").await;
    let buyer = "demo-buyer-key";
    let picture = json!({"url": "https://h/1.jpg", "thumbnail": "https://h/1.jpg",
        "extension": "jpg", "width": 8, "height": 6});
    let answer = play(
        &server,
        json!([
            {"text": {"from": buyer, "content": "I have paid"}},
            {"image": {"from": buyer, "picture": picture}},
            {"order_event": {"event": "payed"}},
            {"auto_reply": {"content": "Thanks"}},
            {"enquiry": {"to": "demo-merchant-key", "content": "Is it available?"}},
            {"raw": {"to": "demo-merchant-key", "text": "{\"type\":\"confetti\"}"}},
        ]),
    )
    .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let ids = json_of(&answer)["ids"].as_array().unwrap().clone();
    assert!(ids[..4].iter().all(Value::is_string) && ids[4..].iter().all(Value::is_null));
    let mut kinds = Vec::new();
    while kinds.len() < 6 {
        let kind = merchant.until(|event| match event {
            Event::Service(C2cEvent::Push(it)) => Some((it.push.kind(), it.push.order().is_some())),
            _ => None,
        });
        kinds.push(soon("a push", kind).await);
    }
    use Kind::{AutoReply, Image, Other, System, Text};
    let expected = [Text, Image, System, AutoReply].map(|kind| (kind, true));
    assert_eq!(kinds[..4], expected);
    assert_eq!(kinds[4..], [(Text, false), (Other, false)]);

    let recall = play(&server, json!([{"recall": {"id": 7}}])).await;
    assert_eq!(recall.status(), 400);
    assert!(json_of(&recall)["error"].as_str().unwrap().starts_with("step 1: "));
    let half = json!([{"text": {"from": buyer, "content": "x"}}, {"read": {"by": "nobody"}}]);
    let half = json_of(&play(&server, half).await);
    assert!(half["error"].as_str().unwrap().starts_with("step 2: "), "{half}");
    assert_eq!(half["ids"].as_array().unwrap().len(), 1);
    let wrong = play(&server, json!([{"dance": {}}])).await;
    assert_eq!(wrong.status(), 400);
    let get = ask(&server, Method::GET, "/admin/script", &Value::Null).await;
    assert_eq!(get.status(), 405);
}
