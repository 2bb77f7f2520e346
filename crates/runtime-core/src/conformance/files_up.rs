//! Uploads.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::rest::UploadSlot;
use chat_proto::im::rest::{FileError, ImHost};
use chat_proto::rest::{BaseUrl, Upload};
use chat_sign::FileToken;
use futures_util::io::Cursor;
use futures_util::stream;

use super::dropped::waiting;
use super::peer::{self, Peer};
use super::scratch::{Scratch, bytes};
use super::watched::Watched;
use super::{Subject, run, runtime};
use crate::files::{self, Progress, RedirectError, Source, TransferError, UploadOptions};

/// More than one piece, and not whole pieces.
const LEN: u32 = 200_001;

/// What a peer has got: lines of the head, bytes of the body.
type Got = (Vec<String>, Vec<u8>);

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Takes a whole request and answers.
fn take(answer: String) -> Step {
    Box::new(move |mut stream| {
        let got = request(&mut stream);
        peer::finish(&mut stream, answer.as_bytes());
        got
    })
}

type Step = Box<dyn FnOnce(TcpStream) -> Got + Send>;

fn request(stream: &mut TcpStream) -> Got {
    let head = peer::head(stream).unwrap();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn put(uri: &str, len: u64) -> Upload {
    let request = ::http::Request::put(format!("{uri}/up?token=hush"));
    let request = request.header("authorization", "token hush").header("content-type", "image/png");
    Upload::bare(request, len).unwrap()
}

fn has(head: &[String], line: &str) -> bool {
    head.iter().any(|have| have.starts_with(line))
}

async fn send<S: Subject>(uri: &str, source: Source) -> Result<u16, TransferError> {
    let (runtime, upload) = (runtime::<S>(), put(uri, source.len()));
    let sent = files::upload(&runtime, upload, source, UploadOptions::default());
    sent.await.map(|answer| answer.status().as_u16())
}

/// A file, bytes, a reader and a stream arrive as they are, with their exact length.
pub fn files_upload_of_every_kind<S: Subject>() {
    run::<S>(async {
        let folder = Scratch::new();
        let file = bytes(LEN);
        let path = folder.file("a b.bin", &file);
        let pieces = || {
            let pieces: Vec<_> = file.chunks(777).map(|it| Bytes::from(it.to_vec())).collect();
            stream::iter(pieces.into_iter().map(Ok::<_, io::Error>))
        };
        for kind in 0..4 {
            let source = match kind {
                0 => Source::open(&path).await.unwrap(),
                1 => Source::bytes(file.clone()),
                // What follows is left where it is.
                2 => Source::reader(Cursor::new([&file[..], b"more"].concat()), u64::from(LEN)),
                _ => Source::stream(pieces(), u64::from(LEN)),
            };
            assert_eq!(source.name(), if kind == 0 { "a b.bin" } else { "" });
            let peer = Peer::<Got>::in_turn(vec![take(answer("201 Created", "done"))]);
            let told = Arc::new(Mutex::new(Vec::new()));
            let tell = told.clone();
            let options = UploadOptions::default()
                .on_progress(move |progress| tell.lock().unwrap().push(progress));
            let upload = put(&peer.http(), source.len());
            let answer = files::upload(&runtime::<S>(), upload, source, options).await.unwrap();
            assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &b"done"[..]));
            let (head, body) = peer.outcome().await.remove(0);
            assert!(body == file, "other bytes came of kind {kind}");
            assert!(has(&head, &format!("content-length: {LEN}")), "{head:?}");
            assert!(!has(&head, "transfer-encoding"), "{head:?}");
            let told = told.lock().unwrap().clone();
            let total = Some(u64::from(LEN));
            assert!(told.is_sorted_by(|one, next| one.done < next.done), "{told:?}");
            assert_eq!(told.last(), Some(&Progress { done: u64::from(LEN), total }));
            assert!(told.iter().all(|it| it.total == total));
        }
        let empty = folder.file("empty", b"");
        for source in [Source::open(empty).await.unwrap(), Source::bytes("")] {
            let peer = Peer::<Got>::in_turn(vec![take(answer("200 OK", ""))]);
            assert_eq!(send::<S>(&peer.http(), source).await.unwrap(), 200);
            let (head, _) = peer.outcome().await.remove(0);
            assert!(has(&head, "content-length: 0"), "{head:?}");
        }
    });
}

