//! The typed clients against the whole server, which runs on tokio in threads of its own.

use chat_server::{TestServer, world};
use runtime_async_std::AsyncIoRuntime;
use runtime_core::conformance::live;
use runtime_core::{c2c, im};

macro_rules! on {
    ($module:ident, $family:ty) => {
        mod $module {
            use super::*;

            type Mine = AsyncIoRuntime<$family>;

            #[test]
            fn topic_chat() {
                let (tokio, server) = start();
                let folder = tempfile::tempdir().unwrap();
                let config = |user, password: &str| {
                    let me = im::Credentials::password(user, "pbx.example.com", password);
                    im::Config::new(&server.urls().pbx, me).unwrap().tls(server.tls_policy())
                };
                let (alice, bob) = (config("101", "demo-101"), config("102", "demo-102"));
                Mine::block_on(live::topic_chat::<Mine>(alice, bob, folder.path()));
                tokio.block_on(server.stop()).unwrap();
            }

            #[test]
            fn order_chat() {
                let (tokio, server) = start();
                let folder = tempfile::tempdir().unwrap();
                let config = |key, secret| {
                    let config = c2c::Config::new(key, secret).unwrap().tls(server.tls_policy());
                    config.base_url(&server.urls().c2c).unwrap()
                };
                let merchant = config("demo-merchant-key", "demo-merchant-secret");
                let buyer = config("demo-buyer-key", "demo-buyer-secret");
                let order = &server.world().c2c.orders[0].order_no;
                Mine::block_on(live::order_chat::<Mine>(merchant, buyer, order, folder.path()));
                tokio.block_on(server.stop()).unwrap();
            }
        }
    };
}

fn start() -> (tokio::runtime::Runtime, TestServer) {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let server = tokio.block_on(TestServer::start(world::builtin())).unwrap();
    (tokio, server)
}

#[cfg(feature = "async-std")]
on!(async_std, runtime_async_std::AsyncStd);
#[cfg(feature = "smol")]
on!(smol, runtime_async_std::Smol);
