//! The ticket for a dial.

use std::fmt;

use bytes::Bytes;
use chat_sign::Secret;
use http::{Request, Response, Uri};

use crate::c2c::answer::{self, CredentialData, Reason, Refusal};
use crate::c2c::rest::BadApi;
use crate::machine::Upgrade;
use crate::rest::percent_encode;

/// What `retrieveChatCredential` gave: good for one dial. `Debug` shows the address only.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    chat_url: String,
    listen_key: Secret,
    listen_token: Secret,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("chat_url", &self.chat_url).finish_non_exhaustive()
    }
}

impl Ticket {
    /// From its parts.
    #[must_use]
    pub fn new(
        chat_url: impl Into<String>,
        listen_key: impl Into<Secret>,
        listen_token: impl Into<Secret>,
    ) -> Self {
        Self {
            chat_url: chat_url.into(),
            listen_key: listen_key.into(),
            listen_token: listen_token.into(),
        }
    }

    /// Reads the answer to [`Api::credential`](super::Api::credential).
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn read(response: &Response<Bytes>) -> Result<Self, Refusal> {
        let data: CredentialData<'_> = answer::data(response)?;
        let secret = |text: &crate::json::SecretStr<'_>| text.expose().decode().into_owned();
        let (key, token) = (secret(&data.listen_key), secret(&data.listen_token));
        if data.chat_wss_url.is_empty() || key.is_empty() || token.is_empty() {
            let status = response.status().as_u16();
            return Err(Refusal { status, reason: Reason::Shape, retry_after: None });
        }
        Ok(Self::new(data.chat_wss_url.decode(), key, token))
    }

    /// `<chatWssUrl>/<listenKey>?token=<listenToken>&clientType=web`. (seed)
    ///
    /// # Errors
    ///
    /// The address is not an absolute `ws` or `wss` URL.
    pub fn upgrade(&self) -> Result<Upgrade, BadApi> {
        let key = percent_encode(self.listen_key.expose());
        let token = percent_encode(self.listen_token.expose());
        let base = self.chat_url.split(['?', '#']).next().unwrap_or_default();
        let base = base.trim_end_matches('/');
        // An address that ends with the key already is taken as it is.
        let base = base.strip_suffix(&key).map_or(base, |base| base.trim_end_matches('/'));
        let uri: Uri = format!("{base}/{key}?token={token}&clientType=web")
            .parse()
            .map_err(|_| BadApi::ChatUrl)?;
        if !matches!(uri.scheme_str(), Some("ws" | "wss")) || uri.host().is_none_or(str::is_empty) {
            return Err(BadApi::ChatUrl);
        }
        let request = Request::get(uri).body(()).map_err(|_| BadApi::ChatUrl)?;
        Ok(Upgrade::new(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_chat_is_built_from_the_ticket() {
        let uri = |url: &str| {
            let ticket = Ticket::new(url, "c2c_321891ac_v2", "TOKEN a/b");
            ticket.upgrade().map(|upgrade| upgrade.into_request().uri().to_string())
        };
        let expected =
            Ok("wss://im.binance.com:443/chat/c2c_321891ac_v2?token=TOKEN%20a%2Fb&clientType=web"
                .to_owned());
        for url in [
            "wss://im.binance.com:443/chat",
            "wss://im.binance.com:443/chat/",
            "wss://im.binance.com:443/chat/c2c_321891ac_v2",
            "wss://im.binance.com:443/chat/c2c_321891ac_v2?token=old",
        ] {
            assert_eq!(uri(url), expected, "{url}");
        }
        for url in ["", "im.binance.com/chat", "https://im.binance.com/chat", "wss:///chat"] {
            assert_eq!(uri(url), Err(BadApi::ChatUrl), "{url}");
        }
    }
}
