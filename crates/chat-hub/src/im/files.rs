//! Files: who may send and fetch them. The bytes never come here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::im::{Flavor, Stamp};
use chat_proto::machine::HttpId;
use chat_sign::AuthHeader;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::json;

use super::Im;
use super::login::user_of_basic;
use super::reply::Status;
use crate::effects::Cx;
use crate::http_answer;
use crate::record::{FileRow, Record};
use crate::transfer::{Download, FileKey, Transfer, UploadBody, UploadError, Uploaded};

/// How long an upload may take before its place is given away. (choice)
const UPLOAD_WITHIN: Duration = Duration::from_secs(60 * 60);
/// What a form may add to the length of its file, in bytes. (choice)
const FORM_BYTES: u64 = 64 << 10;
/// The longest file name that is kept, in bytes. (choice)
const MAX_NAME: usize = 255;

/// Stored files, and uploads under way.
#[derive(Debug, Default)]
pub(super) struct Files {
    rows: BTreeMap<String, FileRow>,
    /// Bytes that each user has stored.
    used: BTreeMap<u64, u64>,
    /// Files that nothing names, the oldest first.
    pub(super) unlinked: BTreeSet<(i64, String)>,
    under_way: BTreeMap<FileKey, Upload>,
}

/// An upload under way.
#[derive(Debug)]
struct Upload {
    user: u64,
    since: Instant,
    /// How to answer it.
    flavor: Flavor,
    /// The quota leaves less than a file may have otherwise.
    short: bool,
}

impl Files {
    /// Assigns a row and gives back the row before.
    pub(super) fn assign(&mut self, key: &str, row: Option<FileRow>) -> Option<FileRow> {
        if let Some(row) = &row {
            *self.used.entry(row.user).or_default() += row.size;
        }
        let created = row.as_ref().filter(|row| !row.linked).map(|row| row.created);
        let old = match row {
            Some(row) => self.rows.insert(key.to_owned(), row),
            None => self.rows.remove(key),
        };
        if let Some(old) = &old
            && let Some(used) = self.used.get_mut(&old.user)
        {
            *used = used.saturating_sub(old.size);
        }
        if let Some(old) = &old {
            self.unlinked.remove(&(old.created, key.to_owned()));
        }
        self.unlinked.extend(created.map(|created| (created, key.to_owned())));
        old
    }

    /// A stored file.
    pub(super) fn row(&self, key: &str) -> Option<&FileRow> {
        self.rows.get(key)
    }

    /// Bytes that `user`, and their tenant, may still store.
    fn room(&self, cx: &Cx<'_>, user: u64) -> u64 {
        let used = self.used.get(&user).copied().unwrap_or_default();
        let own = cx.config.file_quota.saturating_sub(used);
        let Some(most) = cx.config.tenant_file_quota else { return own };
        let tenant = self.used.iter().filter(|(other, _)| cx.accounts.visible(user, **other));
        let used = tenant.fold(0u64, |sum, (_, used)| sum.saturating_add(*used));
        own.min(most.saturating_sub(used))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Record> {
        self.rows.iter().map(|(key, row)| Record::File { key: key.clone(), row: Some(row.clone()) })
    }
}

impl Im {
    /// Judges an upload or a download.
    pub(crate) fn begin_transfer(&mut self, cx: &mut Cx<'_>, head: &Request<()>) -> Transfer {
        let Some((flavor, place)) = place(head.uri().path()) else { return Transfer::NotMine };
        if flavor == Flavor::Tinode
            && let Err(response) = super::check_api_key(cx.config, head, cx.stamp)
        {
            return Transfer::Answer(response);
        }
        let result = match place {
            Place::Upload => self.begin_upload(cx, head, flavor),
            Place::Download(id) => self.begin_download(cx, head, id, flavor),
        };
        result.unwrap_or_else(|status| Transfer::Answer(ctrl(cx.stamp, flavor, "", status, None)))
    }

