//! Order chat's calls: answers, keys, signatures, clocks.

use bytes::Bytes;
use chat_hub::HubConfig;
use chat_proto::c2c::rest::server_time;
use chat_sign::{HmacSigner, Query, Sign};
use http::{Request, StatusCode};
use serde_json::json;

use crate::c2c_front::{Front, ORDER, START, api, signed};

const CREDENTIAL: &str = "retrieveChatCredential";
const HISTORY: &str = "retrieveChatMessagesWithPagination";
const GOOD: [(&str, &str); 2] = [("x-mbx-apikey", "merchant-key"), ("clientType", "WEB")];
const SECRET: &str = "merchant-secret";

fn fresh() -> String {
    at(0)
}

fn at(millis: i64) -> String {
    format!("timestamp={}", START.checked_add_signed(millis).unwrap())
}

/// The refusals of calls, all in the shape of the gateway.
fn refused(front: &mut Front, request: Request<Bytes>) -> (u16, i64) {
    let shown = request.uri().to_string();
    let (status, body) = front.json(request);
    assert!(body["msg"].is_string() && body.get("success").is_none(), "{shown}: {body}");
    (status.as_u16(), body["code"].as_i64().unwrap())
}

fn code(front: &mut Front, name: &str, query: &str, headers: &[(&str, &str)]) -> i64 {
    let (status, code) = refused(front, signed(name, SECRET, query, headers));
    assert_eq!(status, 400, "{query}");
    code
}

fn works(front: &mut Front, name: &str, query: &str, headers: &[(&str, &str)]) {
    let (status, body) = front.json(signed(name, SECRET, query, headers));
    assert_eq!((status, &body["code"]), (StatusCode::OK, &json!("000000")), "{query}: {body}");
}

/// A POST with a body, signed as it is found.
fn post(path: &str, kind: &str, body: &str) -> Request<Bytes> {
    let query = HmacSigner::new(&SECRET.into()).sign_query(Query::new(), START, 5000);
    Request::post(format!("https://c2c.example.com/sapi/v1/c2c/chat/{path}?{}", query.as_str()))
        .header("x-mbx-apikey", "merchant-key")
        .header("clientType", "web")
        .header("content-type", kind)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

#[test]
fn c2c_rule_001_the_clock_is_public() {
    let mut front = Front::new();
    let response = front.http(api("merchant").time().into_request());
    assert_eq!(server_time(&response).unwrap().as_millis(), START);
}

#[test]
fn c2c_rule_002_003_a_credential_has_the_published_form() {
    let mut front = Front::new();
    let (status, body) = front.json(api("merchant").credential(front.at()).into_request());
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["code"], &body["message"]), (&json!("000000"), &json!("success")));
    assert_eq!((&body["success"], body.get("total")), (&json!(true), None));
    assert_eq!(body["data"]["chatWssUrl"], "wss://c2c.example.com/chat");
    for (name, start, end) in [("listenKey", "c2c_", "_v2"), ("listenToken", "TOKEN", "")] {
        let text = body["data"][name].as_str().unwrap();
        let hex = text.strip_prefix(start).unwrap().strip_suffix(end).unwrap();
        assert!(hex.len() == 32 && hex.bytes().all(|it| it.is_ascii_hexdigit()), "{text}");
    }
}

#[test]
fn c2c_rule_004_the_message_may_be_null() {
    let mut front = Front::with_faults(r#"{"null_message":true}"#);
    let (_, body) = front.json(api("merchant").credential(front.at()).into_request());
    assert_eq!((&body["code"], body["message"].is_null()), (&json!("000000"), true));
}

#[test]
fn c2c_rule_006_the_service_refuses_in_its_own_shape() {
    let mut front = Front::with_faults(r#"{"business_code":"83229"}"#);
    let (status, body) = front.json(api("merchant").credential(front.at()).into_request());
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["code"], &body["success"]), (&json!("83229"), &json!(false)));
    assert!(body["message"].is_string() && body.get("msg").is_none());
}