fn host(peer: &Peer<Vec<Got>>) -> (ImHost, FileToken) {
    let host = ImHost::portsip(BaseUrl::parse(&peer.http()).unwrap()).unwrap();
    (host, FileToken::new("AAAA").unwrap())
}

/// The IM service gets its form, order chat's storage the bare bytes without credentials.
pub fn files_upload_for_both_services<S: Subject>() {
    run::<S>(async {
        let runtime = runtime::<S>();
        let folder = Scratch::new();
        let file = bytes(LEN);
        let path = folder.file("a.png", &file);
        let open = || Source::open(path.clone());

        let ctrl = r#"{"ctrl":{"id":"7","params":{"url":"NDW4"},"code":200,"text":"ok","ts":""}}"#;
        let refused = r#"{"ctrl":{"id":"7","code":401,"text":"authentication failed","ts":""}}"#;
        let peer = Peer::<Got>::in_turn(vec![
            take(answer("200 OK", ctrl)),
            take(answer("401 Unauthorized", refused)),
        ]);
        let (host, token) = host(&peer);
        for first in [true, false] {
            let source = open().await.unwrap().with_content_type("image/png".parse().unwrap());
            let options = UploadOptions::default();
            let sent = files::im::upload(&runtime, &host, &token, "7", source, options).await;
            match sent {
                Ok(url) => assert_eq!((first, url.as_str()), (true, "NDW4")),
                Err(TransferError::Im(error)) => {
                    assert_eq!((first, error), (false, FileError::Unauthorized));
                }
                Err(error) => panic!("{error}"),
            }
        }
        let (head, body) = peer.outcome().await.remove(0);
        assert!(has(&head, "post /im/file http/1.1"), "{head:?}");
        assert!(has(&head, "authorization: token aaaa"), "{head:?}");
        let at = body.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let text = String::from_utf8_lossy(&body[..at]).into_owned();
        assert!(text.contains("name=\"id\""), "{text}");
        let at = body.windows(file.len()).position(|it| it == file).unwrap();
        let text = String::from_utf8_lossy(&body[..at]).into_owned();
        assert!(text.contains("filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"), "{text}");
        assert!(body[at + file.len()..].starts_with(b"\r\n--"));

        let peer = Peer::<Got>::in_turn(vec![
            take(answer("200 OK", "")),
            take(answer("403 Forbidden", "<Error>SignatureDoesNotMatch</Error>")),
        ]);
        let slot = UploadSlot {
            upload_url: format!("{}/x?X-Amz-Signature=hush", peer.http()).into(),
            image_url: "https://h/x".into(),
        };
        let (first, second) = (open().await.unwrap(), open().await.unwrap());
        let options = UploadOptions::default();
        files::c2c::put(&runtime, &slot, "image/png", first, options).await.unwrap();
        let options = UploadOptions::default();
        let error = files::c2c::put(&runtime, &slot, "image/png", second, options).await;
        let error = error.unwrap_err();
        assert!(matches!(&error, TransferError::Refused(it) if it.status() == 403), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"));
        let (head, body) = peer.outcome().await.remove(0);
        assert!(body == file && has(&head, "put /x?x-amz-signature=hush "), "{head:?}");
        assert!(!has(&head, "content-type") && !has(&head, "authorization"), "{head:?}");
    });
}

/// A file that becomes shorter or longer, a reader that ends early, a stream that is too much: an
/// error that says so, and no whole body for the server.
pub fn files_upload_of_another_length<S: Subject>() {
    run::<S>(async {
        let folder = Scratch::new();
        let whole = bytes(LEN);
        let longer = [&whole[..], b"x"].concat();
        for (name, then) in [("shrinks", &whole[1..]), ("grows", &longer), ("goes", b"")] {
            let path = folder.file(name, &whole);
            let source = Source::open(&path).await.unwrap();
            std::fs::write(&path, then).unwrap();
            check::<S>(source, name == "grows").await;
        }
        let len = u64::from(LEN);
        check::<S>(Source::reader(Cursor::new(whole[1..].to_vec()), len), false).await;
        let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from(longer))]);
        check::<S>(Source::stream(pieces, len), true).await;
        let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from("too short"))]);
        check::<S>(Source::stream(pieces, len), false).await;

        let peer = Peer::tcp(|stream| peer::until_gone(&stream));
        let broken = stream::iter([Err::<Bytes, _>(io::Error::other("no tape"))]);
        let error = send::<S>(&peer.http(), Source::stream(broken, 5)).await.unwrap_err();
        assert!(matches!(&error, TransferError::Source(it) if it.to_string() == "no tape"));
        peer.outcome().await;

        // What an upload says of its length is not what the source says.
        let source = Source::bytes("four");
        let upload = put("http://127.0.0.1:1", 5);
        let error = files::upload(&runtime::<S>(), upload, source, UploadOptions::default()).await;
        assert!(matches!(error, Err(TransferError::SourceLength { said: 5, grew: false })));
        for not in [folder.folder().to_owned(), folder.path("nothing")] {
            let error = Source::open(&not).await.unwrap_err();
            assert!(matches!(&error, TransferError::File { path, .. } if *path == not), "{error}");
        }
    });
}

