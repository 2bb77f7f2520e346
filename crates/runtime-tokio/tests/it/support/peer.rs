//! Peers on loopback, port 0.

use tokio::net::{TcpListener, TcpStream};

/// Accepts one TCP connection and hands it to `serve`. Gives `127.0.0.1:PORT`.
pub(crate) async fn tcp<F, T>(serve: F) -> String
where
    F: FnOnce(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    address.to_string()
}
