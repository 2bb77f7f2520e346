//! HTTP exchanges.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::HttpFailure;
use futures_channel::oneshot;
use futures_util::stream;

use super::peer::{self, Peer};
use super::probe::{Event, Probe};
use super::{Subject, never, quiet, run, runtime};
use crate::http::{self as exchange, SizedBody};
use crate::{Connection, HttpLimits, Options};

async fn whole<S: Subject>(
    request: ::http::Request<Bytes>,
) -> Result<::http::Response<Bytes>, HttpFailure> {
    let runtime = runtime::<S>();
    let limits = HttpLimits { max_body_bytes: 1000 };
    exchange::exchange(&runtime, request, never(&runtime), &limits).await
}

fn get(uri: String) -> ::http::Request<Bytes> {
    ::http::Request::get(uri).body(Bytes::new()).unwrap()
}

/// Takes one request and answers 201 with its body; gives its head.
fn parrot(mut stream: TcpStream) -> Vec<String> {
    let head = peer::head(&mut stream).unwrap();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
    peer::finish(&mut stream, &body);
    head
}

/// A request arrives as it was written, and its answer comes back.
pub fn http_exchange<S: Subject>() {
    run::<S>(async {
        let peer = Peer::tcp(parrot);
        let host = format!("host: {}", peer.address);
        let request = ::http::Request::post(format!("{}/a/b?q=1&sig=%2F%20", peer.http()))
            .header("token", "t")
            .body(Bytes::from_static(b"{\"x\":1}"))
            .unwrap();
        let answer = whole::<S>(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &b"{\"x\":1}"[..]));
        let head = peer.outcome().await;
        assert_eq!(head[0], "post /a/b?q=1&sig=%2f%20 http/1.1");
        for line in [&*host, "content-length: 7", "token: t"] {
            assert!(head.iter().any(|have| have == line), "{line} is missing in {head:?}");
        }
        assert!(!head.iter().any(|line| line.starts_with("transfer-encoding")), "{head:?}");
    });
}

/// An empty POST says that it is empty; a GET has no length.
pub fn http_lengths<S: Subject>() {
    run::<S>(async {
        for (method, length) in [("POST", Some("0")), ("GET", None)] {
            let peer = Peer::tcp(parrot);
            let request = ::http::Request::builder().method(method).uri(peer.http());
            whole::<S>(request.body(Bytes::new()).unwrap()).await.unwrap();
            let head = peer.outcome().await;
            assert!(head[0].ends_with(" / http/1.1"), "{head:?}");
            let seen = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            assert_eq!(seen, length, "{method}");
        }
    });
}

/// Nobody listens: certainly nothing has happened.
pub fn http_refused<S: Subject>() {
    run::<S>(async {
        let failure = whole::<S>(get(format!("http://{}/?sig=hush", peer::nobody()))).await;
        let failure = failure.unwrap_err();
        assert!(matches!(failure, HttpFailure::Dial(_)), "{failure}");
        assert!(!failure.may_have_happened() && !failure.to_string().contains("hush"));
    });
}

/// An answer that breaks off, or is none, may mean that something has happened.
pub fn http_broken_off<S: Subject>() {
    run::<S>(async {
        for answer in
            ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this", "gar\r\n\r\nbage"]
        {
            let failure = whole::<S>(get(Peer::canned(answer).http())).await.unwrap_err();
            assert!(matches!(failure, HttpFailure::Io(_)), "{answer:?} gives {failure}");
            assert!(failure.may_have_happened());
        }
    });
}

/// A body over the limit is refused, whether its length is named or not.
pub fn http_body_over_the_limit<S: Subject>() {
    run::<S>(async {
        let named = format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{}", "x".repeat(1001));
        let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
        let chunk = format!("1F4\r\n{}\r\n", "x".repeat(500));
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}1\r\nx\r\n0\r\n\r\n"
        );
        for answer in [named, until_closed, chunked] {
            let failure = whole::<S>(get(Peer::canned(answer).http())).await;
            assert_eq!(failure.unwrap_err(), HttpFailure::TooBig { limit: 1000 });
        }
        let fits = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1000));
        let answer = whole::<S>(get(Peer::canned(fits).http())).await.unwrap();
        assert_eq!(answer.body().len(), 1000);
    });
}