    fn begin_upload(
        &mut self,
        cx: &mut Cx<'_>,
        head: &Request<()>,
        flavor: Flavor,
    ) -> Result<Transfer, Status> {
        if head.method() != Method::POST && head.method() != Method::PUT {
            return Ok(not_allowed(cx, head, flavor, "POST, PUT, OPTIONS"));
        }
        let user = self.file_user(cx, head)?;
        let length = head.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        // A form is a little longer than its file.
        if length.is_some_and(|length| length > cx.config.max_file_bytes + FORM_BYTES) {
            return Err(Status::TOO_LARGE);
        }
        self.sweep_files(cx);
        let room = self.files.room(cx, user);
        if room == 0 || length.is_some_and(|length| length > room.saturating_add(FORM_BYTES)) {
            return Err(Status::POLICY);
        }
        let kind = head.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let form = "multipart/form-data";
        if !kind.and_then(|it| it.get(..form.len())).is_some_and(|it| it.eq_ignore_ascii_case(form))
        {
            return Err(Status::MALFORMED);
        }
        let now = cx.now.mono;
        self.files.under_way.retain(|_, upload| upload.since + UPLOAD_WITHIN > now);
        if self.files.under_way.len() >= cx.config.max_uploads {
            return Err(Status::UNAVAILABLE);
        }
        let key = FileKey::new(&cx.ids.file_id(cx.now.unix)).expect("file ids are base64url");
        // No more comes in than may stay.
        let max_bytes = cx.config.max_file_bytes.min(room);
        let short = max_bytes < cx.config.max_file_bytes;
        self.files.under_way.insert(key.clone(), Upload { user, since: now, flavor, short });
        Ok(Transfer::Receive { key, body: UploadBody::Multipart, max_bytes })
    }

    fn begin_download(
        &self,
        cx: &Cx<'_>,
        head: &Request<()>,
        id: &str,
        flavor: Flavor,
    ) -> Result<Transfer, Status> {
        if head.method() != Method::GET && head.method() != Method::HEAD {
            return Ok(not_allowed(cx, head, flavor, "GET, HEAD, OPTIONS"));
        }
        let viewer = if cx.config.download_auth { Some(self.file_user(cx, head)?) } else { None };
        let row = self.files.rows.get(id).ok_or(Status::NOT_FOUND)?;
        // Another tenant's files do not exist.
        if viewer.is_some_and(|viewer| !cx.accounts.visible(viewer, row.user)) {
            return Err(Status::NOT_FOUND);
        }
        let asked = query(head).any(|(name, value)| name == "asatt" && value == "1");
        Ok(Transfer::Send(Download {
            key: FileKey::new(id).ok_or(Status::NOT_FOUND)?,
            name: row.name.clone(),
            mime: row.mime.clone(),
            size: row.size,
            attachment: asked || is_active(&row.mime),
        }))
    }

    /// Who calls, by the first credential there is. (tinode-code)
    fn file_user(&self, cx: &Cx<'_>, head: &Request<()>) -> Result<u64, Status> {
        let auth = credential(head)?.ok_or(Status::AUTH_REQUIRED)?;
        let user = match auth.scheme() {
            "token" => self.user_of_token(cx, auth.secret().expose())?,
            "basic" => user_of_basic(cx, auth.secret().expose())?,
            _ => return Err(Status::MALFORMED),
        };
        if cx.accounts.get(user).is_none_or(|it| it.suspended) {
            return Err(Status::DENIED);
        }
        Ok(user)
    }

    /// An upload ended; `false` when it was none of ours.
    pub(crate) fn finish_upload(
        &mut self,
        cx: &mut Cx<'_>,
        id: HttpId,
        key: &FileKey,
        result: &Result<Uploaded, UploadError>,
    ) -> bool {
        let Some(Upload { user, flavor, short, .. }) = self.files.under_way.remove(key) else {
            return false;
        };
        let refused = |status| ctrl(cx.stamp, flavor, "", status, None);
        let response = match result {
            // Others may have been stored meanwhile.
            Ok(it) if it.size > self.files.room(cx, user) => {
                let response = refused(Status::POLICY);
                cx.fx.remove(key.clone());
                response
            }
            Ok(it) => {
                let row = FileRow {
                    user,
                    name: shortened(&it.name).to_owned(),
                    mime: if it.mime.is_empty() {
                        "application/octet-stream".to_owned()
                    } else {
                        shortened(&it.mime).to_owned()
                    },
                    size: it.size,
                    created: cx.stamp,
                    linked: false,
                };
                let url = url_of(key, &row, flavor);
                self.put(cx, Record::File { key: key.as_str().to_owned(), row: Some(row) });
                ctrl(cx.stamp, flavor, &it.form_id, Status::OK, Some(&url))
            }
            Err(UploadError::TooLarge) if short => refused(Status::POLICY),
            Err(UploadError::TooLarge) => refused(Status::TOO_LARGE),
            Err(UploadError::Malformed) => refused(Status::MALFORMED),
            Err(UploadError::Store) => refused(Status::INTERNAL),
        };
        cx.fx.respond(id, response);
        true
    }

