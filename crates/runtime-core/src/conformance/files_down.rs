//! Downloads over one connection.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::rest::{DownloadError, DownloadRules, Hosts};
use chat_proto::im::rest::{FileError, FileUrl, ImHost};
use chat_proto::machine::{HttpFailure, HttpRequest};
use chat_proto::rest::BaseUrl;
use chat_sign::FileToken;
use futures_util::io::AsyncWrite;

use super::dropped::waiting;
use super::peer::{self, Peer};
use super::scratch::{Scratch, bytes};
use super::watched::Watched;
use super::{Subject, run, runtime};
use crate::files::{self, DownloadOptions, Downloaded, Progress, RedirectError, TransferError};

/// More than one batch, and not whole ones.
pub(super) const LEN: u32 = 700_001;

/// One connection: what to do with it gives the lines of the request's head.
pub(super) type Step = Box<dyn FnOnce(TcpStream) -> Vec<String> + Send>;

/// Takes a request, answers and closes.
pub(super) fn say(head: impl AsRef<str>, body: impl AsRef<[u8]>) -> Step {
    let head = head.as_ref().trim().replace('\n', "\r\n");
    let answer = [format!("{head}\r\n\r\n").as_bytes(), body.as_ref()].concat();
    Box::new(move |mut stream| {
        let head = peer::head(&mut stream).unwrap();
        // A client that has heard enough may be gone.
        let _ = stream.write_all(&answer);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        peer::until_gone(&stream);
        head
    })
}

/// The whole file.
pub(super) fn whole(file: &[u8]) -> Step {
    say(format!("HTTP/1.1 200 OK\nETag: \"a\"\nContent-Length: {}", file.len()), file)
}

pub(super) fn get(peer: &Peer<Vec<Vec<String>>>) -> HttpRequest {
    let request = ::http::Request::get(format!("{}/f?token=hush", peer.http()));
    HttpRequest::new(request.header("authorization", "token hush").body(Bytes::new()).unwrap())
}

/// Without pauses.
pub(super) fn options() -> DownloadOptions {
    DownloadOptions::default().with_pause(Duration::ZERO)
}

pub(super) fn tries(count: u32) -> DownloadOptions {
    options().with_attempts(NonZeroU32::new(count).unwrap())
}

pub(super) fn has(head: &[String], line: &str) -> bool {
    head.iter().any(|have| have.starts_with(line))
}

/// Downloads to `name` in a folder.
pub(super) async fn fetch<S: Subject>(
    peer: &Peer<Vec<Vec<String>>>,
    folder: &Scratch,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    files::download(&runtime::<S>(), get(peer), folder.path("f"), options).await
}

/// The same, which must fail and leave nothing.
async fn fails<S: Subject>(step: Step, options: DownloadOptions) -> TransferError {
    let folder = Scratch::new();
    let peer = Peer::in_turn(vec![step]);
    let error = fetch::<S>(&peer, &folder, options).await.unwrap_err();
    peer.outcome().await;
    assert_eq!(folder.names(), [""; 0], "something is left after: {error}");
    assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    error
}

/// A file arrives under its name, in place of what was there, and nothing is left beside it.
pub fn files_download<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let chunked = {
            let mut body = Vec::new();
            for piece in file.chunks(100_000) {
                write!(body, "{:x}\r\n", piece.len()).unwrap();
                body.extend_from_slice(piece);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            body
        };
        let typed = format!("HTTP/1.1 200 OK\nContent-Type: image/png\nContent-Length: {LEN}");
        for (step, named) in [
            (say(&typed, &file), true),
            (
                say(
                    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Type: image/png",
                    chunked,
                ),
                false,
            ),
            (say("HTTP/1.0 200 OK\nContent-Type: image/png", &file), false),
        ] {
            let folder = Scratch::new();
            folder.file("f", b"what was there before");
            let peer = Peer::in_turn(vec![step]);
            let told = Arc::new(Mutex::new(Vec::new()));
            let tell = told.clone();
            let options = options().on_progress(move |it| tell.lock().unwrap().push(it));
            let done = fetch::<S>(&peer, &folder, options).await.unwrap();
            assert_eq!((done.bytes, done.attempts), (u64::from(LEN), 1));
            assert_eq!(done.content_type.unwrap(), "image/png");
            assert!(fs::read(folder.path("f")).unwrap() == file, "other bytes");
            assert_eq!(folder.names(), ["f"]);
            let told = told.lock().unwrap().clone();
            assert!(told.is_sorted_by(|one, next| one.done < next.done), "{told:?}");
            let total = named.then_some(u64::from(LEN));
            assert_eq!(told.last(), Some(&Progress { done: u64::from(LEN), total }));
            let head = peer.outcome().await.remove(0);
            assert_eq!(head[0], "get /f?token=hush http/1.1");
            assert!(has(&head, "accept-encoding: identity") && !has(&head, "range"), "{head:?}");
        }
        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![say("HTTP/1.1 200 OK\nContent-Length: 0", "")]);
        assert_eq!(fetch::<S>(&peer, &folder, options()).await.unwrap().bytes, 0);
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"");
        assert_eq!(folder.names(), ["f"]);
    });
}

