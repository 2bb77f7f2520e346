//! The recorded answers of the HTTP side.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::im::rest::{
    FileError, ImHost, OauthError, refresh_answer, token_answer, upload_answer,
};
use chat_proto::rest::BaseUrl;
use chat_sign::Secret;

use crate::im_fixtures::fixtures;

fn answer(status: u16, name: &str) -> http::Response<Bytes> {
    let all = fixtures("im/rest");
    let (_, text) = all.into_iter().find(|(found, _)| found == name).unwrap();
    let answer =
        http::Response::builder().status(status).header("content-type", "application/json");
    answer.body(text.into()).unwrap()
}

#[test]
fn a_token() {
    let pair = token_answer(&answer(200, "token")).unwrap();
    assert_eq!(pair.access_token.expose().len(), 48);
    assert_eq!(pair.expires_in, Duration::from_secs(1800));
    assert_eq!(refresh_answer(&answer(200, "token"), &Secret::new("old")).unwrap(), pair);
}

fn answered(body: impl Into<Bytes>) -> http::Response<Bytes> {
    let kind = (http::header::CONTENT_TYPE, "application/json");
    http::Response::builder().header(kind.0, kind.1).body(body.into()).unwrap()
}

#[test]
fn unusual_answers_with_a_token() {
    let rest = r#""refresh_token":"r","expires_in":9"#;
    // Of members that come twice the last one holds, as in frames.
    let twice = format!(r#"{{"access_token":"a","access_token":"b",{rest},"more":[[{{}}]]}}"#);
    let pair = token_answer(&answered(twice)).unwrap();
    assert_eq!((pair.access_token.expose(), pair.expires_in.as_secs()), ("b", 9));
    let deep = format!("{}{}", "[".repeat(9000), "]".repeat(9000));
    for body in [
        "[]".to_owned(),
        r#"["a","r",9,"Bearer"]"#.to_owned(),
        format!(r#"{{"access_token":7,{rest}}}"#),
        format!(r#"{{"access_token":"a",{rest},"more":{deep}}}"#),
        format!(r#"{{"access_token":"a\n",{rest}}}"#),
    ] {
        let error = token_answer(&answered(body.clone())).unwrap_err();
        assert!(matches!(error, OauthError::Malformed { .. }), "{body:.40}: {error}");
    }
}

#[test]
fn refusals_of_a_token() {
    assert_eq!(
        token_answer(&answer(400, "token-unauthorized")).unwrap_err().to_string(),
        "the PBX refused the login: Invalid username or password"
    );
    let error = refresh_answer(&answer(400, "token-refresh-failed"), &Secret::new("old"));
    assert!(matches!(error, Err(OauthError::RefreshFailed { .. })));
}

#[test]
fn the_published_upload_leads_to_the_published_download() {
    let host = ImHost::portsip(BaseUrl::parse("https://pbx.portsip.com:8887").unwrap()).unwrap();
    let file = upload_answer(&answer(200, "upload")).unwrap();
    let location = host.locate(&file).unwrap();
    assert_eq!(
        location.url,
        "https://pbx.portsip.com:8887/im/file/NDW4_NYseeH20iuC3rih_wAAwItyRIMM"
    );
    assert!(location.send_credentials);
}

#[test]
fn other_answers_to_an_upload() {
    let base = BaseUrl::parse("http://localhost:6060").unwrap();
    let host = ImHost::tinode(base, &Secret::new("key")).unwrap();
    let file = upload_answer(&answer(200, "upload-tinode")).unwrap();
    let location = host.locate(&file).unwrap();
    assert_eq!(location.url, "http://localhost:6060/v0/file/s/AbCdEfGhIjK.png");
    let refused = upload_answer(&answer(401, "upload-unauthorized"));
    assert_eq!(refused, Err(FileError::Unauthorized));
    let refused = upload_answer(&answer(413, "upload-too-large"));
    assert_eq!(refused, Err(FileError::TooLarge));
}
