//! What is said to a proxy: whatever it answers, and whatever stands in the configuration.

use runtime_core::proxy::{Handshake, ProxyError};
use runtime_core::{Proxies, Proxy, Target};

use crate::make::Source;

/// The longest answer that is taken, in bytes.
const LONGEST: usize = 16 * 1024;

/// No panic; what a proxy sends has the same outcome and makes us say the same, however it is cut;
/// nothing is taken that was not asked for; and no error shows a password.
///
/// # Panics
///
/// A law is broken.
pub fn proxy(data: &[u8]) {
    let mut source = Source::new(data);
    let scheme = ["http://h", "http://u:hush@h", "socks5://h", "socks5://u:hush@h"];
    let scheme = scheme[usize::from(source.byte() % 4)];
    let size = usize::from(source.byte() % 64) + 1;
    let host = source.lossy();
    configuration(&host);
    let asked = Proxy::parse(scheme).expect("it is well formed");
    let start = || Handshake::new(&asked, &host, 443);
    let (Ok(whole), Ok(cut)) = (start(), start()) else { return };
    let answer = source.rest();
    let (whole, cut) = (feed(whole, answer, usize::MAX), feed(cut, answer, size));
    match (&whole, &cut) {
        // Bytes beyond an HTTP head are seen only where they come with it.
        ((_, Err(ProxyError::Protocol { what: "it speaks in the tunnel" })), (_, Ok(true))) => {}
        ((_, Err(whole)), (_, Err(cut))) => assert_eq!(whole, cut),
        _ => assert_eq!(whole, cut),
    }
}

fn feed(
    mut handshake: Handshake,
    bytes: &[u8],
    size: usize,
) -> (Vec<u8>, Result<bool, ProxyError>) {
    let mut said = handshake.output();
    let mut rest = bytes;
    while handshake.wants() > 0 && !rest.is_empty() {
        assert!(handshake.wants() <= LONGEST);
        let (now, later) = rest.split_at(rest.len().min(size).min(handshake.wants()));
        rest = later;
        if let Err(error) = handshake.receive(now) {
            assert!(!error.to_string().contains("hush") && !handshake.is_done());
            return (said, Err(error));
        }
        said.extend(handshake.output());
    }
    assert!(!format!("{handshake:?}").contains("hush"));
    (said, Ok(handshake.is_done()))
}

fn configuration(text: &str) {
    if let Ok(proxy) = Proxy::parse(text) {
        let again = Proxy::parse(&proxy.to_string()).expect("what is shown can be read");
        assert_eq!((again.host(), again.port()), (proxy.host(), proxy.port()));
    }
    let any = Proxy::parse("h").expect("it is well formed");
    if let Ok(proxies) = Proxies::all(any).except(text) {
        for host in ["a.example.com", "10.1.2.3", "fd00::1", text] {
            let target = Target { host: host.to_owned(), port: 443, tls: None };
            let _ = proxies.for_target(&target);
        }
    }
}
