//! Whom to trust.

mod known;
mod verify;

use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::runtime::ConnectError;
use verify::{FirstUse, Leaf};

pub use known::{Fingerprint, KnownServers, KnownServersFile};

/// Which servers a client accepts. Cheap to clone; clones share the loaded configuration.
///
/// The cryptography is always ring's, named explicitly: rustls' process-wide default is neither
/// read nor set, so it does not matter which other providers a program has compiled in. ALPN offers
/// `http/1.1`.
///
/// A server that is not accepted fails the connection with [`ConnectError::Untrusted`], and every
/// such failure is logged as a warning. Sessions do not try again by themselves: they tell why, and
/// wait for the application.
#[derive(Clone)]
pub struct TlsPolicy {
    trust: Trust,
    config: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

#[derive(Clone)]
enum Trust {
    Platform { extra: Vec<CertificateDer<'static>> },
    Roots { bundled: bool, more: Vec<CertificateDer<'static>> },
    Pin(Fingerprint),
    FirstUse(Arc<dyn KnownServers>),
    Anything,
}

/// A policy that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsPolicyError {
    /// The text is no PEM, or holds no certificate.
    #[error("no certificate in the PEM text: {0}")]
    Pem(String),
    /// A certificate that cannot serve as a root.
    #[error("a certificate cannot serve as a root: {0}")]
    Root(String),
    /// The policy has no roots that another one could join.
    #[error("a policy that looks at fingerprints, or at nothing, has no roots to add to")]
    NoRoots,
}

impl TlsPolicy {
    /// What the operating system trusts.
    ///
    /// A system without any root certificate makes every TLS connection fail with a
    /// [`ConnectError::Untrusted`] that says so.
    #[must_use]
    pub fn platform() -> Self {
        Self::of(Trust::Platform { extra: Vec::new() })
    }

    /// Mozilla's list of roots as of this build, whatever the operating system trusts: for
    /// containers that have none. It ages with the program; revoking a root needs a new build.
    #[cfg(feature = "bundled-roots")]
    #[must_use]
    pub fn bundled() -> Self {
        Self::of(Trust::Roots { bundled: true, more: Vec::new() })
    }

    /// Trusts the certificates of a PEM text as well.
    ///
    /// # Errors
    ///
    /// No certificate in the text, or one that cannot be a root; a policy without roots.
    pub fn with_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, TlsPolicyError> {
        let added = certificates(pem.as_ref())?;
        Ok(Self::of(match self.trust {
            Trust::Platform { mut extra } => {
                extra.extend(added);
                Trust::Platform { extra }
            }
            Trust::Roots { bundled, mut more } => {
                more.extend(added);
                Trust::Roots { bundled, more }
            }
            Trust::Pin(_) | Trust::FirstUse(_) | Trust::Anything => {
                return Err(TlsPolicyError::NoRoots);
            }
        }))
    }

    /// Trusts the certificates of a PEM text and nothing else.
    ///
    /// # Errors
    ///
    /// No certificate in the text, or one that cannot be a root.
    pub fn only_ca_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsPolicyError> {
        certificates(pem.as_ref()).map(|more| Self::of(Trust::Roots { bundled: false, more }))
    }

    /// Trusts the one certificate whose DER has this SHA-256, and no other. Its issuer, names and
    /// dates are not looked at; that the server holds its key is.
    #[must_use]
    pub fn pin_sha256(fingerprint: [u8; 32]) -> Self {
        Self::of(Trust::Pin(Fingerprint(fingerprint)))
    }

    /// Trusts the certificate that a server showed first, and no other from then on, as SSH does:
    /// for servers with certificates of their own making. Who sits on the path at the first
    /// connection is trusted; that the server holds the key is checked always.
    ///
    /// The store is asked during a handshake, and told after one; see [`KnownServersFile`].
    #[must_use]
    pub fn trust_on_first_use(known: Arc<dyn KnownServers>) -> Self {
        Self::of(Trust::FirstUse(known))
    }

    /// Accepts any certificate: whoever sits on the path can read and change everything. Every
    /// connection logs a warning.
    #[must_use]
    pub fn dangerous_accept_any() -> Self {
        Self::of(Trust::Anything)
    }

