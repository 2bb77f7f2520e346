//! Pictures: a place to upload to, the upload, the download.

use bytes::Bytes;
use chat_proto::machine::HttpId;
use chat_proto::time::UnixMillis;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::{C2cImage, C2cRecord, C2cState};
use crate::effects::Cx;
use crate::http_answer;
use crate::transfer::{Download, FileKey, Transfer, UploadBody, UploadError, Uploaded};
use crate::world::UploadType;

/// Where bytes are put.
const UPLOAD: &str = "/c2c-upload/";
/// Where they are fetched; the form of the published sample.
const DOWNLOAD: &str = "/client_upload/c2c/chat/";
/// How long a place is open, in seconds. (the published text of a sibling call)
const OPEN_FOR: u64 = 300;
/// What a picture's name may end with.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "gif", "webp", "bmp"];
/// The longest name, in bytes. (choice)
const MAX_NAME: usize = 255;
/// What a store says when a request is not the one that was signed.
const MISMATCH: &str = "SignatureDoesNotMatch";

/// A place to upload to. It is taken once its picture is stored, and kept until it expires so that
/// a picture that could not be stored leaves it free.
pub(super) struct Slot {
    user: u64,
    name: String,
    path: String,
    signature: String,
    /// Whether the type is part of what is signed.
    typed: bool,
    expires: UnixMillis,
    /// Bytes are coming in.
    busy: bool,
}

