//! From a URI to an open WebSocket, or not.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use chat_proto::Message;
use chat_proto::machine::LinkFailure;
use futures_channel::oneshot;

use super::peer::{self, Peer};
use super::probe::{Event, Probe};
use super::real::told;
use super::watched::Watched;
use super::{Subject, client, client_with, opened, quiet, run, runtime};
use crate::{Network, Options, Runtime};

async fn failure<S: Subject>(uri: &str) -> LinkFailure {
    match client::<S>(uri).next().await {
        Some(Event::Lost(1, failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// Nobody listens: a failed dial, and no secret in its text.
pub fn dial_refused<S: Subject>() {
    run::<S>(async {
        let failure = failure::<S>(&format!("ws://{}/chat?token=hush", peer::nobody())).await;
        assert!(matches!(&failure, LinkFailure::Dial(text) if !text.contains("hush")), "{failure}");
    });
}

/// An HTTP answer other than 101 shows its status and `Retry-After`.
pub fn upgrade_refused<S: Subject>() {
    run::<S>(async {
        for (answer, status, pause) in [
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403, None),
            (
                "HTTP/1.1 429 Too Many\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n",
                429,
                Some(17),
            ),
            ("HTTP/1.1 429 Never\r\nRetry-After: 18446744073709551615\r\n\r\n", 429, Some(86_400)),
            ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", 200, None),
            ("HTTP/1.1 503 Later\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", 503, None),
        ] {
            let retry_after = pause.map(Duration::from_secs);
            let failure = failure::<S>(&Peer::canned(answer).ws()).await;
            assert_eq!(failure, LinkFailure::Refused { status, retry_after });
        }
    });
}

/// What is no HTTP is the peer's fault, and silence is an end.
pub fn upgrade_answered_with_nonsense<S: Subject>() {
    run::<S>(async {
        let nonsense = Peer::canned("SSH-2.0-OpenSSH\r\n\r\n");
        assert!(matches!(failure::<S>(&nonsense.ws()).await, LinkFailure::Protocol(_)));
        assert_eq!(failure::<S>(&Peer::canned("").ws()).await, LinkFailure::Ended);
    });
}

/// A URI that cannot be dialled is a failed dial, not a panic.
pub fn unusable_uri<S: Subject>() {
    run::<S>(async {
        for uri in ["ftp://127.0.0.1/im?token=hush", "/im?token=hush"] {
            let failure = failure::<S>(uri).await;
            assert!(
                matches!(&failure, LinkFailure::Dial(text) if !text.contains("hush")),
                "{failure}"
            );
        }
    });
}

/// The upgrade has what RFC 6455 asks for and keeps the machine's headers and query.
pub fn request_is_complete<S: Subject>() {
    run::<S>(async {
        let peer = Peer::tcp(|mut stream| peer::head(&mut stream).unwrap());
        let uri = format!("ws://{}/im?a=b%20c", peer.address);
        assert_eq!(failure::<S>(&uri).await, LinkFailure::Ended);
        let host = format!("host: {}", peer.address);
        let head = peer.outcome().await;
        assert_eq!(head[0], "get /im?a=b%20c http/1.1");
        for line in [&*host, "x-probe: 1", "upgrade: websocket", "sec-websocket-version: 13"] {
            assert!(head.iter().any(|have| have == line), "{line} is missing in {head:?}");
        }
    });
}

/// A peer that accepts TCP and never speaks TLS takes the network's time and no more.
pub fn connect_timeout<S: Subject>() {
    run::<S>(async {
        let silent = Peer::tcp(|stream| peer::until_gone(&stream));
        let network = Network::default().with_connect_timeout(Duration::from_millis(20));
        let uri = format!("wss://{}/", silent.address);
        let mut conn = client_with(&uri, S::Runtime::from(network), Options::default());
        let Some(Event::Lost(1, LinkFailure::Dial(text))) = conn.next().await else { panic!() };
        // Whichever step it was in when the time was over.
        assert!(text.ends_with("in time"), "{text}");
        silent.knock();
        quiet(&mut conn, silent.outcome()).await;
    });
}

/// Of a name's addresses each is tried until one answers.
pub fn several_addresses<S: Subject>() {
    run::<S>(async {
        let peer = Peer::echo();
        let names = vec![peer::nobody(), peer::nobody(), peer.address, peer::nobody()];
        let runtime = Watched::new(runtime::<S>()).with_name("chat.example.com", names);
        let uri = format!("ws://chat.example.com:{}/", peer.address.port());
        let mut conn = client_with(&uri, runtime.clone(), Options::default());
        opened(&mut conn).await;
        assert_eq!(runtime.connects(), 3);

        // None answers: the error names the last.
        let last = peer::nobody();
        let runtime = runtime.with_name("down.example.com", vec![peer::nobody(), last]);
        let mut conn = client_with("ws://down.example.com/", runtime, Options::default());
        let Some(Event::Lost(1, LinkFailure::Dial(text))) = conn.next().await else { panic!() };
        assert!(text.starts_with(&last.to_string()), "{text}");
    });
}

/// A name that does not exist, and one without addresses, are failed dials that name it.
pub fn name_without_an_address<S: Subject>() {
    run::<S>(async {
        // Reserved for this purpose by RFC 6761, section 6.4.
        let failure = failure::<S>("ws://nowhere.invalid/?token=hush").await;
        assert!(
            matches!(&failure, LinkFailure::Dial(text)
                if text.contains("nowhere.invalid") && !text.contains("hush")),
            "{failure}"
        );
        let runtime = Watched::new(runtime::<S>()).with_name("empty.example.com", Vec::new());
        let mut conn = client_with("ws://empty.example.com/", runtime, Options::default());
        let event = conn.next().await;
        assert!(matches!(event, Some(Event::Lost(1, LinkFailure::Dial(_)))), "{event:?}");
    });
}

/// The adapter resolves names.
pub fn localhost_resolves<S: Subject>() {
    run::<S>(async {
        let found = runtime::<S>().resolve("localhost", 7).await.unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|at| at.ip().is_loopback() && at.port() == 7), "{found:?}");
        // It may be ::1 and 127.0.0.1, and only the latter listens.
        let peer = Peer::echo();
        let mut conn = client::<S>(&format!("ws://localhost:{}/", peer.address.port()));
        opened(&mut conn).await;
    });
}

/// An IPv6 address in the URI. A machine without IPv6 says so: containers often have none, and no
/// set-up could give it to them.
pub fn ipv6<S: Subject>() {
    run::<S>(async {
        let listener = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            Ok(listener) => listener,
            Err(error) => return told("ipv6", &format!("no ::1 here: {error}")),
        };
        let peer = Peer::on(listener, |stream| peer::echo(tungstenite::accept(stream).unwrap()));
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        conn.machine().0.text("six");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("six"))));
    });
}

