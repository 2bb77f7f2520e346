//! Clients in other languages: programs of their own, which print how long they took.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::clock::Turn;
use super::work::Work;

/// A client in another language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Python's `websockets`, which does not look at the texts.
    WebsocketsPingPong,
    /// Python's `websockets` with `json.loads`.
    Websockets,
    /// Python's `websocket-client` with `json.loads`.
    WebsocketClient,
    /// Node's `ws` with `JSON.parse`.
    Ws,
    /// Tinode's own client for JavaScript, on `ws`.
    TinodeSdk,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::WebsocketsPingPong,
        Self::Websockets,
        Self::WebsocketClient,
        Self::Ws,
        Self::TinodeSdk,
    ];

    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebsocketsPingPong | Self::Websockets => "Python `websockets`",
            Self::WebsocketClient => "Python `websocket-client`",
            Self::Ws => "Node `ws`",
            Self::TinodeSdk => "Node `tinode-sdk`",
        }
    }

    /// What it does.
    #[must_use]
    pub const fn work(self) -> Work {
        match self {
            Self::WebsocketsPingPong => Work::PingPong,
            Self::Websockets | Self::WebsocketClient | Self::Ws | Self::TinodeSdk => Work::Flood,
        }
    }

    /// Messages in a turn of a flood, about a third of a second.
    const fn count(self) -> u32 {
        match self {
            // As many as everybody.
            Self::WebsocketsPingPong => Work::PingPong.count(),
            Self::Websockets => 20_000,
            Self::WebsocketClient => 4_000,
            Self::Ws => 60_000,
            Self::TinodeSdk => 10_000,
        }
    }

    const fn script(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::WebsocketsPingPong => ("websockets_peer.py", &["ping-pong"]),
            Self::Websockets => ("websockets_peer.py", &["flood"]),
            Self::WebsocketClient => ("websocket_client_peer.py", &[]),
            Self::Ws => ("ws_peer.mjs", &[]),
            Self::TinodeSdk => ("tinode_sdk_peer.mjs", &[]),
        }
    }
}

/// Where peers are installed.
#[derive(Clone, Debug)]
pub struct Peers {
    /// A Python with the packages.
    pub python: PathBuf,
    /// The folder with `package.json` and `node_modules`.
    pub node_packages: PathBuf,
    /// The folder with the scripts.
    pub scripts: PathBuf,
}

impl Peers {
    /// Runs a peer. It is given the address, how many messages, and the texts to send; it prints
    /// nanoseconds a message.
    pub(super) fn turn(&self, peer: Peer, server: SocketAddr) -> Result<Turn, String> {
        let (name, arguments) = peer.script();
        let script = self.scripts.join(name);
        let mut command = match script.extension().and_then(|it| it.to_str()) {
            Some("py") => Command::new(&self.python),
            _ => Command::new("node"),
        };
        let count = peer.count();
        let order = peer.work().order(count);
        command.arg(&script).arg(server.to_string()).arg(order.to_string()).arg(count.to_string());
        command.args(arguments).env("CHAT_NODE_PACKAGES", &self.node_packages);
        command.env("CHAT_OPENING", super::texts::OPENING.join("\n"));
        command.env("CHAT_WARM_UP", peer.work().warm_up().to_string());
        command.env("CHAT_PUB", super::texts::publish()).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", script.display()))?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        match stdout.trim().parse() {
            Ok(wall) if output.status.success() => Ok(Turn { wall, cpu: f64::NAN }),
            Ok(_) | Err(_) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                Err(format!("{} ({}): {stdout}{stderr}", script.display(), output.status))
            }
        }
    }

    /// Versions of the languages.
    #[must_use]
    pub fn versions(&self) -> String {
        let version = |command: &mut Command| {
            let output = command.arg("--version").output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let python = version(&mut Command::new(&self.python));
        let node = version(&mut Command::new("node"));
        format!("{}, Node {}", python.unwrap_or_default(), node.unwrap_or_default())
    }
}
