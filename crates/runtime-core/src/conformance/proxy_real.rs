//! The same through proxies that others wrote. The target is a server with TLS on this machine, named
//! `localhost`, and each proxy's log shows that it was told the name.

use std::io::Write;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{HttpFailure, LinkFailure};

use super::peer::{self, Peer};
use super::probe::Event;
use super::real::{self, RealProxy};
use super::tls::{Identity, accept};
use super::{Subject, client_with, never, opened, run};
use crate::{HttpLimits, Network, Options, Proxies, Proxy, http};

const HOST: &str = "localhost";

/// Beyond what sockets and proxies keep in their buffers.
const LARGE: usize = 512 * 1024;

struct Target {
    identity: Identity,
    network: Network,
}

impl Target {
    /// Reached through `proxy`, with `user` before its address.
    fn new(proxy: &RealProxy, scheme: &str, user: &str) -> Self {
        let identity = Identity::new(HOST);
        let through = Proxy::parse(&format!("{scheme}://{user}{}", proxy.address)).unwrap();
        let network = Network::new(identity.policy()).with_proxies(Proxies::all(through));
        Self { identity, network }
    }

    /// A WebSocket and an HTTP exchange.
    async fn is_reached<S: Subject>(&self, proxy: &RealProxy) {
        self.echoes::<S>(proxy).await;
        let answer = self.exchange::<S>().await.unwrap();
        assert_eq!(answer.body().len(), LARGE);
    }

    async fn echoes<S: Subject>(&self, proxy: &RealProxy) {
        let config = self.identity.config.clone();
        let server = Peer::tcp(move |stream| {
            peer::echo(tungstenite::accept(accept(config, stream)).unwrap());
        });
        let port = server.address.port();
        let runtime = S::Runtime::from(self.network.clone());
        let uri = format!("wss://{HOST}:{port}/chat?token=hush");
        let mut conn = client_with(&uri, runtime, Options::default());
        opened(&mut conn).await;
        let large = Message::text("x".repeat(LARGE));
        for message in [Message::text("through"), large] {
            conn.machine().0.send(message.clone());
            assert_eq!(conn.next().await, Some(Event::Message(message)));
        }
        let log = proxy.log();
        assert!(log.contains(&format!("{HOST}:{port}")), "the proxy was not told the name: {log}");
        assert!(!log.contains("hush"), "{log}");
    }

    async fn exchange<S: Subject>(&self) -> Result<::http::Response<Bytes>, HttpFailure> {
        let config = self.identity.config.clone();
        let server = Peer::tcp(move |stream| {
            let mut stream = accept(config, stream);
            let Ok(head) = peer::head(&mut stream) else { return };
            assert_eq!(head[0], "get /a?b=c http/1.1");
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
            stream.write_all(&vec![b'x'; LARGE]).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        });
        let runtime = S::Runtime::from(self.network.clone());
        let request =
            ::http::Request::get(format!("https://{HOST}:{}/a?b=c", server.address.port()));
        let request = request.body(Bytes::new()).unwrap();
        let (end, limits) = (never(&runtime), HttpLimits::default());
        let answer = http::exchange(&runtime, request, end, &limits).await;
        server.knock();
        answer
    }

    /// Neither is, and why.
    async fn is_refused<S: Subject>(&self) -> (LinkFailure, HttpFailure) {
        let uri = format!("wss://{HOST}:{}/", peer::nobody().port());
        let runtime = S::Runtime::from(self.network.clone());
        let mut conn = client_with(&uri, runtime, Options::default());
        let event = conn.next().await;
        let Some(Event::Lost(1, link)) = event else { panic!("{event:?}") };
        assert!(!link.to_string().contains("hush"), "{link}");
        (link, self.exchange::<S>().await.unwrap_err())
    }

