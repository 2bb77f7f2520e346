//! OAuth of the PBX: tokens for the IM.

use std::collections::BTreeMap;

use bytes::Bytes;
use chat_proto::gauge::Gauge;
use chat_sign::Secret;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::json;

use crate::config::HubConfig;
use crate::effects::{Cx, Undo};
use crate::http_answer::{empty, errors, json, not_allowed};
use crate::record::{Record, TokenKind, TokenRow};

/// The tokens that are out, by digest.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    rows: BTreeMap<String, TokenRow>,
    by_user: BTreeMap<u64, Vec<String>>,
    /// What the request just handled means for sessions.
    pub(crate) news: Vec<TokenNews>,
}

/// What happened to an access token, by its digest.
#[derive(Debug)]
pub(crate) enum TokenNews {
    Renewed { old: String, new: String },
    Revoked(String),
}

impl Tokens {
    /// Answers `/api/login/oauth/…`; `None` for another path.
    pub(crate) fn handle(
        &mut self,
        cx: &mut Cx<'_>,
        request: &Request<Bytes>,
    ) -> Option<Response<Bytes>> {
        let action = request.uri().path().strip_prefix("/api/login/oauth/")?;
        let answer: fn(&mut Self, &mut Cx<'_>, &Request<Bytes>) -> Response<Bytes> = match action {
            "token" => Self::token,
            "revoke" => Self::revoke,
            _ => return None,
        };
        if request.method() != Method::POST {
            return Some(not_allowed("POST"));
        }
        Some(answer(self, cx, request))
    }

    /// The user an access token stands for.
    pub(crate) fn user_of(&self, cx: &Cx<'_>, token: &str) -> Option<u64> {
        let row = self.rows.get(&cx.ids.digest(token))?;
        let valid = row.kind == TokenKind::Access && cx.now.unix.as_millis() < row.expires;
        valid.then_some(row.user)
    }

    /// Assigns a row and gives back the row before.
    pub(crate) fn apply(&mut self, digest: &str, row: Option<TokenRow>) -> Option<TokenRow> {
        let old = match row {
            Some(row) => {
                let held = self.by_user.entry(row.user).or_default();
                if !held.iter().any(|it| it == digest) {
                    held.push(digest.to_owned());
                }
                self.rows.insert(digest.to_owned(), row)
            }
            None => self.rows.remove(digest),
        };
        if let (Some(old), false) = (&old, self.rows.contains_key(digest))
            && let Some(held) = self.by_user.get_mut(&old.user)
        {
            held.retain(|it| it != digest);
        }
        old
    }

    /// Tokens of the user who holds most.
    pub(crate) fn gauge(&self, config: &HubConfig) -> Gauge {
        let held = self.by_user.values().map(Vec::len).max();
        // They come in pairs.
        Gauge::new("tokens of a user", held.unwrap_or(0), config.max_tokens.max(2))
    }

    /// Appends the records that would bring a fresh state to this one.
    pub(crate) fn snapshot(&self, records: &mut Vec<Record>) {
        records.extend(
            self.rows.iter().map(|(digest, row)| Record::Token {
                digest: digest.clone(),
                row: Some(row.clone()),
            }),
        );
    }

    fn put(&mut self, cx: &mut Cx<'_>, digest: String, row: Option<TokenRow>) {
        let old = self.apply(&digest, row.clone());
        let undo = Record::Token { digest: digest.clone(), row: old };
        cx.fx.log(Record::Token { digest, row }, Undo::Record(undo));
    }

