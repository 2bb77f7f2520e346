use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::HttpFailure;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime_tokio::http::{self as exchange, SizedBody};
use runtime_tokio::{Connection, HttpLimits, Options, Runtime};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;

use crate::support::probe::{Event, Probe};
use crate::support::{peer, runtime};

type Request = http::Request<Incoming>;

/// Serves one connection with hyper.
async fn server<F, T>(answer: F) -> String
where
    F: Fn(Request) -> T + Send + Sync + 'static,
    T: Future<Output = http::Response<Full<Bytes>>> + Send,
{
    let address = peer::tcp(async move |stream| {
        let service = service_fn(async |request| Ok::<_, Infallible>(answer(request).await));
        let serving = hyper::server::conn::http1::Builder::new();
        // Fails where the client closes early.
        let _ = serving.serve_connection(TokioIo::new(stream), service).await;
    });
    format!("http://{}", address.await)
}

async fn parrot(request: Request) -> http::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut answer = http::Response::builder().status(201);
    for (name, value) in &head.headers {
        answer = answer.header(format!("seen-{name}"), value);
    }
    let line = format!("{} {}", head.method, head.uri);
    let body = body.collect().await.unwrap().to_bytes();
    answer.header("seen-line", line).body(Full::new(body)).unwrap()
}

async fn whole(request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpFailure> {
    let runtime = runtime();
    let deadline = runtime.now().mono + Duration::from_secs(60);
    let limits = HttpLimits { max_body_bytes: 1000 };
    exchange::exchange(&runtime, request, deadline, &limits).await
}

fn get(uri: String) -> http::Request<Bytes> {
    http::Request::get(uri).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_written() {
    let uri = server(parrot).await;
    let request = http::Request::post(format!("{uri}/a/b?q=1&sig=%2F%20"))
        .header("token", "t")
        .body(Bytes::from_static(b"{\"x\":1}"))
        .unwrap();
    let answer = whole(request).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.body(), "{\"x\":1}");
    let seen = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(seen("seen-line"), Some("POST /a/b?q=1&sig=%2F%20"));
    assert_eq!(seen("seen-host"), uri.strip_prefix("http://"));
    assert_eq!((seen("seen-content-length"), seen("seen-transfer-encoding")), (Some("7"), None));
    assert_eq!(seen("seen-token"), Some("t"));
}

#[tokio::test]
async fn an_empty_post_has_a_length_and_a_get_has_none() {
    for (request, length) in [
        (http::Request::post(server(parrot).await), Some("0")),
        (http::Request::get(server(parrot).await), None),
    ] {
        let answer = whole(request.body(Bytes::new()).unwrap()).await.unwrap();
        let seen = answer.headers().get("seen-content-length");
        assert_eq!(seen.map(|value| value.to_str().unwrap()), length);
        assert_eq!(answer.headers()["seen-line"].to_str().unwrap().split(' ').nth(1), Some("/"));
    }
}

#[tokio::test]
async fn refused_means_that_nothing_happened() {
    let failure = whole(get(format!("http://{}/?sig=hush", peer::nobody().await))).await;
    let failure = failure.unwrap_err();
    assert!(matches!(failure, HttpFailure::Dial(_)), "{failure}");
    assert!(!failure.may_have_happened() && !failure.to_string().contains("hush"));
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_happened() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this", "gar\r\n\r\nbage"]
    {
        let failure = whole(get(format!("http://{}/", peer::canned(answer).await))).await;
        let failure = failure.unwrap_err();
        assert!(matches!(failure, HttpFailure::Io(_)), "{answer:?} gives {failure}");
        assert!(failure.may_have_happened());
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_collected() {
    let named = format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{}", "x".repeat(1001));
    let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
    let chunk = format!("1F4\r\n{}\r\n", "x".repeat(500));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}1\r\nx\r\n0\r\n\r\n"
    );
    for answer in [named, until_closed, chunked] {
        let failure = whole(get(format!("http://{}/", peer::canned(answer).await))).await;
        assert_eq!(failure.unwrap_err(), HttpFailure::TooBig { limit: 1000 });
    }
    let fits = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1000));
    let answer = whole(get(format!("http://{}/", peer::canned(fits).await))).await.unwrap();
    assert_eq!(answer.body().len(), 1000);
}

