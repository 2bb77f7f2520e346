//! Downloads that break off, and go on.

use std::fs;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_proto::machine::{HttpFailure, HttpRequest};
use futures_util::future::{Either, select};

use super::files_down::{LEN, Step, fetch, get, has, options, say, tries, whole};
use super::peer::{self, Peer};
use super::scratch::{Scratch, bytes};
use super::{Subject, run, runtime};
use crate::files::{self, TransferError};

/// Where it breaks off.
const CUT: usize = 300_000;

/// The beginning of the file, which says that it is the whole.
fn cut(about: &str, file: &[u8]) -> Step {
    say(format!("HTTP/1.1 200 OK\n{about}Content-Length: {LEN}"), &file[..CUT])
}

/// A part, with the headers that go with it.
fn part(range: &str, about: &str, body: &[u8]) -> Step {
    let length = body.len();
    say(
        format!(
            "HTTP/1.1 206 Partial Content\nContent-Range: bytes {range}\n{about}\
             Content-Length: {length}"
        ),
        body,
    )
}

fn rest(file: &[u8]) -> Step {
    part(&format!("{CUT}-{}/{LEN}", LEN - 1), "ETag: \"a\"\n", &file[CUT..])
}

const TAG: &str = "ETag: \"a\"\n";

/// Runs a download against `steps`; gives the heads of the requests after the first.
async fn goes_on<S: Subject>(steps: Vec<Step>, expected: &[u8]) -> Vec<Vec<String>> {
    let folder = Scratch::new();
    let (count, peer) = (steps.len(), Peer::in_turn(steps));
    let done = fetch::<S>(&peer, &folder, options()).await.unwrap();
    assert_eq!((done.bytes, done.attempts as usize), (expected.len() as u64, count));
    assert!(fs::read(folder.path("f")).unwrap() == expected, "other bytes");
    assert_eq!(folder.names(), ["f"]);
    peer.outcome().await.split_off(1)
}

/// After a lost link the rest is asked for, by the validator that the server gave.
pub fn files_download_goes_on<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\n";
        let modified =
            format!("ETag: W/\"a\"\nLast-Modified: Sun, 06 Nov 1994 08:00:00 GMT\n{date}");
        for (about, if_range) in
            [(TAG, "if-range: \"a\""), (&modified, "if-range: sun, 06 nov 1994 08:00:00 gmt")]
        {
            let last = part(&format!("{CUT}-{}/{LEN}", LEN - 1), "", &file[CUT..]);
            let heads = goes_on::<S>(vec![cut(about, &file), last], &file).await;
            assert!(has(&heads[0], &format!("range: bytes={CUT}-")), "{:?}", heads[0]);
            assert!(has(&heads[0], if_range), "{:?}", heads[0]);
            assert!(has(&heads[0], "authorization: token hush"));
        }

        // In several parts, one of them shorter than what was asked for, and a busy server between.
        let (one, two) = (CUT + 10, CUT + 100_000);
        let busy = "HTTP/1.1 503 Service Unavailable\nRetry-After: 0\nContent-Length: 0";
        let steps = vec![
            cut(TAG, &file),
            part(&format!("{CUT}-{}/{LEN}", one - 1), TAG, &file[CUT..one]),
            say(busy, ""),
            say(
                format!(
                    "HTTP/1.1 206 Partial Content\nContent-Range: bytes {one}-{}/{LEN}\n{TAG}\
                     Content-Length: {}",
                    LEN - 1,
                    LEN as usize - one
                ),
                &file[one..two],
            ),
            part(&format!("{two}-{}/{LEN}", LEN - 1), TAG, &file[two..]),
        ];
        let heads = goes_on::<S>(steps, &file).await;
        for (head, at) in heads.iter().zip([CUT, one, one, two]) {
            assert!(has(head, &format!("range: bytes={at}-")), "{head:?}");
        }

        // The file was whole, but nobody had said how long it is.
        let chunk = [format!("{CUT:x}\r\n").as_bytes(), &file[..CUT], b"\r\n"].concat();
        let steps = vec![
            say(format!("HTTP/1.1 200 OK\n{TAG}Transfer-Encoding: chunked"), chunk),
            say(format!("HTTP/1.1 416 No\nContent-Range: bytes */{CUT}\nContent-Length: 0"), ""),
        ];
        goes_on::<S>(steps, &file[..CUT]).await;
    });
}

