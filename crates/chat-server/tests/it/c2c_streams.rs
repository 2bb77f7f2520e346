//! Pictures that are streamed in both directions, over TLS, with the progress on the way.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_proto::c2c::rest::{Download, DownloadError, DownloadRules, Head, Hosts, UploadSlot};
use chat_server::TestServer;
use futures_util::stream;
use runtime_tokio::Runtime;
use runtime_tokio::http::{SizedBody, send};

use crate::support::{api, exchange, runtime, server};

const PIECE: usize = 64 * 1024;
const PIECES: usize = 20;

fn piece(at: usize) -> Bytes {
    let byte = u8::try_from(at % 251).unwrap();
    let start: &[u8] = if at == 0 { b"\x89PNG\r\n\x1a\n" } else { b"" };
    Bytes::from([start, &vec![byte; PIECE - start.len()]].concat())
}

async fn place(server: &TestServer) -> UploadSlot {
    let now = runtime(server).now().unix;
    let request = api(server, "buyer").pre_signed_url("long.png", now).into_request();
    UploadSlot::read(&exchange(&runtime(server), request).await.unwrap()).unwrap()
}

/// Puts the pieces one by one; gives what was reported on the way.
async fn upload(server: &TestServer, slot: &UploadSlot) -> Vec<u64> {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let length = (PIECE * PIECES) as u64;
    let pieces = stream::iter((0..PIECES).map(|at| Ok::<_, std::io::Error>(piece(at))));
    let told = reports.clone();
    let body =
        SizedBody::new(pieces, length).on_progress(move |done| told.lock().unwrap().push(done));
    let request = slot.head(length, "image/png").unwrap().map(|()| body);
    let answer = send(&runtime(server), request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let reports = reports.lock().unwrap();
    reports.clone()
}

/// Fetches piece by piece; gives the bytes and what was counted on the way.
async fn fetch(
    server: &TestServer,
    mut download: Download,
) -> Result<(Vec<u8>, Vec<u64>), DownloadError> {
    let (mut whole, mut counts) = (Vec::new(), Vec::new());
    let request = download.request().into_request();
    assert!(request.headers().is_empty(), "nobody is to learn who asks");
    let body = runtime_tokio::http::FullBody::new(Bytes::new());
    let (head, mut body) =
        send(&runtime(server), request.map(|_| body)).await.unwrap().into_parts();
    assert_eq!(
        download.on_head(head.status, &head.headers)?,
        Head::Body(Some((PIECE * PIECES) as u64))
    );
    while let Some(piece) = body.chunk().await.unwrap() {
        counts.push(download.on_chunk(piece.len())?);
        whole.extend_from_slice(&piece);
    }
    download.finish()?;
    Ok((whole, counts))
}

#[tokio::test]
async fn a_long_picture_is_streamed_there_and_back() {
    let server = server().await;
    let slot = place(&server).await;
    let reports = upload(&server, &slot).await;
    assert_eq!(reports, (1..=PIECES).map(|done| (done * PIECE) as u64).collect::<Vec<_>>());

    let download = Download::new(&slot.image_url, DownloadRules::default()).unwrap();
    let (whole, counts) = fetch(&server, download).await.unwrap();
    assert!(whole == (0..PIECES).flat_map(piece).collect::<Vec<_>>(), "other bytes came back");
    assert!(counts.is_sorted() && counts.last() == Some(&((PIECE * PIECES) as u64)), "{counts:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_or_elsewhere_is_not_fetched() {
    let server = server().await;
    let slot = place(&server).await;
    upload(&server, &slot).await;
    let limit = (PIECE * PIECES) as u64 - 1;
    let rules = DownloadRules { max_bytes: limit, ..DownloadRules::default() };
    let download = Download::new(&slot.image_url, rules).unwrap();
    assert_eq!(fetch(&server, download).await.unwrap_err(), DownloadError::TooBig { limit });
    let hosts = Hosts::Only(vec!["elsewhere.example".to_owned()]);
    let rules = DownloadRules { hosts, ..DownloadRules::default() };
    assert_eq!(Download::new(&slot.image_url, rules).unwrap_err(), DownloadError::Host);
    server.stop().await.unwrap();
}