/// A writer that takes a bit at a time, up to a limit.
struct Narrow {
    got: Vec<u8>,
    room: usize,
    flushed: bool,
    waited: bool,
}

impl Narrow {
    const fn new(room: usize) -> Self {
        Self { got: Vec::new(), room, flushed: false, waited: false }
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let fits = bytes.len().min(10_000).min(self.room - self.got.len());
        if fits == 0 {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        self.got.extend_from_slice(&bytes[..fits]);
        Poll::Ready(Ok(fits))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the writer is not ours to close");
    }
}

/// A writer gets every byte once, is flushed and stays open; one that is full is an error that says so.
pub fn files_download_into_a_writer<S: Subject>() {
    run::<S>(async {
        let (file, runtime) = (bytes(LEN), runtime::<S>());
        let peer = Peer::in_turn(vec![whole(&file)]);
        let mut writer = Narrow::new(usize::MAX);
        let done =
            files::download_into(&runtime, get(&peer), &mut writer, options()).await.unwrap();
        assert!(writer.got == file && writer.flushed);
        assert_eq!(done.bytes, u64::from(LEN));
        peer.outcome().await;

        let peer = Peer::in_turn(vec![whole(&file)]);
        let mut writer = Narrow::new(123_456);
        let error = files::download_into(&runtime, get(&peer), &mut writer, options()).await;
        let error = error.unwrap_err();
        assert!(error.is_storage_full(), "{error}");
        assert!(writer.got == file[..123_456]);
        peer.outcome().await;
    });
}

/// What is too large is refused at its head; what does not say so, as soon as it is seen.
pub fn files_download_over_the_limit<S: Subject>() {
    run::<S>(async {
        let limit = 99_999;
        let body = vec![7; 100_000];
        let chunk = [b"186A0\r\n", &body[..], b"\r\n"].concat();
        let endless = Box::new(move |mut stream: TcpStream| {
            let head = peer::head(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            while stream.write_all(&[7; 65_536]).is_ok() {}
            head
        });
        for step in [
            say("HTTP/1.1 200 OK\nContent-Length: 100000", ""),
            say("HTTP/1.1 200 OK\nContent-Length: 9223372036854775807", ""),
            say("HTTP/1.1 200 OK", &body),
            say("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", [&chunk[..], b"0\r\n\r\n"].concat()),
            endless,
        ] {
            let error = fails::<S>(step, options().with_max_bytes(limit).resume_later(true)).await;
            assert!(matches!(error, TransferError::TooBig { limit: it } if it == limit), "{error}");
        }
        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![say("HTTP/1.1 200 OK\nContent-Length: 100000", body)]);
        let fits = fetch::<S>(&peer, &folder, options().with_max_bytes(100_000)).await.unwrap();
        assert_eq!(fits.bytes, 100_000);
    });
}

/// Answers that promise more than comes, are no HTTP, or are no whole file.
pub fn files_download_that_lies<S: Subject>() {
    run::<S>(async {
        for (head, body) in [
            ("HTTP/1.1 200 OK\nContent-Length: 50", "only this"),
            ("HTTP/1.1 200 OK\nContent-Length: 50\nETag: \"a\"", ""),
            ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "5\r\nabc"),
            ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "zz\r\nabc\r\n"),
            ("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6", "hello"),
            ("HTTP/1.1 200 OK\nContent-Length: -5", "hello"),
            ("gar", "bage"),
            ("", ""),
        ] {
            let error = fails::<S>(say(head, body), tries(1)).await;
            let TransferError::Http(HttpFailure::Io(_)) = error else { panic!("{head}: {error}") };
        }
        for head in [
            "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-4/5\nContent-Length: 5",
            "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 5",
            "HTTP/1.1 204 No Content",
        ] {
            let error = fails::<S>(say(head, "hello"), options()).await;
            assert!(matches!(error, TransferError::Malformed { .. }), "{head}: {error}");
        }
        // What follows the file is not of it.
        let folder = Scratch::new();
        let peer =
            Peer::in_turn(vec![say("HTTP/1.1 200 OK\nContent-Length: 5", "hello, and more")]);
        fetch::<S>(&peer, &folder, options()).await.unwrap();
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"hello");
    });
}

