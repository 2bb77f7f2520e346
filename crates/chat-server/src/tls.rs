//! Certificates and the TLS side of the port.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::ServeError;

/// How the port is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// With a certificate that is made at the start, for `localhost`, `127.0.0.1`, `::1` and the
    /// host in the URLs, signed by an authority that is made with it and whose key is thrown away.
    /// Clients trust that authority.
    SelfSigned,
    /// Not at all.
    Off,
    /// With a certificate of yours.
    Files {
        /// PEM of the certificate and of those between it and the authority.
        cert: PathBuf,
        /// PEM of its private key.
        key: PathBuf,
    },
}

/// A certificate that was just made.
pub(crate) struct SelfSigned {
    /// The authority, as PEM.
    pub(crate) ca_pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

/// How long a certificate that was made at the start is good: some verifiers refuse more than 398
/// days.
const VALID_DAYS: i64 = 397;

/// Makes an authority and a certificate signed by it. `host` is the host in the URLs.
pub(crate) fn self_signed(host: &str) -> Result<SelfSigned, ServeError> {
    make(host).map_err(|error| ServeError::Tls(error.to_string()))?
}

fn make(host: &str) -> Result<Result<SelfSigned, ServeError>, rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    stamp(&mut ca, "chat-server local authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let mut leaf = CertificateParams::new(names)?;
    stamp(&mut leaf, "chat-server");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(ca, ca_key))?;

    let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into();
    let acceptor = acceptor(vec![leaf.der().clone()], key);
    Ok(acceptor.map(|acceptor| SelfSigned { ca_pem, acceptor }))
}

fn stamp(params: &mut CertificateParams, name: &str) {
    const DAY: u64 = 24 * 60 * 60;
    params.distinguished_name.push(DnType::CommonName, name);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A day back, for clocks that are behind.
    let start = i64::try_from(since.as_secs() / DAY).unwrap_or_default() - 1;
    let date = |days| {
        let (year, month, day) = civil(days);
        rcgen::date_time_ymd(year, month, day)
    };
    params.not_before = date(start);
    params.not_after = date(start + VALID_DAYS);
}

/// Year, month and day of the `days`th day after 1970-01-01 in the Gregorian calendar; days before
/// count as that day, those after year 9000 as a day in it.
fn civil(days: i64) -> (i32, u8, u8) {
    const LEAP: [i64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut left = days.max(0);
    let mut year = 1970;
    let is_leap = |year: i32| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length || year == 9000 {
            break;
        }
        left -= length;
        year += 1;
    }
    let mut month = 1;
    for (index, length) in LEAP.into_iter().enumerate() {
        let length = if index == 1 && !is_leap(year) { 28 } else { length };
        if left < length || month == 12 {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, u8::try_from(left.min(30) + 1).unwrap_or(1))
}

/// Reads a certificate and its key. Blocks.
pub(crate) fn from_files(cert: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let unusable = |path: &Path, why: String| ServeError::Tls(format!("{}: {why}", path.display()));
    let read = |path: &Path| std::fs::read(path).map_err(ServeError::file(path));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.map_err(|error| unusable(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(cert, "no certificate in it".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| unusable(key, "no private key in it".into()))?;
    acceptor(chain, key)
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, ServeError> {
    let failed = |error: rustls::Error| ServeError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_453, (2025, 12, 31)),
            (20_454, (2026, 1, 1)),
            (i64::MAX / 2, (9000, 12, 31)),
        ] {
            assert_eq!(civil(days), date, "{days}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let result = from_files(Path::new("no/cert.pem"), Path::new("no/key.pem"));
        let error = result.err().unwrap();
        assert!(error.to_string().starts_with("no/cert.pem: "), "{error}");
    }
}
