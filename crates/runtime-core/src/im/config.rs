//! Settings of a client.

use std::ffi::OsString;

use chat_proto::im::client::{Credentials, ImConfig};
use chat_proto::im::rest::{HostError, ImHost, Oauth};
use chat_proto::rest::BaseUrl;
use chat_sign::Secret;

use crate::client::client_options;
use crate::client::environment::{ConfigError, Variables, common_settings};
use crate::network::Network;
use crate::options::Options;

/// Everything a client needs: who, where, and how to get there.
///
/// ```
/// use runtime_core::im::{Config, Credentials};
/// use runtime_core::TlsPolicy;
///
/// let me = Credentials::password("101", "pbx.example.com", "demo-101");
/// let config = Config::new("https://pbx.example.com:8887", me)?.max_requests(64);
/// assert!(!format!("{config:?}").contains("demo-101"));
/// # Ok::<(), runtime_core::im::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    session: ImConfig,
    network: Network,
    options: Options,
}

impl Config {
    /// For one address that serves everything, `https://host[:port]`, PortSIP's flavour. The platform's
    /// roots are trusted, no proxy is used.
    ///
    /// # Errors
    ///
    /// The address is not usable.
    pub fn new(url: &str, credentials: Credentials) -> Result<Self, ConfigError> {
        let host = BaseUrl::parse(url)?;
        let session = ImConfig::new(&host, credentials).map_err(of_host)?;
        Ok(Self { session, network: Network::default(), options: client_options() })
    }

    /// From environment variables:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `CHAT_IM_URL` | the IM service, `https://host[:port]`; needed |
    /// | `CHAT_IM_USER`, `CHAT_IM_DOMAIN`, `CHAT_IM_PASSWORD` | extension, tenant's domain, password; needed |
    /// | `CHAT_IM_OAUTH_URL` | the PBX that gives out tokens; without it, `CHAT_IM_URL` |
    /// | `CHAT_IM_TINODE_API_KEY` | speaks Tinode's flavour, with this API key |
    /// | `CHAT_IM_CA_FILE` | PEM file: these certificates are trusted and nothing else; without it, the platform's roots |
    /// | `CHAT_IM_TLS_PIN` | SHA-256 of the one certificate that is trusted, 64 hexadecimal digits |
    /// | `CHAT_IM_PROXY` | the proxy for everything; without it, `ALL_PROXY`, `HTTPS_PROXY`, `http_proxy` and `NO_PROXY` as [`Proxies::from_env`](crate::Proxies::from_env) reads them |
    /// | `CHAT_IM_CONNECT_TIMEOUT_SECS` | for a connection, TLS included; 10 |
    /// | `CHAT_IM_REQUEST_TIMEOUT_SECS` | for the answer to one request; 10 |
    /// | `CHAT_IM_MAX_REQUESTS` | how many requests may wait; 1024 |
    /// | `CHAT_IM_MAX_MESSAGE_BYTES` | the largest message; 65 536 out, 1 MiB in |
    /// | `CHAT_IM_EVENT_QUEUE` | how many events may wait; 256 |
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
        let vars = Variables::new("CHAT_IM_", &get);
        let url = vars.needed("URL")?;
        let host = BaseUrl::parse(url.trim()).map_err(|error| vars.malformed("URL", error))?;
        let (user, domain) = (vars.needed("USER")?, vars.needed("DOMAIN")?);
        let credentials = Credentials::password(user, domain, vars.secret("PASSWORD")?);
        let mut session =
            ImConfig::new(&host, credentials).map_err(|error| vars.malformed("URL", error))?;
        if let Some(url) = vars.text("OAUTH_URL")? {
            let oauth = BaseUrl::parse(url.trim()).and_then(|base| Oauth::new(&base));
            session.oauth = oauth.map_err(|error| vars.malformed("OAUTH_URL", error))?;
        }
        if let Some(key) = vars.text("TINODE_API_KEY")? {
            let host = ImHost::tinode(host, &Secret::new(key));
            session.host = host.map_err(|error| vars.malformed("TINODE_API_KEY", error))?;
        }
        let mut options = client_options();
        vars.limits(&mut session.session, &mut options)?;
        Ok(Self { session, network: vars.network()?, options })
    }

    /// Tokens come from another address than chat and files.
    ///
    /// # Errors
    ///
    /// The address is not usable.
    pub fn oauth_url(mut self, url: &str) -> Result<Self, ConfigError> {
        self.session.oauth = Oauth::new(&BaseUrl::parse(url)?)?;
        Ok(self)
    }

    /// The server is a Tinode, with this API key.
    ///
    /// # Errors
    ///
    /// The key cannot stand in a header.
    pub fn tinode(mut self, api_key: &Secret) -> Result<Self, ConfigError> {
        let host = self.session.host.base().clone();
        self.session.host = ImHost::tinode(host, api_key).map_err(of_host)?;
        Ok(self)
    }

    /// Everything else about the session: see [`ImConfig`].
    #[must_use]
    pub fn tune(mut self, tune: impl FnOnce(&mut ImConfig)) -> Self {
        tune(&mut self.session);
        self
    }

    common_settings!();

    /// The session's settings, the network's and the connection's.
    #[must_use]
    pub fn into_parts(self) -> (ImConfig, Network, Options) {
        (self.session, self.network, self.options)
    }
}

fn of_host(error: HostError) -> ConfigError {
    if let HostError::Url(error) = error {
        return error.into();
    }
    ConfigError::Key(error.to_string())
}