#[tokio::test]
async fn the_deadline_holds_and_closes_the_connection() {
    let (closed, is_closed) = oneshot::channel();
    let silent = peer::tcp(async |mut stream| {
        peer::head(&mut stream).await.unwrap();
        closed.send(stream.read_to_end(&mut Vec::new()).await.unwrap()).unwrap();
    })
    .await;
    let mut conn = Connection::new(Probe::default(), runtime(), Options::default());
    let (machine, now) = conn.machine();
    machine.http(5, get(format!("http://{silent}/")), now.mono + Duration::from_millis(20));
    let failure = Err(HttpFailure::TimedOut.to_string());
    assert_eq!(conn.next().await, Some(Event::Response(5, failure)));
    assert_eq!(is_closed.await.unwrap(), 0);
}

#[tokio::test]
async fn a_machines_exchanges_run_side_by_side_and_can_be_aborted() {
    let (closed, is_closed) = oneshot::channel();
    let (reached, is_reached) = oneshot::channel();
    let silent = peer::tcp(async |mut stream| {
        peer::head(&mut stream).await.unwrap();
        reached.send(()).unwrap();
        closed.send(stream.read_to_end(&mut Vec::new()).await.unwrap()).unwrap();
    })
    .await;
    let quick = server(parrot).await;
    let mut conn = Connection::new(Probe::default(), runtime(), Options::default());
    let (machine, now) = conn.machine();
    let deadline = now.mono + Duration::from_secs(60);
    machine.http(1, get(format!("http://{silent}/")), deadline);
    machine.http(2, get(format!("{quick}/")), deadline);
    assert_eq!(conn.next().await, Some(Event::Response(2, Ok((201, Bytes::new())))));
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        reached = is_reached => reached.unwrap(),
    }
    conn.machine().0.abort_http(1);
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        rest = is_closed => assert_eq!(rest.unwrap(), 0),
    }
}

#[tokio::test]
async fn an_upload_streams_with_its_exact_length_and_progress() {
    let uri = server(parrot).await;
    let pieces = (0..100_u8).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![n; 10_000])));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let body = SizedBody::new(futures_util::stream::iter(pieces), 1_000_000)
        .on_progress(move |bytes| tell.lock().unwrap().push(bytes));
    let request = http::Request::put(format!("{uri}/file")).body(body).unwrap();
    let mut answer = exchange::send(&runtime(), request).await.unwrap();
    assert_eq!(answer.headers()["seen-content-length"], "1000000");
    assert!(!answer.headers().contains_key("seen-transfer-encoding"));
    assert_eq!(answer.body().length(), Some(1_000_000));
    let mut back = Vec::new();
    while let Some(piece) = answer.body_mut().chunk().await.unwrap() {
        back.extend_from_slice(&piece);
    }
    assert!(back == (0..100_u8).flat_map(|n| vec![n; 10_000]).collect::<Vec<_>>());
    let told = told.lock().unwrap();
    assert_eq!((told.len(), told.first(), told.last()), (100, Some(&10_000), Some(&1_000_000)));
}

#[tokio::test]
async fn an_upload_of_another_length_fails() {
    for pieces in [vec!["abc"], vec!["abc", "defg"]] {
        let answer = server(async |request: Request| {
            let got = request.into_body().collect().await;
            assert!(got.is_err(), "a wrong body passed for a whole one");
            http::Response::new(Full::default())
        });
        let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = SizedBody::new(futures_util::stream::iter(pieces), 5);
        let request = http::Request::put(answer.await).body(body).unwrap();
        let failure = exchange::send(&runtime(), request).await.unwrap_err();
        assert!(matches!(&failure, HttpFailure::Io(text) if text.contains("than its length")));
    }
}
