//! `login`.

use chat_proto::im::up::Login;
use chat_proto::im::{Flavor, Stamp};
use chat_sign::{BasicSecret, LoginSecret, TokenClaims};
use serde_json::json;

use super::names::user_name;
use super::reply::{Ask, Done, Status, params};
use super::{Im, ImUndo};
use crate::effects::{Cx, Undo};
use crate::oauth::Tokens;

/// Closes sessions whose token was revoked. (choice)
const REVOKED: u16 = 4401;
/// The level of a user who logged in. (tinode-doc)
const LEVEL_AUTH: u16 = 20;

impl Im {
    pub(super) fn login(
        &mut self,
        cx: &mut Cx<'_>,
        tokens: &Tokens,
        ask: &Ask,
        login: &Login<'_>,
    ) -> Done {
        if ask.user != 0 {
            return Err(Status::ALREADY_AUTHENTICATED.into());
        }
        let secret = login.secret.expose().decode();
        let mut oauth = None;
        let user = match login.scheme.decode().to_ascii_lowercase().as_str() {
            "access_token" => {
                let secret = LoginSecret::decode(&secret).map_err(|_| Status::MALFORMED)?;
                // Who cannot be asked has not said no. (choice)
                if !cx.accounts.pbx_available {
                    return Err(Status::UNAVAILABLE.into());
                }
                let named = cx.accounts.find(secret.user(), secret.domain());
                let token = secret.access_token().expose();
                let holder = tokens.user_of(cx, token);
                oauth = Some(cx.ids.digest(token));
                named.filter(|user| holder == Some(*user)).ok_or(Status::AUTH_FAILED)?
            }
            "token" => self.user_of_token(cx, &secret)?,
            "basic" if ask.flavor == Flavor::Tinode => user_of_basic(cx, &secret)?,
            _ => return Err(Status::UNKNOWN_SCHEME.into()),
        };
        if cx.accounts.get(user).is_none_or(|it| it.suspended) {
            return Err(Status::DENIED.into());
        }
        let Some(peer) = self.peers.get_mut(&ask.conn) else { return Ok(()) };
        peer.user = Some(user);
        peer.oauth = oauth;
        cx.fx.undo.push(Undo::Im(ImUndo::LoggedIn(ask.conn)));
        cx.fx.logged_in(ask.conn);
        let (token, expires) = self.file_token(cx, user);
        let mut said = json!({ "authlvl": "auth", "token": token, "user": user_name(user) });
        // Tinode's clients keep no token without it; the published sample of PortSIP has none.
        // (tinode-doc, seed)
        if ask.flavor == Flavor::Tinode {
            said["expires"] = expires.as_text().decode().into();
        }
        self.ctrl(cx, ask, Status::OK, Some(params(&said)));
        Ok(())
    }

    /// The user a file token was issued to.
    pub(super) fn user_of_token(&self, cx: &Cx<'_>, token: &str) -> Result<u64, Status> {
        use chat_sign::TokenError;
        let claims = cx.ids.file_tokens().verify(token, cx.now.unix.as_secs()).map_err(|why| {
            if why == TokenError::Malformed { Status::MALFORMED } else { Status::AUTH_FAILED }
        })?;
        let row = self.users.get(&claims.user_id).filter(|row| row.serial == claims.serial);
        let known = row.is_some() && cx.accounts.get(claims.user_id).is_some();
        if known { Ok(claims.user_id) } else { Err(Status::AUTH_FAILED) }
    }

    /// A token and the end of its life.
    fn file_token(&self, cx: &Cx<'_>, user: u64) -> (String, Stamp<'static>) {
        let expires = cx.now.unix.after(cx.config.file_token_for).as_secs();
        let expires_at = u32::try_from(expires).unwrap_or(u32::MAX);
        let claims = TokenClaims {
            user_id: user,
            tenant_id: cx.accounts.get(user).map_or(0, |it| it.tenant as u64 + 1),
            expires_at,
            auth_level: LEVEL_AUTH,
            serial: self.users.get(&user).map_or(0, |row| row.serial),
            features: 1,
        };
        let token = cx.ids.file_tokens().issue(&claims).expose().to_owned();
        (token, Stamp::from_unix_micros(i64::from(expires_at) * 1_000_000, Flavor::Tinode))
    }
}

impl Im {
    /// An OAuth pair was refreshed: sessions of the old token belong to the new one.
    pub(crate) fn renewed(&mut self, cx: &mut Cx<'_>, old: &str, new: &str) {
        self.rename(old, new);
        let (old, new) = (old.to_owned(), new.to_owned());
        cx.fx.undo.push(Undo::Im(ImUndo::Renewed { old, new }));
    }

    pub(super) fn rename(&mut self, old: &str, new: &str) {
        let holders = self.peers.values_mut().filter(|peer| peer.oauth.as_deref() == Some(old));
        for peer in holders {
            peer.oauth = Some(new.to_owned());
        }
    }

    /// An OAuth token was revoked: the sessions it opened end. (choice)
    pub(crate) fn revoked(&self, cx: &mut Cx<'_>, token: &str) {
        let sessions = self.peers.iter().filter(|(_, peer)| peer.oauth.as_deref() == Some(token));
        for (conn, peer) in sessions {
            let ask = Ask::bare(*conn, peer.flavor, String::new());
            cx.fx.send(*conn, ask.encode(cx.stamp, Status::EVICTED, None));
            cx.fx.close(*conn, REVOKED, "the access token was revoked");
        }
    }
}

/// The user of a login and a password, as Tinode's clients send them. The login is an extension with
/// its domain, or without where no other tenant has the same. (tinode-doc; the form is a choice)
pub(super) fn user_of_basic(cx: &Cx<'_>, secret: &str) -> Result<u64, Status> {
    let secret = BasicSecret::decode(secret).map_err(|_| Status::MALFORMED)?;
    let user = cx.accounts.find_login(secret.login()).ok_or(Status::AUTH_FAILED)?;
    let known = cx.accounts.get(user).is_some_and(|it| it.password == *secret.password());
    if known { Ok(user) } else { Err(Status::AUTH_FAILED) }
}
