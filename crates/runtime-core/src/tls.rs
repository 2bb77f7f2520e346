//! Whom to trust.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

use crate::runtime::ConnectError;

/// Which servers a client accepts. Cheap to clone; clones share the loaded configuration.
///
/// The cryptography is always ring's, named explicitly: rustls' process-wide default is neither
/// read nor set. ALPN offers `http/1.1`.
#[derive(Clone)]
pub struct TlsPolicy {
    trust: Trust,
    config: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

#[derive(Clone)]
enum Trust {
    Platform { extra: Vec<CertificateDer<'static>> },
    Only(Vec<CertificateDer<'static>>),
    Pin([u8; 32]),
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
}

impl TlsPolicy {
    /// What the operating system trusts.
    ///
    /// A system without any root certificate makes every TLS connection fail with a
    /// [`ConnectError::Tls`] that says so.
    #[must_use]
    pub fn platform() -> Self {
        Self::of(Trust::Platform { extra: Vec::new() })
    }

    /// Trusts the certificates of a PEM text as well. Under [`TlsPolicy::only_ca_pem`] they join
    /// the others; a pin or "anything" becomes the platform's roots and these.
    ///
    /// # Errors
    ///
    /// No certificate in the text, or one that cannot be a root.
    pub fn with_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, TlsPolicyError> {
        let more = certificates(pem.as_ref())?;
        Ok(Self::of(match self.trust {
            Trust::Platform { mut extra } => {
                extra.extend(more);
                Trust::Platform { extra }
            }
            Trust::Only(mut roots) => {
                roots.extend(more);
                Trust::Only(roots)
            }
            Trust::Pin(_) | Trust::Anything => Trust::Platform { extra: more },
        }))
    }

    /// Trusts the certificates of a PEM text and nothing else.
    ///
    /// # Errors
    ///
    /// No certificate in the text, or one that cannot be a root.
    pub fn only_ca_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsPolicyError> {
        certificates(pem.as_ref()).map(|roots| Self::of(Trust::Only(roots)))
    }

    /// Trusts the one certificate whose DER has this SHA-256, and no other. Its issuer, names and
    /// dates are not looked at; that the server holds its key is.
    #[must_use]
    pub fn pin_sha256(fingerprint: [u8; 32]) -> Self {
        Self::of(Trust::Pin(fingerprint))
    }

    /// Accepts any certificate: whoever sits on the path can read and change everything. Every
    /// connection logs a warning.
    #[must_use]
    pub fn dangerous_accept_any() -> Self {
        Self::of(Trust::Anything)
    }

    /// The configuration for one connection to `name`; loaded at the first call. Reading the
    /// platform's roots takes some milliseconds and blocks.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Tls`] when there is nothing to trust.
    pub fn client_config(&self, name: &ServerName<'_>) -> Result<Arc<ClientConfig>, ConnectError> {
        if matches!(self.trust, Trust::Anything) {
            let host = name.to_str();
            tracing::warn!(%host, "TLS certificates are NOT verified: anybody can read this");
        }
        let config = self.config.get_or_init(|| build(&self.trust).map_err(|e| e.to_string()));
        config.clone().map_err(ConnectError::Tls)
    }

    fn of(trust: Trust) -> Self {
        Self { trust, config: Arc::default() }
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
            Trust::Only(roots) => write!(f, "TlsPolicy({} roots)", roots.len()),
            Trust::Pin(_) => write!(f, "TlsPolicy(pin)"),
            Trust::Anything => write!(f, "TlsPolicy(ANYTHING)"),
        }
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

fn build(trust: &Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Platform { extra } => {
            Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(
                extra.iter().cloned(),
                provider.clone(),
            )?)
        }
        Trust::Only(certificates) => {
            let store = Arc::new(roots(certificates)?);
            WebPkiServerVerifier::builder_with_provider(store, provider.clone())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
        }
        Trust::Pin(fingerprint) => {
            Arc::new(Leaf { fingerprint: Some(*fingerprint), provider: provider.clone() })
        }
        Trust::Anything => Arc::new(Leaf { fingerprint: None, provider: provider.clone() }),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Looks at the server's own certificate only.
#[derive(Debug)]
struct Leaf {
    /// SHA-256 of the DER; `None` accepts anything.
    fingerprint: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Leaf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.fingerprint {
            Some(pin) if Sha256::digest(end_entity.as_ref()).as_slice() != pin => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Some(_) | None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
