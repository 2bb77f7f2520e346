//! Verifiers that look at the server's own certificate only.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::known::{Fingerprint, KnownServers};

/// Accepts one certificate, or any.
#[derive(Debug)]
pub(super) struct Leaf {
    pin: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl Leaf {
    pub(super) const fn new(pin: Option<Fingerprint>, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider }
    }
}

/// Accepts what is known of one server, or anything if nothing is known.
#[derive(Debug)]
pub(super) struct FirstUse {
    server: String,
    known: Arc<dyn KnownServers>,
    /// Shown for the first time in this handshake.
    new: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl FirstUse {
    pub(super) fn new(
        server: String,
        known: Arc<dyn KnownServers>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { server, known, new: Mutex::new(None), provider }
    }

    /// Remembers what was shown for the first time.
    pub(super) fn remember(&self) -> io::Result<()> {
        let new = self.new.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(new) = new else { return Ok(()) };
        self.known.remember(&self.server, new)?;
        tracing::warn!(server = self.server, sha256 = %new, "trusted on first use");
        Ok(())
    }

    fn check(&self, shown: Fingerprint) -> Result<(), rustls::Error> {
        let known = self.known.known(&self.server).map_err(|error| {
            rustls::Error::General(format!("the known servers cannot be read: {error}"))
        })?;
        if known.contains(&shown) {
            return Ok(());
        }
        if known.is_empty() {
            *self.new.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
            return Ok(());
        }
        Err(ours(Changed { server: self.server.clone(), shown }))
    }
}

/// Another certificate than the one that was trusted on first use.
#[derive(Debug, thiserror::Error)]
#[error(
    "the certificate of {server} has changed (now SHA-256 {shown}): somebody may be listening in; if \
     the change is expected, forget the old one"
)]
struct Changed {
    server: String,
    shown: Fingerprint,
}

/// Another certificate than the one that is pinned.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate (SHA-256 {shown}) is not the one that is pinned")]
struct NotPinned {
    shown: Fingerprint,
}

fn ours(error: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

macro_rules! verify_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls12_signature(message, cert, dss, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, cert, dss, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
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
        match self.pin {
            Some(pin) if Fingerprint::of(end_entity) != pin => {
                Err(ours(NotPinned { shown: Fingerprint::of(end_entity) }))
            }
            Some(_) | None => Ok(ServerCertVerified::assertion()),
        }
    }

    verify_signatures!();
}

impl ServerCertVerifier for FirstUse {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(Fingerprint::of(end_entity))?;
        Ok(ServerCertVerified::assertion())
    }

    verify_signatures!();
}