/// Without a validator, with another file, or with parts that do not fit, the whole file is fetched.
pub fn files_download_starts_over<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let other: Vec<u8> = file.iter().map(|byte| !byte).collect();
        for about in ["", "ETag: W/\"a\"\n", "ETag: \"a\"\nAccept-Ranges: none\n"] {
            let heads = goes_on::<S>(vec![cut(about, &file), whole(&file)], &file).await;
            assert!(!has(&heads[0], "range") && !has(&heads[0], "if-range"), "{:?}", heads[0]);
        }
        // The file has changed, and the server says so as it should.
        let shorter = &other[..CUT - 1];
        goes_on::<S>(vec![cut(TAG, &file), whole(shorter)], shorter).await;
        // Or it does not, or its parts are wrong.
        let end = LEN - 1;
        for wrong in [
            part(&format!("{CUT}-{end}/{LEN}"), "ETag: \"b\"\n", &other[CUT..]),
            part(&format!("{}-{end}/{LEN}", CUT - 1), TAG, &file[CUT - 1..]),
            part(&format!("{}-{end}/{LEN}", CUT + 1), TAG, &file[CUT + 1..]),
            part(&format!("{CUT}-{end}/{}", LEN + 1), TAG, &file[CUT..]),
            part(&format!("{CUT}-{end}/{LEN}"), TAG, &file[CUT..CUT + 5]),
            part("nonsense", TAG, &file[CUT..]),
            say("HTTP/1.1 416 No\nContent-Range: bytes */5\nContent-Length: 0", ""),
            say("HTTP/1.1 416 No\nContent-Length: 0", ""),
        ] {
            let heads = goes_on::<S>(vec![cut(TAG, &file), wrong, whole(&other)], &other).await;
            assert!(has(&heads[0], "range: bytes=300000-") && !has(&heads[1], "range"));
        }
    });
}

/// Attempts are counted, and their end is an error; a part may not be longer than it says.
pub fn files_download_gives_up<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![cut("", &file), cut("", &file), cut("", &file)]);
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let options = tries(3).on_progress(move |it| tell.lock().unwrap().push(it.done));
        let error = fetch::<S>(&peer, &folder, options).await.unwrap_err();
        assert!(matches!(error, TransferError::Http(HttpFailure::Io(_))), "{error}");
        assert_eq!(peer.outcome().await.len(), 3);
        assert_eq!(folder.names(), [""; 0]);
        let told = told.lock().unwrap().clone();
        assert_eq!(told.iter().max(), Some(&(CUT as u64)));
        assert_eq!(told.iter().filter(|done| **done == CUT as u64).count(), 3);

        // A server that is gone is tried again, if there was one.
        let peer = Peer::in_turn(vec![cut(TAG, &file)]);
        let error = fetch::<S>(&peer, &folder, tries(3)).await.unwrap_err();
        assert!(matches!(error, TransferError::Http(_)), "{error}");
        // One that asks for a long pause is not waited for.
        let later = "HTTP/1.1 429 Too Many Requests\nRetry-After: 3600\nContent-Length: 0";
        let peer = Peer::in_turn(vec![cut(TAG, &file), say(later, "")]);
        let error = fetch::<S>(&peer, &folder, tries(3)).await.unwrap_err();
        assert!(matches!(&error, TransferError::Refused(it) if it.status() == 429), "{error}");

        let more = format!("{CUT}-{}/{LEN}", LEN - 1);
        let head =
            format!("HTTP/1.1 206 OK\nContent-Range: bytes {more}\nTransfer-Encoding: chunked");
        let len = file.len() - CUT + 1;
        let chunk =
            [format!("{len:x}\r\n").as_bytes(), &file[CUT - 1..], b"\r\n0\r\n\r\n"].concat();
        let peer = Peer::in_turn(vec![cut(TAG, &file), say(head, chunk)]);
        let error = fetch::<S>(&peer, &folder, tries(3)).await.unwrap_err();
        assert!(matches!(error, TransferError::Malformed { .. }), "{error}");
        assert_eq!(folder.names(), [""; 0]);
    });
}

