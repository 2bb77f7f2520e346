//! Tokens, login, and what is attached again after a loss.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use chat_sign::{BasicSecret, FileToken, LoginSecret, Secret};

use super::ask::{AskKind, Call};
use super::config::{Credentials, ImConfig};
use super::event::ImEvent;
use super::track::Track;
use crate::client::{CredentialsProblem, Cx, Phase, Prepare, RequestId, Verdict};
use crate::codec::Wire;
use crate::error::{Lost, Rejection, RequestError};
use crate::im::down::Ctrl;
use crate::im::rest::{self, OauthError, TokenPair};
use crate::im::up::{Hi, Login, Up, Verb};
use crate::im::{Flavor, Im, TopicName, UserId};
use crate::json::SecretStr;
use crate::machine::{HttpResult, LinkFailure};
use crate::time::UnixMillis;

/// Protocol version told to a Tinode server.
const TINODE_VERSION: &str = "0.25";

/// What a session of topic chat remembers.
#[derive(Debug)]
pub struct ImState {
    pub(super) config: ImConfig,
    tokens: Option<Tokens>,
    /// The password was refused, or there is none: tokens cannot be fetched.
    refresh_failed: bool,
    /// A login was refused with these tokens and a fresh pair was fetched for another try.
    login_retried: bool,
    /// Not before this, says the service.
    hint: Option<Duration>,
    opening: Option<Opening>,
    user: Option<UserId>,
    file_token: Option<FileToken>,
    pub(super) topics: BTreeMap<TopicName, Track>,
    /// Requests of the session itself, by id on the wire.
    pub(super) own: BTreeMap<String, Own>,
    /// Requests of the application that are not written yet, oldest first.
    unsent: VecDeque<RequestId>,
    /// Topics with a `sub` under way: what else concerns them is written after its answer.
    subscribing: BTreeMap<TopicName, RequestId>,
    /// Pages of history under way. Ended ones are taken out when the topic is next looked at.
    pub(super) readers: BTreeMap<TopicName, Vec<RequestId>>,
}

/// A frame of the opening that waits for its answer.
#[derive(Debug)]
struct Opening {
    id: String,
    step: Step,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Hi,
    Login,
}

#[derive(Debug)]
struct Tokens {
    pair: TokenPair,
    /// When the access token dies; `None` when that is not known.
    until: Option<UnixMillis>,
}

/// A request of the session itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// Attach a topic again.
    Attach(TopicName),
    /// How far does the topic go?
    Head(TopicName),
    /// Messages that are missing.
    Fill(TopicName),
}

/// Timers of topic chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The access token is about to expire.
    Refresh,
    /// The session's own requests must have been answered.
    Own,
}

impl ImState {
    pub(super) const fn new(config: ImConfig) -> Self {
        Self {
            config,
            tokens: None,
            refresh_failed: false,
            login_retried: false,
            hint: None,
            opening: None,
            user: None,
            file_token: None,
            topics: BTreeMap::new(),
            own: BTreeMap::new(),
            unsent: VecDeque::new(),
            subscribing: BTreeMap::new(),
            readers: BTreeMap::new(),
        }
    }

    pub(super) const fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    pub(super) const fn file_token(&self) -> Option<&FileToken> {
        self.file_token.as_ref()
    }

    pub(super) fn last_seq(&self, topic: &TopicName) -> Option<u64> {
        self.topics.get(topic).and_then(Track::last)
    }

    pub(super) fn set_credentials(&mut self, credentials: Credentials) {
        self.config.credentials = credentials;
        self.tokens = None;
        self.refresh_failed = false;
        self.login_retried = false;
    }

    pub(super) fn prepare(&mut self, cx: &mut Cx<'_, Im>) -> Prepare {
        self.hint = None;
        if self.config.host.flavor() == Flavor::Tinode {
            return self.upgrade();
        }
        if self.tokens.is_none()
            && let Credentials::Tokens { pair, .. } = &self.config.credentials
        {
            // How old the application's pair is, only the application knows.
            self.tokens = Some(Tokens { pair: pair.clone(), until: None });
        }
        let now = cx.now().unix;
        match &self.tokens {
            Some(tokens) if tokens.until.is_none_or(|until| now < until) => self.upgrade(),
            _ => self.fetch_tokens(cx),
        }
    }