async fn check<S: Subject>(source: Source, grew: bool) {
    let len = source.len();
    let peer = Peer::tcp(|mut stream| {
        let mut body = Vec::new();
        // The connection breaks off, in good order or not, perhaps before anything was sent.
        if peer::head(&mut stream).is_ok() {
            let _ = stream.read_to_end(&mut body);
        }
        body.len() as u64
    });
    match send::<S>(&peer.http(), source).await {
        Err(TransferError::SourceLength { said, grew: is }) => assert_eq!((said, is), (len, grew)),
        other => panic!("{other:?}"),
    }
    assert!(peer.outcome().await < len, "the server has a whole body");
}

/// A file over the limit is not even begun.
pub fn files_upload_over_the_limit<S: Subject>() {
    run::<S>(async {
        let runtime = Watched::new(runtime::<S>());
        for (limit, len) in [(4, 5), (0, 1)] {
            let source = Source::bytes(vec![0; len]);
            let upload = put("http://127.0.0.1:1", source.len());
            let options = UploadOptions::default().with_max_bytes(limit);
            let error = files::upload(&runtime, upload, source, options).await.unwrap_err();
            assert!(matches!(error, TransferError::TooBig { limit: it } if it == limit), "{error}");
        }
        assert_eq!(runtime.connects(), 0);
    });
}

/// One redirect is followed with the whole body. The same host gets the credentials, another does not.
pub fn files_upload_redirected<S: Subject>() {
    fn moved(to: &str) -> String {
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
    }
    run::<S>(async {
        let folder = Scratch::new();
        let file = bytes(LEN);
        let path = folder.file("f", &file);

        let here =
            Peer::<Got>::in_turn(vec![take(moved("/there?x=1")), take(answer("200 OK", ""))]);
        let source = Source::open(&path).await.unwrap();
        assert_eq!(send::<S>(&here.http(), source).await.unwrap(), 200);
        let got = here.outcome().await;
        assert!(got.iter().all(|(_, body)| *body == file), "another body");
        assert!(has(&got[1].0, "put /there?x=1 "), "{:?}", got[1].0);
        assert!(got.iter().all(|(head, _)| has(head, "authorization: token hush")));

        let there = Peer::<Got>::in_turn(vec![take(answer("200 OK", ""))]);
        let elsewhere = moved(&format!("{}/there?token=hush&x=1", there.http()));
        let here = Peer::<Got>::in_turn(vec![take(elsewhere)]);
        assert_eq!(send::<S>(&here.http(), Source::bytes(file.clone())).await.unwrap(), 200);
        here.outcome().await;
        let (head, body) = there.outcome().await.remove(0);
        assert!(body == file && has(&head, "put /there?x=1 "), "{head:?}");
        assert!(has(&head, "content-type: image/png") && has(&head, "content-length: 200001"));
        assert!(!head.iter().any(|line| line.contains("hush")), "{head:?}");

        let twice = vec![take(moved("/a")), take(moved("/b"))];
        let redirect = |error| match error {
            Err(TransferError::Redirect(error)) => error,
            other => panic!("{other:?}"),
        };
        let here = Peer::<Got>::in_turn(twice);
        let error = send::<S>(&here.http(), Source::bytes("x")).await;
        assert_eq!(redirect(error), RedirectError::Twice);
        let found = "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".to_owned();
        for (answer, expected) in [
            (found, RedirectError::Method(302)),
            (moved("ftp://h/"), RedirectError::Nowhere),
            (answer("308 Permanent Redirect", ""), RedirectError::Nowhere),
        ] {
            let here = Peer::<Got>::in_turn(vec![take(answer)]);
            let error = send::<S>(&here.http(), Source::bytes("x")).await;
            assert_eq!(redirect(error), expected);
        }
        let here = Peer::<Got>::in_turn(vec![take(moved("/a"))]);
        let error = send::<S>(&here.http(), Source::reader(Cursor::new("x"), 1)).await;
        assert!(matches!(error, Err(TransferError::NotRepeatable)), "{error:?}");
    });
}

