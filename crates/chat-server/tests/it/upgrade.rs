//! From HTTP to WebSocket: what is refused, and how.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{get, http, plain, server, soon, upgrade};

#[tokio::test]
async fn a_malformed_handshake_is_refused() {
    let server = plain(|_| {}).await;
    let good = "GET /im HTTP/1.1\nhost: x\nconnection: close, Upgrade\nupgrade: WebSocket\n\
                sec-websocket-version: 13\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n";
    for (from, to, status) in [
        ("x", "x", 101),
        ("version: 13", "version: 12", 426),
        ("sec-websocket-version: 13\n", "", 426),
        ("GET", "POST", 400),
        ("HTTP/1.1", "HTTP/1.0", 400),
        (", Upgrade", "", 400),
        ("ZQ==", "ZQ===", 400),
        ("dGhl", "", 400),
        ("sec-websocket-key", "another-key", 400),
        ("host: x\n", "host: x\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n", 400),
    ] {
        let request = format!("{}\n", good.replace(from, to)).replace('\n', "\r\n");
        let answer = answer(&server.urls().pbx, &request).await;
        let (version, rest) = answer.split_once(' ').unwrap();
        assert!(version.starts_with("HTTP/1."), "{answer}");
        assert!(rest.starts_with(&status.to_string()), "{to} in place of {from}: {answer}");
        if status == 101 {
            assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        }
        if status == 426 {
            assert!(answer.contains("sec-websocket-version: 13"), "{answer}");
        }
    }
}

/// The head of the answer.
async fn answer(base: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut head = String::new();
    while let Some(line) = soon("a line", lines.next_line()).await.unwrap() {
        if line.is_empty() {
            break;
        }
        head.push_str(&line);
        head.push('\n');
    }
    head
}

#[tokio::test]
async fn frames_that_come_with_the_request_are_read() {
    let server = plain(|_| {}).await;
    let mut stream =
        TcpStream::connect(server.urls().pbx.strip_prefix("http://").unwrap()).await.unwrap();
    // A masked text frame `1` behind the request, in one write.
    let mut request =
        b"GET /im HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
    request.extend([0x81, 0x81, 0, 0, 0, 0, b'1']);
    stream.write_all(&request).await.unwrap();
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        soon("the head", stream.read_exact(&mut byte)).await.unwrap();
        head.push(byte[0]);
    }
    let mut frame = [0; 3];
    soon("the answer", stream.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame, [0x81, 1, b'0']);
}

#[tokio::test]
async fn other_paths_have_no_websocket() {
    let server = plain(|_| {}).await;
    let url = server.urls().im.replace("/im", "/nowhere");
    let error = upgrade(&server, &url).await.unwrap_err();
    let tungstenite::Error::Http(answer) = error else { panic!("{error}") };
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_websocket_path_is_nothing_else() {
    let server = server().await;
    assert_eq!(http(&server, get("/im")).await.status(), 426);
}

#[tokio::test]
async fn too_many_connections_are_refused() {
    let server = plain(|config| config.hub.max_connections = 1).await;
    let _first = upgrade(&server, &server.urls().im).await.unwrap();
    // The first is counted when the server's end is up, which the hub tells.
    soon("the first connection", async {
        while server.hub(|hub, _| hub.connections()).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = upgrade(&server, &server.urls().im).await.unwrap_err();
    let tungstenite::Error::Http(answer) = error else { panic!("{error}") };
    assert_eq!(answer.status(), 503);
}