    fn upgrade(&self) -> Prepare {
        Prepare::Dial(self.config.host.upgrade())
    }

    /// Starts fetching tokens: by the refresh token while it may work, else by the password.
    fn fetch_tokens(&self, cx: &mut Cx<'_, Im>) -> Prepare {
        let oauth = &self.config.oauth;
        if let Some(tokens) = self.tokens.as_ref().filter(|_| !self.refresh_failed) {
            cx.http(Call::Refresh, oauth.refresh(&tokens.pair.refresh_token));
            return Prepare::Fetching;
        }
        match &self.config.credentials {
            Credentials::Password { username, domain, password } => {
                cx.http(Call::Password, oauth.password(username, Some(domain), password));
                Prepare::Fetching
            }
            Credentials::Tokens { .. } => {
                let why = Rejection::new("UNKNOWN", "the tokens cannot be refreshed");
                Prepare::CredentialsNeeded(CredentialsProblem::Refused(why))
            }
        }
    }

    pub(super) fn on_response(&mut self, call: Call, result: HttpResult, cx: &mut Cx<'_, Im>) {
        let answer = match result {
            Ok(response) => self.read_tokens(call, &response),
            Err(failure) => {
                self.no_tokens(None, &failure, cx);
                return;
            }
        };
        match answer {
            Ok(pair) => {
                self.store(pair, cx);
                if cx.phase() == Phase::Preparing {
                    cx.dial(self.config.host.upgrade());
                }
            }
            Err(OauthError::Unauthorized { message }) if call == Call::Password => {
                let why = Rejection::new("UNAUTHORIZED", message);
                if cx.phase() == Phase::Preparing {
                    cx.need_credentials(CredentialsProblem::Refused(why));
                }
            }
            // The refresh token is dead; the password may still work.
            Err(OauthError::RefreshFailed { .. }) => {
                self.refresh_failed = true;
                if cx.phase() == Phase::Preparing
                    && let Prepare::CredentialsNeeded(why) = self.fetch_tokens(cx)
                {
                    cx.need_credentials(why);
                }
            }
            Err(error @ OauthError::Busy { retry_after, .. }) => {
                self.no_tokens(retry_after, &error, cx);
            }
            Err(error) => self.no_tokens(None, &error, cx),
        }
    }

    fn read_tokens(
        &self,
        call: Call,
        response: &http::Response<Bytes>,
    ) -> Result<TokenPair, OauthError> {
        match (call, &self.tokens) {
            (Call::Refresh, Some(tokens)) => {
                rest::refresh_answer(response, &tokens.pair.refresh_token)
            }
            (Call::Refresh | Call::Password, _) => rest::token_answer(response),
        }
    }

    /// No tokens this time, and nobody's password is to blame.
    fn no_tokens(&mut self, hint: Option<Duration>, why: &dyn Display, cx: &mut Cx<'_, Im>) {
        if cx.phase() == Phase::Preparing {
            self.hint = hint;
            cx.lose(Lost::Prepare(why.to_string()));
        } else {
            // The session goes on with the token it has, and asks again.
            cx.set_alarm(Alarm::Refresh, hint.unwrap_or(Duration::from_secs(30)));
        }
    }

    /// Keeps both tokens together and refreshes at 80 % of their life.
    fn store(&mut self, pair: TokenPair, cx: &mut Cx<'_, Im>) {
        let life = pair.expires_in;
        self.refresh_failed = false;
        let until = cx.now().unix.after(life);
        self.tokens = Some(Tokens { pair: pair.clone(), until: Some(until) });
        cx.set_alarm(Alarm::Refresh, (life * 4 / 5).max(Duration::from_secs(1)));
        cx.event(ImEvent::Tokens(pair));
    }

