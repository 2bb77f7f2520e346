//! Settings from environment variables.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use chat_proto::client::SessionConfig;
use chat_proto::rest::UrlError;
use chat_sign::Secret;

use crate::network::Network;
use crate::options::Options;
use crate::proxy::{Proxies, Proxy, ProxyConfigError};
use crate::tls::{Fingerprint, TlsPolicy};

/// The standard variables about proxies, as [`Proxies::from_env`] reads them.
const PROXY_VARIABLES: [&str; 7] =
    ["all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "http_proxy", "no_proxy", "NO_PROXY"];

/// Settings that cannot be used. Never with a value in it, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable that is needed is not set, or empty.
    #[error("the environment variable {name} is not set")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A variable is not understood.
    #[error("the environment variable {name} cannot be used: {why}")]
    Malformed {
        /// Its name.
        name: String,
        /// Why, without the value.
        why: String,
    },
    /// An address is not usable.
    #[error("the address cannot be used: {0}")]
    Url(#[from] UrlError),
    /// A key is not usable.
    #[error("{0}")]
    Key(String),
}

type Get<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The variables that start with a prefix.
pub(crate) struct Variables<'a> {
    prefix: &'static str,
    get: Get<'a>,
}

impl<'a> Variables<'a> {
    pub(crate) const fn new(prefix: &'static str, get: Get<'a>) -> Self {
        Self { prefix, get }
    }

