//! Settings of a client.

use std::ffi::OsString;
use std::time::Duration;

use chat_proto::c2c::C2cConfig;
use chat_proto::c2c::rest::{Api, BadApi};
use chat_sign::{MAX_RECV_WINDOW_MS, Secret};

use crate::client::client_options;
use crate::client::environment::{ConfigError, Variables, common_settings};
use crate::network::Network;
use crate::options::Options;

/// Everything a client needs: which account, where, and how to get there.
///
/// ```
/// use runtime_core::c2c::Config;
///
/// let config = Config::new("key", "secret")?.base_url("https://localhost:8887")?;
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), runtime_core::c2c::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    session: C2cConfig,
    api: Api,
    network: Network,
    options: Options,
}

impl Config {
    /// For an API key and its secret, at the live service. The platform's roots are trusted, no proxy
    /// is used.
    ///
    /// # Errors
    ///
    /// The key cannot stand in a header.
    pub fn new(api_key: impl Into<Secret>, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::with_api(Api::new(&api_key.into(), &secret.into()).map_err(of_api)?))
    }

    /// For calls that sign and address themselves: other keys than HMAC.
    #[must_use]
    pub fn with_api(api: Api) -> Self {
        let (session, network) = (C2cConfig::default(), Network::default());
        Self { session, api, network, options: client_options() }
    }

    /// From environment variables:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `CHAT_C2C_API_KEY`, `CHAT_C2C_SECRET` | the API key and its HMAC secret; needed |
    /// | `CHAT_C2C_URL` | the service; without it, the live one |
    /// | `CHAT_C2C_RECV_WINDOW_MS` | how long a signed request is valid; 5000, at most 60 000 |
    /// | `CHAT_C2C_PACE_MS` | between two messages; 800 |
    /// | `CHAT_C2C_CA_FILE` | PEM file: these certificates are trusted and nothing else; without it, the platform's roots |
    /// | `CHAT_C2C_TLS_PIN` | SHA-256 of the one certificate that is trusted, 64 hexadecimal digits |
    /// | `CHAT_C2C_PROXY` | the proxy for everything; without it, `ALL_PROXY`, `HTTPS_PROXY`, `http_proxy` and `NO_PROXY` as [`Proxies::from_env`](crate::Proxies::from_env) reads them |
    /// | `CHAT_C2C_CONNECT_TIMEOUT_SECS` | for a connection, TLS included; 10 |
    /// | `CHAT_C2C_REQUEST_TIMEOUT_SECS` | for an echo, before history is asked; 5 |
    /// | `CHAT_C2C_MAX_REQUESTS` | how many requests may wait; 1024 |
    /// | `CHAT_C2C_MAX_MESSAGE_BYTES` | the largest message; 65 536 out, 1 MiB in |
    /// | `CHAT_C2C_EVENT_QUEUE` | how many events may wait; 256 |
    ///
    /// An empty variable counts as not set.
    ///
    /// # Errors
    ///
    /// A variable is missing or malformed: the error names it, and never its value.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// The same from other variables.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_vars<T: Into<OsString>>(
        variable: impl Fn(&str) -> Option<T>,
    ) -> Result<Self, ConfigError> {
        let get = |name: &str| variable(name).map(Into::into);
        let vars = Variables::new("CHAT_C2C_", &get);
        let (key, secret) = (vars.secret("API_KEY")?, vars.secret("SECRET")?);
        let api = Api::new(&key, &secret).map_err(|error| vars.malformed("API_KEY", error))?;
        let mut config = Self::with_api(api);
        if let Some(url) = vars.text("URL")? {
            let api = config.api.base_url(url.trim());
            config.api = api.map_err(|error| vars.malformed("URL", error))?;
        }
        if let Some(millis) = vars.number("RECV_WINDOW_MS")? {
            let millis = u32::try_from(millis).ok().filter(|it| *it <= MAX_RECV_WINDOW_MS);
            let millis =
                millis.ok_or_else(|| vars.malformed("RECV_WINDOW_MS", "more than 60000"))?;
            config.api = config.api.recv_window_ms(millis);
        }
        if let Some(millis) = vars.number("PACE_MS")? {
            config.session.pace = Duration::from_millis(millis as u64);
        }
        vars.limits(&mut config.session.session, &mut config.options)?;
        config.network = vars.network()?;
        Ok(config)
    }

    /// Another server, or a relay: `https://host[:port][/prefix]`.
    ///
    /// # Errors
    ///
    /// The address is not usable.
    pub fn base_url(mut self, url: &str) -> Result<Self, ConfigError> {
        self.api = self.api.base_url(url).map_err(of_api)?;
        Ok(self)
    }

    /// Everything else about the session: see [`C2cConfig`].
    #[must_use]
    pub fn tune(mut self, tune: impl FnOnce(&mut C2cConfig)) -> Self {
        tune(&mut self.session);
        self
    }

    common_settings!();

    /// The session's settings, its calls, the network's settings and the connection's.
    #[must_use]
    pub fn into_parts(self) -> (C2cConfig, Api, Network, Options) {
        (self.session, self.api, self.network, self.options)
    }
}

fn of_api(error: BadApi) -> ConfigError {
    if let BadApi::BaseUrl(error) | BadApi::Url(error) = error {
        return error.into();
    }
    ConfigError::Key(error.to_string())
}
