//! Readers and writers of tokio's in the place of those of futures-io.

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use runtime_tokio::Compat;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn bytes_pass_both_ways_and_the_end_is_seen() {
    let (ours, mut theirs) = tokio::io::duplex(4);
    let mut ours = Compat(ours);
    let peer = async {
        theirs.write_all(b"hello, reader").await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        got
    };
    let mine = async {
        let mut got = Vec::new();
        AsyncReadExt::read_to_end(&mut ours, &mut got).await.unwrap();
        AsyncWriteExt::write_all(&mut ours, b"hello, writer").await.unwrap();
        AsyncWriteExt::flush(&mut ours).await.unwrap();
        AsyncWriteExt::close(&mut ours).await.unwrap();
        got
    };
    let (theirs, ours) = tokio::join!(peer, mine);
    assert_eq!((&theirs[..], &ours[..]), (&b"hello, writer"[..], &b"hello, reader"[..]));
}
