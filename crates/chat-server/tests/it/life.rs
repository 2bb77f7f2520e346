//! From start to stop.

use std::net::SocketAddr;
use std::time::Duration;

use chat_server::{Config, ServeError, Server, TestServer, Tls, world};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::support::{Raw, exchange, get, http, plain, server, soon};

#[tokio::test]
async fn the_ready_line_tells_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(world::builtin());
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.ca_file = Some(folder.path().join("my ca.pem"));
    let server = Server::bind(config).await.unwrap();
    let port = server.local_addr().port();
    let line = server.ready_line();
    let path = folder.path().join("my ca.pem");
    assert_eq!(
        line,
        format!(
            r#"{{"event":"ready","im":"wss://127.0.0.1:{port}/im","pbx":"https://127.0.0.1:{port}","c2c":"https://127.0.0.1:{port}","chat":"wss://127.0.0.1:{port}/chat","ca":"{}"}}"#,
            path.display()
        )
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), server.urls().ca_pem.clone().unwrap());
}

#[tokio::test]
async fn without_tls_there_is_no_authority() {
    let server = TestServer::start_plain(world::builtin()).await.unwrap();
    let line: Value = serde_json::from_str(&server.urls().ready_line()).unwrap();
    assert!(line["im"].as_str().unwrap().starts_with("ws://127.0.0.1:"));
    assert!(line["c2c"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(line.get("ca").is_none());
    assert_eq!(http(&server, get("/")).await.status(), 404);
}

#[tokio::test]
async fn rule_018_stopping_says_goodbye() {
    let server = server().await;
    let mut raw = Raw::extension(&server, "101").await;
    let ca = server.urls().ca.clone().unwrap();
    let control = server.control().clone();
    let stopped = tokio::spawn(server.stop());
    let ctrl = raw.until("ctrl").await;
    assert_eq!(ctrl["code"], 205, "{ctrl}");
    assert_eq!(raw.closed().await.0, 1001);
    assert!(raw.next().await.is_none());
    soon("the end", stopped).await.unwrap().unwrap();
    assert!(!ca.exists(), "the temporary folder is left");
    assert!(control.hub(|_, _| ()).await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let server = plain(|config| {
        config.limits.shutdown_within = Duration::from_millis(100);
        config.limits.linger = Duration::from_millis(100);
    })
    .await;
    // Nobody reads here: the goodbye gets no answer.
    let _mute = Raw::extension(&server, "101").await;
    // Somebody who has not even said what they want.
    let address = server.urls().pbx.strip_prefix("http://").unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    soon("the end", server.stop()).await.unwrap();
}

#[tokio::test]
async fn idle_sockets_do_not_hold_a_stop_up() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let mut config = Config::new(world::builtin());
    // Nothing here may have to be cut.
    config.limits.shutdown_within = Duration::from_secs(3600);
    for tls in [Tls::Off, Tls::SelfSigned] {
        config.tls = tls;
        let server = TestServer::start_with(config.clone()).await.unwrap();
        let (_, address) = server.urls().pbx.split_once("://").unwrap();
        // One that never says anything, one that is between two requests.
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut between = BufReader::new(TcpStream::connect(address).await.unwrap());
        if config.tls == Tls::Off {
            between.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut line = String::new();
            soon("an answer", between.read_line(&mut line)).await.unwrap();
        }
        soon("the end", server.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let mut twice = world::builtin();
    twice.tenants.push(twice.tenants[0].clone());
    let error = TestServer::start(twice).await.unwrap_err();
    assert_eq!(error.to_string(), "the world: domain 'pbx.example.com' occurs twice");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::new(world::builtin());
    config.listen = taken.local_addr().unwrap();
    let error = Server::bind(config).await.unwrap_err();
    assert!(matches!(error, ServeError::Bind { .. }), "{error}");

    let mut config = Config::new(world::builtin());
    config.tls = Tls::Files { cert: "no/cert.pem".into(), key: "no/key.pem".into() };
    let error = TestServer::start_with(config).await.unwrap_err();
    assert!(error.to_string().starts_with("no/cert.pem: "), "{error}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut config = Config::new(world::builtin());
    config.tls = Tls::Files { cert, key };
    let server = TestServer::start_with(config).await.unwrap();
    assert_eq!(server.urls().ca, None);
    let policy = runtime_tokio::TlsPolicy::only_ca_pem(made.cert.pem()).unwrap();
    let runtime = runtime_tokio::TokioRuntime::new(policy);
    let url = format!("{}/x", server.urls().pbx);
    assert_eq!(exchange(&runtime, get(&url)).await.unwrap().status(), 404);
}
