//! `chat serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use chat_server::{Config, Server, Tls, Urls};

/// Options of `chat serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(
        long, value_name = "ADDR", env = "CHAT_LISTEN", default_value = "127.0.0.1:8887",
        value_parser = listen
    )]
    listen: SocketAddr,
    /// `self-signed`, `off`, or `CERT.pem,KEY.pem`.
    #[arg(long, value_name = "TLS", env = "CHAT_TLS", default_value = "self-signed")]
    tls: TlsArg,
    /// Accounts, orders and faults to serve instead of the built-in ones (TOML).
    #[arg(long, value_name = "FILE", env = "CHAT_WORLD")]
    world: Option<PathBuf>,
    /// Write the certificate to trust here, instead of a temporary file.
    #[arg(long, value_name = "FILE", env = "CHAT_CA")]
    ca: Option<PathBuf>,
    /// Keep uploaded files here, instead of a temporary folder.
    #[arg(long, value_name = "DIR", env = "CHAT_FILES")]
    files: Option<PathBuf>,
    /// Let whoever is on this machine steer the server over HTTP, with a token that is told at
    /// start: fault switches, and the other side of orders.
    #[arg(long)]
    admin: bool,
    /// Write the addresses as one JSON object on the first line of standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug)]
enum TlsArg {
    SelfSigned,
    Off,
    Files { cert: PathBuf, key: PathBuf },
}

impl FromStr for TlsArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "self-signed" => Ok(Self::SelfSigned),
            "off" => Ok(Self::Off),
            _ => match text.split_once(',') {
                Some((cert, key)) if !cert.is_empty() && !key.is_empty() => {
                    Ok(Self::Files { cert: cert.into(), key: key.into() })
                }
                _ => Err("expected `self-signed`, `off` or `CERT.pem,KEY.pem`"),
            },
        }
    }
}

fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected an IP address and a port, like 127.0.0.1:8887")
}

/// Serves until Ctrl-C.
pub(crate) async fn run(args: Args) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let world = crate::world(args.world.as_deref())?;
    let tls = match args.tls {
        TlsArg::SelfSigned => Tls::SelfSigned,
        TlsArg::Off => Tls::Off,
        TlsArg::Files { cert, key } => Tls::Files { cert, key },
    };
    let mut config = Config::new(world);
    config.listen = args.listen;
    config.tls = tls;
    config.ca_file = args.ca;
    config.files = args.files;
    config.admin = args.admin;
    // Before anybody is told that the server is there: a signal must find its handler.
    let stopped = stopped()?;
    let server = Server::bind(config).await?;
    let ready = if args.json { server.ready_line() + "\n" } else { ready(server.urls()) };
    // In one piece: whoever reads the first line only must not end the server.
    let mut out = std::io::stdout().lock();
    out.write_all(ready.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write to standard output: {error}"))?;
    drop(out);
    server.run_until(stopped).await?;
    Ok(())
}

/// What a person is told.
fn ready(urls: &Urls) -> String {
    let trust = match &urls.ca {
        Some(ca) => format!("trust     {}", ca.display()),
        None => "no certificate of ours".to_owned(),
    };
    let admin = urls.admin.as_ref().map_or_else(String::new, |admin| {
        format!("admin     {} with the token {}\n", admin.url, admin.token.expose())
    });
    format!(
        "IM        {}\nPBX REST  {}\nC2C REST  {}\nC2C chat  {}\n{trust}\n{admin}\
         Ctrl-C ends it. A sandbox: do not expose it to a network you do not trust.\n",
        urls.im, urls.pbx, urls.c2c, urls.chat
    )
}

/// Ctrl-C, or a polite kill.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ctrl-C.
#[cfg(windows)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
