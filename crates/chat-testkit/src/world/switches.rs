//! How the service of order chat can misbehave.

use chat_hub::world::{CloseWhen, Faults, MarkSigning, UploadType};

/// What history is like that shows messages late.
pub(super) const HISTORY_LAGS: &str = "history lags";

type Switch = (&'static str, fn(&mut Faults));

const SWITCHES: [Switch; 37] = [
    ("no echo", |it| it.no_echo = true),
    ("late echo", |it| it.echo_delay_ms = 7_000),
    ("duplicate", |it| it.duplicate = true),
    ("drop bursts", |it| it.drop_bursts_over = 1),
    ("drop text", |it| it.drop_text = "3".to_owned()),
    ("refuse text", |it| it.refuse_text = "4".to_owned()),
    ("statistics", |it| it.statistics = true),
    ("unknown frames", |it| it.unknown_frames = true),
    ("enquiries", |it| it.enquiries = true),
    ("json ping", |it| it.json_ping_secs = 3),
    ("keep older", |it| it.keep_older = true),
    ("bye code", |it| it.bye_code = 4001),
    ("reusable token", |it| it.reusable_token = true),
    ("refuse upgrade", |it| it.refuse_upgrade = 503),
    ("close on open", |it| it.close_on_open = true),
    ("close unread", |it| {
        (it.close_after, it.close_when) = (1, CloseWhen::Received);
    }),
    ("close stored", |it| {
        (it.close_after, it.close_when) = (1, CloseWhen::Stored);
    }),
    ("close echoed", |it| {
        (it.close_after, it.close_when) = (1, CloseWhen::Echoed);
    }),
    ("close abruptly", |it| {
        (it.close_after, it.close_abruptly) = (2, true);
    }),
    ("mixed history", |it| it.mixed_history = true),
    ("numeric ids", |it| it.numeric_ids = true),
    (HISTORY_LAGS, |it| it.history_lag_ms = 4_000),
    ("skewed clock", |it| it.clock_skew_ms = 20_000),
    ("429", |it| it.retry_after_secs = 5),
    ("ban", |it| it.ban_secs = 9),
    ("html 403", |it| it.html_403 = true),
    ("empty 200", |it| it.empty_200 = true),
    ("server error", |it| it.server_error = 503),
    ("lost answers", |it| it.lost_answers = true),
    ("gateway code", |it| it.gateway_code = -2008),
    ("business code", |it| it.business_code = "83229".to_owned()),
    ("calls per minute", |it| it.calls_per_minute = 10),
    ("null message", |it| it.null_message = true),
    ("signed marks", |it| it.marks = MarkSigning::Signed),
    ("old upload name", |it| it.pre_signed_name = true),
    ("signed upload type", |it| it.upload_type = UploadType::Signed),
    ("refused upload", |it| it.upload_status = 403),
];

/// How many there are.
pub const COUNT: u8 = SWITCHES.len() as u8;

/// What each is called.
pub const NAMES: [&str; SWITCHES.len()] = {
    let mut names = [""; SWITCHES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SWITCHES[at].0;
        at += 1;
    }
    names
};

/// What goes wrong when these are on.
pub(super) fn faults(on: &[u8], pbx_unavailable: bool) -> Faults {
    let mut faults = Faults::default();
    faults.pbx_unavailable = pbx_unavailable;
    for which in on {
        SWITCHES[usize::from(*which % COUNT)].1(&mut faults);
    }
    faults
}