/// One redirect is followed; another host gets no credentials, and a host that is not allowed nothing.
pub fn files_download_redirected<S: Subject>() {
    fn moved(to: &str) -> Step {
        say(format!("HTTP/1.1 307 Temporary Redirect\nLocation: {to}\nContent-Length: 0"), "")
    }
    run::<S>(async {
        let folder = Scratch::new();
        let here = Peer::in_turn(vec![moved("/g?x=1"), whole(b"file")]);
        assert_eq!(fetch::<S>(&here, &folder, options()).await.unwrap().attempts, 1);
        let heads = here.outcome().await;
        assert!(has(&heads[1], "get /g?x=1 ") && has(&heads[1], "authorization: token hush"));

        let there = Peer::in_turn(vec![whole(b"file")]);
        let here = Peer::in_turn(vec![moved(&format!("{}/g?token=hush&x=1", there.http()))]);
        fetch::<S>(&here, &folder, options()).await.unwrap();
        here.outcome().await;
        let head = there.outcome().await.remove(0);
        assert!(has(&head, "get /g?x=1 "), "{head:?}");
        assert!(!head.iter().any(|line| line.contains("hush")), "{head:?}");

        let here = Peer::in_turn(vec![moved("/a"), moved("/b")]);
        let error = fetch::<S>(&here, &folder, options()).await;
        assert!(matches!(error, Err(TransferError::Redirect(RedirectError::Twice))), "{error:?}");

        // Nobody is asked there: it would be a refused dial.
        let to = moved(&format!("http://{}/", peer::nobody()));
        let error = fails::<S>(to, options().allow_redirect(|_| false)).await;
        assert!(matches!(error, TransferError::Redirect(RedirectError::Host)), "{error}");
        let here = Peer::in_turn(vec![moved(&format!("http://{}/", peer::nobody()))]);
        let rules = DownloadRules { max_redirects: 0, ..DownloadRules::default() };
        let url = format!("{}/f", here.http());
        let (runtime, path) = (runtime::<S>(), folder.path("f"));
        let error = files::c2c::download(&runtime, &url, &rules, &path, options()).await;
        assert!(matches!(error, Err(TransferError::Redirect(RedirectError::Host))), "{error:?}");
        let hosts = Hosts::Only(vec!["bnbstatic.com".into()]);
        let rules = DownloadRules { hosts, ..DownloadRules::default() };
        let error = files::c2c::download(&runtime, &url, &rules, &path, options()).await;
        assert!(matches!(error, Err(TransferError::Picture(DownloadError::Host))), "{error:?}");
    });
}

