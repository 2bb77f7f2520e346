//! Proxies, which play the target themselves once the tunnel is open. Targets have a name that only
//! a proxy can know.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{HttpFailure, LinkFailure};

use super::peer::{self, Peer};
use super::probe::Event;
use super::tls::{Identity, accept};
use super::{Subject, client_with, never, opened, quiet, run};
use crate::{HttpLimits, Network, Options, Proxies, Proxy, TlsPolicy, http};

/// Reserved for names that do not exist (RFC 6761, section 6.4).
const TARGET: &str = "chat.invalid";

fn through(policy: TlsPolicy, proxy: &str) -> Network {
    Network::new(policy).with_proxies(Proxies::all(Proxy::parse(proxy).unwrap()))
}

/// Takes a `CONNECT` for the target and agrees; gives the head.
fn agree(stream: &mut (impl Read + Write)) -> Vec<String> {
    let head = peer::head(stream).unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").unwrap();
    assert_eq!(head[0], format!("connect {TARGET}:7777 http/1.1"));
    assert_eq!(head[1], format!("host: {TARGET}:7777"));
    head
}

/// Takes a SOCKS request of user `us` for the target and agrees.
fn agree_socks(stream: &mut TcpStream) {
    let mut expect = |bytes: &[u8], answer: &[u8]| {
        let mut got = vec![0; bytes.len()];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(got, bytes);
        stream.write_all(answer).unwrap();
    };
    expect(&[5, 2, 0, 2], &[5, 2]);
    expect(b"\x01\x02us\x04p:wd", &[1, 0]);
    let reply = b"\x05\x00\x00\x03\x05other\x00\x01";
    expect(&[b"\x05\x01\x00\x03\x0c", TARGET.as_bytes(), &7777_u16.to_be_bytes()].concat(), reply);
}

async fn echoes<S: Subject>(network: Network, uri: &str) {
    let mut conn = client_with(uri, S::Runtime::from(network), Options::default());
    opened(&mut conn).await;
    conn.machine().0.text("through");
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("through"))));
}