    /// What one connection to `name` needs; the roots are loaded at the first call. Reading the
    /// platform's takes some milliseconds and blocks.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Untrusted`] when there is nothing to trust.
    pub fn attempt(&self, name: &ServerName<'_>, port: u16) -> Result<TlsAttempt, ConnectError> {
        if let Trust::Anything = self.trust {
            let host = name.to_str();
            tracing::warn!(%host, port, "TLS certificates are NOT verified: anybody can read this");
        }
        if let Trust::FirstUse(known) = &self.trust {
            let server = if let ServerName::IpAddress(ip) = name {
                format!("[{}]:{port}", std::net::IpAddr::from(*ip))
            } else {
                format!("{}:{port}", name.to_str().to_ascii_lowercase())
            };
            let first_use = Arc::new(FirstUse::new(server, known.clone(), provider()));
            let config = with_verifier(first_use.clone());
            let config = config.map_err(|error| ConnectError::Untrusted(error.to_string()))?;
            return Ok(TlsAttempt { config, first_use: Some(first_use) });
        }
        let config = self.config.get_or_init(|| build(&self.trust).map_err(|e| e.to_string()));
        let config = config.clone().map_err(ConnectError::Untrusted)?;
        Ok(TlsAttempt { config, first_use: None })
    }

    fn of(trust: Trust) -> Self {
        Self { trust, config: Arc::default() }
    }
}

/// One connection's part of a [`TlsPolicy`].
#[derive(Debug)]
pub struct TlsAttempt {
    config: Arc<ClientConfig>,
    first_use: Option<Arc<FirstUse>>,
}

impl TlsAttempt {
    /// For the handshake.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// The handshake has succeeded. What is trusted on first use is remembered now, not before: the
    /// server has proven that it holds the key.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Tls`] when it cannot be remembered; do not use the connection.
    pub fn finish(self) -> Result<(), ConnectError> {
        let Some(first_use) = self.first_use else { return Ok(()) };
        first_use.remember().map_err(|error| {
            ConnectError::Tls(format!("the server's certificate cannot be remembered: {error}"))
        })
    }
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self::platform()
    }
}

impl fmt::Debug for TlsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trust {
            Trust::Platform { extra } => write!(f, "TlsPolicy(platform + {})", extra.len()),
            Trust::Roots { bundled: true, more } => {
                write!(f, "TlsPolicy(bundled + {})", more.len())
            }
            Trust::Roots { bundled: false, more } => write!(f, "TlsPolicy({} roots)", more.len()),
            Trust::Pin(_) => write!(f, "TlsPolicy(pin)"),
            Trust::FirstUse(_) => write!(f, "TlsPolicy(first use)"),
            Trust::Anything => write!(f, "TlsPolicy(ANYTHING)"),
        }
    }
}

/// What a failed handshake means, in words for people: rustls shows our own errors as a program
/// would.
pub(crate) fn failure(error: &io::Error) -> ConnectError {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(CertificateError::Other(ours))) => {
            ConnectError::Untrusted(ours.to_string())
        }
        Some(invalid @ Error::InvalidCertificate(_)) => {
            ConnectError::Untrusted(invalid.to_string())
        }
        Some(other) => ConnectError::Tls(other.to_string()),
        None => ConnectError::Tls(error.to_string()),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsPolicyError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| TlsPolicyError::Pem(error.to_string()))?;
    if found.is_empty() {
        return Err(TlsPolicyError::Pem("it has no CERTIFICATE section".into()));
    }
    roots(&found).map_err(|error| TlsPolicyError::Root(error.to_string()))?;
    Ok(found)
}

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone())?;
    }
    Ok(store)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn build(trust: &Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Platform { extra } => {
            let extra = extra.iter().cloned();
            Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)?)
        }
        Trust::Roots { bundled, more } => {
            #[allow(unused_mut, reason = "only the feature `bundled-roots` changes it")]
            let mut store = roots(more)?;
            #[cfg(feature = "bundled-roots")]
            if *bundled {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            #[cfg(not(feature = "bundled-roots"))]
            let _ = bundled;
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
        }
        Trust::Pin(pin) => Arc::new(Leaf::new(Some(*pin), provider)),
        // Trust on first use has a verifier for each connection.
        Trust::Anything | Trust::FirstUse(_) => Arc::new(Leaf::new(None, provider)),
    };
    with_verifier(verifier)
}

fn with_verifier(
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_certificate_is_an_error() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in ["", "garbage", key] {
            let error = TlsPolicy::only_ca_pem(text).unwrap_err();
            assert!(matches!(error, TlsPolicyError::Pem(_)), "{error}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = TlsPolicy::platform().with_ca_pem(broken).unwrap_err();
        assert!(matches!(error, TlsPolicyError::Root(_)), "{error}");
    }
}