    async fn wants_another_login<S: Subject>(&self) {
        let (link, http) = self.is_refused::<S>().await;
        assert!(
            matches!(&link, LinkFailure::ProxyLogin(text)
            if text.ends_with("wants other credentials")),
            "{link}"
        );
        assert!(matches!(http, HttpFailure::ProxyLogin(_)), "{http}");
    }

    async fn is_told<S: Subject>(&self, why: &str) {
        let (link, http) = self.is_refused::<S>().await;
        assert!(matches!(&link, LinkFailure::Dial(text) if text.ends_with(why)), "{link}");
        assert!(matches!(&http, HttpFailure::Dial(_)), "{http}");
    }
}

/// tinyproxy, for everybody.
pub fn tinyproxy_open<S: Subject>() {
    let Some(proxy) = real::tinyproxy("") else { return };
    run::<S>(async {
        Target::new(&proxy, "http", "").is_reached::<S>(&proxy).await;
        // A login that nobody asked for does no harm.
        Target::new(&proxy, "http", "us:hush@").is_reached::<S>(&proxy).await;
    });
}

/// tinyproxy with a user and a password: the right ones, none, and others.
pub fn tinyproxy_login<S: Subject>() {
    let Some(proxy) = real::tinyproxy("BasicAuth us hush") else { return };
    run::<S>(async {
        Target::new(&proxy, "http", "us:hush@").is_reached::<S>(&proxy).await;
        Target::new(&proxy, "http", "").wants_another_login::<S>().await;
        Target::new(&proxy, "http", "us:hushhush@").wants_another_login::<S>().await;
    });
}

/// tinyproxy that lets nobody to this port, or this client nowhere, or finds nobody there: the error
/// has its status.
pub fn tinyproxy_denies<S: Subject>() {
    for (rule, why) in [
        ("ConnectPort 1", "answered HTTP 403"),
        ("Deny 127.0.0.0/8", "answered HTTP 403"),
        ("Allow 127.0.0.0/8", ""),
    ] {
        let Some(proxy) = real::tinyproxy(rule) else { return };
        run::<S>(async {
            let target = Target::new(&proxy, "http", "");
            if why.is_empty() {
                let (network, nobody) = (target.network, peer::nobody().port());
                let uri = format!("wss://{HOST}:{nobody}/");
                let mut conn = client_with(&uri, S::Runtime::from(network), Options::default());
                let event = conn.next().await;
                assert!(
                    matches!(&event, Some(Event::Lost(1, LinkFailure::Dial(text)))
                        if text.ends_with("answered HTTP 500")),
                    "{event:?}"
                );
            } else {
                target.is_told::<S>(why).await;
            }
        });
    }
}

/// microsocks, for everybody; and a target that nobody listens at.
pub fn microsocks_open<S: Subject>() {
    let Some(proxy) = real::microsocks(&[]) else { return };
    run::<S>(async {
        let target = Target::new(&proxy, "socks5h", "");
        target.is_reached::<S>(&proxy).await;
        Target::new(&proxy, "socks5", "us:hush@").is_reached::<S>(&proxy).await;

        let uri = format!("wss://{HOST}:{}/", peer::nobody().port());
        let runtime = S::Runtime::from(target.network);
        let mut conn = client_with(&uri, runtime, Options::default());
        let event = conn.next().await;
        assert!(
            matches!(&event, Some(Event::Lost(1, LinkFailure::Dial(text)))
                if text.ends_with("refused: connection refused")),
            "{event:?}"
        );
    });
}

/// microsocks with a user and a password: the right ones, none, and others.
pub fn microsocks_login<S: Subject>() {
    let Some(proxy) = real::microsocks(&["-u", "us", "-P", "p:hush"]) else { return };
    run::<S>(async {
        Target::new(&proxy, "socks5h", "us:p%3Ahush@").is_reached::<S>(&proxy).await;
        Target::new(&proxy, "socks5h", "").wants_another_login::<S>().await;
        Target::new(&proxy, "socks5h", "us:hush@").wants_another_login::<S>().await;
    });
}