    /// An upload was given up.
    pub(crate) fn abort_upload(&mut self, key: &FileKey) {
        self.files.under_way.remove(key);
    }
}

/// The credential of a file call: header, then query, then cookies. (tinode-code)
fn credential(head: &Request<()>) -> Result<Option<AuthHeader>, Status> {
    for name in ["x-tinode-auth", "authorization"] {
        if let Some(value) = head.headers().get(name) {
            let value = value.to_str().map_err(|_| Status::MALFORMED)?;
            return AuthHeader::parse(value).map(Some).map_err(|_| Status::MALFORMED);
        }
    }
    let find = |pairs: &[(String, String)], name: &str| {
        pairs.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone())
    };
    let query: Vec<_> = query(head).collect();
    for pairs in [query, cookies(head.headers())] {
        if let (Some(scheme), Some(secret)) = (find(&pairs, "auth"), find(&pairs, "secret")) {
            // A `+` that was not escaped reads as a space.
            let secret = secret.replace(' ', "+");
            return AuthHeader::new(&scheme, secret).map(Some).map_err(|_| Status::MALFORMED);
        }
    }
    Ok(None)
}

pub(super) fn query(head: &Request<()>) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(head.uri().query().unwrap_or("").as_bytes()).into_owned()
}

pub(super) fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What a browser might run. (tinode-code)
fn is_active(mime: &str) -> bool {
    let mime = mime.to_ascii_lowercase();
    mime.starts_with("application/")
        || mime.starts_with("text/")
        || mime.contains("xml")
        || mime.contains("html")
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Another method than those of `allow`; `OPTIONS` is answered with them. (tinode-code)
fn not_allowed(cx: &Cx<'_>, head: &Request<()>, flavor: Flavor, allow: &'static str) -> Transfer {
    let mut response = if head.method() == Method::OPTIONS {
        http_answer::empty(StatusCode::NO_CONTENT)
    } else {
        ctrl(cx.stamp, flavor, "", Status::NOT_ALLOWED, None)
    };
    response.headers_mut().insert(header::ALLOW, http::HeaderValue::from_static(allow));
    Transfer::Answer(response)
}

/// What a path of the file service is for.
enum Place<'a> {
    Upload,
    Download(&'a str),
}

/// The flavour of a path, and what it is for; `None` for a path of another service.
fn place(path: &str) -> Option<(Flavor, Place<'_>)> {
    match path {
        "/im/file" | "/im/file/" => return Some((Flavor::PortSip, Place::Upload)),
        "/v0/file/u" | "/v0/file/u/" => return Some((Flavor::Tinode, Place::Upload)),
        _ => {}
    }
    if let Some(id) = path.strip_prefix("/im/file/") {
        return Some((Flavor::PortSip, Place::Download(id)));
    }
    let name = path.strip_prefix("/v0/file/s/")?;
    // The ending of a name says what is in it, and nothing else. (tinode-doc)
    Some((Flavor::Tinode, Place::Download(name.split('.').next().unwrap_or_default())))
}

/// How a client is told to ask for a file: PortSIP by its id, Tinode by a path. (seed, tinode-doc)
fn url_of(key: &FileKey, row: &FileRow, flavor: Flavor) -> String {
    let key = key.as_str();
    match flavor {
        Flavor::PortSip => key.to_owned(),
        Flavor::Tinode => {
            let plain = |it: &&str| {
                (1..=8).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            let ending = row.name.rsplit_once('.').map(|(_, ending)| ending).filter(plain);
            let ending = ending.map_or(String::new(), |it| format!(".{it}"));
            format!("/v0/file/s/{key}{ending}")
        }
    }
}

/// A `ctrl` as an HTTP answer; its code is the HTTP status.
pub(super) fn ctrl(
    stamp: i64,
    flavor: Flavor,
    id: &str,
    status: Status,
    url: Option<&str>,
) -> Response<Bytes> {
    use chat_proto::codec::Wire as _;
    use chat_proto::im::{Down, down::Ctrl};
    let frame = Down::Ctrl(Ctrl {
        id: id.into(),
        params: url.map(|url| super::reply::params(&json!({ "url": url })).into()),
        code: status.0,
        text: status.1.into(),
        ts: Stamp::from_unix_micros(stamp, flavor),
        ..Ctrl::default()
    });
    let code = u16::try_from(status.0).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let code = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    http_answer::json_text(code, frame.encode().into_bytes())
}
