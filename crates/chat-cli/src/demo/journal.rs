//! What travels, as lines for people; credentials hidden.

use std::fmt::{Display, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use chat_proto::machine::{HttpRequest, Upgrade};
use chat_proto::{Action, Input, Machine, Message, Now, Skew, Transmit};
use chat_sign::RedactedQuery;

/// Longest line shown, in characters.
const MAX_LINE: usize = 420;

/// Lines in the order things happened, from all clients of the demo.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// A line of what `who` sent (`→`) or got (`←`).
    pub(crate) fn push(&self, who: &str, what: impl Display) {
        let line = format!("{who:<8} {what}");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn request(&self, who: &str, request: &http::Request<bytes::Bytes>) {
        let mut line = format!("→ {} {}", request.method(), url(request.uri()));
        let body = request.body();
        match std::str::from_utf8(body) {
            Ok("") => {}
            Ok(text) if text.starts_with(['{', '[']) => {
                let _ = write!(line, "  {}", hide(text));
            }
            Ok(text) if is_form(request) => {
                let _ = write!(line, "  {}", RedactedQuery(text));
            }
            _ => {
                let _ = write!(line, "  ({} bytes)", body.len());
            }
        }
        self.push(who, line);
    }

    pub(crate) fn answer(&self, who: &str, answer: &http::Response<bytes::Bytes>) {
        let body = match std::str::from_utf8(answer.body()) {
            Ok("") => "(empty)".to_owned(),
            Ok(text) if text.starts_with(['{', '[']) => hide(text),
            Ok(_) | Err(_) => format!("({} bytes)", answer.body().len()),
        };
        self.push(who, format_args!("← HTTP {}  {body}", answer.status().as_u16()));
    }
}

fn is_form(request: &http::Request<bytes::Bytes>) -> bool {
    let kind = request.headers().get(http::header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains("form-urlencoded"))
}

/// A URL whose query hides what must not be seen. The listen key is a path segment.
fn url(uri: &http::Uri) -> String {
    let (scheme, authority) = (uri.scheme_str().unwrap_or(""), uri.authority());
    let authority = authority.map_or("", http::uri::Authority::as_str);
    let path = match uri.path().strip_prefix("/chat/") {
        Some(_) => "/chat/[hidden]",
        None => uri.path(),
    };
    let query = uri.query().map(|query| format!("?{}", RedactedQuery(query)));
    format!("{scheme}://{authority}{path}{}", query.unwrap_or_default())
}

/// JSON text with the values of secret members hidden.
pub(crate) fn hide(text: &str) -> String {
    const SECRETS: [&str; 8] = [
        "\"secret\":\"",
        "\"token\":\"",
        "\"access_token\":\"",
        "\"refresh_token\":\"",
        "\"listenKey\":\"",
        "\"listenToken\":\"",
        "\"password\":\"",
        "\"signature\":\"",
    ];
    let mut out = text.to_owned();
    for key in SECRETS {
        let mut from = 0;
        while let Some(at) = out[from..].find(key).map(|at| from + at + key.len()) {
            let end = out[at..].find('"').map_or(out.len(), |end| at + end);
            out.replace_range(at..end, "[hidden]");
            from = at;
        }
    }
    hide_signed_urls(&mut out);
    match out.char_indices().nth(MAX_LINE) {
        Some((at, _)) => format!("{} … ({} bytes)", &out[..at], text.len()),
        None => out,
    }
}

/// A pre-signed URL is a credential: its query is hidden.
fn hide_signed_urls(text: &mut String) {
    for key in ["\"uploadUrl\":\"", "\"preSignedUrl\":\""] {
        if let Some(at) = text.find(key).map(|at| at + key.len()) {
            let end = text[at..].find('"').map_or(text.len(), |end| at + end);
            if let Some(query) = text[at..end].find('?') {
                text.replace_range(at + query + 1..end, "[hidden]");
            }
        }
    }
}

/// A machine whose traffic is written down, and whose wall clock may be wrong.
#[derive(Debug)]
pub(crate) struct Tap<M> {
    who: &'static str,
    machine: M,
    journal: Journal,
    clock_error: Skew,
}

impl<M> Tap<M> {
    pub(crate) const fn new(who: &'static str, machine: M, journal: Journal) -> Self {
        Self { who, machine, journal, clock_error: Skew::from_millis(0) }
    }

    /// Sets the machine's wall clock wrong.
    pub(crate) const fn set_clock_error(&mut self, error: Skew) {
        self.clock_error = error;
    }

    /// The machine, and the time by its own clock.
    pub(crate) const fn machine(&mut self, now: Now) -> (&mut M, Now) {
        let now = self.at(now);
        (&mut self.machine, now)
    }

    const fn at(&self, now: Now) -> Now {
        Now { mono: now.mono, unix: now.unix.shifted(self.clock_error) }
    }

    pub(crate) const fn get(&self) -> &M {
        &self.machine
    }

    fn dial(&self, request: &Upgrade) {
        self.journal.push(self.who, format_args!("→ connect {}", url(request.request().uri())));
    }

    fn http(&self, request: &HttpRequest) {
        self.journal.request(self.who, request.request());
    }
}

impl<M: Machine> Machine for Tap<M> {
    type Event = M::Event;

    fn handle_input(&mut self, input: Input, now: Now) {
        match &input {
            Input::Received { message: Message::Text(text), .. } => {
                self.journal.push(self.who, format_args!("← {}", hide(text.as_str())));
            }
            Input::Received { message: Message::Close(frame), .. } => {
                let frame = frame.as_ref();
                let why = frame.map(|frame| format!("{} {}", frame.code, frame.reason.as_str()));
                self.journal.push(self.who, format_args!("← close {}", why.unwrap_or_default()));
            }
            Input::Lost { failure, .. } => {
                self.journal.push(self.who, format_args!("← lost: {failure}"));
            }
            Input::Response { result: Ok(answer), .. } => self.journal.answer(self.who, answer),
            Input::Response { result: Err(failure), .. } => {
                self.journal.push(self.who, format_args!("← {failure}"));
            }
            Input::Timeout | Input::Opened { .. } | Input::Received { .. } => {}
        }
        let now = self.at(now);
        self.machine.handle_input(input, now);
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.machine.poll_transmit()?;
        if let Message::Text(text) = &transmit.message {
            self.journal.push(self.who, format_args!("→ {}", hide(text.as_str())));
        }
        Some(transmit)
    }

    fn poll_action(&mut self) -> Option<Action> {
        let action = self.machine.poll_action()?;
        match &action {
            Action::Dial { request, .. } => self.dial(request),
            Action::Http { request, .. } => self.http(request),
            Action::Drop { .. } | Action::AbortHttp { .. } => {}
        }
        Some(action)
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        self.machine.poll_event()
    }

    fn next_timer(&self) -> Option<(std::time::Instant, &'static str)> {
        self.machine.next_timer()
    }

    fn is_finished(&self) -> bool {
        self.machine.is_finished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_long_lines_cut() {
        assert_eq!(
            hide(r#"{"login":{"secret":"hush"},"token":"t"}"#),
            r#"{"login":{"secret":"[hidden]"},"token":"[hidden]"}"#
        );
        let url = r#"{"uploadUrl":"https://h/p?X-Signature=abc","imageUrl":"u"}"#;
        assert_eq!(hide(url), r#"{"uploadUrl":"https://h/p?[hidden]","imageUrl":"u"}"#);
        assert!(hide(&"x".repeat(1000)).ends_with("… (1000 bytes)"));
    }

    #[test]
    fn urls_hide_keys_and_signatures() {
        let uri = "wss://h:1/chat/c2c_key?token=T1&clientType=web".parse().unwrap();
        let shown = url(&uri);
        assert!(!shown.contains("T1") && !shown.contains("c2c_key"), "{shown}");
    }
}