/// A WebSocket over TLS and an HTTPS exchange go through `CONNECT`, with user and password; so does
/// a WebSocket without TLS.
pub fn proxy_connect<S: Subject>() {
    run::<S>(async {
        let target = Identity::new(TARGET);
        let config = target.config.clone();
        let proxy = Peer::tcp(move |mut stream| {
            let head = agree(&mut stream);
            peer::echo(tungstenite::accept(accept(config, stream)).unwrap());
            head
        });
        let network = through(target.policy(), &format!("http://us:p%3Awd@{}", proxy.address));
        echoes::<S>(network, &format!("wss://{TARGET}:7777/")).await;
        // `us:p:wd`, in lower case as the whole head is.
        let wanted = "proxy-authorization: basic dxm6cdp3za==";
        assert_eq!(proxy.outcome().await[2], wanted);

        let config = target.config.clone();
        let proxy = Peer::tcp(move |mut stream| {
            let shown = agree(&mut stream);
            let mut stream = accept(config, stream);
            let head = peer::head(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
            (shown, head)
        });
        let network = through(target.policy(), &proxy.address.to_string());
        let runtime = S::Runtime::from(network);
        let request = ::http::Request::get(format!("https://{TARGET}:7777/a?b=c"));
        let request = request.header("token", "hush").body(Bytes::new()).unwrap();
        let (end, limits) = (never(&runtime), HttpLimits::default());
        let answer = http::exchange(&runtime, request, end, &limits).await.unwrap();
        assert_eq!(answer.body(), "ok");
        let (shown, head) = proxy.outcome().await;
        assert_eq!((shown.len(), &*head[0]), (2, "get /a?b=c http/1.1"));

        let proxy = Peer::tcp(|mut stream| {
            agree(&mut stream);
            peer::echo(tungstenite::accept(stream).unwrap());
        });
        let network = through(target.policy(), &proxy.address.to_string());
        echoes::<S>(network, &format!("ws://{TARGET}:7777/")).await;
    });
}

/// The same over TLS to the proxy, by the same policy: TLS within TLS.
pub fn proxy_connect_over_tls<S: Subject>() {
    run::<S>(async {
        let (outer, inner) = (Identity::new("127.0.0.1"), Identity::new(TARGET));
        let (outer_config, inner_config) = (outer.config.clone(), inner.config.clone());
        let proxy = Peer::tcp(move |stream| {
            let mut stream = accept(outer_config, stream);
            agree(&mut stream);
            peer::echo(tungstenite::accept(accept(inner_config, stream)).unwrap());
        });
        let policy = outer.policy().with_ca_pem(&inner.ca_pem).unwrap();
        let network = through(policy, &format!("https://{}", proxy.address));
        echoes::<S>(network, &format!("wss://{TARGET}:7777/")).await;

        // A proxy that is not trusted gets no word of what we want.
        let unknown = Identity::new("127.0.0.1");
        let proxy = Peer::tcp(move |stream| peer::head(&mut accept(unknown.config, stream)).ok());
        let network = through(inner.policy(), &format!("https://{}", proxy.address));
        let uri = format!("wss://{TARGET}:7777/");
        let mut conn = client_with(&uri, S::Runtime::from(network), Options::default());
        assert!(matches!(conn.next().await, Some(Event::Lost(1, LinkFailure::Untrusted(_)))));
        assert_eq!(quiet(&mut conn, proxy.outcome()).await, None);
    });
}

/// A WebSocket over TLS goes through SOCKS 5 with user and password; the proxy gets the name.
pub fn proxy_socks<S: Subject>() {
    run::<S>(async {
        let target = Identity::new(TARGET);
        let config = target.config.clone();
        let proxy = Peer::tcp(move |mut stream| {
            agree_socks(&mut stream);
            peer::echo(tungstenite::accept(accept(config, stream)).unwrap());
        });
        let network = through(target.policy(), &format!("socks5h://us:p%3Awd@{}", proxy.address));
        echoes::<S>(network, &format!("wss://{TARGET}:7777/")).await;
    });
}

/// A proxy that says no, or is not there, is a failed dial that says why and shows no password.
pub fn proxy_refuses<S: Subject>() {
    run::<S>(async {
        for (scheme, answer, why) in [
            ("http", &b"HTTP/1.1 407 Login\r\n\r\n"[..], "wants other credentials"),
            ("http", b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "HTTP 403"),
            ("socks5", b"\x05\xff", "wants other credentials"),
            ("socks5", b"\x05\x02\x01\x01", "wants other credentials"),
            ("socks5", b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", "connection refused"),
        ] {
            let proxy = Peer::tcp(move |mut stream| peer::finish(&mut stream, answer));
            refused::<S>(&format!("{scheme}://user:hush@{}", proxy.address), why).await;
        }
        let nobody = peer::nobody();
        refused::<S>(&format!("http://user:hush@{nobody}"), &format!("{nobody}")).await;
        refused::<S>("socks5://user:hush@proxy.invalid:1080", "proxy.invalid").await;
    });
}

/// A proxy that breaks its protocol, cuts its answer short, never ends it, or speaks in the tunnel,
/// is a failed dial. One that says nothing costs the network's time.
pub fn proxy_hostile<S: Subject>() {
    run::<S>(async {
        let endless = [&b"HTTP/1.1 200 OK\r\n"[..], &b"a: b\r\n".repeat(20_000)].concat();
        for (scheme, answer, why) in [
            ("http", b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), "no HTTP"),
            ("http", endless, "too long"),
            ("http", b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 x\r\n\r\n".to_vec(), "in the tunnel"),
            ("http", b"HTTP/1.1 200 OK\r\n".to_vec(), "closed the connection"),
            ("http", Vec::new(), "closed the connection"),
            ("socks5", b"HTTP/1.1 400 Bad\r\n\r\n".to_vec(), "no SOCKS 5"),
            ("socks5", b"\x05\x07".to_vec(), "not offered"),
            ("socks5", b"\x05\x00\x05\x00\x00\x03\xff".to_vec(), "closed the connection"),
        ] {
            let proxy = Peer::tcp(move |mut stream| {
                // The client may leave before all is written.
                let _ = stream.write_all(&answer);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                peer::until_gone(&stream);
            });
            refused::<S>(&format!("{scheme}://user:hush@{}", proxy.address), why).await;
            proxy.outcome().await;
        }
    });
}

/// A proxy that hands its answer out byte by byte is waited for, as long as a connection may take
/// in all and no longer: each byte buys it no time.
pub fn proxy_slow<S: Subject>() {
    run::<S>(async {
        let proxy = Peer::tcp(|mut stream| {
            peer::head(&mut stream).unwrap();
            for byte in b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\n" {
                stream.write_all(&[*byte]).unwrap();
            }
            peer::echo(tungstenite::accept(stream).unwrap());
        });
        let network = through(TlsPolicy::platform(), &proxy.address.to_string());
        echoes::<S>(network, &format!("ws://{TARGET}:7777/")).await;

        let silent = Peer::tcp(|stream| peer::until_gone(&stream));
        late::<S>(silent).await;
        let dripping = Peer::tcp(|mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nVia: ");
            stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
            let mut heard = [0; 256];
            loop {
                match stream.read(&mut heard) {
                    Ok(0) => return,
                    Ok(_) => {}
                    // Nobody said anything for a while: one more byte.
                    Err(error) if is_pause(&error) => {
                        if stream.write_all(b"x").is_err() {
                            return;
                        }
                    }
                    Err(_) => return,
                }
            }
        });
        late::<S>(dripping).await;
    });
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A proxy that takes longer than a connection may take. It hears that we are gone.
async fn late<S: Subject>(proxy: Peer) {
    let network = through(TlsPolicy::platform(), &proxy.address.to_string());
    let network = network.with_connect_timeout(Duration::from_millis(20));
    let uri = format!("ws://{TARGET}:7777/");
    let mut conn = client_with(&uri, S::Runtime::from(network), Options::default());
    let Some(Event::Lost(1, LinkFailure::Dial(text))) = conn.next().await else { panic!() };
    assert!(text.ends_with("in time"), "{text}");
    proxy.knock();
    quiet(&mut conn, proxy.outcome()).await;
}

/// Both ways of reaching the target fail with a text that holds `why`, and nothing has happened.
async fn refused<S: Subject>(proxy: &str, why: &str) {
    let runtime = S::Runtime::from(through(TlsPolicy::platform(), proxy));
    let uri = format!("ws://{TARGET}:7777/?token=hush");
    let mut conn = client_with(&uri, runtime.clone(), Options::default());
    let event = conn.next().await;
    // Other credentials are the application's affair; anything else may pass.
    let text = match &event {
        Some(Event::Lost(1, LinkFailure::Dial(text))) => {
            assert!(text.starts_with("proxy ") && !text.contains("credentials"), "{text}");
            text
        }
        Some(Event::Lost(1, LinkFailure::ProxyLogin(text))) => {
            assert!(text.contains("credentials"), "{text}");
            text
        }
        other => panic!("{other:?}"),
    };
    assert!(text.contains(why), "{text} does not say {why}");
    assert!(!text.contains("hush"), "{text}");

    // Whoever answered has closed by now, which is a refusal as well.
    let request = ::http::Request::get(format!("http://{TARGET}:7777/"));
    let request = request.body(Bytes::new()).unwrap();
    let (end, limits) = (never(&runtime), HttpLimits::default());
    let failure = http::exchange(&runtime, request, end, &limits).await.unwrap_err();
    assert!(
        matches!(&failure, HttpFailure::Dial(text) if text.starts_with("proxy "))
            || matches!(failure, HttpFailure::ProxyLogin(_)),
        "{failure}"
    );
}

/// Exceptions are reached directly.
pub fn proxy_exceptions<S: Subject>() {
    run::<S>(async {
        let proxy = Proxy::parse(&peer::nobody().to_string()).unwrap();
        let proxies = Proxies::all(proxy).except("10.0.0.0/8, 127.0.0.1").unwrap();
        let network = Network::default().with_proxies(proxies);
        echoes::<S>(network, &Peer::echo().ws()).await;
    });
}