    pub(super) fn on_open(&mut self, cx: &mut Cx<'_, Im>) {
        match self.config.host.flavor() {
            Flavor::PortSip => self.send_login(cx),
            Flavor::Tinode => {
                let id = cx.rng().uuid().to_string();
                let hi = Hi { id: id.clone().into(), ver: TINODE_VERSION.into(), ..Hi::default() };
                cx.send(&Up::new(Verb::Hi(hi)));
                self.opening = Some(Opening { id, step: Step::Hi });
            }
        }
    }

    fn send_login(&mut self, cx: &mut Cx<'_, Im>) {
        let Some((scheme, secret)) = self.login_secret() else {
            cx.need_credentials(CredentialsProblem::Missing);
            return;
        };
        let id = cx.rng().uuid().to_string();
        let login = Login {
            id: id.clone().into(),
            scheme: scheme.into(),
            secret: SecretStr::from(secret.expose()),
            ..Login::default()
        };
        cx.send(&Up::new(Verb::Login(login)));
        self.opening = Some(Opening { id, step: Step::Login });
    }

    /// Scheme and secret; `None` when they cannot be made from the credentials.
    fn login_secret(&self) -> Option<(&'static str, Secret)> {
        let credentials = &self.config.credentials;
        match (self.config.host.flavor(), credentials) {
            (Flavor::PortSip, _) => {
                let token = self.tokens.as_ref()?.pair.access_token.clone();
                let secret =
                    LoginSecret::new(credentials.username(), credentials.domain(), token).ok()?;
                Some(("access_token", secret.encode()))
            }
            (Flavor::Tinode, Credentials::Password { username, password, .. }) => {
                let secret = BasicSecret::new(username.as_str(), password.clone()).ok()?;
                Some(("basic", secret.encode()))
            }
            (Flavor::Tinode, Credentials::Tokens { pair, .. }) => {
                Some(("token", pair.access_token.clone()))
            }
        }
    }

