//! Tokens, login, and what is attached again after a loss.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_sign::{BasicSecret, FileToken, LoginSecret, Secret};

use super::ask::{AskKind, Call, Grant};
use super::config::{Credentials, ImConfig};
use super::event::ImEvent;
use super::mirror::Mirror;
use super::own::Own;
use super::track::Track;
use crate::client::{CredentialsProblem, Cx, Phase, Prepare, RequestId, Verdict};
use crate::error::{Lost, Rejection, RequestError};
use crate::im::down::Ctrl;
use crate::im::rest::{self, OauthError, TokenPair};
use crate::im::up::{Hi, Login, Up, Verb};
use crate::im::{Flavor, Im, TopicName, UserId};
use crate::json::{SecretStr, Str, frame};
use crate::machine::{HttpRequest, HttpResult, LinkFailure};
use crate::table::Table;
use crate::time::UnixMillis;

/// Protocol version told to a Tinode server.
const TINODE_VERSION: &str = "0.25";

/// What a session of topic chat remembers.
#[derive(Debug)]
pub struct ImState {
    pub(super) config: ImConfig,
    tokens: Option<Tokens>,
    /// How often credentials were set: what was asked with former ones is no answer.
    credentials_set: u64,
    /// A pair is being fetched with these credentials.
    fetching: Option<u64>,
    /// The password was refused, or there is none: tokens cannot be fetched.
    refresh_failed: bool,
    /// A login was refused with these tokens and a fresh pair was fetched for another try.
    login_retried: bool,
    /// Not before this, says the service.
    hint: Option<Duration>,
    opening: Option<Opening>,
    pub(super) user: Option<UserId>,
    file_token: Option<FileToken>,
    pub(super) topics: Table<TopicName, Track>,
    pub(super) mirror: Mirror,
    /// When the list of topics was last read, by the server's clock.
    pub(super) roster_at: Option<Str<'static>>,
    /// When the first topic was subscribed to, by the server's clock.
    pub(super) follows_since: Option<Str<'static>>,
    /// Frames that have come.
    pub(super) heard: u64,
    /// Requests of the session itself, by id on the wire.
    pub(super) own: Table<String, Own>,
    /// Topics that are being attached again, those that wait for their turn included.
    pub(super) attaching: Table<TopicName, ()>,
    /// Those that wait for their turn.
    pub(super) to_attach: VecDeque<TopicName>,
    /// Those whose turn it is.
    pub(super) in_flight: Table<TopicName, ()>,
    /// No turns before the list of topics was read.
    pub(super) gated: bool,
    /// Topics that are to be described again, and how many are being.
    pub(super) to_refresh: Table<TopicName, ()>,
    pub(super) refreshing: usize,
    /// Topics of which something was refused for the moment, by when it is asked for again: each once.
    pub(super) again_queue: Table<(Instant, TopicName), ()>,
    /// Receipts that wait until enough time has passed.
    pub(super) note_queue: Table<(Instant, TopicName), ()>,
    /// Messages whose answer was lost, oldest first.
    pub(super) doubts: Table<TopicName, Vec<RequestId>>,
    /// Requests of the application that are not written yet, oldest first.
    pub(super) unsent: VecDeque<RequestId>,
    /// Topics with a `sub` under way: what else concerns them is written after its answer.
    pub(super) subscribing: Table<TopicName, RequestId>,
    /// Pages of history under way. Ended ones are taken out when the topic is next looked at.
    pub(super) readers: Table<TopicName, Vec<RequestId>>,
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
    /// When to fetch the next pair; `None` when that is not known.
    refresh_at: Option<UnixMillis>,
}

/// Timers of topic chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The access token is about to expire.
    Refresh,
    /// The session's own requests must have been answered.
    Own,
    /// What was refused for the moment is asked for again.
    Again,
    /// Receipts may be written.
    Notes,
}

