//! Pictures: a place to put them, the upload, then the message that names it.
//!
//! Nothing of this shows in the chat before the message is written, so every step is tried again
//! with a fresh URL.

use bytes::Bytes;
use http::Response;

use crate::c2c::C2c;
use crate::c2c::answer::{Reason, Refusal};
use crate::c2c::client::calls::{Kind, Try};
use crate::c2c::client::{
    Ask, C2cEvent, Call, PictureAsk, Progress, SendAsk, SendOptions, State, calls, sends,
};
use crate::c2c::frame::{ImageRef, Up};
use crate::c2c::image::ImageInfo;
use crate::c2c::rest::UploadSlot;
use crate::client::{Cx, RequestId};
use crate::error::{CallError, Rejection, RequestError};
use crate::machine::HttpResult;
use crate::rest::{parse_http, printable};

/// The longest file name. (choice)
const MAX_NAME: usize = 255;

/// A picture on its way.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) name: String,
    order_no: String,
    uuid: String,
    bytes: Bytes,
    info: ImageInfo,
    options: SendOptions,
    /// How often a place was asked for.
    tries: u32,
    /// Where it can be fetched once it is uploaded.
    image_url: String,
}

/// Enters a picture and asks for a place for it.
pub(super) fn send(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    order_no: &str,
    name: &str,
    bytes: Bytes,
    options: SendOptions,
) -> Result<RequestId, CallError> {
    calls::check_order(order_no)?;
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(CallError::Invalid("the file name is empty or too long"));
    }
    let (len, limit) = (bytes.len(), state.config.max_picture);
    if len > limit {
        return Err(CallError::TooLong { len, limit });
    }
    let info = ImageInfo::sniff(&bytes)
        .ok_or(CallError::Invalid("the bytes are neither a JPEG nor a PNG picture"))?;
    let limit = state.config.max_pictures;
    let under_way = cx.waiting().into_iter().filter(|id| picture(cx, *id).is_some()).count();
    if under_way >= limit {
        return Err(CallError::Full { limit });
    }
    let uuid = sends::choose_uuid(cx, &options)?;
    let picture = Picture {
        name: name.to_owned(),
        order_no: order_no.to_owned(),
        uuid: uuid.clone(),
        bytes,
        info,
        options,
        tries: 0,
        image_url: String::new(),
    };
    let id = cx.request(Some(uuid), Ask::Picture(Box::new(PictureAsk(picture))))?;
    ask_for_place(state, cx, id);
    Ok(id)
}

fn picture<'c>(cx: &'c Cx<'_, C2c>, id: RequestId) -> Option<&'c Picture> {
    match cx.ask(id) {
        Some(Ask::Picture(ask)) => Some(&ask.0),
        Some(Ask::Send(_) | Ask::Rest(_)) | None => None,
    }
}

fn ask_for_place(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId) {
    cx.postpone(id, state.config.max_wait);
    state.issue(cx, Call::first(Kind::Place(id)));
}

/// The question for a place goes out.
pub(super) fn place_asked(cx: &mut Cx<'_, C2c>, id: RequestId) {
    if let Some(Ask::Picture(ask)) = cx.ask_mut(id) {
        ask.0.tries += 1;
        let progress = Progress::Preparing(ask.0.tries);
        let uuid = ask.0.uuid.clone();
        cx.event(C2cEvent::Sending { id, uuid, progress });
    }
}

/// A place came: the bytes go there.
pub(super) fn on_place(
    state: &State,
    cx: &mut Cx<'_, C2c>,
    id: RequestId,
    response: &Response<Bytes>,
) -> Result<(), Refusal> {
    let slot = UploadSlot::read(response)?;
    let Some(picture) = picture(cx, id) else { return Ok(()) };
    let put = slot.put(picture.bytes.clone(), picture.info.format.media_type());
    // The frame must not carry what nobody could fetch.
    let (Ok(put), Ok(_)) = (put, parse_http(&slot.image_url)) else {
        let status = response.status().as_u16();
        return Err(Refusal { status, reason: Reason::Shape, retry_after: None });
    };
    let (uuid, progress) =
        (picture.uuid.clone(), Progress::Uploading { bytes: picture.bytes.len() });
    if let Some(Ask::Picture(ask)) = cx.ask_mut(id) {
        ask.0.image_url = slot.image_url;
    }
    cx.event(C2cEvent::Sending { id, uuid, progress });
    let timeout = state.config.upload_timeout;
    cx.http_within(Call(Kind::Put(id), Try::First), put, timeout);
    let patience = cx.config().http_timeout.saturating_add(timeout);
    cx.postpone(id, patience);
    Ok(())
}

/// The storage answered the upload.
pub(super) fn on_put(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId, result: HttpResult) {
    let Some(picture) = picture(cx, id) else { return };
    let rejection = match result {
        Ok(response) if response.status().is_success() => return uploaded(state, cx, id),
        // 403 is what an expired or wrong signature gives; its text names the reason.
        Ok(response) => {
            let text = printable(&String::from_utf8_lossy(response.body()), 256);
            Rejection::new(response.status().as_u16(), format!("the upload was refused: {text}"))
        }
        Err(failure) => Rejection::new("http", format!("the upload failed: {failure}")),
    };
    if picture.tries < state.config.upload_tries {
        ask_for_place(state, cx, id);
    } else {
        cx.complete(id, Err(RequestError::Rejected(rejection)));
    }
}

/// From here on it is a message like others.
fn uploaded(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId) {
    let Some(picture) = picture(cx, id) else { return };
    let image = ImageRef {
        url: picture.image_url.as_str().into(),
        image_type: picture.info.format.extension().into(),
        width: picture.info.width,
        height: picture.info.height,
    };
    let (order_no, uuid) = (picture.order_no.as_str(), picture.uuid.as_str());
    let frame = Up::image("", "", image, 0);
    let made = sends::new(state, cx, order_no, uuid, &picture.options, frame);
    let uuid = picture.uuid.clone();
    match made {
        Ok(send) => {
            if let Some(ask) = cx.ask_mut(id) {
                *ask = Ask::Send(Box::new(SendAsk(send)));
            }
            cx.event(C2cEvent::Sending { id, uuid, progress: Progress::Uploaded });
            sends::enqueue(state, cx, id);
        }
        Err(error) => {
            let rejection = Rejection::new("picture", error.to_string());
            cx.complete(id, Err(RequestError::Rejected(rejection)));
        }
    }
}