/// A dial that is given up closes its socket, and what it would have become is never told.
pub fn late_dial<S: Subject>() {
    run::<S>(async {
        let (reached, is_reached) = oneshot::channel();
        // Takes the request, and answers only when the client has gone.
        let late = Peer::tcp(|mut stream| {
            peer::head(&mut stream).unwrap();
            reached.send(()).unwrap();
            peer::until_gone(&stream);
        });
        let mut conn = client::<S>(&late.ws());
        quiet(&mut conn, is_reached).await.unwrap();
        conn.machine().0.drop_conn(1);
        quiet(&mut conn, late.outcome()).await;
        // Only the second answers.
        let good = Peer::echo();
        conn.machine().0.dial(2, &good.ws());
        assert_eq!(conn.next().await, Some(Event::Opened(2)));

        // Dropped with the connection that dials.
        let (reached, is_reached) = oneshot::channel();
        let late = Peer::tcp(|mut stream| {
            peer::head(&mut stream).unwrap();
            reached.send(()).unwrap();
            peer::until_gone(&stream);
        });
        let mut conn = client::<S>(&late.ws());
        quiet(&mut conn, is_reached).await.unwrap();
        drop(conn);
        late.outcome().await;

        // A finished machine ends the loop, and its dial.
        let late = Peer::tcp(|stream| peer::until_gone(&stream));
        let mut machine = Probe { finished: true, ..Probe::default() };
        machine.dial(1, &late.ws());
        let mut conn = crate::Connection::new(machine, runtime::<S>(), Options::default());
        assert_eq!(conn.next().await, None);
        assert_eq!(conn.next().await, None);
    });
}

/// The server goes, is away, and comes back at the same address: the end, a failed dial, a new
/// connection.
pub fn server_restart<S: Subject>() {
    run::<S>(async {
        // An address of our own keeps others from taking the port meanwhile, where there is one.
        let own = SocketAddr::from((Ipv4Addr::new(127, 0, 77, 1), 0));
        let listener = TcpListener::bind(own)
            .unwrap_or_else(|_| peer::listener((Ipv4Addr::LOCALHOST, 0).into()));
        let serve = |stream| {
            let mut ws = tungstenite::accept(stream).unwrap();
            let heard = ws.read().unwrap();
            ws.send(heard).unwrap();
        };
        let first = Peer::on(listener, serve);
        let (uri, address) = (first.ws(), first.address);
        let mut conn = client::<S>(&uri);
        opened(&mut conn).await;
        conn.machine().0.text("before");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("before"))));
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
        first.outcome().await;

        conn.machine().0.dial(2, &uri);
        let event = conn.next().await;
        assert!(matches!(event, Some(Event::Lost(2, LinkFailure::Dial(_)))), "{event:?}");

        let _second = Peer::on(peer::listener(address), serve);
        conn.machine().0.dial(1, &uri);
        opened(&mut conn).await;
        conn.machine().0.text("after");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("after"))));
    });
}
