//! Name, TCP, TLS.

use std::net::SocketAddr;
use std::time::Duration;

use runtime_core::{ConnectError, Target, TlsPolicy};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::TokioStream;

/// Connects within `time`, which is shared out over the addresses: one that swallows packets must
/// not keep the next from being tried.
pub(crate) async fn connect(
    target: &Target,
    policy: &TlsPolicy,
    time: Duration,
) -> Result<TokioStream, ConnectError> {
    let end = Instant::now() + time;
    let host = (target.host.as_str(), target.port);
    let addresses = tokio::net::lookup_host(host).await;
    let addresses: Vec<_> = addresses
        .map_err(|error| ConnectError::Dial(format!("no address for {}: {error}", target.host)))?
        .collect();
    let stream = any(&addresses, end).await?;
    // Corking is done above; a segment that is handed over is meant to leave.
    let _ = stream.set_nodelay(true);
    match &target.tls {
        None => Ok(TokioStream::new(stream)),
        Some(name) => encrypt(stream, name, policy).await,
    }
}

async fn any(addresses: &[SocketAddr], end: Instant) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::Dial("the name has no address".into());
    for (tried, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(now) / left;
        last = match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => ConnectError::Dial(format!("{address}: {error}")),
            Err(_) => ConnectError::Dial(format!("{address}: no answer in time")),
        };
    }
    Err(last)
}

async fn encrypt(
    stream: TcpStream,
    name: &ServerName<'static>,
    policy: &TlsPolicy,
) -> Result<TokioStream, ConnectError> {
    let connector = TlsConnector::from(policy.client_config(name)?);
    let encrypted = connector.connect(name.clone(), stream).await;
    encrypted.map(TokioStream::new).map_err(|error| ConnectError::Tls(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listening() -> (tokio::net::TcpListener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn addresses_are_tried_in_turn() {
        let (dead, nobody) = listening().await;
        drop(dead);
        let (_alive, address) = listening().await;
        let end = Instant::now() + Duration::from_secs(10);
        let stream = any(&[nobody, nobody, address], end).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let failure = any(&[nobody], end).await.unwrap_err();
        assert!(failure.to_string().contains(&nobody.to_string()), "{failure}");
        assert!(any(&[], end).await.is_err());
    }
}
