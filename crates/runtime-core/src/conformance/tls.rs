//! Whom an adapter trusts.

use std::env;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{HttpFailure, HttpRequest, LinkFailure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tracing::span;

use super::peer::{self, Peer};
use super::probe::{Event, Probe};
use super::{Subject, client_with, never, run};
use crate::files::{self, DownloadOptions, TransferError};
use crate::tls::{Fingerprint, KnownServers};
use crate::{Connection, HttpLimits, Network, Options, TlsPolicy, http};

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
        TlsPolicy::pin_sha256(Fingerprint::of(&self.certificate).0)
    }

    /// A WebSocket that echoes, over TLS. Its handshakes fail where the client does not trust us.
    fn echo(&self) -> Peer {
        self.echo_on(peer::listener((std::net::Ipv4Addr::LOCALHOST, 0).into()))
    }

    fn echo_on(&self, listener: TcpListener) -> Peer {
        let config = self.config.clone();
        Peer::on(listener, move |stream| {
            let Ok(ws) = tungstenite::accept(accept(config, stream)) else { return };
            assert_eq!(ws.get_ref().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
            peer::echo(ws);
        })
    }
}

/// TLS over a stream; the handshake takes place with the first byte.
pub(super) fn accept<T: Read + Write>(
    config: Arc<ServerConfig>,
    stream: T,
) -> StreamOwned<ServerConnection, T> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), stream)
}

/// The first thing that happens, and the echo if it is an opened connection.
async fn attempt<S: Subject>(peer: &Peer, policy: TlsPolicy) -> Result<(), LinkFailure> {
    attempt_at::<S>(&format!("wss://{}/", peer.address), policy).await
}

async fn attempt_at<S: Subject>(uri: &str, policy: TlsPolicy) -> Result<(), LinkFailure> {
    let runtime = S::Runtime::from(Network::new(policy));
    let mut conn = client_with(uri, runtime, Options::default());
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
    assert!(matches!(&failure, LinkFailure::Untrusted(text) if text.contains(why)), "{failure}");
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
        refused::<S>(&other, pinned.pin(), "is not the one that is pinned").await;
    });
}

/// The platform's roots can be read, and an authority made a moment ago is not among them. Where the
/// roots can be given by a variable, one that is among them is trusted: this test runs itself with
/// that variable set.
pub fn tls_platform<S: Subject>() {
    const PEER: &str = "CHAT_CONFORMANCE_PLATFORM_PEER";
    run::<S>(async {
        if let Ok(address) = env::var(PEER) {
            let uri = format!("wss://{address}/");
            return attempt_at::<S>(&uri, TlsPolicy::platform()).await.unwrap();
        }
        let known = Identity::new("127.0.0.1");
        refused::<S>(&known, TlsPolicy::platform(), "").await;
        if !cfg!(target_os = "linux") {
            return;
        }
        let ca = env::temp_dir().join(format!("conformance-{}-{PEER}.pem", std::process::id()));
        std::fs::write(&ca, &known.ca_pem).unwrap();
        let peer = known.echo();
        let me = std::thread::current();
        let again = Command::new(env::current_exe().unwrap())
            .args(["--exact", me.name().unwrap()])
            .env(PEER, peer.address.to_string())
            .env("SSL_CERT_FILE", &ca)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        std::fs::remove_file(&ca).unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && said.contains("1 passed"), "{said}");
    });
}

/// The roots in the program do not know an authority made a moment ago.
pub fn tls_bundled<S: Subject>() {
    #[cfg(feature = "bundled-roots")]
    run::<S>(async {
        let known = Identity::new("127.0.0.1");
        refused::<S>(&known, TlsPolicy::bundled(), "UnknownIssuer").await;
        let extra = TlsPolicy::bundled().with_ca_pem(&known.ca_pem).unwrap();
        attempt::<S>(&known.echo(), extra).await.unwrap();
    });
}

