//! Small machines and small peers. Nothing here knows tokio's adapter beyond its constructor.

pub(crate) mod peer;

use std::time::Duration;

use runtime_tokio::{
    Connection, Options, TlsPolicy, TokioRuntime, TokioSocket, TokioStream, WsConfig,
};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

use runtime_core::conformance::probe::Probe;

pub(crate) type Conn = Connection<Probe, TokioRuntime>;
pub(crate) type PipePeer = WebSocketStream<DuplexStream>;

pub(crate) fn runtime() -> TokioRuntime {
    TokioRuntime::new(TlsPolicy::platform())
}

/// A client that dials `uri` at once.
pub(crate) fn client(uri: &str) -> Conn {
    client_with(uri, runtime(), Options::default())
}

pub(crate) fn client_with(uri: &str, runtime: TokioRuntime, options: Options) -> Conn {
    let mut machine = Probe::default();
    machine.dial(1, uri);
    Connection::new(machine, runtime, options)
}

/// A server's end over a pipe that holds `bytes`, and the client's end in the test's hands.
pub(crate) async fn pipe(bytes: usize, config: &WsConfig) -> (TokioSocket, PipePeer) {
    let (ours, theirs) = tokio::io::duplex(bytes);
    let socket = runtime_tokio::server_socket(ours, config).await;
    (socket, WebSocketStream::from_raw_socket(theirs, Role::Client, None).await)
}

/// An accepted connection over a pipe; [`Probe::CONN`] is live.
pub(crate) async fn accepted(bytes: usize, options: Options) -> (Conn, PipePeer) {
    let (socket, peer) = pipe(bytes, &WsConfig::server()).await;
    let conn = chat_proto::ConnId::new(1);
    (Connection::accepted(Probe::default(), runtime(), conn, socket, options), peer)
}

/// The same with the roles exchanged: the test holds the server's end.
pub(crate) async fn dialled(bytes: usize, options: Options) -> (Conn, PipePeer) {
    let (ours, theirs) = tokio::io::duplex(bytes);
    let (ours, config) = (TokioStream::new(ours), options.ws.to_tungstenite());
    let socket = WebSocketStream::from_raw_socket(ours, Role::Client, Some(config)).await;
    let peer = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    let conn = chat_proto::ConnId::new(1);
    (Connection::accepted(Probe::default(), runtime(), conn, socket, options), peer)
}

/// With a stopped clock: what `future` gives, where a test would wait for ever otherwise.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("nothing happens")
}

/// With a stopped clock: whether everything comes to rest before `future` ends.
pub(crate) async fn rests<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future).await.is_err()
}
