//! `login` and `hi`.

use chat_proto::im::Flavor;
use chat_proto::im::up::{Hi, Login};
use chat_sign::{LoginSecret, TokenClaims};
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
        let token = self.file_token(cx, user);
        let said = json!({ "authlvl": "auth", "token": token, "user": user_name(user) });
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

    fn file_token(&self, cx: &Cx<'_>, user: u64) -> String {
        let expires = cx.now.unix.after(cx.config.file_token_for).as_secs();
        let claims = TokenClaims {
            user_id: user,
            tenant_id: cx.accounts.get(user).map_or(0, |it| it.tenant as u64 + 1),
            expires_at: u32::try_from(expires).unwrap_or(u32::MAX),
            auth_level: LEVEL_AUTH,
            serial: self.users.get(&user).map_or(0, |row| row.serial),
            features: 1,
        };
        cx.ids.file_tokens().issue(&claims).expose().to_owned()
    }

    /// A Tinode client's handshake; answered on PortSIP's path too, though nobody needs it there.
    pub(super) fn hi(&mut self, cx: &mut Cx<'_>, ask: &Ask, hi: &Hi<'_>) -> Done {
        if hi.ver.is_empty() && ask.flavor == Flavor::Tinode {
            return Err(Status::MALFORMED.into());
        }
        let said = json!({
            "build": concat!("chat-hub:", env!("CARGO_PKG_VERSION")),
            "maxFileUploadSize": cx.config.max_file_bytes,
            "maxMessageSize": cx.config.session.limits.max_bytes,
            "maxSubscriberCount": cx.config.max_members,
            "ver": "0.25",
        });
        self.ctrl(cx, ask, Status(201, "created"), Some(params(&said)));
        Ok(())
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