/// A refusal is told, in the service's words where they are known; a silent server is given up.
pub fn files_download_refused<S: Subject>() {
    run::<S>(async {
        let long = "x".repeat(100_000);
        for (status, body) in [("404 Not Found", "nothing here"), ("503 Busy", &long)] {
            let head = format!("HTTP/1.1 {status}\nContent-Length: {}", body.len());
            let error = fails::<S>(say(head, body), options()).await;
            let TransferError::Refused(answer) = error else { panic!("{error}") };
            assert_eq!(answer.status().to_string(), status[..3]);
            // What is too long is left out.
            let shown = if body.len() > 65_536 { "" } else { body };
            assert_eq!(answer.response().body(), shown);
        }

        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![
            say("HTTP/1.1 404 Not Found\nContent-Length: 0", ""),
            say("HTTP/1.1 200 OK\nContent-Length: 5", "hello"),
        ]);
        let host = ImHost::portsip(BaseUrl::parse(&peer.http()).unwrap()).unwrap();
        let (token, file) = (FileToken::new("AAAA").unwrap(), FileUrl::new("NDW4"));
        let (runtime, path) = (runtime::<S>(), folder.path("f"));
        let fetch = || files::im::download(&runtime, &host, &token, &file, &path, options());
        let error = fetch().await;
        assert!(matches!(error, Err(TransferError::Im(FileError::NotFound))), "{error:?}");
        assert_eq!(fetch().await.unwrap().bytes, 5);
        let heads = peer.outcome().await;
        assert!(
            has(&heads[1], "get /im/file/ndw4 ") && has(&heads[1], "authorization: token aaaa")
        );

        let silent: Step = Box::new(|stream| {
            peer::until_gone(&stream);
            Vec::new()
        });
        let after = Duration::from_millis(20);
        let error = fails::<S>(silent, tries(1).with_stall_timeout(after)).await;
        assert!(matches!(error, TransferError::Stalled { after: it } if it == after), "{error}");

        let request = ::http::Request::get(format!("http://{}/?q=hush", peer::nobody()));
        let request = HttpRequest::new(request.body(Bytes::new()).unwrap());
        let error = files::download(&runtime, request, &path, options()).await.unwrap_err();
        assert!(matches!(error, TransferError::Http(HttpFailure::Dial(_))), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    });
}

/// A folder that is none, a target that is a folder, a path that names nothing: an error with the path,
/// and nothing left.
pub fn files_download_on_a_bad_disk<S: Subject>() {
    run::<S>(async {
        let folder = Scratch::new();
        folder.file("file", b"");
        fs::create_dir(folder.path("folder")).unwrap();
        fs::write(folder.path("folder").join("x"), b"").unwrap();
        let before = folder.names();
        for (path, is_asked) in [
            (folder.path("nothing").join("f"), true),
            (folder.path("file").join("f"), true),
            (folder.path("folder"), true),
            (folder.path(".."), false),
        ] {
            let mut steps = vec![whole(b"hello")];
            if !is_asked {
                steps.clear();
            }
            let peer = Peer::in_turn(steps);
            let error = files::download(&runtime::<S>(), get(&peer), &path, options()).await;
            let error = error.unwrap_err();
            assert!(matches!(error, TransferError::File { .. }), "{error}");
            assert!(error.to_string().contains(folder.folder().to_str().unwrap()), "{error}");
            assert_eq!(folder.names(), before, "something is left after: {error}");
            peer.outcome().await;
        }
    });
}

/// A download that is dropped wherever it waits closes its socket, spawns nothing, and leaves the whole
/// file or none.
pub fn files_download_dropped_at_every_await<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let runtime = Watched::new(runtime::<S>());
        let tasks = S::tasks();
        for times in 0.. {
            let folder = Scratch::new();
            let before = runtime.connects();
            let answer = file.clone();
            let peer = Peer::tcp(move |mut stream| {
                // Each step may find the client gone.
                if peer::head(&mut stream).is_ok() {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LEN}\r\n\r\n");
                    let _ = stream.write_all(head.as_bytes());
                    let _ = stream.write_all(&answer);
                }
                peer::until_gone(&stream);
            });
            let request = ::http::Request::get(peer.http()).body(Bytes::new()).unwrap();
            let (request, path) = (HttpRequest::new(request), folder.path("f"));
            let done = waiting(times, files::download(&runtime, request, path, options())).await;
            match &folder.names()[..] {
                [] => assert!(done.is_none()),
                [name] => {
                    assert_eq!(name, "f");
                    assert!(fs::read(folder.path("f")).unwrap() == file, "not the whole file");
                }
                names => panic!("left: {names:?}"),
            }
            if runtime.connects() == before {
                peer.knock();
            }
            peer.outcome().await;
            assert_eq!(runtime.spawned(), 0, "a task was spawned");
            assert_eq!(S::tasks(), tasks, "a task is left");
            if let Some(done) = done {
                assert_eq!(done.unwrap().bytes, u64::from(LEN));
                assert!(times >= 3, "it has waited {times} times only");
                break;
            }
        }
    });
}
