//! What goes wrong on purpose.

use serde::{Deserialize, Serialize};

use crate::world::WorldError;

/// What goes wrong on purpose, so that clients can be tried against it. Everything is off, or at the
/// value that published texts or several reports agree on, by default.
///
/// All but the first is about the C2C service. What is known from one report only, or guessed, is here as
/// well: such a fact is a switch and never simply true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Faults {
    /// IM: the PBX cannot be asked whether an access token is good.
    pub pbx_unavailable: bool,
    /// A sender gets no copy of its own message. (one report)
    pub no_echo: bool,
    /// A sender gets the copy of its own message this many milliseconds late.
    pub echo_delay_ms: u32,
    /// Messages arrive twice. (field reports)
    pub duplicate: bool,
    /// Of messages closer together than 500 ms all but the first so many vanish; 0 is off. (one
    /// report)
    pub drop_bursts_over: u32,
    /// Messages whose text holds this vanish: no copy, no error, not in history; empty is off. (one
    /// report)
    pub drop_text: String,
    /// Texts that hold this are refused with an error frame; empty is off. (one report)
    pub refuse_text: String,
    /// A message whose `uuid` its author has used in the order before is not stored again; it gets
    /// the copy of the first. Off, it is a new message. (guess)
    pub dedupe_uuids: bool,
    /// Counters without an order follow every message. (field reports)
    pub statistics: bool,
    /// A frame of a kind that nobody knows follows every message.
    pub unknown_frames: bool,
    /// A question about an ad follows every message: a text without an order. (one report)
    pub enquiries: bool,
    /// Seconds between two `{"type":"ping"}` of the service; 0 is off. (guess)
    pub json_ping_secs: u32,
    /// WebSocket messages to clients come in pieces of so many bytes; 0 is off. The front does it:
    /// the hub knows whole messages only. (field reports)
    pub fragment_bytes: u32,
    /// Nothing the service says on a WebSocket arrives, not even the answer to a ping, and
    /// connections stay open. The front does it: pings are answered below the hub. (field reports)
    pub dead_links: bool,

    /// A second connection of an account leaves the first one alone; off, it closes the first with
    /// the reason `Bye`. (field reports)
    pub keep_older: bool,
    /// The close code that comes with `Bye`; 0 is 1000. (guess: nobody wrote it down)
    pub bye_code: u16,
    /// A ticket may be used again until it expires; off, once. (reports differ)
    pub reusable_token: bool,
    /// WebSocket upgrades are refused with this HTTP status; 0 is off.
    pub refuse_upgrade: u16,
    /// A connection is closed as soon as it is open.
    pub close_on_open: bool,
    /// A connection is closed at this message from the client; 0 is off.
    pub close_after: u32,
    /// At which point of that message.
    pub close_when: CloseWhen,
    /// The close code; 0 is 1001.
    pub close_code: u16,
    /// The connection ends without a close frame.
    pub close_abruptly: bool,

    /// History pages also hold a message of another order. (one report)
    pub mixed_history: bool,
    /// Ids in history are numbers; off, strings. (reports differ)
    pub numeric_ids: bool,
    /// History shows a message only after this many milliseconds. (one report)
    pub history_lag_ms: u32,
    /// History without the header `clientType` is refused. (published; several programs that go
    /// without it disagree)
    pub history_needs_client_type: bool,

    /// Milliseconds by which the service's clock is ahead of ours.
    pub clock_skew_ms: i64,
    /// Signed calls are refused with HTTP 429 and this `Retry-After` in seconds; 0 is off.
    pub retry_after_secs: u32,
    /// Signed calls are refused with HTTP 418 and this `Retry-After` in seconds; 0 is off.
    pub ban_secs: u32,
    /// Signed calls get an HTML page with status 403. (field reports)
    pub html_403: bool,
    /// Signed calls get status 200 and no body. (field reports)
    pub empty_200: bool,
    /// Signed calls get this status of 500 to 599 and nothing happens; 0 is off.
    pub server_error: u16,
    /// Signed calls happen, and are answered with 504 and -1007 all the same.
    pub lost_answers: bool,
    /// Signed calls are refused by the gateway with this code, e.g. -2008; 0 is off.
    pub gateway_code: i64,
    /// Signed calls are refused by the service with this code: HTTP 200, `success` false; empty is
    /// off.
    pub business_code: String,
    /// The seven switches above hit this call only, e.g. `retrieveChatCredential`; empty is all.
    pub fault_calls: String,
    /// They hit so many calls and are over; 0 is no end.
    pub fault_times: u32,
    /// Calls of one account in a minute; more get 429. 0 is no limit. (guess: the live limits of
    /// 12 000 and 180 000 are out of reach of a test)
    pub calls_per_minute: u32,
    /// Answers that succeed have a `message` of null. (published)
    pub null_message: bool,
    /// Unknown paths get status 200 and no body, as reported of the live service; off, 404.
    pub unknown_path_200: bool,
    /// Whether the calls that mark messages as read are signed. (reports differ)
    pub marks: MarkSigning,

    /// Upload URLs are called `preSignedUrl`, as in the published text; off, `uploadUrl`, as
    /// reported.
    pub pre_signed_name: bool,
    /// Seconds an upload URL is good for; 0 is 300. (published for a sibling call)
    pub upload_expiry_secs: u32,
    /// What uploads say about their type. (reports differ)
    pub upload_type: UploadType,
    /// Uploads are refused with this HTTP status of 300 to 599, and the URL stays good; 0 is off.
    pub upload_status: u16,
}

