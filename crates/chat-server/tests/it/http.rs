//! Plain HTTP on the same port.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::HttpFailure;
use http::Request;
use runtime_tokio::{TlsPolicy, TokioRuntime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{exchange, get, http, json_of, plain, server, soon};

#[tokio::test]
async fn an_unknown_path_is_404_in_json() {
    let server = server().await;
    let answer = http(&server, get("/no/such/thing")).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(json_of(&answer)["errors"][0]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let server = plain(|config| config.limits.max_body_bytes = 1000).await;
    let post =
        |body: Vec<u8>| Request::post("/api/login/oauth/token").body(Bytes::from(body)).unwrap();
    assert_eq!(http(&server, post(vec![b'x'; 1000])).await.status(), 400);
    let answer = http(&server, post(vec![b'x'; 1001])).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(json_of(&answer)["errors"][0]["code"], "TOO_LARGE");
    // Nobody reads a body that size, and the answer gets through all the same.
    assert_eq!(http(&server, post(vec![b'x'; 8 << 20])).await.status(), 413);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413() {
    let server = plain(|config| config.limits.max_body_bytes = 1000).await;
    let mut chunk = String::from("800\r\n");
    chunk.push_str(&"x".repeat(0x800));
    chunk.push_str("\r\n0\r\n\r\n");
    let answer = talk(
        &server.urls().pbx,
        &[
            "POST /api/login/oauth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
            &chunk,
        ],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = plain(|_| {}).await;
    let answer = talk(
        &server.urls().pbx,
        &[
            "GET /one HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /two HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        ],
    )
    .await;
    assert_eq!(answer.matches("HTTP/1.1 404 ").count(), 2, "{answer}");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = plain(|_| {}).await;
    let answer = talk(&server.urls().pbx, &["\x16\x03\x01 hello?\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let answer = talk(&server.urls().pbx, &[&long]).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_slow_head_and_a_slow_body_are_given_up() {
    let server = plain(|config| {
        config.limits.head_within = Duration::from_millis(100);
        config.limits.request_within = Duration::from_millis(100);
    })
    .await;
    let answer = talk(&server.urls().pbx, &["GET / HTTP/1.1\r\nhost:"]).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let head = "POST /api/login/oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab";
    let answer = talk(&server.urls().pbx, &[head]).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// Writes `parts` and reads to the end.
pub(crate) async fn talk(base: &str, parts: &[&str]) -> String {
    let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    for part in parts {
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    let mut answer = Vec::new();
    let _ = soon("the answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_certificate_proves_who_the_server_is() {
    let (server, stranger) = (server().await, server().await);
    let policy = TlsPolicy::only_ca_pem(stranger.ca_pem().unwrap()).unwrap();
    let url = format!("{}/x", server.urls().pbx);
    let answer = exchange(&TokioRuntime::new(policy), get(&url)).await;
    assert!(matches!(answer, Err(HttpFailure::Untrusted(_))), "{answer:?}");
    // By name as well as by address.
    let url = url.replace("127.0.0.1", "localhost");
    let answer = exchange(&TokioRuntime::new(server.tls_policy()), get(&url)).await;
    assert_eq!(answer.unwrap().status(), 404);
}
