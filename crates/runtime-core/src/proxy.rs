//! Proxies: which one to use for a target, and what to say to it.
//!
//! HTTP exchanges and WebSockets reach the network through the same connector, so both go through
//! the same proxy. Always as a tunnel: an HTTP proxy is asked with `CONNECT`, also for targets
//! without TLS, and sees a host and a port of what we say, or nothing.

mod environment;
mod handshake;
mod http_connect;
mod socks5;
mod tunnel;

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::runtime::Target;
use environment::Exceptions;

pub use handshake::{Handshake, ProxyError};
pub(crate) use tunnel::open;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// HTTP/1.1 with `CONNECT` (RFC 9110, section 9.3.6).
    Http,
    /// The same over TLS to the proxy.
    Https,
    /// SOCKS 5 (RFC 1928).
    Socks5,
}

/// User and password for a proxy. Never shown.
#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
}

/// One proxy.
///
/// `Debug` and `Display` hide user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

/// A proxy, or a list of exceptions, that is not understood. Never with the text in it, which may
/// hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyConfigError {
    /// Not `scheme://user:password@host:port`.
    #[error("the proxy is not of the form scheme://user:password@host:port")]
    Malformed,
    /// Another scheme than these.
    #[error("the scheme of the proxy is not http, https, socks5 or socks5h")]
    Scheme,
    /// User or password are not 1 to 255 bytes, or the user of an HTTP proxy has a colon.
    #[error(
        "user or password of the proxy cannot be used: too long, empty, or a colon in the user"
    )]
    Credentials,
    /// A network in the list of exceptions that is none.
    #[error("the list of hosts that need no proxy has a network that is not understood")]
    Network,
}

impl Proxy {
    /// From `scheme://user:password@host:port`, where user, password, port, and a scheme `http` may
    /// be left out. The schemes are `http`, `https` (TLS to the proxy, by the same policy), and
    /// `socks5` or `socks5h`, which are the same here: the proxy resolves names, we do not. User and
    /// password may be percent-encoded. A missing port is 80, 443 or 1080.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, without quoting it.
    pub fn parse(text: &str) -> Result<Self, ProxyConfigError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err(ProxyConfigError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (userinfo, authority) = match rest.rsplit_once('@') {
            Some((userinfo, authority)) => (Some(userinfo), authority),
            None => (None, rest),
        };
        let (host, named) = split_port(authority).ok_or(ProxyConfigError::Malformed)?;
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
            return Err(ProxyConfigError::Malformed);
        }
        let proxy =
            Self { kind, host: host.to_owned(), port: named.unwrap_or(port), credentials: None };
        match userinfo {
            None => Ok(proxy),
            Some(userinfo) => {
                let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
                proxy.with_credentials(&decoded(user)?, &decoded(password)?)
            }
        }
    }

    /// Shows `user` and `password` to the proxy, if it asks (SOCKS) or at once (HTTP).
    ///
    /// # Errors
    ///
    /// [`ProxyConfigError::Credentials`]: SOCKS takes 1 to 255 bytes each, HTTP no colon in the user.
    pub fn with_credentials(
        mut self,
        user: &str,
        password: &str,
    ) -> Result<Self, ProxyConfigError> {
        let fits = match self.kind {
            Kind::Socks5 => (1..=255).contains(&user.len()) && (1..=255).contains(&password.len()),
            Kind::Http | Kind::Https => {
                !user.is_empty() && !user.contains(':') && user.len() + password.len() <= 4096
            }
        };
        if !fits {
            return Err(ProxyConfigError::Credentials);
        }
        let (user, password) = (user.to_owned(), password.to_owned());
        self.credentials = Some(Credentials { user, password });
        Ok(self)
    }

    /// Its name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS goes to the proxy itself.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.kind == Kind::Https
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5h",
        };
        let host = Bracketed(&self.host);
        write!(f, "{scheme}://{host}:{}", self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.credentials.is_some() { ", as a user" } else { "" };
        write!(f, "Proxy({self}{user})")
    }
}

/// Which proxy to use for which target; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For targets with TLS.
    secure: Option<Proxy>,
    /// For targets without.
    plain: Option<Proxy>,
    except: Exceptions,
}

impl Proxies {
    /// Connects directly.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything.
    #[must_use]
    pub fn all(proxy: Proxy) -> Self {
        Self { secure: Some(proxy.clone()), plain: Some(proxy), except: Exceptions::default() }
    }

    /// What the environment says: `HTTPS_PROXY` for targets with TLS, `http_proxy` for those without
    /// (in lower case only: a CGI program gets `HTTP_PROXY` from its caller's headers), `ALL_PROXY`
    /// for both where these are not set, and `NO_PROXY`. Lower case is looked at first; an empty
    /// value is none.
    ///
    /// # Errors
    ///
    /// A variable is not understood. Nothing is ignored: who set a proxy does not want to be
    /// connected without it.
    pub fn from_env() -> Result<Self, ProxyConfigError> {
        // What is not UTF-8 is not understood, which is an error and not an absence.
        Self::from_vars(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }

    /// The same from other variables.
    ///
    /// # Errors
    ///
    /// As [`Proxies::from_env`].
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyConfigError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let proxy = |names: &[&str]| {
            let value = names.iter().find_map(|name| set(name));
            value.map(|value| Proxy::parse(&value)).transpose()
        };
        let all = proxy(&["all_proxy", "ALL_PROXY"])?;
        let secure = proxy(&["https_proxy", "HTTPS_PROXY"])?;
        let plain = proxy(&["http_proxy"])?;
        let except = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
        Ok(Self {
            secure: secure.or_else(|| all.clone()),
            plain: plain.or(all),
            except: Exceptions::parse(&except)?,
        })
    }

    /// Connects directly to what `list` names, as `NO_PROXY` does: entries between commas or spaces,
    /// each a name (with all below it; a leading `.` or `*.` changes nothing), an address, a network
    /// as `10.0.0.0/8`, each with `:port` or without, or `*` for everything.
    ///
    /// # Errors
    ///
    /// [`ProxyConfigError::Network`].
    pub fn except(mut self, list: &str) -> Result<Self, ProxyConfigError> {
        self.except = Exceptions::parse(list)?;
        Ok(self)
    }

    /// The proxy for targets with TLS that are no exception.
    #[must_use]
    pub const fn secure(&self) -> Option<&Proxy> {
        self.secure.as_ref()
    }

    /// The proxy on the way to `target`.
    #[must_use]
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        let proxy = if target.tls.is_some() { &self.secure } else { &self.plain };
        proxy.as_ref().filter(|_| !self.except.matches(&target.host, target.port))
    }
}

/// An IPv6 address in brackets, anything else as it is.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        None => Some((authority, None)),
        Some((_, rest)) if rest.contains(':') => {
            authority.parse::<std::net::Ipv6Addr>().ok().map(|_| (authority, None))
        }
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
    }
}

fn decoded(text: &str) -> Result<String, ProxyConfigError> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| ProxyConfigError::Credentials)
}

#[cfg(test)]
mod tests;