/// The point of a message at which a connection is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseWhen {
    /// Before it is looked at: nobody will ever see it.
    Received,
    /// After it was stored and delivered, before its author is told.
    #[default]
    Stored,
    /// After its author was told.
    Echoed,
}

/// How the calls are taken that mark messages as read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MarkSigning {
    /// With a signature or without.
    #[default]
    Either,
    /// With a signature only.
    Signed,
    /// Without a signature only.
    Unsigned,
}

/// What an upload may say about its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UploadType {
    /// Anything or nothing: the URL signs the host only.
    #[default]
    Any,
    /// The type is signed and named by the URL, and must be the one of the file's extension.
    Signed,
    /// Nothing: any `Content-Type` breaks the signature.
    None,
}

/// The calls that [`Faults::fault_calls`] can name.
const CALLS: [&str; 6] = [
    "retrieveChatCredential",
    "retrieveChatMessagesWithPagination",
    "image/pre-signed-url",
    "markOrderMessagesAsRead",
    "markUserMessagesAsRead",
    "getRiskWarningTips",
];

impl Faults {
    /// Checks that every status and code is one that can be sent.
    ///
    /// # Errors
    ///
    /// Names the first switch that is wrong.
    pub fn validate(&self) -> Result<(), WorldError> {
        let wrong = |what, value: String, why| Err(WorldError::Invalid { what, value, why });
        for (what, status, least) in [
            ("fault switch refuse_upgrade", self.refuse_upgrade, 400),
            ("fault switch server_error", self.server_error, 500),
            ("fault switch upload_status", self.upload_status, 300),
        ] {
            if status != 0 && !(least..600).contains(&status) {
                return wrong(what, status.to_string(), "is not an HTTP status of that kind");
            }
        }
        for (what, code) in
            [("fault switch bye_code", self.bye_code), ("fault switch close_code", self.close_code)]
        {
            if code != 0 && !is_close_code(code) {
                return wrong(what, code.to_string(), "is not a code of a close frame");
            }
        }
        let calls = &self.fault_calls;
        if !calls.is_empty() && !CALLS.contains(&calls.as_str()) {
            return wrong("fault switch fault_calls", calls.clone(), "is not one of the six calls");
        }
        let code = &self.business_code;
        if !code.chars().all(|it| it.is_ascii_alphanumeric() || it == '-') || code.len() > 32 {
            return wrong("fault switch business_code", code.clone(), "is not a code");
        }
        Ok(())
    }
}

/// What an endpoint may put into a close frame (RFC 6455, section 7.4).
pub(crate) const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
