//! Files up and down.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::im::rest::{FileUrl, ImHost, upload_answer};
use chat_proto::rest::{BaseUrl, FilePart};
use chat_server::TestServer;
use chat_sign::FileToken;
use http::{HeaderValue, Method, Request, Response, header};

use crate::http::talk;
use crate::support::{ImClient, Raw, get, http, json_of, plain, server, soon, two_tenants};

/// Bytes that repeat nowhere, so that a part shows where it is from.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

fn host(server: &TestServer) -> ImHost {
    ImHost::portsip(BaseUrl::parse(&server.urls().pbx).unwrap()).unwrap()
}

async fn upload(server: &TestServer, token: &str, part: &FilePart, file: &[u8]) -> Response<Bytes> {
    let token = FileToken::new(token).unwrap();
    let request = host(server).upload(&token, "up-1", part, 7).with_body(file).unwrap();
    relative(server, request.into_request()).await
}

async fn relative(server: &TestServer, mut request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path_and_query().unwrap().to_string();
    *request.uri_mut() = path.parse().unwrap();
    http(server, request).await
}

fn download(id: &str, token: &str) -> http::request::Builder {
    Request::get(format!("/im/file/{id}")).header(header::AUTHORIZATION, format!("token {token}"))
}

/// Uploads and gives the id.
async fn stored(server: &TestServer, token: &str, part: &FilePart, file: &[u8]) -> String {
    let answer = upload(server, token, part, file).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    assert_eq!(json_of(&answer)["ctrl"]["id"], "up-1");
    upload_answer(&answer).unwrap().as_str().to_owned()
}

#[tokio::test]
async fn rule_231_232_a_file_comes_back_as_it_was() {
    let server = server().await;
    let ann = ImClient::ready(&server, "101").await;
    let token = ann.connection.get().file_token().unwrap().clone();
    let bob = Raw::extension(&server, "102").await;

    let file = bytes(3 << 20);
    let part = FilePart::new("día 1.bin", file.len() as u64);
    let request = host(&server).upload(&token, "77", &part, 7).with_body(&file).unwrap();
    let answer = relative(&server, request.into_request()).await;
    assert_eq!(json_of(&answer)["ctrl"]["id"], "77");
    let url: FileUrl = upload_answer(&answer).unwrap();

    let location = host(&server).locate(&url).unwrap();
    let token = FileToken::new(bob.file_token()).unwrap();
    let request = host(&server).download(&location, &token).into_request();
    let answer = relative(&server, request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(
        answer.headers()[header::CONTENT_DISPOSITION],
        "attachment; filename*=UTF-8''d%C3%ADa%201.bin"
    );
    assert!(answer.body() == &file[..], "other bytes came back");
}

#[tokio::test]
async fn rule_244_245_parts_and_known_files() {
    let server = server().await;
    let token = Raw::extension(&server, "101").await.file_token();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(bytes(200_000));
    let part = FilePart::new("a.png", file.len() as u64)
        .with_content_type(HeaderValue::from_static("text/html"));
    let id = stored(&server, &token, &part, &file).await;

    let whole = http(&server, download(&id, &token).body(Bytes::new()).unwrap()).await;
    assert_eq!(whole.headers()[header::CONTENT_TYPE], "image/png");
    assert_eq!(whole.headers()[header::CONTENT_DISPOSITION], "inline; filename*=UTF-8''a.png");
    assert_eq!(whole.headers()[header::CONTENT_LENGTH], "200008");
    assert_eq!(whole.headers()[header::ACCEPT_RANGES], "bytes");
    let tag = whole.headers()[header::ETAG].clone();

    let ask = |name, value: HeaderValue| {
        download(&id, &token).header(name, value).body(Bytes::new()).unwrap()
    };
    let part =
        http(&server, ask(header::RANGE, HeaderValue::from_static("bytes=100-100099"))).await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()[header::CONTENT_RANGE], "bytes 100-100099/200008");
    assert!(part.body() == &file[100..100_100], "another part");
    let end = http(&server, ask(header::RANGE, HeaderValue::from_static("bytes=-8"))).await;
    assert!(end.body() == &file[200_000..], "another end");

    let none = http(&server, ask(header::RANGE, HeaderValue::from_static("bytes=200008-"))).await;
    assert_eq!(none.status(), 416);
    assert_eq!(none.headers()[header::CONTENT_RANGE], "bytes */200008");

    let known = http(&server, ask(header::IF_NONE_MATCH, tag)).await;
    assert_eq!((known.status().as_u16(), known.body().len()), (304, 0));

    let mut request = download(&id, &token).body(Bytes::new()).unwrap();
    *request.method_mut() = Method::HEAD;
    let head = http(&server, request).await;
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
    assert_eq!(head.headers()[header::CONTENT_LENGTH], "200008");
}

#[tokio::test]
async fn rule_246_an_empty_file_is_a_file() {
    let server = plain(|_| {}).await;
    let token = Raw::extension(&server, "101").await.file_token();
    let id = stored(&server, &token, &FilePart::new("", 0), b"").await;
    let answer = http(&server, download(&id, &token).body(Bytes::new()).unwrap()).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
}

