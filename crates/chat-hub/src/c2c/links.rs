//! Tickets and connections: who may come in, who is thrown out.

use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::ConnId;
use chat_proto::time::UnixMillis;
use http::{Request, Response, StatusCode};

use super::{C2cState, later};
use crate::effects::Cx;
use crate::http_answer;

/// Tickets an account can hold; the oldest go. (choice)
pub(super) const MAX_TICKETS: usize = 32;
/// How long a ticket is good, in milliseconds. (choice; field reports say between one dial and 25
/// minutes)
const TICKET_FOR_MS: u64 = 10 * 60 * 1000;

/// Opens one dial.
pub(super) struct Ticket {
    user: u64,
    listen_key: String,
    expires: UnixMillis,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) user: u64,
    pub(super) received: u32,
    /// When the last message came, and how many came in a row.
    pub(super) burst: Option<(Instant, u32)>,
    /// When it is asked for a sign of life in JSON.
    pub(super) ping_at: Option<Instant>,
}

/// A WebSocket upgrade that was found good.
#[derive(Debug)]
pub(crate) struct C2cOffer {
    user: u64,
}

impl C2cState {
    /// A ticket for one dial: listen key and token.
    pub(super) fn issue_ticket(&mut self, cx: &mut Cx<'_>, user: u64) -> (String, String) {
        let now = self.clock(cx);
        self.tickets.retain(|_, ticket| ticket.expires > now);
        let held = self.tickets.iter().filter(|(_, ticket)| ticket.user == user);
        let mut held: Vec<_> = held.map(|(token, it)| (it.expires, token.clone())).collect();
        held.sort();
        for (_, token) in held.iter().take((held.len() + 1).saturating_sub(MAX_TICKETS)) {
            self.tickets.remove(token);
        }
        // The key names the account's stream and stays the same; only the token opens it. (seed)
        let api_key = self.traders.get(&user).map_or("", |trader| &trader.api_key);
        let digest = cx.ids.digest(&format!("listen key {api_key}"));
        let listen_key = format!("c2c_{}_v2", &digest[..32]);
        let token = format!("TOKEN{}", cx.ids.hex32());
        let expires = UnixMillis::new(now.as_millis().saturating_add(TICKET_FOR_MS));
        self.tickets
            .insert(token.clone(), Ticket { user, listen_key: listen_key.clone(), expires });
        (listen_key, token)
    }

    /// Judges a WebSocket upgrade to `/chat/{listenKey}`. A token opens one connection; a second
    /// try gets HTTP 403. (field reports)
    #[expect(clippy::result_large_err, reason = "once a connection, and most are good")]
    pub(crate) fn offer(
        &mut self,
        cx: &mut Cx<'_>,
        head: &Request<()>,
    ) -> Result<C2cOffer, Response<Bytes>> {
        if let Some(status) = super::fault_status(self.faults.refuse_upgrade) {
            return Err(http_answer::empty(status));
        }
        let refuse = || http_answer::empty(StatusCode::FORBIDDEN);
        let key = head.uri().path().strip_prefix("/chat/").ok_or_else(refuse)?;
        let query = head.uri().query().unwrap_or_default();
        let token = form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "token").then(|| value.into_owned()))
            .ok_or_else(refuse)?;
        let now = self.clock(cx);
        let ticket = self.tickets.get(&token).ok_or_else(refuse)?;
        let user = ticket.user;
        let good = ticket.listen_key == key && ticket.expires > now;
        if !good {
            return Err(refuse());
        }
        if !self.faults.reusable_token {
            self.tickets.remove(&token);
        }
        Ok(C2cOffer { user })
    }

    /// The upgrade is done. The account's former connection is thrown out. (field reports)
    pub(crate) fn opened(&mut self, cx: &mut Cx<'_>, conn: ConnId, offer: C2cOffer) {
        let C2cOffer { user } = offer;
        if !self.faults.keep_older {
            let code = Some(self.faults.bye_code).filter(|code| *code != 0).unwrap_or(1000);
            let older: Vec<_> = self.conns(user).collect();
            for conn in older {
                self.links.remove(&conn);
                cx.fx.close(conn, code, "Bye");
            }
        }
        let ping_at = later::ping_every(self).map(|every| cx.now.mono + every);
        self.links.insert(conn, Link { user, received: 0, burst: None, ping_at });
        if self.faults.close_on_open {
            self.close(cx, conn);
        }
    }

    /// Ends a connection as the fault switches say.
    pub(super) fn close(&self, cx: &mut Cx<'_>, conn: ConnId) {
        if self.faults.close_abruptly {
            return cx.fx.cut(conn);
        }
        let code = Some(self.faults.close_code).filter(|code| *code != 0).unwrap_or(1001);
        cx.fx.close(conn, code, "fault");
    }

    /// The connections of a user.
    pub(super) fn conns(&self, user: u64) -> impl Iterator<Item = ConnId> {
        let links = self.links.iter();
        links.filter(move |(_, link)| link.user == user).map(|(conn, _)| *conn)
    }
}