impl Slot {
    /// Where its picture is going to be.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// Opens a place for a picture; gives its upload and its download URL. `None` when the name is not
/// that of a picture or too many places are open.
pub(super) fn open(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    user: u64,
    name: &str,
) -> Option<(String, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    if stem.is_empty() || name.len() > MAX_NAME || !EXTENSIONS.contains(&&*extension) {
        return None;
    }
    let now = state.clock(cx);
    state.slots.retain(|_, slot| slot.busy || slot.expires > now);
    let free = state.slots.values().filter(|slot| !state.images.contains_key(&slot.path));
    if free.count() >= cx.config.max_uploads {
        return None;
    }
    let place = cx.ids.hex32();
    let (day, second) = stamp(now);
    let path = format!("{DOWNLOAD}{day}/{}_{day}{second}.{extension}", cx.ids.hex32());
    let signature = cx.ids.hex32();
    let typed = state.faults.upload_type == UploadType::Signed;
    let headers = if typed { "content-type%3Bhost" } else { "host" };
    let open_for = Some(state.faults.upload_expiry_secs).filter(|seconds| *seconds > 0);
    let open_for = open_for.map_or(OPEN_FOR, u64::from);
    let host = &cx.config.urls.images;
    let upload = format!(
        "{host}{UPLOAD}{place}?X-Amz-Expires={open_for}&X-Amz-SignedHeaders={headers}&X-Amz-Signature={signature}"
    );
    let image = format!("{host}{path}");
    let expires = UnixMillis::new(now.as_millis().saturating_add(open_for * 1000));
    let name = name.to_owned();
    state.slots.insert(place, Slot { user, name, path, signature, typed, expires, busy: false });
    Some((upload, image))
}

/// Judges an upload or a download; neither asks for a key. (seed, field reports)
pub(super) fn begin(state: &mut C2cState, cx: &mut Cx<'_>, head: &Request<()>) -> Transfer {
    let path = head.uri().path();
    if let Some(place) = path.strip_prefix(UPLOAD) {
        return begin_upload(state, cx, head, place);
    }
    if !path.starts_with(DOWNLOAD) {
        return Transfer::NotMine;
    }
    if head.method() != Method::GET && head.method() != Method::HEAD {
        return Transfer::Answer(http_answer::empty(StatusCode::METHOD_NOT_ALLOWED));
    }
    let found = state.images.get(path).and_then(|row| Some((FileKey::new(&row.key)?, row)));
    match found {
        Some((key, row)) => Transfer::Send(Download {
            key,
            name: row.name.clone(),
            mime: row.mime.clone(),
            size: row.size,
            attachment: false,
        }),
        None => Transfer::Answer(denied(StatusCode::NOT_FOUND, "NoSuchKey")),
    }
}

fn begin_upload(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    head: &Request<()>,
    place: &str,
) -> Transfer {
    if head.method() != Method::PUT {
        return Transfer::Answer(http_answer::empty(StatusCode::METHOD_NOT_ALLOWED));
    }
    if let Some(status) = super::fault_status(state.faults.upload_status) {
        return Transfer::Answer(denied(status, "SlowDown"));
    }
    let now = state.clock(cx);
    let query = head.uri().query().unwrap_or_default();
    let signature = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "X-Amz-Signature").then(|| value.into_owned()));
    let slot = state.slots.get_mut(place);
    let Some(slot) = slot.filter(|it| Some(&it.signature) == signature.as_ref()) else {
        return Transfer::Answer(denied(StatusCode::FORBIDDEN, MISMATCH));
    };
    let said = head.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let as_signed = if slot.typed {
        said == Some(media_type(&slot.name).as_bytes())
    } else {
        said.is_none() || state.faults.upload_type != UploadType::None
    };
    if !as_signed {
        return Transfer::Answer(denied(StatusCode::FORBIDDEN, MISMATCH));
    }
    let taken = state.images.contains_key(&slot.path);
    if taken || slot.busy || slot.expires <= now {
        return Transfer::Answer(denied(StatusCode::FORBIDDEN, "AccessDenied"));
    }
    // Each try has a file of its own: what an earlier one left may be on its way out.
    let Some(key) = FileKey::new(&cx.ids.hex32()) else {
        return Transfer::Answer(denied(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"));
    };
    slot.busy = true;
    state.uploads.insert(key.clone(), place.to_owned());
    Transfer::Receive { key, body: UploadBody::Raw, max_bytes: cx.config.max_file_bytes }
}

/// The body of an upload was received or refused.
pub(super) fn finish(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    id: HttpId,
    key: &FileKey,
    result: &Result<Uploaded, UploadError>,
) -> bool {
    // Whatever comes of it, until it expires the place is open for another try.
    let Some(place) = abort(state, key) else { return false };
    let uploaded = match result {
        Ok(uploaded) => uploaded,
        Err(error) => {
            let (status, code) = match error {
                UploadError::TooLarge => (StatusCode::BAD_REQUEST, "EntityTooLarge"),
                UploadError::Malformed => (StatusCode::BAD_REQUEST, "IncompleteBody"),
                UploadError::Store => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            };
            cx.fx.respond(id, denied(status, code));
            return true;
        }
    };
    let Some(slot) = state.slots.get(&place) else { return false };
    let row = C2cImage {
        key: key.as_str().to_owned(),
        user: slot.user,
        mime: media_type(&slot.name).to_owned(),
        name: slot.name.clone(),
        size: uploaded.size,
    };
    // The row takes the place; a commit that fails takes the row away again.
    let path = slot.path.clone();
    state.put(cx, C2cRecord::Image { path, row: Some(row) });
    cx.fx.respond(id, http_answer::empty(StatusCode::OK));
    true
}

/// An upload is over; gives the place it was for.
pub(super) fn abort(state: &mut C2cState, key: &FileKey) -> Option<String> {
    let place = state.uploads.remove(key)?;
    state.slots.get_mut(&place)?.busy = false;
    Some(place)
}

/// The type by the name's extension: a picture and nothing that a browser would run.
fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "bmp" => "image/bmp",
        _ => "image/jpeg",
    }
}

/// A refusal in the form of the store behind pre-signed URLs.
fn denied(status: StatusCode, code: &str) -> Response<Bytes> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

/// `yyyymmdd` and `HHMMSS` in UTC.
fn stamp(now: UnixMillis) -> (String, String) {
    let seconds = now.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years from 1 March, so that the leap day is the last of a year; eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    (format!("{year:04}{month:02}{day:02}"), format!("{hour:02}{minute:02}{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_civil_time() {
        for (millis, expected) in [
            (0, "19700101000000"),
            (951_782_399_000, "20000228235959"),
            (951_782_400_000, "20000229000000"),
            (951_868_800_000, "20000301000000"),
            (1_714_133_203_999, "20240426120643"),
            (4_107_542_399_000, "21000228235959"),
            (4_107_542_400_000, "21000301000000"),
        ] {
            let (day, second) = stamp(UnixMillis::new(millis));
            assert_eq!(day + &second, expected);
        }
    }

    #[test]
    fn types_are_those_of_pictures() {
        assert_eq!(media_type("a.PNG"), "image/png");
        assert_eq!(media_type("a.html"), "image/jpeg");
    }
}