    fn token(&mut self, cx: &mut Cx<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(request.body()).into_owned().collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        match field("grant_type") {
            "password" => {
                let user = cx.accounts.find(field("username"), field("domain")).filter(|user| {
                    let password = Secret::new(field("password"));
                    cx.accounts.get(*user).is_some_and(|it| it.password == password)
                });
                match user {
                    Some(user) => self.issue(cx, user, None),
                    // The service says 400 here, and the same for an unknown user. (portsip-docs)
                    None => errors(
                        StatusCode::BAD_REQUEST,
                        "UNAUTHORIZED",
                        "incorrect username or password",
                    ),
                }
            }
            "refresh_token" => {
                let digest = cx.ids.digest(field("refresh_token"));
                let now = cx.now.unix.as_millis();
                let valid = |row: &&TokenRow| row.kind == TokenKind::Refresh && now < row.expires;
                let Some(row) = self.rows.get(&digest).filter(valid).cloned() else {
                    return errors(
                        StatusCode::BAD_REQUEST,
                        "UNKNOWN",
                        "the refresh token is not valid",
                    );
                };
                // The pair turns over: the old refresh token works once. The old access token
                // lives on until it expires, for requests that are under way. (choice)
                self.put(cx, digest, None);
                self.issue(cx, row.user, Some(row.twin))
            }
            _ => errors(StatusCode::BAD_REQUEST, "UNKNOWN", "the grant type is not supported"),
        }
    }

    /// A new pair; `old` is the access token it takes the place of.
    fn issue(&mut self, cx: &mut Cx<'_>, user: u64, old: Option<String>) -> Response<Bytes> {
        self.make_room(cx, user);
        let (access, refresh) = (cx.ids.oauth_token(), cx.ids.oauth_token());
        let digests = (cx.ids.digest(access.expose()), cx.ids.digest(refresh.expose()));
        let issued = cx.now.unix.as_millis();
        let row = |kind, twin: &str, life| TokenRow {
            user,
            kind,
            twin: twin.to_owned(),
            issued,
            expires: cx.now.unix.after(life).as_millis(),
        };
        let life = cx.config.access_token_for;
        let first = row(TokenKind::Access, &digests.1, life);
        let second = row(TokenKind::Refresh, &digests.0, cx.config.refresh_token_for);
        if let Some(old) = old {
            self.news.push(TokenNews::Renewed { old, new: digests.0.clone() });
        }
        self.put(cx, digests.0, Some(first));
        self.put(cx, digests.1, Some(second));
        let mut response = json(
            StatusCode::OK,
            &json!({
                "access_token": access.expose(),
                "expires_in": life.as_secs(),
                "refresh_token": refresh.expose(),
                "token_type": "Bearer",
            }),
        );
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
        response
    }

    /// Removes what has expired of a user's tokens and, of the rest, the oldest beyond the limit.
    fn make_room(&mut self, cx: &mut Cx<'_>, user: u64) {
        let now = cx.now.unix.as_millis();
        let held = self.by_user.get(&user).cloned().unwrap_or_default();
        let (dead, mut live): (Vec<_>, Vec<_>) = held
            .into_iter()
            .partition(|digest| self.rows.get(digest).is_none_or(|row| row.expires <= now));
        // A snapshot does not keep the order in which they were made.
        live.sort_by_key(|digest| self.rows.get(digest).map(|row| row.issued));
        let surplus = (live.len() + 2).saturating_sub(cx.config.max_tokens.max(2));
        for digest in dead.into_iter().chain(live.into_iter().take(surplus)) {
            self.put(cx, digest, None);
        }
    }

    fn revoke(&mut self, cx: &mut Cx<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let bearer = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some(digest) = bearer.map(|(_, token)| cx.ids.digest(token.trim())) else {
            return errors(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "a bearer token is required");
        };
        let Some(row) = self.rows.get(&digest).filter(|row| row.kind == TokenKind::Access) else {
            return errors(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "the token is not valid");
        };
        // A later refresh from this pair must not bring it back.
        let twin = row.twin.clone();
        self.put(cx, digest.clone(), None);
        self.news.push(TokenNews::Revoked(digest));
        if self.rows.contains_key(&twin) {
            self.put(cx, twin, None);
        }
        empty(StatusCode::OK)
    }
}
