//! Whom an adapter trusts.

use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{HttpFailure, LinkFailure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::peer::{self, Peer};
use super::probe::Event;
use super::{Subject, client_with, never, run};
use crate::{HttpLimits, Network, Options, TlsPolicy, http};

/// An authority and a certificate that it issued for a host.
pub(super) struct Identity {
    pub(super) ca_pem: String,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) config: Arc<ServerConfig>,
}

impl Identity {
    pub(super) fn new(host: &str) -> Self {
        Self::with(host, |_| {})
    }

    fn with(host: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut leaf);
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
        Self { ca_pem, certificate, config: Arc::new(config) }
    }

    /// Trusts this authority and no other.
    pub(super) fn policy(&self) -> TlsPolicy {
        TlsPolicy::only_ca_pem(&self.ca_pem).unwrap()
    }

    fn pin(&self) -> TlsPolicy {
        TlsPolicy::pin_sha256(Sha256::digest(self.certificate.as_ref()).into())
    }

    /// A WebSocket that echoes, over TLS. Its handshakes fail where the client does not trust us.
    fn echo(&self) -> Peer {
        let config = self.config.clone();
        Peer::tcp(move |stream| {
            let Ok(ws) = tungstenite::accept(accept(config, stream)) else { return };
            assert_eq!(ws.get_ref().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
            peer::echo(ws);
        })
    }
}

/// TLS over a stream; the handshake takes place with the first byte.
pub(super) fn accept(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), stream)
}

/// The first thing that happens, and the echo if it is an opened connection.
async fn attempt<S: Subject>(peer: &Peer, policy: TlsPolicy) -> Result<(), LinkFailure> {
    let runtime = S::Runtime::from(Network::new(policy));
    let uri = format!("wss://{}/", peer.address);
    let mut conn = client_with(&uri, runtime, Options::default());
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

/// The certificate is not accepted, and the text says why.
async fn refused<S: Subject>(identity: &Identity, policy: TlsPolicy, why: &str) {
    let failure = attempt::<S>(&identity.echo(), policy).await.unwrap_err();
    assert!(matches!(&failure, LinkFailure::Tls(text) if text.contains(why)), "{failure}");
}

/// An authority that was named is trusted, alone and beside the platform's.
pub fn tls_ca<S: Subject>() {
    run::<S>(async {
        let known = Identity::new("127.0.0.1");
        attempt::<S>(&known.echo(), known.policy()).await.unwrap();
        let extra = TlsPolicy::platform().with_ca_pem(&known.ca_pem).unwrap();
        attempt::<S>(&known.echo(), extra).await.unwrap();
    });
}

/// Another authority is not.
pub fn tls_wrong_ca<S: Subject>() {
    run::<S>(async {
        let (known, unknown) = (Identity::new("127.0.0.1"), Identity::new("127.0.0.1"));
        refused::<S>(&unknown, known.policy(), "invalid peer certificate").await;
    });
}

/// A certificate for another host is not accepted.
pub fn tls_wrong_host<S: Subject>() {
    run::<S>(async {
        let elsewhere = Identity::new("elsewhere.example.com");
        refused::<S>(&elsewhere, elsewhere.policy(), "not valid for name").await;
    });
}

/// Nor one that has expired, or is not valid yet.
pub fn tls_expired<S: Subject>() {
    run::<S>(async {
        let expired = Identity::with("127.0.0.1", |leaf| {
            leaf.not_before = rcgen::date_time_ymd(2001, 1, 1);
            leaf.not_after = rcgen::date_time_ymd(2002, 1, 1);
        });
        refused::<S>(&expired, expired.policy(), "expired").await;
        let early = Identity::with("127.0.0.1", |leaf| {
            leaf.not_before = rcgen::date_time_ymd(3001, 1, 1);
            leaf.not_after = rcgen::date_time_ymd(3002, 1, 1);
        });
        refused::<S>(&early, early.policy(), "not valid yet").await;
    });
}

/// A pin accepts one certificate, whatever it says.
pub fn tls_pin<S: Subject>() {
    run::<S>(async {
        let pinned = Identity::new("elsewhere.example.com");
        attempt::<S>(&pinned.echo(), pinned.pin()).await.unwrap();
    });
}

/// And no other.
pub fn tls_wrong_pin<S: Subject>() {
    run::<S>(async {
        let (pinned, other) = (Identity::new("127.0.0.1"), Identity::new("127.0.0.1"));
        refused::<S>(&other, pinned.pin(), "").await;
    });
}

/// The platform's roots can be read, and an authority made a moment ago is not among them.
pub fn tls_platform<S: Subject>() {
    run::<S>(async {
        let unknown = Identity::new("127.0.0.1");
        refused::<S>(&unknown, TlsPolicy::platform(), "").await;
    });
}

/// Anything goes where it was asked for by its name.
pub fn tls_dangerous<S: Subject>() {
    run::<S>(async {
        let policy = TlsPolicy::dangerous_accept_any();
        assert_eq!(format!("{policy:?}"), "TlsPolicy(ANYTHING)");
        attempt::<S>(&Identity::new("elsewhere.example.com").echo(), policy).await.unwrap();
    });
}

/// A peer without TLS is a failure of TLS, not of the dial.
pub fn tls_missing<S: Subject>() {
    run::<S>(async {
        let plain = Peer::tcp(|mut stream| {
            peer::finish(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let failure = attempt::<S>(&plain, TlsPolicy::dangerous_accept_any()).await;
        assert!(matches!(failure, Err(LinkFailure::Tls(_))), "{failure:?}");
    });
}

/// HTTP exchanges follow the same policy.
pub fn tls_for_http<S: Subject>() {
    run::<S>(async {
        let (known, unknown) = (Identity::new("127.0.0.1"), Identity::new("127.0.0.1"));
        let runtime = S::Runtime::from(Network::new(known.policy()));
        for (config, trusted) in [(known.config, true), (unknown.config, false)] {
            let peer = Peer::tcp(move |stream| {
                let mut stream = accept(config, stream);
                if peer::head(&mut stream).is_ok() {
                    use std::io::Write;
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                    stream.conn.send_close_notify();
                    stream.flush().unwrap();
                }
            });
            let uri = format!("https://{}/", peer.address);
            let request = ::http::Request::get(uri).body(Bytes::new()).unwrap();
            let (end, limits) = (never(&runtime), HttpLimits::default());
            match http::exchange(&runtime, request, end, &limits).await {
                Ok(answer) => assert!(trusted && answer.body() == "ok"),
                Err(failure) => assert!(!trusted && matches!(failure, HttpFailure::Tls(_))),
            }
        }
    });
}
