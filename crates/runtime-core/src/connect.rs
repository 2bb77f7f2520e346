//! From a target to a stream of bytes: name, TCP, proxy, TLS.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use rustls_pki_types::ServerName;

use crate::proxy::{self, Proxy};
use crate::runtime::{ConnectError, Runtime, Target};
use crate::tls;

/// Connects, with TLS where the target asks for it, within the network's time.
///
/// Cancel safety: dropping the future gives up the attempt and closes its socket.
///
/// # Errors
///
/// [`ConnectError`] says how far it got.
pub async fn connect<R: Runtime>(runtime: &R, target: &Target) -> Result<R::Stream, ConnectError> {
    let end = runtime.now().mono + runtime.network().connect_timeout();
    let connecting = reach(runtime, target, end);
    let result = timeout_at(runtime, end, connecting).await;
    let result = result.unwrap_or(Err(ConnectError::Dial("no connection in time".into())));
    if let Err(error @ (ConnectError::Tls(_) | ConnectError::Untrusted(_))) = &result {
        // Whoever tries again and again with a server it does not trust shall not do so silently.
        tracing::warn!(host = target.host, port = target.port, %error, "no TLS connection");
    }
    result
}

/// What `work` gives, unless `at` comes first; then `work` is dropped.
pub async fn timeout_at<R: Runtime, T>(
    runtime: &R,
    at: Instant,
    work: impl Future<Output = T>,
) -> Option<T> {
    // An argument that is pinned in place would double the size of the future around it, at every
    // level of nesting.
    let mut work = Box::pin(work);
    let mut sleep = pin!(runtime.sleep_until(at));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
    })
    .await
}

async fn reach<R: Runtime>(
    runtime: &R,
    target: &Target,
    end: Instant,
) -> Result<R::Stream, ConnectError> {
    let stream = match runtime.network().proxies().for_target(target) {
        None => name(runtime, &target.host, target.port, end).await?,
        Some(proxy) => through(runtime, proxy, target, end).await?,
    };
    match &target.tls {
        Some(name) => encrypt(runtime, stream, name, target.port).await,
        None => Ok(stream),
    }
}

/// Through a proxy, which alone resolves the target's name.
async fn through<R: Runtime>(
    runtime: &R,
    proxy: &Proxy,
    target: &Target,
    end: Instant,
) -> Result<R::Stream, ConnectError> {
    let of_proxy = |text: &str| ConnectError::Proxy(format!("{proxy}: {text}"));
    let stream = name(runtime, proxy.host(), proxy.port(), end).await;
    let mut stream = stream.map_err(|error| match error {
        ConnectError::Dial(text) => of_proxy(&text),
        ConnectError::Proxy(_)
        | ConnectError::ProxyLogin(_)
        | ConnectError::Tls(_)
        | ConnectError::Untrusted(_) => error,
    })?;
    if proxy.is_encrypted() {
        let name = ServerName::try_from(proxy.host().to_owned())
            .map_err(|_| of_proxy("the host is no valid server name"))?;
        stream = encrypt(runtime, stream, &name, proxy.port()).await?;
    }
    proxy::open(&mut stream, proxy, target).await?;
    Ok(stream)
}

async fn encrypt<R: Runtime>(
    runtime: &R,
    stream: R::Stream,
    name: &ServerName<'static>,
    port: u16,
) -> Result<R::Stream, ConnectError> {
    let attempt = runtime.network().tls().attempt(name, port)?;
    let encrypted = runtime.encrypt(stream, name.clone(), attempt.config()).await;
    let encrypted = encrypted.map_err(|error| tls::failure(&error))?;
    attempt.finish()?;
    Ok(encrypted)
}

/// Connects to a name or an address.
async fn name<R: Runtime>(
    runtime: &R,
    host: &str,
    port: u16,
    end: Instant,
) -> Result<R::Stream, ConnectError> {
    let addresses = match host.parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => {
            let found = runtime.resolve(host, port).await;
            found.map_err(|error| ConnectError::Dial(format!("no address for {host}: {error}")))?
        }
    };
    any(runtime, &addresses, end).await
}

/// Tries the addresses in turn. The time is shared out over them: one that swallows packets must
/// not keep the next from being tried.
async fn any<R: Runtime>(
    runtime: &R,
    addresses: &[SocketAddr],
    end: Instant,
) -> Result<R::Stream, ConnectError> {
    let mut last = ConnectError::Dial("the name has no address".into());
    for (tried, address) in addresses.iter().enumerate() {
        let now = runtime.now().mono;
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = now + end.saturating_duration_since(now) / left;
        last = match timeout_at(runtime, share, runtime.connect(*address)).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => ConnectError::Dial(format!("{address}: {error}")),
            None => ConnectError::Dial(format!("{address}: no answer in time")),
        };
    }
    Err(last)
}