#[tokio::test]
async fn rule_239_credentials_are_asked_for() {
    let server = TestServer::start(two_tenants()).await.unwrap();
    let token = Raw::extension(&server, "101").await.file_token();
    let part = FilePart::new("a", 3);
    let id = stored(&server, &token, &part, b"abc").await;

    assert_eq!(http(&server, get(&format!("/im/file/{id}"))).await.status(), 401);
    let wrong = http(&server, download(&id, "bm90IGEgdG9rZW4=").body(Bytes::new()).unwrap()).await;
    assert!(wrong.status().is_client_error());
    assert!(upload(&server, "bm90IGEgdG9rZW4=", &part, b"abc").await.status().is_client_error());

    let unknown = http(&server, download("nothing", &token).body(Bytes::new()).unwrap()).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(json_of(&unknown)["ctrl"]["code"], 404);
    let other = Raw::login(&server, "101", "other.example", "other-101").await.file_token();
    let foreign = http(&server, download(&id, &other).body(Bytes::new()).unwrap()).await;
    assert_eq!(foreign.status(), 404);
}

#[tokio::test]
async fn rule_236_a_file_over_the_limit_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = plain(|config| {
        config.hub.max_file_bytes = 100_000;
        config.files = Some(folder.path().to_owned());
    })
    .await;
    let token = Raw::extension(&server, "101").await.file_token();
    let fits = bytes(100_000);
    let id = stored(&server, &token, &FilePart::new("a", 100_000), &fits).await;
    assert_eq!(names(folder.path()), std::slice::from_ref(&id));

    // By its announced length, and by its bytes.
    for len in [100_001, 1 << 20] {
        let part = FilePart::new("a", len as u64);
        let answer = upload(&server, &token, &part, &bytes(len)).await;
        assert_eq!(answer.status(), 413, "{len}");
        assert_eq!(json_of(&answer)["ctrl"]["code"], 413);
    }
    let content = "x".repeat(120_000);
    let chunk = form(&format!(
        "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{content}\r\n--B--\r\n"
    ));
    let answer = talk(&server.urls().pbx, &[&post(&token), &chunk]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(names(folder.path()), [id]);
}

#[tokio::test]
async fn rule_237_a_malformed_form_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = plain(|config| config.files = Some(folder.path().to_owned())).await;
    let token = Raw::extension(&server, "101").await.file_token();
    let file = "content-disposition: form-data; name=\"file\"; filename=\"f\"";
    let endless = format!("--B\r\nx-endless: {}", "y".repeat(1 << 20));
    for (what, body) in [
        ("no form", "hello".to_owned()),
        (
            "no file",
            "--B\r\ncontent-disposition: form-data; name=\"id\"\r\n\r\n1\r\n--B--\r\n".into(),
        ),
        ("cut off", format!("--B\r\n{file}\r\n\r\nabc")),
        ("two files", format!("--B\r\n{file}\r\n\r\na\r\n--B\r\n{file}\r\n\r\nb\r\n--B--\r\n")),
        ("endless head", endless),
    ] {
        let answer = talk(&server.urls().pbx, &[&post(&token), &form(&body)]).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        assert!(names(folder.path()).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    use tokio::io::AsyncWriteExt;
    let folder = tempfile::tempdir().unwrap();
    let server = plain(|config| config.files = Some(folder.path().to_owned())).await;
    let token = Raw::extension(&server, "101").await.file_token();
    let address = server.urls().pbx.strip_prefix("http://").unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let part = "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabc";
    let chunk = format!("{:x}\r\n{part}\r\n", part.len());
    stream.write_all(format!("{}{chunk}", post(&token)).as_bytes()).await.unwrap();
    soon("the first bytes", async {
        while names(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(stream);
    soon("cleaning up", async {
        while !names(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_download_that_nobody_reads_is_given_up() {
    use tokio::io::AsyncWriteExt;
    let server = plain(|config| {
        config.limits.stalled_after = Duration::from_millis(200);
        config.limits.shutdown_within = Duration::from_secs(3600);
    })
    .await;
    let token = Raw::extension(&server, "101").await.file_token();
    // More than the buffers between the two hold.
    let file = bytes(32 << 20);
    let id = stored(&server, &token, &FilePart::new("a", file.len() as u64), &file).await;
    let address = server.urls().pbx.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /im/file/{id} HTTP/1.1\r\nhost: x\r\nauthorization: token {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    soon("the first bytes", stream.readable()).await.unwrap();
    soon("the end", server.stop()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_gone_from_the_disk_is_our_fault() {
    let folder = tempfile::tempdir().unwrap();
    let server = plain(|config| config.files = Some(folder.path().to_owned())).await;
    let token = Raw::extension(&server, "101").await.file_token();
    let id = stored(&server, &token, &FilePart::new("a", 3), b"abc").await;
    std::fs::remove_file(folder.path().join(&id)).unwrap();
    let answer = http(&server, download(&id, &token).body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(json_of(&answer)["ctrl"]["code"], 500);

    std::fs::remove_dir_all(folder.path()).unwrap();
    let answer = upload(&server, &token, &FilePart::new("a", 3), b"abc").await;
    assert_eq!(answer.status(), 500);
    assert_eq!(json_of(&answer)["ctrl"]["code"], 500);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The head of an upload in chunks.
fn post(token: &str) -> String {
    format!(
        "POST /im/file HTTP/1.1\r\nhost: x\r\nauthorization: token {token}\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=B\r\ntransfer-encoding: chunked\r\n\r\n"
    )
}

fn form(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