impl ImState {
    pub(super) const fn new(config: ImConfig) -> Self {
        let mirror = Mirror::new(config.max_topics, config.max_described);
        Self {
            config,
            mirror,
            roster_at: None,
            follows_since: None,
            heard: 0,
            in_flight: Table::new(),
            gated: false,
            to_refresh: Table::new(),
            refreshing: 0,
            again_queue: Table::new(),
            note_queue: Table::new(),
            doubts: Table::new(),
            tokens: None,
            credentials_set: 0,
            fetching: None,
            refresh_failed: false,
            login_retried: false,
            hint: None,
            opening: None,
            user: None,
            file_token: None,
            topics: Table::new(),
            own: Table::new(),
            attaching: Table::new(),
            to_attach: VecDeque::new(),
            unsent: VecDeque::new(),
            subscribing: Table::new(),
            readers: Table::new(),
        }
    }

    pub(super) const fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    pub(super) const fn file_token(&self) -> Option<&FileToken> {
        self.file_token.as_ref()
    }

    pub(super) fn set_credentials(&mut self, credentials: Credentials) {
        self.config.credentials = credentials;
        self.credentials_set += 1;
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
            self.tokens = Some(Tokens { pair: pair.clone(), until: None, refresh_at: None });
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
    fn fetch_tokens(&mut self, cx: &mut Cx<'_, Im>) -> Prepare {
        if self.fetching == Some(self.credentials_set) {
            return Prepare::Fetching;
        }
        let oauth = &self.config.oauth;
        if let Some(tokens) = self.tokens.as_ref().filter(|_| !self.refresh_failed) {
            let request = oauth.refresh(&tokens.pair.refresh_token);
            return self.fetch_by(Grant::Refresh, request, cx);
        }
        match &self.config.credentials {
            Credentials::Password { username, domain, password } => {
                let request = oauth.password(username, Some(domain), password);
                self.fetch_by(Grant::Password, request, cx)
            }
            Credentials::Tokens { .. } => {
                let why = Rejection::new("UNKNOWN", "the tokens cannot be refreshed");
                Prepare::CredentialsNeeded(CredentialsProblem::Refused(why))
            }
        }
    }

    fn fetch_by(&mut self, grant: Grant, request: HttpRequest, cx: &mut Cx<'_, Im>) -> Prepare {
        let credentials = self.credentials_set;
        self.fetching = Some(credentials);
        cx.http(Call { grant, credentials }, request);
        Prepare::Fetching
    }

    pub(super) fn on_response(&mut self, call: Call, result: HttpResult, cx: &mut Cx<'_, Im>) {
        self.fetching.take_if(|fetching| *fetching == call.credentials);
        if call.credentials != self.credentials_set {
            // Tokens of somebody else, or blame for somebody else's password.
            if cx.phase() == Phase::Preparing {
                match self.prepare(cx) {
                    Prepare::Dial(upgrade) => cx.dial(upgrade),
                    Prepare::Fetching => {}
                    Prepare::CredentialsNeeded(why) => cx.need_credentials(why),
                }
            }
            return;
        }
        let answer = match result {
            Ok(response) => self.read_tokens(call.grant, &response),
            Err(failure) => {
                self.no_tokens(None, Lost::unprepared(failure), cx);
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
            Err(OauthError::Unauthorized { message }) if call.grant == Grant::Password => {
                let why = Rejection::new("UNAUTHORIZED", message);
                if cx.phase() == Phase::Preparing {
                    cx.need_credentials(CredentialsProblem::Refused(why));
                }
            }
            // The refresh token is dead; the password may still work.
            Err(OauthError::RefreshFailed { .. }) => {
                self.refresh_failed = true;
                if let Prepare::CredentialsNeeded(why) = self.fetch_tokens(cx)
                    && cx.phase() == Phase::Preparing
                {
                    cx.need_credentials(why);
                }
            }
            Err(error @ OauthError::Busy { retry_after, .. }) => {
                self.no_tokens(retry_after, Lost::Prepare(error.to_string()), cx);
            }
            Err(error) => self.no_tokens(None, Lost::Prepare(error.to_string()), cx),
        }
    }

    fn read_tokens(
        &self,
        grant: Grant,
        response: &http::Response<Bytes>,
    ) -> Result<TokenPair, OauthError> {
        match (grant, &self.tokens) {
            (Grant::Refresh, Some(tokens)) => {
                rest::refresh_answer(response, &tokens.pair.refresh_token)
            }
            (Grant::Refresh | Grant::Password, _) => rest::token_answer(response),
        }
    }

    /// No tokens this time, and nobody's password is to blame.
    fn no_tokens(&mut self, hint: Option<Duration>, why: Lost, cx: &mut Cx<'_, Im>) {
        if cx.phase() == Phase::Preparing {
            self.hint = hint;
            cx.lose(why);
        } else {
            // The session goes on with the token it has, and asks again.
            cx.set_alarm(Alarm::Refresh, hint.unwrap_or(Duration::from_secs(30)));
        }
    }

    /// Keeps both tokens together and refreshes at 80 % of their life.
    fn store(&mut self, pair: TokenPair, cx: &mut Cx<'_, Im>) {
        let life = pair.expires_in;
        self.refresh_failed = false;
        let now = cx.now().unix;
        let (until, refresh_at) = (now.after(life), now.after(life * 4 / 5));
        let (until, refresh_at) = (Some(until), Some(refresh_at));
        self.tokens = Some(Tokens { pair: pair.clone(), until, refresh_at });
        self.plan_refresh(cx);
        cx.event(ImEvent::Tokens(pair));
    }

    fn plan_refresh(&self, cx: &mut Cx<'_, Im>) {
        let at = self.tokens.as_ref().and_then(|tokens| tokens.refresh_at);
        if let Some(at) = at {
            let left = at.as_millis().saturating_sub(cx.now().unix.as_millis());
            cx.set_alarm(Alarm::Refresh, Duration::from_millis(left.max(1000)));
        }
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
        if self.config.host.flavor() == Flavor::PortSip && self.tokens.is_none() {
            // The next attempt fetches a token for them.
            cx.lose(Lost::Prepare("the credentials were replaced meanwhile".to_owned()));
            return;
        }
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

    /// Whether the answer to `hi` or `login` is awaited.
    pub(super) const fn is_opening(&self) -> bool {
        self.opening.is_some()
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
            // Not now, which says nothing about the password.
            (Step::Login, 408 | 409 | 429) => cx.lose(Lost::Refused(rejection(&ctrl))),
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
        let params =
            ctrl.params.as_ref().and_then(|params| params.raw().read_as::<LoginParams<'_>>());
        let Some(LoginParams { user: Some(user), token, .. }) = params else {
            cx.lose(Lost::Refused(Rejection::new(ctrl.code, "the login answer names no user")));
            return;
        };
        let user = UserId::from(&user);
        let token = token.map(|token| Secret::new(token.expose().decode().into_owned()));
        self.file_token = token.and_then(|token| FileToken::new(token).ok());
        if self.user.replace(user.clone()).is_some_and(|former| former != user) {
            // What another user followed is none of this one's business.
            while let Some((topic, _)) = self.topics.pop_first() {
                self.give_up_doubts(&topic, cx);
                cx.event(ImEvent::TopicGone { topic, cause: None });
            }
            self.mirror = Mirror::new(self.config.max_topics, self.config.max_described);
            (self.roster_at, self.follows_since) = (None, None);
        }
        cx.event(ImEvent::LoggedIn { user });
        cx.ready();
        // An alarm that rang between two links was not heard.
        self.plan_refresh(cx);
        self.attach_all(cx);
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
            Alarm::Refresh => {}
            Alarm::Own => self.on_own_alarm(cx),
            Alarm::Again => self.on_again(cx),
            Alarm::Notes => self.on_notes_alarm(cx),
        }
    }

    pub(super) fn on_lost(&mut self, why: &Lost, cx: &mut Cx<'_, Im>) -> Verdict {
        self.opening = None;
        self.forget_own(cx);
        self.unsent.clear();
        self.subscribing.clear();
        self.readers.clear();
        self.doubts.clear();
        for id in cx.waiting() {
            take_back(id, cx);
            let Some(ask) = cx.ask_mut(id) else { continue };
            if !ask.sent || ask.is_repeatable() {
                ask.start_over();
                self.unsent.push_back(id);
            } else if ask.is_pub() {
                self.doubt(id, cx);
            } else {
                let result = ask.so_far().ok_or(RequestError::Unknown);
                if ask.says_farewell() {
                    let topic = ask.topic.clone();
                    self.remove_track(&topic, cx);
                }
                cx.complete(id, result);
            }
        }
        let refused = if let Lost::Link(LinkFailure::Refused { retry_after, .. }) = why {
            *retry_after
        } else {
            None
        };
        Verdict::Retry(self.hint.take().or(refused))
    }

    /// Ends a request whose time is over.
    pub(super) fn on_unanswered(&mut self, id: RequestId, cx: &mut Cx<'_, Im>) {
        take_back(id, cx);
        let Some(ask) = cx.ask_mut(id) else { return };
        let (topic, farewell) = (ask.topic.clone(), ask.says_farewell());
        let result = ask.so_far().ok_or_else(|| ask.unanswered());
        cx.complete(id, result);
        if farewell {
            self.unfollow(&topic, cx);
        }
        self.on_ended(cx);
    }

    /// Requests ended without an answer: what waited for them is written.
    pub(super) fn on_ended(&mut self, cx: &mut Cx<'_, Im>) {
        self.unsent.retain(|id| cx.ask(*id).is_some());
        self.prune_doubts(cx);
        self.flush_waiting(cx);
    }

    /// Takes a request that is to be written as soon as it may be.
    pub(super) fn enqueue(&mut self, id: RequestId, cx: &mut Cx<'_, Im>) {
        self.unsent.push_back(id);
        self.flush_waiting(cx);
    }

    /// Writes what may be written: nothing before the session is ready, and nothing about a topic
    /// while it is being attached or subscribed to, because a server may take the two in another
    /// order.
    pub(super) fn flush_waiting(&mut self, cx: &mut Cx<'_, Im>) {
        if cx.phase() != Phase::Ready {
            return;
        }
        if !self.subscribing.is_empty() {
            self.subscribing.retain(|_, id| cx.ask(*id).is_some());
        }
        for _ in 0..self.unsent.len() {
            let Some(id) = self.unsent.pop_front() else { return };
            let Some(ask) = cx.ask_mut(id) else { continue };
            let topic = &ask.topic;
            let track = if ask.needs_topic() { self.topics.get(topic) } else { None };
            let waits = self.subscribing.contains_key(topic)
                || self.attaching.contains_key(topic)
                // It is attached again in a while, and until then refused.
                || track.is_some_and(|it| !it.attached)
                // Messages keep their order.
                || ask.is_pub() && self.doubts.contains_key(topic);
            if waits {
                self.unsent.push_back(id);
                continue;
            }
            ask.sent = true;
            match &mut ask.kind {
                AskKind::Sub { .. } => drop(self.subscribing.insert(ask.topic.clone(), id)),
                AskKind::Pub(message) => {
                    let head = track.and_then(|track| track.last().map(|_| track.head()));
                    message.floor = message.floor.or(head);
                }
                AskKind::History { .. } => {
                    self.readers.get_or_default(ask.topic.clone()).push(id);
                }
                AskKind::Set { farewell, barred, .. } => {
                    *farewell |= barred.is_some() && *barred == self.user;
                }
                AskKind::Leave { .. } | AskKind::Get { .. } | AskKind::Del { .. } => {}
            }
            let frame = ask.frame.clone();
            let number = cx.send_text(frame);
            if let Some(ask) = cx.ask_mut(id) {
                ask.number = number;
            }
        }
    }
}

frame! {
    /// `params` of the answer to a login. (seed)
    struct LoginParams<'a> {
        user: Option<Str<'a>> => "user";
        token: Option<SecretStr<'a>> => "token";
    }
}

/// A request whose frame never left was not written.
fn take_back(id: RequestId, cx: &mut Cx<'_, Im>) {
    let Some(number) = cx.ask(id).filter(|ask| ask.sent).map(|ask| ask.number) else { return };
    if cx.take_back(number)
        && let Some(ask) = cx.ask_mut(id)
    {
        ask.sent = false;
    }
}

/// The server's words as an error.
pub(super) fn rejection(ctrl: &Ctrl<'_>) -> Rejection {
    Rejection::new(ctrl.code, ctrl.text.decode())
}
