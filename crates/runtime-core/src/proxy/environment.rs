//! What needs no proxy.

use std::net::IpAddr;

use super::{ProxyConfigError, split_port};

/// The entries of a `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    what: What,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Everything,
    /// In lower case, without a leading dot: the name and all below it.
    Name(String),
    /// An address, and how many of its bits count.
    Network(IpAddr, u32),
}

impl Exceptions {
    pub(super) fn parse(list: &str) -> Result<Self, ProxyConfigError> {
        let entries = list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(Exception::parse).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|wanted| wanted == port) && entry.what.matches(&host, address)
        })
    }
}

impl Exception {
    fn parse(entry: &str) -> Result<Self, ProxyConfigError> {
        if let Some((network, bits)) = entry.split_once('/') {
            let network = network.trim_start_matches('[').trim_end_matches(']');
            let network: IpAddr = network.parse().map_err(|_| ProxyConfigError::Network)?;
            let bits = bits.parse().map_err(|_| ProxyConfigError::Network)?;
            if bits > width(network) {
                return Err(ProxyConfigError::Network);
            }
            return Ok(Self { what: What::Network(network, bits), port: None });
        }
        // What is no port belongs to a name that matches nothing.
        let (host, port) = split_port(entry).unwrap_or((entry, None));
        let what = match host.parse::<IpAddr>() {
            Ok(address) => What::Network(address, width(address)),
            Err(_) if host == "*" => What::Everything,
            Err(_) => {
                let name = host.strip_prefix("*").unwrap_or(host);
                let name = name.strip_prefix('.').unwrap_or(name).trim_end_matches('.');
                What::Name(name.to_ascii_lowercase())
            }
        };
        Ok(Self { what, port })
    }
}

impl What {
    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Everything, _) => true,
            (Self::Network(network, count), Some(address)) => {
                let (network, address) = (bits(*network), bits(address));
                network.1 == address.1 && {
                    let cut = network.1 - count;
                    // A shift by all the bits would overflow.
                    network.0.checked_shr(cut).unwrap_or(0)
                        == address.0.checked_shr(cut).unwrap_or(0)
                }
            }
            (Self::Name(name), None) => {
                let below = host.strip_suffix(name.as_str());
                !name.is_empty() && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network(..), None) | (Self::Name(_), Some(_)) => false,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    bits(address).1
}

/// The bits of an address and how many there are.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}