/// A server that refuses at the head is heard, though the body is on its way.
pub fn files_upload_refused<S: Subject>() {
    run::<S>(async {
        let peer = Peer::tcp(|mut stream| {
            peer::head(&mut stream).unwrap();
            let refusal = answer("413 Content Too Large", "too large");
            stream.write_all(refusal.as_bytes()).unwrap();
            peer::until_gone(&stream);
        });
        // More than all buffers between the two hold.
        let len = NonZeroU64::new(32 << 20).unwrap();
        let status = send::<S>(&peer.http(), Source::stream(endless(), len.get())).await;
        assert_eq!(status.unwrap(), 413);
        peer.outcome().await;
    });
}

fn endless() -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> + Send {
    let piece = Bytes::from(vec![7; 64 << 10]);
    stream::repeat_with(move || Ok(piece.clone()))
}

/// A server that reads nothing, or answers nothing, is given up.
pub fn files_upload_stalled<S: Subject>() {
    run::<S>(async {
        for len in [1, 32 << 20] {
            let (gone, is_gone) = std::sync::mpsc::channel();
            let peer = Peer::tcp(move |stream| {
                // Reads only when the client has given up.
                is_gone.recv().unwrap();
                peer::until_gone(&stream);
            });
            let after = Duration::from_millis(30);
            let options = UploadOptions::default().with_stall_timeout(after);
            let source = Source::stream(endless_of(len), len);
            let upload = put(&peer.http(), len);
            let error = files::upload(&runtime::<S>(), upload, source, options).await.unwrap_err();
            assert!(
                matches!(error, TransferError::Stalled { after: it } if it == after),
                "{error}"
            );
            gone.send(()).unwrap();
            peer.outcome().await;
        }
    });
}

fn endless_of(len: u64) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> + Send {
    let piece = usize::try_from(len.min(64 << 10)).unwrap();
    let count = len / piece as u64;
    stream::iter((0..count).map(move |_| Ok(Bytes::from(vec![7; piece]))))
}

/// An upload that is dropped wherever it waits closes its socket and spawns nothing.
pub fn files_upload_dropped_at_every_await<S: Subject>() {
    run::<S>(async {
        let folder = Scratch::new();
        let path = folder.file("f", &bytes(LEN));
        let runtime = Watched::new(runtime::<S>());
        let tasks = S::tasks();
        for times in 0.. {
            let before = runtime.connects();
            let peer = Peer::tcp(|mut stream| {
                // Each step may find the client gone.
                if peer::head(&mut stream).is_ok() {
                    let mut body = vec![0; LEN as usize];
                    if stream.read_exact(&mut body).is_ok() {
                        let _ = stream.write_all(answer("200 OK", "word").as_bytes());
                    }
                }
                peer::until_gone(&stream);
            });
            let work = async {
                let source = Source::open(&path).await?;
                let upload = put(&peer.http(), source.len());
                files::upload(&runtime, upload, source, UploadOptions::default()).await
            };
            let answer = waiting(times, work).await;
            if runtime.connects() == before {
                peer.knock();
            }
            peer.outcome().await;
            assert_eq!(runtime.spawned(), 0, "a task was spawned");
            assert_eq!(S::tasks(), tasks, "a task is left");
            if let Some(answer) = answer {
                assert_eq!(answer.unwrap().body(), "word");
                assert!(times >= 2, "it has waited {times} times only");
                break;
            }
        }
    });
}
