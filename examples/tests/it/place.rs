//! A server of the built-in world, and its people.

use std::process::Command;

use chat_server::{TestServer, world};
use runtime_tokio::im::{self, Config, Credentials, ImClient};

pub(crate) const ALICE: &str = "usr804252613548777777";
pub(crate) const BOB: &str = "usr804252613548703744";
pub(crate) const CAROL: &str = "usr901636310534455296";

/// A server with TLS. Programs are processes, so what they wait for must not wait for them: the test's
/// own runtime has threads.
pub(crate) struct Place {
    pub(crate) server: TestServer,
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let server = TestServer::start(world::builtin()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), server.ca_pem().unwrap()).unwrap();
        Self { server, folder }
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Settings of an extension.
    pub(crate) fn im(&self, mut command: Command, user: &str) -> Command {
        command
            .env("CHAT_IM_URL", &self.server.urls().pbx)
            .env("CHAT_IM_CA_FILE", self.file("ca.pem"))
            .env("CHAT_IM_USER", user)
            .env("CHAT_IM_DOMAIN", "pbx.example.com")
            .env("CHAT_IM_PASSWORD", format!("demo-{user}"));
        command
    }

    /// Settings of a trader.
    pub(crate) fn c2c(&self, mut command: Command, who: &str) -> Command {
        command
            .env("CHAT_C2C_URL", &self.server.urls().c2c)
            .env("CHAT_C2C_CA_FILE", self.file("ca.pem"))
            .env("CHAT_C2C_API_KEY", format!("demo-{who}-key"))
            .env("CHAT_C2C_SECRET", format!("demo-{who}-secret"));
        command
    }

    /// A client of the test's own.
    pub(crate) async fn client(&self, user: &str) -> ImClient {
        let who = Credentials::password(user, "pbx.example.com", format!("demo-{user}"));
        let config = Config::new(&self.server.urls().pbx, who).unwrap();
        im::connect(config.tls(self.server.tls_policy())).await.unwrap()
    }
}

/// Runs what blocks beside the server.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
