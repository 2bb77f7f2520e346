//! From an upgrade request to a WebSocket.

use chat_proto::machine::{LinkFailure, Upgrade};
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, Uri};

use crate::connect::connect;
use crate::failure::of_websocket;
use crate::options::WsConfig;
use crate::runtime::{ConnectError, Runtime, Target};

/// Connects, with TLS where asked, and performs the handshake.
pub(crate) async fn dial<R: Runtime>(
    runtime: R,
    upgrade: Upgrade,
    config: WsConfig,
) -> Result<R::Socket, LinkFailure> {
    let request = complete(upgrade.into_request())?;
    let target = Target::from_uri(request.uri())?;
    let stream = connect(&runtime, &target).await?;
    runtime.upgrade(stream, request, &config).await.map_err(of_websocket)
}

/// Adds what RFC 6455 asks of a client.
fn complete(mut request: http::Request<()>) -> Result<http::Request<()>, ConnectError> {
    let host = host_header(request.uri())?;
    let key = tungstenite::handshake::client::generate_key();
    let key = HeaderValue::try_from(key).expect("base64 is a valid header value");
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    // Offered by nobody here: an extension we do not speak would break the frames.
    headers.remove(HeaderName::from_static("sec-websocket-extensions"));
    if request.uri().path_and_query().is_none() {
        return Err(ConnectError::Dial("the URI has no path".into()));
    }
    Ok(request)
}

/// The `Host` header for a URI: without user and password, without the scheme's own port.
pub(crate) fn host_header(uri: &Uri) -> Result<HeaderValue, ConnectError> {
    let standard = match uri.scheme_str() {
        Some("wss" | "https") => 443,
        Some(_) | None => 80,
    };
    let host = uri.authority().map(Authority::host).unwrap_or_default();
    let text = match uri.port_u16() {
        Some(port) if port != standard => format!("{host}:{port}"),
        Some(_) | None => host.to_owned(),
    };
    HeaderValue::try_from(text)
        .map_err(|_| ConnectError::Dial("the host is no valid header".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_header_leaves_out_users_and_standard_ports() {
        for (uri, host) in [
            ("wss://h:443/im", "h"),
            ("wss://h:80/im", "h:80"),
            ("http://user:hush@h/", "h"),
            ("ws://[::1]:8887/", "[::1]:8887"),
        ] {
            assert_eq!(host_header(&uri.parse().unwrap()).unwrap(), host);
        }
    }
}