/// The first certificate of a server is remembered, after the handshake; the same one is accepted
/// from then on, another one is not; what cannot be remembered is not used.
pub fn tls_first_use<S: Subject>() {
    run::<S>(async {
        let (first, second) = (Identity::new("a.example.com"), Identity::new("b.example.com"));
        let known = Arc::new(Memory::default());
        let policy = TlsPolicy::trust_on_first_use(known.clone());
        // One address for all, so that it is the same server.
        let listener = peer::listener((std::net::Ipv4Addr::LOCALHOST, 0).into());
        let uri = format!("wss://{}/", listener.local_addr().unwrap());
        let server = format!("[127.0.0.1]:{}", listener.local_addr().unwrap().port());
        let take = |identity: &Identity| identity.echo_on(listener.try_clone().unwrap());

        let peer = take(&first);
        attempt_at::<S>(&uri, policy.clone()).await.unwrap();
        peer.outcome().await;
        let print = Fingerprint::of(&first.certificate);
        assert_eq!(*known.0.lock().unwrap(), [(server.clone(), print)]);

        let peer = take(&first);
        attempt_at::<S>(&uri, policy.clone()).await.unwrap();
        peer.outcome().await;

        let peer = take(&second);
        let failure = attempt_at::<S>(&uri, policy).await.unwrap_err();
        peer.outcome().await;
        assert!(
            matches!(&failure, LinkFailure::Untrusted(text)
                if text.contains(&server) && text.contains("has changed")),
            "{failure}"
        );
        assert_eq!(known.0.lock().unwrap().len(), 1);

        let peer = take(&first);
        let failure = attempt_at::<S>(&uri, TlsPolicy::trust_on_first_use(Arc::new(Full))).await;
        peer.outcome().await;
        assert!(
            matches!(&failure, Err(LinkFailure::Tls(text)) if text.contains("no space")),
            "{failure:?}"
        );
    });
}

/// Forgets at the end of the test.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<(String, Fingerprint)>>);

impl KnownServers for Memory {
    fn known(&self, server: &str) -> io::Result<Vec<Fingerprint>> {
        let known = self.0.lock().unwrap();
        Ok(known.iter().filter(|(name, _)| name == server).map(|(_, print)| *print).collect())
    }

    fn remember(&self, server: &str, fingerprint: Fingerprint) -> io::Result<()> {
        self.0.lock().unwrap().push((server.to_owned(), fingerprint));
        Ok(())
    }
}

/// Cannot be written.
#[derive(Debug)]
struct Full;

impl KnownServers for Full {
    fn known(&self, _: &str) -> io::Result<Vec<Fingerprint>> {
        Ok(Vec::new())
    }

    fn remember(&self, _: &str, _: Fingerprint) -> io::Result<()> {
        Err(io::Error::other("no space left"))
    }
}

/// Anything goes where it was asked for by its name, with a warning for each connection.
pub fn tls_dangerous<S: Subject>() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    run::<S>(async {
        let policy = TlsPolicy::dangerous_accept_any();
        assert_eq!(format!("{policy:?}"), "TlsPolicy(ANYTHING)");
        for count in 1..=2 {
            let anybody = Identity::new("elsewhere.example.com").echo();
            attempt::<S>(&anybody, policy.clone()).await.unwrap();
            assert_eq!(warnings.count(), count);
        }
    });
}

/// A server that is not trusted can be tried again, but not in silence: each attempt is an event and
/// a warning.
pub fn tls_refusals_are_told<S: Subject>() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    run::<S>(async {
        let (known, unknown) = (Identity::new("127.0.0.1"), Identity::new("127.0.0.1"));
        let runtime = S::Runtime::from(Network::new(known.policy()));
        let mut conn = Connection::new(Probe::default(), runtime, Options::default());
        for count in 1..=3 {
            let peer = unknown.echo();
            conn.machine().0.dial(count, &format!("wss://{}/", peer.address));
            let event = conn.next().await;
            assert!(
                matches!(event, Some(Event::Lost(conn, LinkFailure::Untrusted(_))) if conn == count),
                "{event:?}"
            );
            assert_eq!(warnings.count() as u64, count);
        }
    });
}

/// No connection reads or sets rustls' process-wide provider.
pub fn tls_names_its_provider<S: Subject>() {
    run::<S>(async {
        let known = Identity::new("127.0.0.1");
        for policy in [known.policy(), known.pin(), TlsPolicy::dangerous_accept_any()] {
            attempt::<S>(&known.echo(), policy).await.unwrap();
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    });
}

/// Counts warnings of this thread.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().starts_with("runtime_core")
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
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
        for (config, trusted) in [(known.config, true), (unknown.config.clone(), false)] {
            let peer = Peer::tcp(move |stream| {
                let mut stream = accept(config, stream);
                if peer::head(&mut stream).is_ok() {
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
                Err(failure) => assert!(!trusted && matches!(failure, HttpFailure::Untrusted(_))),
            }
        }
        // A download is not tried again: its second attempt would find nobody.
        let peer = unknown.echo();
        let uri = format!("https://{}/", peer.address);
        let request = HttpRequest::new(::http::Request::get(uri).body(Bytes::new()).unwrap());
        let options = DownloadOptions::default().with_pause(Duration::from_millis(1));
        let failure = files::download_into(&runtime, request, &mut Vec::new(), options).await;
        assert!(
            matches!(&failure, Err(TransferError::Http(HttpFailure::Untrusted(_)))),
            "{failure:?}"
        );
    });
}
