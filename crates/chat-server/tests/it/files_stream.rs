//! Files through the client's own transfers, over TLS: streamed, in parts, and from where they broke off.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use chat_proto::c2c::rest::{DownloadRules, UploadSlot};
use chat_proto::im::rest::{FileError, FileUrl, ImHost};
use chat_proto::rest::BaseUrl;
use chat_server::TestServer;
use chat_sign::FileToken;
use futures_util::future::{Either, select};
use runtime_tokio::Runtime as _;
use runtime_tokio::files::{self, DownloadOptions, Progress, Source, TransferError, UploadOptions};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::support::{Raw, api, exchange, plain, runtime, server};

const LEN: usize = 1_000_001;
/// More than the buffers between the two hold, so that neither is done before the other begins.
const LONG: usize = (20 << 20) + 1;
const MIB: u64 = 1 << 20;

/// Bytes of which a part shows where it is from.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

struct Place {
    server: TestServer,
    host: ImHost,
    token: FileToken,
    folder: TempDir,
}

async fn place() -> Place {
    let server = server().await;
    let host = ImHost::portsip(BaseUrl::parse(&server.urls().pbx).unwrap()).unwrap();
    let token = FileToken::new(Raw::extension(&server, "101").await.file_token()).unwrap();
    Place { server, host, token, folder: tempfile::tempdir().unwrap() }
}

impl Place {
    /// Uploads the file; gives its reference.
    async fn upload(&self, len: usize, options: UploadOptions) -> FileUrl {
        let path = self.folder.path().join("holiday 1.bin");
        std::fs::write(&path, bytes(len)).unwrap();
        let source = Source::open(path).await.unwrap();
        let runtime = runtime(&self.server);
        let file = files::im::upload(&runtime, &self.host, &self.token, "7", source, options);
        file.await.unwrap()
    }

    async fn download(
        &self,
        file: &FileUrl,
        options: DownloadOptions,
    ) -> Result<u64, TransferError> {
        let (runtime, path) = (runtime(&self.server), self.folder.path().join("copy"));
        let done = files::im::download(&runtime, &self.host, &self.token, file, path, options);
        done.await.map(|done| done.bytes)
    }
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_as_it_was() {
    let place = place().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let options = UploadOptions::default().on_progress(move |it| tell.lock().unwrap().push(it));
    let file = place.upload(LEN, options).await;
    let whole = Progress { done: LEN as u64, total: Some(LEN as u64) };
    assert_eq!(told.lock().unwrap().last(), Some(&whole));
    let options = DownloadOptions::default();
    assert_eq!(place.download(&file, options).await.unwrap(), LEN as u64);
    assert!(std::fs::read(place.folder.path().join("copy")).unwrap() == bytes(LEN), "other bytes");

    let mut writer = Vec::new();
    let runtime = runtime(&place.server);
    let (host, token) = (&place.host, &place.token);
    let options = DownloadOptions::default();
    files::im::download_into(&runtime, host, token, &file, &mut writer, options).await.unwrap();
    assert!(writer == bytes(LEN), "other bytes");
    place.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_download_goes_on_where_it_was_dropped() {
    let place = place().await;
    let file = place.upload(LONG, UploadOptions::default()).await;
    let later = || DownloadOptions::default().resume_later(true);
    let enough = Arc::new(Notify::new());
    let reached = enough.clone();
    let options = later().on_progress(move |it| {
        if it.done > MIB {
            reached.notify_one();
        }
    });
    let (first, is_there) = (place.download(&file, options), enough.notified());
    {
        let Either::Left(_) = select(pin!(is_there), pin!(first)).await else {
            panic!("it was too fast to be dropped");
        };
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let options = later().on_progress(move |it| tell.lock().unwrap().push(it.done));
    assert_eq!(place.download(&file, options).await.unwrap(), LONG as u64);
    assert!(std::fs::read(place.folder.path().join("copy")).unwrap() == bytes(LONG), "other bytes");
    let first = told.lock().unwrap()[0];
    assert!(first > MIB / 2, "it began again: {first}");
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 2);
    place.server.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_service_says_is_told() {
    let place = place().await;
    let file = place.upload(LEN, UploadOptions::default()).await;
    let error = place.download(&FileUrl::new("nothing"), DownloadOptions::default()).await;
    assert!(matches!(error, Err(TransferError::Im(FileError::NotFound))), "{error:?}");
    let runtime = runtime(&place.server);
    let wrong = FileToken::new("AAAA").unwrap();
    let path = place.folder.path().join("copy");
    let options = DownloadOptions::default();
    let error = files::im::download(&runtime, &place.host, &wrong, &file, &path, options).await;
    assert!(matches!(error, Err(TransferError::Im(FileError::Rejected { code: 400, .. }))));
    let source = Source::bytes("hello");
    let options = UploadOptions::default();
    let error = files::im::upload(&runtime, &place.host, &wrong, "7", source, options).await;
    assert!(matches!(error, Err(TransferError::Im(FileError::Rejected { code: 400, .. }))));
    assert!(!path.exists());
    place.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_too_large_for_the_service_is_called_so() {
    let server = plain(|config| config.hub.max_file_bytes = 1 << 20).await;
    let host = ImHost::portsip(BaseUrl::parse(&server.urls().pbx).unwrap()).unwrap();
    let token = FileToken::new(Raw::extension(&server, "101").await.file_token()).unwrap();
    let runtime = runtime(&server);
    for len in [LONG, (1 << 20) + 1] {
        // Its head is enough for the service, which says so while the body is on its way.
        let (source, options) = (Source::bytes(vec![7; len]), UploadOptions::default());
        let error = files::im::upload(&runtime, &host, &token, "7", source, options).await;
        assert!(matches!(error, Err(TransferError::Im(FileError::TooLarge))), "{error:?}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_picture_is_put_and_fetched() {
    let server = server().await;
    let runtime = runtime(&server);
    let request = api(&server, "buyer").pre_signed_url("a.png", runtime.now().unix);
    let answer = exchange(&runtime, request.into_request()).await.unwrap();
    let slot = UploadSlot::read(&answer).unwrap();
    let picture = [b"\x89PNG\r\n\x1a\n", &bytes(LEN)[..]].concat();
    let source = Source::bytes(picture.clone());
    files::c2c::put(&runtime, &slot, "image/png", source, UploadOptions::default()).await.unwrap();
    let mut writer = Vec::new();
    let (url, rules) = (&slot.image_url, DownloadRules::default());
    let options = DownloadOptions::default();
    let done = files::c2c::download_into(&runtime, url, &rules, &mut writer, options).await;
    assert_eq!(done.unwrap().content_type.unwrap(), "image/png");
    assert!(writer == picture, "other bytes");
    server.stop().await.unwrap();
}