    /// Takes the answer to a frame of the opening; gives the frame back when it is another.
    pub(super) fn opening_answer<'c>(
        &mut self,
        ctrl: Ctrl<'c>,
        cx: &mut Cx<'_, Im>,
    ) -> Option<Ctrl<'c>> {
        let Some(opening) = self.opening.take_if(|opening| ctrl.id == *opening.id) else {
            return Some(ctrl);
        };
        match (opening.step, ctrl.code) {
            (Step::Hi, 200..300) => self.send_login(cx),
            (Step::Login, 200..300) => self.logged_in(&ctrl, cx),
            (Step::Login, 401) => self.login_refused(&ctrl, cx),
            (Step::Login, 400..500) => {
                cx.need_credentials(CredentialsProblem::Refused(rejection(&ctrl)));
            }
            (Step::Hi | Step::Login, _) => cx.lose(Lost::Refused(rejection(&ctrl))),
        }
        None
    }

    /// A token may have been revoked or have expired early: one fresh pair, one more login.
    fn login_refused(&mut self, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        let why = rejection(ctrl);
        if self.config.host.flavor() == Flavor::Tinode || self.login_retried {
            self.login_retried = false;
            cx.need_credentials(CredentialsProblem::Refused(why));
            return;
        }
        self.login_retried = true;
        if let Some(tokens) = &mut self.tokens {
            tokens.until = Some(UnixMillis::new(0));
        }
        cx.lose(Lost::Refused(why));
    }

    fn logged_in(&mut self, ctrl: &Ctrl<'_>, cx: &mut Cx<'_, Im>) {
        self.login_retried = false;
        let params = ctrl.params.as_ref().and_then(|params| params.parse::<LoginParams>().ok());
        let Some(params) = params else {
            cx.lose(Lost::Refused(Rejection::new(ctrl.code, "the login answer names no user")));
            return;
        };
        let user = UserId::new(params.user);
        self.file_token = params.token.and_then(|token| FileToken::new(Secret::new(token)).ok());
        self.user = Some(user.clone());
        cx.event(ImEvent::LoggedIn { user });
        cx.ready();
        let topics: Vec<_> = self.topics.keys().cloned().collect();
        for topic in topics {
            self.attach(topic, cx);
        }
        self.flush_waiting(cx);
    }

    pub(super) fn on_alarm(&mut self, alarm: Alarm, cx: &mut Cx<'_, Im>) {
        match alarm {
            // Between attempts the next one fetches what it needs.
            Alarm::Refresh if cx.phase() == Phase::Ready => {
                if let Prepare::CredentialsNeeded(_) = self.fetch_tokens(cx) {
                    // The live session outlasts its token; the next login will tell.
                    cx.clear_alarm(Alarm::Refresh);
                }
            }
            Alarm::Own if !self.own.is_empty() => {
                cx.lose(Lost::Silent(cx.config().request_timeout));
            }
            Alarm::Refresh | Alarm::Own => {}
        }
    }

    pub(super) fn on_lost(&mut self, why: &Lost, cx: &mut Cx<'_, Im>) -> Verdict {
        self.opening = None;
        self.own.clear();
        cx.clear_alarm(Alarm::Own);
        self.topics.values_mut().for_each(Track::detach);
        self.unsent.clear();
        self.subscribing.clear();
        self.readers.clear();
        for id in cx.waiting() {
            let Some(ask) = cx.ask_mut(id) else { continue };
            if !ask.sent || ask.is_repeatable() {
                ask.start_over();
                self.unsent.push_back(id);
            } else {
                cx.complete(id, Err(RequestError::Unknown));
            }
        }
        let refused = if let Lost::Link(LinkFailure::Refused { retry_after, .. }) = why {
            *retry_after
        } else {
            None
        };
        Verdict::Retry(self.hint.take().or(refused))
    }

    /// Writes a request of the session itself.
    pub(super) fn send_own(&mut self, own: Own, verb: Verb<'_>, id: String, cx: &mut Cx<'_, Im>) {
        self.own.insert(id, own);
        cx.set_alarm(Alarm::Own, cx.config().request_timeout);
        cx.send_text(Up::new(verb).encode());
    }

    /// Takes a request that is to be written as soon as it may be.
    pub(super) fn enqueue(&mut self, id: RequestId, cx: &mut Cx<'_, Im>) {
        self.unsent.push_back(id);
        self.flush_waiting(cx);
    }

    /// Writes what may be written: nothing before the session is ready and its topics are attached
    /// again, and nothing about a topic while it is being subscribed to, because a server may take
    /// the two in another order.
    pub(super) fn flush_waiting(&mut self, cx: &mut Cx<'_, Im>) {
        if cx.phase() != Phase::Ready || self.own.values().any(|own| matches!(own, Own::Attach(_)))
        {
            return;
        }
        self.subscribing.retain(|_, id| cx.ask(*id).is_some());
        for id in std::mem::take(&mut self.unsent) {
            let Some(ask) = cx.ask_mut(id) else { continue };
            if self.subscribing.contains_key(&ask.topic) {
                self.unsent.push_back(id);
                continue;
            }
            ask.sent = true;
            match ask.kind {
                AskKind::Sub => drop(self.subscribing.insert(ask.topic.clone(), id)),
                AskKind::History { .. } => {
                    self.readers.entry(ask.topic.clone()).or_default().push(id);
                }
                AskKind::Leave { .. }
                | AskKind::Pub { .. }
                | AskKind::Get { .. }
                | AskKind::Set { .. }
                | AskKind::Del { .. } => {}
            }
            let frame = ask.frame.clone();
            cx.send_text(frame);
        }
    }
}

/// `params` of the answer to a login. (seed)
#[derive(serde::Deserialize)]
struct LoginParams {
    user: String,
    token: Option<String>,
}

/// The server's words as an error.
pub(super) fn rejection(ctrl: &Ctrl<'_>) -> Rejection {
    Rejection::new(ctrl.code, ctrl.text.decode())
}
