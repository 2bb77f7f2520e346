//! The typed clients against the whole server.

use chat_server::{TestServer, world};
use runtime_core::conformance::live;
use runtime_tokio::{TokioRuntime, c2c, im};

#[tokio::test]
async fn topic_chat() {
    let server = TestServer::start(world::builtin()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = |user, password: &str| {
        let me = im::Credentials::password(user, "pbx.example.com", password);
        im::Config::new(&server.urls().pbx, me).unwrap().tls(server.tls_policy())
    };
    let (alice, bob) = (config("101", "demo-101"), config("102", "demo-102"));
    live::topic_chat::<TokioRuntime>(alice, bob, folder.path()).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn order_chat() {
    let server = TestServer::start(world::builtin()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = |key, secret| {
        let config = c2c::Config::new(key, secret).unwrap().tls(server.tls_policy());
        config.base_url(&server.urls().c2c).unwrap()
    };
    let merchant = config("demo-merchant-key", "demo-merchant-secret");
    let buyer = config("demo-buyer-key", "demo-buyer-secret");
    let order = &server.world().c2c.orders[0].order_no;
    live::order_chat::<TokioRuntime>(merchant, buyer, order, folder.path()).await;
    server.stop().await.unwrap();
}
