//! Where clients reach a server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use chat_hub::PublicUrls;
use chat_sign::Secret;
use serde::Serialize;

/// Where clients reach a server, and what they have to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Urls {
    /// WebSocket of the IM.
    pub im: String,
    /// REST of the PBX, and the files of the IM.
    pub pbx: String,
    /// REST of the C2C service.
    pub c2c: String,
    /// WebSocket of the C2C chat, without the listen key.
    pub chat: String,
    /// The PEM file of the authority that signed the server's certificate; `None` without TLS or
    /// with a certificate of your own.
    pub ca: Option<PathBuf>,
    /// The same as text.
    pub ca_pem: Option<String>,
    /// Where the server is steered, if it can be.
    pub admin: Option<Admin>,
}

/// Where a server is steered, and the token for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admin {
    /// What stands before `/faults` and `/script`.
    pub url: String,
    /// For the header `Authorization: Bearer`.
    pub token: Secret,
}

impl Urls {
    pub(crate) fn new(host: &str, port: u16, tls: bool) -> Self {
        let (http, ws) = if tls { ("https", "wss") } else { ("http", "ws") };
        Self {
            im: format!("{ws}://{host}:{port}/im"),
            pbx: format!("{http}://{host}:{port}"),
            c2c: format!("{http}://{host}:{port}"),
            chat: format!("{ws}://{host}:{port}/chat"),
            ca: None,
            ca_pem: None,
            admin: None,
        }
    }

    /// What the hub puts into its answers.
    pub(crate) fn public(&self) -> PublicUrls {
        PublicUrls {
            im: self.im.clone(),
            pbx: self.pbx.clone(),
            c2c: self.c2c.clone(),
            chat: self.chat.clone(),
            images: self.c2c.clone(),
        }
    }

    /// One line of JSON that says that the server is ready and where. It shows the token of
    /// [`Urls::admin`], where there is one.
    #[must_use]
    pub fn ready_line(&self) -> String {
        #[derive(Serialize)]
        struct Ready<'a> {
            event: &'static str,
            im: &'a str,
            pbx: &'a str,
            c2c: &'a str,
            chat: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            ca: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            admin: Option<ReadyAdmin<'a>>,
        }
        #[derive(Serialize)]
        struct ReadyAdmin<'a> {
            url: &'a str,
            token: &'a str,
        }
        let ready = Ready {
            event: "ready",
            im: &self.im,
            pbx: &self.pbx,
            c2c: &self.c2c,
            chat: &self.chat,
            ca: self.ca.as_ref().map(|path| path.display().to_string()),
            admin: self
                .admin
                .as_ref()
                .map(|it| ReadyAdmin { url: &it.url, token: it.token.expose() }),
        };
        serde_json::to_string(&ready).expect("strings are JSON")
    }
}

/// The host in URLs for an address that is listened on.
pub(crate) fn host_of(addr: SocketAddr) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => addr.ip(),
    };
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_has_one_form() {
        let mut urls = Urls::new("127.0.0.1", 8887, true);
        urls.ca = Some("/tmp/ca.pem".into());
        assert_eq!(
            urls.ready_line(),
            r#"{"event":"ready","im":"wss://127.0.0.1:8887/im","pbx":"https://127.0.0.1:8887","c2c":"https://127.0.0.1:8887","chat":"wss://127.0.0.1:8887/chat","ca":"/tmp/ca.pem"}"#
        );
        assert_eq!(
            Urls::new("[::1]", 80, false).ready_line(),
            r#"{"event":"ready","im":"ws://[::1]:80/im","pbx":"http://[::1]:80","c2c":"http://[::1]:80","chat":"ws://[::1]:80/chat"}"#
        );
    }

    #[test]
    fn the_way_in_for_steering_comes_last_and_prints_no_token() {
        let mut urls = Urls::new("127.0.0.1", 1, false);
        urls.admin = Some(Admin { url: "http://127.0.0.1:1/admin".into(), token: "abc".into() });
        let end = r#""chat":"ws://127.0.0.1:1/chat","admin":{"url":"http://127.0.0.1:1/admin","token":"abc"}}"#;
        assert!(urls.ready_line().ends_with(end), "{}", urls.ready_line());
        assert!(!format!("{urls:?}").contains("abc"));
    }

    #[test]
    fn any_address_is_told_as_loopback() {
        assert_eq!(host_of("0.0.0.0:1".parse().unwrap()), "127.0.0.1");
        assert_eq!(host_of("[::]:1".parse().unwrap()), "[::1]");
        assert_eq!(host_of("192.0.2.7:1".parse().unwrap()), "192.0.2.7");
    }
}
