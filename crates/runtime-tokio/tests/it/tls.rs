use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{HttpFailure, LinkFailure};
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use runtime_tokio::{HttpLimits, Options, Runtime, TlsPolicy, TlsPolicyError, TokioRuntime};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::support::probe::Event;
use crate::support::{client_with, peer};

/// An authority and a certificate that it issued for a host.
struct Identity {
    ca_pem: String,
    certificate: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

fn identity(host: &str) -> Identity {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let certificate = leaf.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Identity { ca_pem, certificate, config: Arc::new(config) }
}

/// An echoing WebSocket server over TLS; takes one connection.
async fn echo(config: Arc<ServerConfig>) -> String {
    let address = peer::tcp(async move |stream| {
        // Fails where the client does not trust us.
        let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut ws = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = ws.next().await {
            if message.is_text() {
                ws.send(message).await.unwrap();
            }
        }
    });
    format!("wss://{}/", address.await)
}

/// The first thing that happens, and the echo if it is an opened connection.
async fn attempt(uri: &str, policy: TlsPolicy) -> Result<(), LinkFailure> {
    let mut conn = client_with(uri, TokioRuntime::new(policy), Options::default());
    match conn.next().await.unwrap() {
        Event::Opened(1) => {
            conn.machine().0.text("secret");
            assert_eq!(conn.next().await, Some(Event::Message(Message::text("secret"))));
            Ok(())
        }
        Event::Lost(1, failure) => Err(failure),
        other => panic!("{other:?}"),
    }
}

fn pin(certificate: &CertificateDer<'_>) -> TlsPolicy {
    TlsPolicy::pin_sha256(Sha256::digest(certificate.as_ref()).into())
}

#[tokio::test]
async fn an_authority_is_trusted_for_the_names_it_signed() {
    let (right, wrong) = (identity("127.0.0.1"), identity("127.0.0.1"));
    let elsewhere = identity("elsewhere.example.com");

    let only = TlsPolicy::only_ca_pem(&right.ca_pem).unwrap();
    attempt(&echo(right.config.clone()).await, only.clone()).await.unwrap();
    let extra = TlsPolicy::platform().with_ca_pem(&right.ca_pem).unwrap();
    attempt(&echo(right.config.clone()).await, extra).await.unwrap();

    let failure = attempt(&echo(wrong.config).await, only).await.unwrap_err();
    assert!(
        matches!(&failure, LinkFailure::Tls(text) if text.contains("invalid peer certificate")),
        "{failure}"
    );
    let policy = TlsPolicy::only_ca_pem(&elsewhere.ca_pem).unwrap();
    let failure = attempt(&echo(elsewhere.config).await, policy).await.unwrap_err();
    assert!(
        matches!(&failure, LinkFailure::Tls(text) if text.contains("not valid for name")),
        "{failure}"
    );
}

#[tokio::test]
async fn the_platform_does_not_trust_us() {
    let failure = attempt(&echo(identity("127.0.0.1").config).await, TlsPolicy::platform()).await;
    assert!(matches!(failure, Err(LinkFailure::Tls(_))), "{failure:?}");
}

#[tokio::test]
async fn a_pin_accepts_one_certificate_whatever_it_says() {
    let (pinned, other) = (identity("elsewhere.example.com"), identity("127.0.0.1"));
    attempt(&echo(pinned.config).await, pin(&pinned.certificate)).await.unwrap();
    let failure = attempt(&echo(other.config).await, pin(&pinned.certificate)).await;
    assert!(matches!(failure, Err(LinkFailure::Tls(_))), "{failure:?}");
}

#[tokio::test]
async fn anything_goes_where_it_was_asked_for_by_its_name() {
    let policy = TlsPolicy::dangerous_accept_any();
    assert_eq!(format!("{policy:?}"), "TlsPolicy(ANYTHING)");
    attempt(&echo(identity("elsewhere.example.com").config).await, policy).await.unwrap();
}

#[tokio::test]
async fn a_peer_without_tls_is_a_tls_failure() {
    let plain = peer::tcp(async |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = peer::head(&mut stream).await;
    })
    .await;
    let failure = attempt(&format!("wss://{plain}/"), TlsPolicy::dangerous_accept_any()).await;
    assert!(matches!(failure, Err(LinkFailure::Tls(_))), "{failure:?}");
}

#[tokio::test]
async fn exchanges_follow_the_same_policy() {
    let (known, unknown) = (identity("127.0.0.1"), identity("127.0.0.1"));
    let runtime = TokioRuntime::new(TlsPolicy::only_ca_pem(&known.ca_pem).unwrap());
    for (config, trusted) in [(known.config, true), (unknown.config, false)] {
        let address = peer::tcp(async move |stream| {
            let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            peer::head(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            stream.shutdown().await.unwrap();
        })
        .await;
        let request = http::Request::get(format!("https://{address}/")).body(Bytes::new()).unwrap();
        let deadline = runtime.now().mono + Duration::from_secs(60);
        let limits = HttpLimits::default();
        match runtime_tokio::http::exchange(&runtime, request, deadline, &limits).await {
            Ok(answer) => assert!(trusted && answer.body() == "ok"),
            Err(failure) => assert!(!trusted && matches!(failure, HttpFailure::Tls(_))),
        }
    }
}

#[test]
fn a_text_without_a_certificate_is_an_error() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    for text in ["", "garbage", &key] {
        let error = TlsPolicy::only_ca_pem(text).unwrap_err();
        assert!(matches!(error, TlsPolicyError::Pem(_)), "{error}");
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(TlsPolicy::platform().with_ca_pem(broken).is_err());
}