/// A writer gets the rest; where there is none for it, that is an error.
pub fn files_download_into_a_writer_goes_on<S: Subject>() {
    run::<S>(async {
        let (file, runtime) = (bytes(LEN), runtime::<S>());
        let into = async |steps: Vec<Step>| {
            let peer = Peer::in_turn(steps);
            let mut writer = Vec::new();
            let done = files::download_into(&runtime, get(&peer), &mut writer, options()).await;
            peer.outcome().await;
            (done, writer)
        };
        let (done, got) = into(vec![cut(TAG, &file), rest(&file)]).await;
        assert_eq!(done.unwrap().attempts, 2);
        assert!(got == file, "other bytes");
        let wrong = part("0-4/5", TAG, b"hello");
        for steps in [vec![cut(TAG, &file), whole(&file)], vec![cut(TAG, &file), wrong]] {
            let (done, got) = into(steps).await;
            assert!(matches!(done, Err(TransferError::Changed)), "{done:?}");
            assert!(got == file[..CUT], "other bytes");
        }
        // Nothing tells the file from another: it is not asked again.
        let (done, got) = into(vec![cut("", &file)]).await;
        assert!(matches!(done, Err(TransferError::Http(HttpFailure::Io(_)))), "{done:?}");
        assert!(got == file[..CUT], "other bytes");
        // Nothing was written yet.
        let (done, got) = into(vec![say("", ""), whole(&file)]).await;
        assert_eq!(done.unwrap().attempts, 2);
        assert!(got == file, "other bytes");
    });
}

/// The beginning of a file, and then nothing until the client goes.
fn hang(file: &[u8]) -> Step {
    let beginning = file[..CUT].to_vec();
    Box::new(move |mut stream| {
        let head = peer::head(&mut stream).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: {LEN}\r\n\r\n").unwrap();
        stream.write_all(&beginning).unwrap();
        let _ = stream.read(&mut [0]);
        head
    })
}

/// What a call has left, because it failed or was dropped, a later one goes on from.
pub fn files_download_goes_on_later<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let runtime = runtime::<S>();
        for drops in [false, true] {
            let folder = Scratch::new();
            let first = if drops { hang(&file) } else { cut(TAG, &file) };
            let peer = Peer::in_turn(vec![first, rest(&file)]);
            let later = || tries(1).resume_later(true);
            if drops {
                let (seen, mut is_there) = futures_channel::mpsc::unbounded();
                let options = later().on_progress(move |it| {
                    if it.done == CUT as u64 {
                        seen.unbounded_send(()).unwrap();
                    }
                });
                let call = pin!(fetch::<S>(&peer, &folder, options));
                let there = pin!(futures_util::StreamExt::next(&mut is_there));
                let Either::Right(_) = select(call, there).await else { panic!("it has ended") };
            } else {
                fetch::<S>(&peer, &folder, later()).await.unwrap_err();
            }
            let names = folder.names();
            assert!(names.len() == 2 && names.iter().all(|it| it.starts_with(".f.")), "{names:?}");
            let note = names.iter().find(|it| it.ends_with(".part-note")).unwrap();
            let note = fs::read_to_string(folder.path(note)).unwrap();
            assert!(!note.contains("hush") && !note.contains("127.0.0.1"), "{note}");

            // The query may be another one: tokens change.
            let request = ::http::Request::get(format!("{}/f?token=new", peer.http()));
            let request = HttpRequest::new(request.body(Bytes::new()).unwrap());
            let path = folder.path("f");
            let have =
                fs::metadata(folder.path(names.iter().find(|it| it.ends_with(".part")).unwrap()));
            let have = have.unwrap().len();
            let done = files::download(&runtime, request, &path, later()).await;
            if drops {
                // What was still in memory is fetched again; the peer has the other rest.
                let head = &peer.outcome().await[1];
                let asked =
                    head.iter().find_map(|line| line.strip_prefix("range: bytes=")).unwrap();
                let asked: u64 = asked.trim_end_matches('-').parse().unwrap();
                assert!(have <= asked && asked <= CUT as u64 && asked > 0, "{asked}");
                continue;
            }
            assert_eq!(done.unwrap().bytes, u64::from(LEN));
            assert!(fs::read(path).unwrap() == file, "other bytes");
            assert_eq!(folder.names(), ["f"]);
            let head = &peer.outcome().await[1];
            assert!(has(head, "range: bytes=300000-") && has(head, "if-range: \"a\""), "{head:?}");
        }
    });
}

