//! The server's side of a WebSocket.

use runtime_core::WsConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

use crate::{TokioSocket, TokioStream};

/// The server's WebSocket over a stream that was upgraded already: the 101 answer is out, the next
/// byte is a frame. Never waits.
///
/// Keep [`WsConfig::server`]'s small buffers where there are many sockets.
pub async fn server_socket<T>(io: T, config: &WsConfig) -> TokioSocket
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (io, config) = (TokioStream::new(io), config.to_tungstenite());
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}