    fn name(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// An error about a variable.
    pub(crate) fn malformed(&self, what: &str, why: impl ToString) -> ConfigError {
        ConfigError::Malformed { name: self.name(what), why: why.to_string() }
    }

    /// A text; an empty one is none.
    pub(crate) fn text(&self, what: &str) -> Result<Option<String>, ConfigError> {
        let Some(value) = (self.get)(&self.name(what)).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        value.into_string().map(Some).map_err(|_| self.malformed(what, "not UTF-8"))
    }

    /// A text that must be there.
    pub(crate) fn needed(&self, what: &str) -> Result<String, ConfigError> {
        self.text(what)?.ok_or_else(|| ConfigError::Missing { name: self.name(what) })
    }

    /// A secret that must be there.
    pub(crate) fn secret(&self, what: &str) -> Result<Secret, ConfigError> {
        self.needed(what).map(Secret::new)
    }

    /// A number from 1 on.
    pub(crate) fn number(&self, what: &str) -> Result<Option<usize>, ConfigError> {
        let Some(text) = self.text(what)? else { return Ok(None) };
        match text.trim().parse() {
            Ok(0) | Err(_) => Err(self.malformed(what, "not a whole number from 1 on")),
            Ok(number) => Ok(Some(number)),
        }
    }

    /// A whole number of seconds, from 1 on.
    pub(crate) fn seconds(&self, what: &str) -> Result<Option<Duration>, ConfigError> {
        Ok(self.number(what)?.map(|seconds| Duration::from_secs(seconds as u64)))
    }

    /// Whom to trust, through whom to go, how long to wait.
    pub(crate) fn network(&self) -> Result<Network, ConfigError> {
        let network = Network::new(self.tls()?).with_proxies(self.proxies()?);
        Ok(match self.seconds("CONNECT_TIMEOUT_SECS")? {
            Some(timeout) => network.with_connect_timeout(timeout),
            None => network,
        })
    }

    fn tls(&self) -> Result<TlsPolicy, ConfigError> {
        match (self.text("CA_FILE")?, self.text("TLS_PIN")?) {
            (None, None) => Ok(TlsPolicy::platform()),
            (Some(path), None) => {
                let pem = fs::read(path).map_err(|error| {
                    self.malformed("CA_FILE", format_args!("the file cannot be read: {error}"))
                })?;
                TlsPolicy::only_ca_pem(pem).map_err(|error| self.malformed("CA_FILE", error))
            }
            (None, Some(pin)) => match Fingerprint::parse(pin.trim()) {
                Some(Fingerprint(digest)) => Ok(TlsPolicy::pin_sha256(digest)),
                None => Err(self.malformed("TLS_PIN", "not 64 hexadecimal digits")),
            },
            (Some(_), Some(_)) => {
                let why = format!("{} is set as well, and only one can hold", self.name("CA_FILE"));
                Err(self.malformed("TLS_PIN", why))
            }
        }
    }

    fn proxies(&self) -> Result<Proxies, ConfigError> {
        if let Some(proxy) = self.text("PROXY")? {
            let proxy = Proxy::parse(&proxy).map_err(|error| self.malformed("PROXY", error))?;
            return Ok(Proxies::all(proxy));
        }
        let standard = |name: &str| {
            // What is not UTF-8 is not understood, which is an error and not an absence.
            (self.get)(name).map(|value| value.to_string_lossy().into_owned())
        };
        Proxies::from_vars(standard).map_err(|error| {
            let alone = |name: &str| {
                Proxies::from_vars(|asked| (asked == name).then(|| standard(name)).flatten())
            };
            let guilty = PROXY_VARIABLES.into_iter().find(|name| alone(name).is_err());
            named(guilty.unwrap_or("ALL_PROXY"), error)
        })
    }

    /// Limits that all services share.
    pub(crate) fn limits(
        &self,
        session: &mut SessionConfig,
        options: &mut Options,
    ) -> Result<(), ConfigError> {
        if let Some(timeout) = self.seconds("REQUEST_TIMEOUT_SECS")? {
            session.request_timeout = timeout;
        }
        if let Some(requests) = self.number("MAX_REQUESTS")? {
            set_max_requests(requests, session, options);
        }
        if let Some(bytes) = self.number("MAX_MESSAGE_BYTES")? {
            set_max_message(bytes, session, options);
        }
        if let Some(events) = self.number("EVENT_QUEUE")? {
            options.event_queue = events;
        }
        Ok(())
    }
}

fn named(name: &str, error: ProxyConfigError) -> ConfigError {
    ConfigError::Malformed { name: name.to_owned(), why: error.to_string() }
}

pub(crate) fn set_max_requests(
    requests: usize,
    session: &mut SessionConfig,
    options: &mut Options,
) {
    session.max_requests = requests;
    options.call_queue = requests;
}

pub(crate) fn set_max_message(bytes: usize, session: &mut SessionConfig, options: &mut Options) {
    session.max_message = bytes;
    options.ws = options.ws.clone().with_max_message_bytes(bytes);
}

/// Settings that both services share, from one list.
macro_rules! common_settings {
    () => {
        /// Whom to trust, through whom to go and how long to wait for a connection: instead of the
        /// platform's roots, no proxy, ten seconds.
        #[must_use]
        pub fn network(mut self, network: crate::Network) -> Self {
            self.network = network;
            self
        }

        /// Which servers are trusted.
        #[must_use]
        pub fn tls(mut self, tls: crate::TlsPolicy) -> Self {
            self.network = self.network.with_tls(tls);
            self
        }

        /// Goes through proxies, with HTTP and the WebSocket alike.
        #[must_use]
        pub fn proxies(mut self, proxies: crate::Proxies) -> Self {
            self.network = self.network.with_proxies(proxies);
            self
        }

        /// Buffers, queues and delays of the connection.
        #[must_use]
        pub fn options(mut self, options: crate::Options) -> Self {
            self.options = options;
            self
        }

        /// For the answer to one request.
        #[must_use]
        pub fn request_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.session.session.request_timeout = timeout;
            self
        }

        /// How many requests may wait for an answer, and how many calls for the client's task. One
        /// more is an error: [`SendError::QueueFull`](crate::client::SendError::QueueFull).
        #[must_use]
        pub fn max_requests(mut self, requests: usize) -> Self {
            crate::client::environment::set_max_requests(
                requests,
                &mut self.session.session,
                &mut self.options,
            );
            self
        }

        /// The largest message, in bytes, in either direction. A larger one that comes in ends the
        /// connection, one that should go out is an error.
        #[must_use]
        pub fn max_message_bytes(mut self, bytes: usize) -> Self {
            crate::client::environment::set_max_message(
                bytes,
                &mut self.session.session,
                &mut self.options,
            );
            self
        }

        /// How many events may wait to be taken; with more, the socket is not read.
        #[must_use]
        pub fn event_queue(mut self, events: usize) -> Self {
            self.options.event_queue = events;
            self
        }
    };
}

pub(crate) use common_settings;
