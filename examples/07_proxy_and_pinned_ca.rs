//! Goes through a proxy to a server whose certificate no public authority has signed.
//!
//! ```text
//! cargo run -p chat-examples --bin 07_proxy_and_pinned_ca -- URL PROXY TRUST
//!
//! PROXY  http://user:password@proxy:3128, https://…, socks5h://…, `env` for ALL_PROXY and its kind, or `none`
//! TRUST  ca:FILE            the authority in this PEM file, and no other
//!        pin:DIGITS         the one certificate with this SHA-256
//!        first-use:FILE     the certificate that is met first, remembered in this file, as SSH does
//! ```
//!
//! A server that is not trusted is told at once, and not tried again; so is a proxy that wants another
//! password.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use runtime_core::tls::Fingerprint;
use runtime_tokio::im::{self, Config, Credentials, Subscribe, TopicName};
use runtime_tokio::{KnownServersFile, Proxies, Proxy, TlsPolicy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, url, proxy, trust] = &args[..] else {
        return Err("usage: 07_proxy_and_pinned_ca URL PROXY TRUST".into());
    };
    let proxies = match proxy.as_str() {
        "none" => Proxies::none(),
        "env" => Proxies::from_env()?,
        url => Proxies::all(Proxy::parse(url)?),
    };
    let tls = match trust.split_once(':') {
        Some(("ca", file)) => TlsPolicy::only_ca_pem(fs::read(file)?)?,
        Some(("pin", digits)) => {
            let pin = Fingerprint::parse(digits).ok_or("a SHA-256 has 64 hexadecimal digits")?;
            TlsPolicy::pin_sha256(pin.0)
        }
        Some(("first-use", file)) => {
            TlsPolicy::trust_on_first_use(Arc::new(KnownServersFile::new(file)))
        }
        _ => return Err("TRUST is ca:FILE, pin:DIGITS or first-use:FILE".into()),
    };

    let me = Credentials::password("101", "pbx.example.com", "demo-101");
    let config = Config::new(url, me)?.tls(tls).proxies(proxies);
    // The token comes over HTTPS, the chat over a WebSocket: both go the same way.
    let im = im::connect(config).await?;
    println!("logged in as {}", im.user().await?.ok_or("not logged in")?.as_str());
    im.subscribe(&TopicName::me(), Subscribe::default()).await?;
    println!("attached to me");
    println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}