/// An answer that does not come is given up at the deadline, and the connection closed.
pub fn http_deadline<S: Subject>() {
    run::<S>(async {
        let silent = Peer::tcp(|stream| peer::until_gone(&stream));
        let mut conn = Connection::new(Probe::default(), runtime::<S>(), Options::default());
        let (machine, now) = conn.machine();
        machine.http(5, get(silent.http()), now.mono + Duration::from_millis(20));
        let failure = Err(HttpFailure::TimedOut.to_string());
        assert_eq!(conn.next().await, Some(Event::Response(5, failure)));
        silent.knock();
        quiet(&mut conn, silent.outcome()).await;
    });
}

/// Exchanges run side by side; one that is aborted closes its connection and is never answered.
pub fn http_abort<S: Subject>() {
    run::<S>(async {
        let (reached, is_reached) = oneshot::channel();
        let silent = Peer::tcp(|mut stream| {
            peer::head(&mut stream).unwrap();
            reached.send(()).unwrap();
            peer::until_gone(&stream);
        });
        let quick = Peer::tcp(parrot);
        let mut conn = Connection::new(Probe::default(), runtime::<S>(), Options::default());
        let deadline = never(conn.runtime());
        let (machine, _) = conn.machine();
        machine.http(1, get(silent.http()), deadline);
        machine.http(2, get(quick.http()), deadline);
        assert_eq!(conn.next().await, Some(Event::Response(2, Ok((201, Bytes::new())))));
        quiet(&mut conn, is_reached).await.unwrap();
        conn.machine().0.abort_http(1);
        quiet(&mut conn, silent.outcome()).await;
    });
}

/// An upload goes out in pieces with its exact length, tells how far it is, and fails when the
/// pieces are more or less than that.
pub fn http_upload<S: Subject>() {
    run::<S>(async {
        let peer = Peer::tcp(parrot);
        let pieces = (0..100_u8).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![n; 10_000])));
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let body = SizedBody::new(stream::iter(pieces), 1_000_000)
            .on_progress(move |bytes| tell.lock().unwrap().push(bytes));
        let request = ::http::Request::put(peer.http()).body(body).unwrap();
        let mut answer = exchange::send(&runtime::<S>(), request).await.unwrap();
        assert_eq!(answer.body().length(), Some(1_000_000));
        let mut back = Vec::new();
        while let Some(piece) = answer.body_mut().chunk().await.unwrap() {
            back.extend_from_slice(&piece);
        }
        assert!(back == (0..100_u8).flat_map(|n| vec![n; 10_000]).collect::<Vec<_>>());
        drop(answer);
        let head = peer.outcome().await;
        assert!(head.iter().any(|line| line == "content-length: 1000000"), "{head:?}");
        {
            let told = told.lock().unwrap();
            assert_eq!(told.len(), 100);
            assert_eq!((told.first(), told.last()), (Some(&10_000), Some(&1_000_000)));
        }

        for pieces in [vec!["abc"], vec!["abc", "defg"]] {
            // Less than the whole request may come.
            let peer = Peer::tcp(|stream| peer::until_gone(&stream));
            let pieces = pieces.into_iter().map(|text| Ok::<_, std::io::Error>(Bytes::from(text)));
            let body = SizedBody::new(stream::iter(pieces), 5);
            let request = ::http::Request::put(peer.http()).body(body).unwrap();
            let failure = exchange::send(&runtime::<S>(), request).await.unwrap_err();
            assert!(
                matches!(&failure, HttpFailure::Io(text) if text.contains("than its length")),
                "{failure}"
            );
            peer.outcome().await;
        }
    });
}