/// What is left is not used for another URL, or where the server has another file; what is of no use is
/// not left.
pub fn files_download_of_something_else_later<S: Subject>() {
    run::<S>(async {
        let file = bytes(LEN);
        let other: Vec<u8> = file.iter().map(|byte| !byte).collect();
        let runtime = runtime::<S>();
        let later = || tries(1).resume_later(true);

        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![cut(TAG, &file), whole(&other)]);
        fetch::<S>(&peer, &folder, later()).await.unwrap_err();
        let request = ::http::Request::get(format!("{}/another", peer.http()));
        let request = HttpRequest::new(request.body(Bytes::new()).unwrap());
        files::download(&runtime, request, folder.path("f"), later()).await.unwrap();
        assert!(fs::read(folder.path("f")).unwrap() == other, "other bytes");
        assert_eq!(folder.names(), ["f"]);
        assert!(!has(&peer.outcome().await[1], "range"));

        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![cut(TAG, &file), whole(&other)]);
        fetch::<S>(&peer, &folder, later()).await.unwrap_err();
        fetch::<S>(&peer, &folder, later()).await.unwrap();
        assert!(fs::read(folder.path("f")).unwrap() == other, "other bytes");
        assert_eq!(folder.names(), ["f"]);

        // A refusal does not take away what is there; another target has nothing of it.
        let folder = Scratch::new();
        let no = || say("HTTP/1.1 401 Unauthorized\nContent-Length: 0", "");
        let peer = Peer::in_turn(vec![cut(TAG, &file), no(), no()]);
        fetch::<S>(&peer, &folder, later()).await.unwrap_err();
        fetch::<S>(&peer, &folder, later()).await.unwrap_err();
        assert_eq!(folder.names().len(), 2);
        let error = files::download(&runtime, get(&peer), folder.path("g"), later()).await;
        assert!(matches!(error, Err(TransferError::Refused(_))), "{error:?}");
        let heads = peer.outcome().await;
        assert!(has(&heads[1], "range") && !has(&heads[2], "range"));

        let folder = Scratch::new();
        let peer = Peer::in_turn(vec![cut("", &file)]);
        fetch::<S>(&peer, &folder, later()).await.unwrap_err();
        assert_eq!(folder.names(), [""; 0], "nothing says what this is");
    });
}

/// Two downloads that would share a temporary file exclude each other.
pub fn files_download_in_use<S: Subject>() {
    run::<S>(async {
        let (file, folder) = (bytes(LEN), Scratch::new());
        let peer = Peer::in_turn(vec![hang(&file)]);
        let (seen, is_there) = futures_channel::oneshot::channel();
        let mut seen = Some(seen);
        let options = tries(1).resume_later(true).on_progress(move |_| {
            if let Some(seen) = seen.take() {
                seen.send(()).unwrap();
            }
        });
        let first = pin!(fetch::<S>(&peer, &folder, options));
        let second = pin!(async {
            is_there.await.unwrap();
            fetch::<S>(&peer, &folder, tries(1).resume_later(true)).await
        });
        match select(first, second).await {
            Either::Right((Err(TransferError::InUse { path }), _)) => {
                assert!(path.starts_with(folder.folder()));
            }
            Either::Right((other, _)) | Either::Left((other, _)) => panic!("{other:?}"),
        }
    });
}