#[test]
fn c2c_rule_007_008_009_paths_nobody_serves() {
    for (faults, status) in [("{}", 404), (r#"{"unknown_path_200":true}"#, 200)] {
        let mut front = Front::with_faults(faults);
        for path in ["sendMessage", "", "retrieveChatCredential/x", "image"] {
            let response = front.http(signed(path, SECRET, &fresh(), &GOOD));
            assert_eq!((response.status().as_u16(), response.body().len()), (status, 0), "{path}");
            let response = front.http(post(path, "application/json", "{}"));
            assert_eq!(response.status().as_u16(), status, "{path}");
        }
        let response = front.http(post(CREDENTIAL, "application/json", ""));
        assert_eq!((response.status().as_u16(), response.body().len()), (status, 0));
        let response = front.http(signed("markOrderMessagesAsRead", SECRET, &fresh(), &GOOD));
        assert_eq!((response.status().as_u16(), response.body().len()), (status, 0));
    }
}

#[test]
fn c2c_rule_010_011_bodies_are_json() {
    let mut front = Front::new();
    let (json, form) = ("application/json;charset=utf-8", "application/x-www-form-urlencoded");
    let url = "image/pre-signed-url";
    assert_eq!(refused(&mut front, post(url, form, "imageName=a.jpg")), (400, -1000));
    for body in ["", "imageName", r#"{"imageName":7}"#, r#"{"name":"a.jpg"}"#, "[]", "\u{0}"] {
        assert_eq!(refused(&mut front, post(url, json, body)), (400, -31002), "{body}");
    }
    let (_, body) = front.json(post(url, json, r#"{"imageName":"a.jpg","fileType":"jpg"}"#));
    assert_eq!(body["code"], "000000", "{body}");
}

#[test]
fn c2c_rule_012_there_are_no_tips() {
    let mut front = Front::new();
    let tips = |order: &str| format!(r#"{{"orderNo":"{order}","fiat":"EUR","scene":"PAY"}}"#);
    let (_, body) = front.json(post("getRiskWarningTips", "application/json", &tips(ORDER)));
    assert_eq!((&body["data"], &body["success"]), (&json!([]), &json!(true)));
    let strange = post("getRiskWarningTips", "application/json", &tips("7"));
    assert_eq!(refused(&mut front, strange), (400, -31002));
}

#[test]
fn c2c_rule_013_calls_are_counted() {
    let mut front = Front::with_faults(r#"{"calls_per_minute":3}"#);
    let call = |front: &mut Front, name: &str| {
        let response = front.http(api(name).credential(front.at()).into_request());
        let header =
            |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
        (response.status().as_u16(), header("x-sapi-used-uid-weight-1m"), header("retry-after"))
    };
    for used in ["1", "2", "3"] {
        assert_eq!(call(&mut front, "merchant"), (200, Some(used.to_owned()), None));
    }
    front.pass(std::time::Duration::from_millis(18_500));
    assert_eq!(call(&mut front, "merchant"), (429, None, Some("42".to_owned())));
    assert_eq!(call(&mut front, "buyer").0, 200, "each account has its own");
    front.pass(std::time::Duration::from_secs(42));
    assert_eq!(call(&mut front, "merchant"), (200, Some("1".to_owned()), None));
}

#[test]
fn c2c_rule_005_014_015_keys_are_known() {
    let mut front = Front::new();
    let with = |headers: &[(&str, &str)]| signed(CREDENTIAL, SECRET, &fresh(), headers);
    assert_eq!(refused(&mut front, with(&[GOOD[1]])), (401, -2014));
    assert_eq!(refused(&mut front, with(&[("x-mbx-apikey", ""), GOOD[1]])), (401, -2014));
    assert_eq!(refused(&mut front, with(&[("x-mbx-apikey", "nobody"), GOOD[1]])), (401, -2015));
}

#[test]
fn c2c_rule_016_018_what_is_received_is_what_is_signed() {
    let mut front = Front::new();
    for query in [
        format!("orderNo={ORDER}&{}", fresh()),
        format!("{}&page=1&orderNo={ORDER}", fresh()),
        // Escapes that need not be, and a name nobody knows.
        format!("%6FrderNo={ORDER}&{}&note=%e4%b8%ad%20a+b%2Fc", fresh()),
        format!("orderNo={ORDER}&note=a%26signature%3Dx&{}", fresh()),
    ] {
        works(&mut front, HISTORY, &query, &GOOD);
    }
    let request = signed(HISTORY, SECRET, &format!("orderNo={ORDER}&{}", fresh()), &GOOD);
    let (query, signature) = request.uri().query().unwrap().rsplit_once('=').unwrap();
    let upper = format!("https://h{}?{query}={}", request.uri().path(), signature.to_uppercase());
    let mut again = Request::new(Bytes::new());
    *again.headers_mut() = request.headers().clone();
    *again.uri_mut() = upper.parse().unwrap();
    assert_eq!(front.json(again).1["code"], "000000");
}

#[test]
fn c2c_rule_017_signatures_that_are_not() {
    let mut front = Front::new();
    let wrong = signed(CREDENTIAL, "wrong", &fresh(), &GOOD);
    assert_eq!(refused(&mut front, wrong), (400, -1022));
    // Signed before it was encoded, as clients of old did.
    let (plain, sent) = ("note=a b&", "note=a%20b&");
    let key = HmacSigner::new(&SECRET.into());
    let signature = key.sign_hex(format!("{plain}{}", fresh()).as_bytes());
    let mut request = signed(CREDENTIAL, SECRET, &fresh(), &GOOD);
    let path = request.uri().path().to_owned();
    let uri = format!("https://h{path}?{sent}{}&signature={signature}", fresh());
    *request.uri_mut() = uri.parse().unwrap();
    assert_eq!(refused(&mut front, request), (400, -1022));
    // Another account's.
    let other = signed(CREDENTIAL, "buyer-secret", &fresh(), &GOOD);
    assert_eq!(refused(&mut front, other), (400, -1022));
}

#[test]
fn c2c_rule_019_bodies_are_not_signed() {
    let mut front = Front::new();
    let request = post("markUserMessagesAsRead", "application/json", r#"{"userId":12}"#);
    assert_eq!(front.json(request).1["code"], "000000");
    // Signed with the body behind it, as forms are.
    let signature = HmacSigner::new(&SECRET.into()).sign_hex(format!("{}{{}}", fresh()).as_bytes());
    let mut request = post("markUserMessagesAsRead", "application/json", "{}");
    let path = request.uri().path().to_owned();
    *request.uri_mut() =
        format!("https://h{path}?{}&signature={signature}", fresh()).parse().unwrap();
    assert_eq!(refused(&mut front, request), (400, -1022));
}

#[test]
fn c2c_rule_020_021_022_parameters_every_call_has() {
    let mut front = Front::new();
    let unsigned = |query: &str| {
        let mut request = signed(CREDENTIAL, SECRET, "", &GOOD);
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("https://h{path}{query}").parse().unwrap();
        request
    };
    let last = signed(CREDENTIAL, SECRET, &fresh(), &GOOD).uri().query().unwrap().to_owned();
    for query in [String::new(), format!("?{}", fresh()), format!("?{last}&clientType=web")] {
        assert_eq!(refused(&mut front, unsigned(&query)), (400, -1102), "{query}");
    }
    assert_eq!(code(&mut front, CREDENTIAL, "", &GOOD), -1102);
    assert_eq!(code(&mut front, CREDENTIAL, "timestamp=soon", &GOOD), -1102);
    assert_eq!(code(&mut front, CREDENTIAL, "timestamp=-1", &GOOD), -1102);
    assert_eq!(code(&mut front, CREDENTIAL, &format!("{0}&{0}", fresh()), &GOOD), -1101);
}

#[test]
fn c2c_rule_023_024_025_times_are_judged_to_the_millisecond() {
    let mut front = Front::new();
    let window = |window: u32, ago: i64| format!("{}&recvWindow={window}", at(-ago));
    for good in [at(999), at(-5000), window(10, 10), window(60_000, 60_000)] {
        works(&mut front, CREDENTIAL, &good, &GOOD);
    }
    for late in [at(1000), at(-5001), window(10, 11), window(60_000, 60_001)] {
        assert_eq!(code(&mut front, CREDENTIAL, &late, &GOOD), -1021, "{late}");
    }
    assert_eq!(code(&mut front, CREDENTIAL, &window(60_001, 0), &GOOD), -1131);
}

#[test]
fn c2c_rule_026_who_has_no_key_learns_nothing_of_the_clock() {
    let mut front = Front::new();
    let wrong = signed(CREDENTIAL, "wrong", &at(-60_000), &GOOD);
    assert_eq!(refused(&mut front, wrong).1, -1022);
}

#[test]
fn c2c_rule_027_028_029_the_client_type_is_asked_for() {
    let mut front = Front::new();
    let key = &GOOD[..1];
    assert_eq!(code(&mut front, CREDENTIAL, &fresh(), key), -31002);
    assert_eq!(code(&mut front, CREDENTIAL, &fresh(), &[GOOD[0], ("clientType", "")]), -31002);
    for value in ["web", "WEB", "PC"] {
        works(&mut front, CREDENTIAL, &fresh(), &[GOOD[0], ("CLIENTTYPE", value)]);
    }
    works(&mut front, CREDENTIAL, &format!("clientType=web&{}", fresh()), key);
    let history = format!("orderNo={ORDER}&{}", fresh());
    works(&mut front, HISTORY, &history, key);
    let mut strict = Front::with_faults(r#"{"history_needs_client_type":true}"#);
    assert_eq!(code(&mut strict, HISTORY, &history, key), -31002);
    works(&mut strict, HISTORY, &history, &GOOD);
}

#[test]
fn c2c_rule_030_read_marks_go_signed_or_not() {
    let mark = |query: &str| {
        let mut request = post("markUserMessagesAsRead", "application/json", "{}");
        let path = request.uri().path().to_owned();
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        *request.uri_mut() = format!("https://h{path}{query}").parse().unwrap();
        request
    };
    let query = HmacSigner::new(&SECRET.into()).sign_query(Query::new(), START, 5000);
    for (marks, signed, unsigned) in
        [("either", "ok", "ok"), ("signed", "ok", "-1102"), ("unsigned", "-1022", "ok")]
    {
        let mut front = Front::with_faults(&format!(r#"{{"marks":"{marks}"}}"#));
        let mut answer = |query: &str| match &front.json(mark(query)).1["code"] {
            code if code == "000000" => "ok".to_owned(),
            code => code.to_string(),
        };
        assert_eq!(
            (answer(query.as_str()), answer("")),
            (signed.into(), unsigned.into()),
            "{marks}"
        );
    }
    // A wrong one is refused wherever one is taken.
    let mut front = Front::with("{}", HubConfig::default());
    let wrong = mark(&format!("timestamp={START}&signature=00"));
    assert_eq!(refused(&mut front, wrong), (400, -1022));
}
