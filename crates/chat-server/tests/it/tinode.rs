//! Tinode's flavour with our own client: its paths, its handshake, its files.

use std::time::Duration;

use chat_proto::Session;
use chat_proto::client::Event;
use chat_proto::error::CloseReason;
use chat_proto::im::TopicName;
use chat_proto::im::client::{Answer, Credentials, ImConfig, ImEvent, Publish, Subscribe};
use chat_proto::im::rest::{ImHost, upload_answer};
use chat_proto::rest::{BaseUrl, FilePart};
use chat_server::TestServer;
use chat_sign::Secret;
use http::{Request, header};
use runtime_tokio::{Connection, Options, Runtime as _};

use crate::http::talk;
use crate::support::{Client, ImClient, Raw, get, http, plain, runtime, server, upgrade};

fn host(server: &TestServer, key: &str) -> ImHost {
    ImHost::tinode(BaseUrl::parse(&server.urls().pbx).unwrap(), &Secret::new(key)).unwrap()
}

async fn client(server: &TestServer, number: &str) -> ImClient {
    let base = BaseUrl::parse(&server.urls().pbx).unwrap();
    let credentials = Credentials::password(number, "unused", format!("demo-{number}").as_str());
    let mut config = ImConfig::new(&base, credentials).unwrap();
    config.host = host(server, "key");
    let runtime = runtime(server);
    let now = runtime.now();
    let mut session = Session::im(config, runtime.seed(), now);
    session.connect(now);
    let mut client = Client { connection: Connection::new(session, runtime, Options::default()) };
    client.until(|event| matches!(event, Event::Ready { .. }).then_some(())).await;
    client
}

#[tokio::test]
async fn our_client_speaks_both_flavours_to_one_server() {
    let server = server().await;
    let mut ann = client(&server, "101").await;
    let mut bob = ImClient::ready(&server, "102").await;
    let group = TopicName::new("new");
    let asked = ann.ask(|im, now| im.subscribe(&group, Subscribe::default(), now)).await.unwrap();
    let Answer::Subscribed(subscribed) = asked else { panic!("{asked:?}") };
    let group = subscribed.topic;
    bob.ask(|im, now| im.subscribe(&group, Subscribe::default(), now)).await.unwrap();
    for (text, back) in [("one", false), ("two", true)] {
        let (from, to) = if back { (&mut bob, &mut ann) } else { (&mut ann, &mut bob) };
        from.ask(|im, now| im.publish(&group, Publish::text(text), now)).await.unwrap();
        let stamp = to
            .until(|event| match event {
                Event::Service(ImEvent::Message(data))
                    if data.content().is_some_and(|it| it.as_str().contains(text)) =>
                {
                    Some(data.ts().as_text().decode().into_owned())
                }
                _ => None,
            })
            .await;
        assert!(!back || stamp.len() <= 24, "{stamp}");
    }
    let (im, now) = ann.connection.machine();
    im.close(now);
    let reason = ann
        .until(|event| match event {
            Event::Closed(reason) => Some(reason),
            _ => None,
        })
        .await;
    assert!(matches!(reason, CloseReason::Requested), "{reason:?}");
}

#[tokio::test]
async fn files_go_up_and_down_by_path() {
    let server = server().await;
    let ann = client(&server, "101").await;
    let token = ann.connection.get().file_token().unwrap().clone();
    let part = FilePart::new("plan.png", 3);
    let request = host(&server, "key").upload(&token, "77", &part, 7).with_body(b"abc").unwrap();
    let mut request = request.into_request();
    let path = request.uri().path_and_query().unwrap().to_string();
    *request.uri_mut() = path.parse().unwrap();
    let answer = http(&server, request).await;
    let url = upload_answer(&answer).unwrap();
    assert!(url.as_str().starts_with("/v0/file/s/") && url.as_str().ends_with(".png"));
    let location = host(&server, "key").locate(&url).unwrap();
    let mut request = host(&server, "key").download(&location, &token).into_request();
    let path = request.uri().path_and_query().unwrap().to_string();
    *request.uri_mut() = path.parse().unwrap();
    let answer = http(&server, request).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"abc"[..]));
    // The same file under the other flavour's path.
    let id = url.as_str().trim_start_matches("/v0/file/s/").trim_end_matches(".png");
    let bob = Raw::extension(&server, "102").await;
    let request = Request::get(format!("/im/file/{id}"))
        .header(header::AUTHORIZATION, format!("token {}", bob.file_token()));
    let answer = http(&server, request.body(bytes::Bytes::new()).unwrap()).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"abc"[..]));
}

#[tokio::test]
async fn without_a_key_there_is_no_socket() {
    let server = plain(|config| config.hub.api_keys = vec![Secret::new("key")]).await;
    let url = server.urls().im.replace("/im", "/v0/channels");
    let Err(tungstenite::Error::Http(answer)) = upgrade(&server, &url).await else { panic!() };
    assert_eq!(answer.status(), 403);
    assert!(upgrade(&server, &format!("{url}?apikey=key")).await.is_ok());
    let answer = http(&server, get("/v0/file/s/x")).await;
    assert_eq!(answer.status(), 403);
    // Who asks by polling learns that it is not served.
    assert_eq!(http(&server, get("/v0/channels/lp?apikey=key")).await.status(), 404);
}

/// A client that keeps connections must not send its next request on one that is about to close.
#[tokio::test]
async fn a_refusal_before_the_end_of_an_upload_says_that_the_connection_closes() {
    let server = plain(|config| {
        config.hub.max_file_bytes = 1000;
        config.limits.head_within = Duration::from_millis(300);
    })
    .await;
    let token = Raw::extension(&server, "101").await.file_token();
    let post = |token: &str, body: &str| {
        format!(
            "POST /im/file HTTP/1.1\r\nhost: x\r\nauthorization: token {token}\r\ncontent-type: \
             multipart/form-data; boundary=B\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let part = "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    let long = format!("{part}{}\r\n--B--\r\n", "x".repeat(5000));
    for (token, body, status) in
        [("AAAA", part, "400"), (&token, "--B--\r\n", "400"), (&token, &long, "413")]
    {
        let answer = talk(&server.urls().pbx, &[&post(token, body)]).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    // Where nothing is left unread the connection goes on.
    let get = "GET /im/file/nothing HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = talk(&server.urls().pbx, &[get, get]).await;
    assert_eq!(answer.matches("HTTP/1.1 401 ").count(), 2, "{answer}");
}
