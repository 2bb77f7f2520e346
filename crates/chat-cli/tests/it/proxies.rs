//! `chat demo --proxy`: every exchange of both services, HTTP and WebSocket over TLS, through proxies
//! that others wrote.

use runtime_core::conformance::real::{self, RealProxy};

use crate::{run, text};

/// The server's port was asked for by both kinds of traffic, and every exchange passed.
fn all_goes_through(proxy: &RealProxy, runtime: &str, scheme: &str) {
    let url = format!("{scheme}://us:hush@{}", proxy.address);
    let output = run(&["demo", "--log", "trace", "--runtime", runtime, "--proxy", &url]);
    let (out, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{log}");
    assert!(out.contains(" passed, 0 failed"), "{out}");
    assert!(out.contains(&format!("They go through {scheme}://{}.", proxy.address)), "{out}");
    assert!(!out.contains("hush") && !log.contains("hush"), "the password shows");

    let server = out.lines().find_map(|line| line.trim().strip_prefix("IM        wss://"));
    let server = server.unwrap().trim_end_matches("/im");
    // Tokens, tickets, history, files and pictures besides two sockets for each account.
    let asked = proxy.log().matches(server).count();
    assert!(asked >= 20, "{asked} connections to {server}: {}", proxy.log());
}

#[test]
fn every_exchange_through_tinyproxy() {
    let Some(proxy) = real::tinyproxy("BasicAuth us hush") else { return };
    all_goes_through(&proxy, "tokio", "http");
    if cfg!(feature = "async-std") {
        all_goes_through(&proxy, "async-std", "http");
    }
    if cfg!(feature = "smol") {
        all_goes_through(&proxy, "smol", "http");
    }
}

#[test]
fn every_exchange_through_microsocks() {
    let Some(proxy) = real::microsocks(&["-u", "us", "-P", "hush"]) else { return };
    all_goes_through(&proxy, "tokio", "socks5h");
    if cfg!(feature = "async-std") {
        all_goes_through(&proxy, "async-std", "socks5h");
    }
    if cfg!(feature = "smol") {
        all_goes_through(&proxy, "smol", "socks5h");
    }
}

#[test]
fn a_proxy_that_is_not_understood_is_told_without_its_password() {
    for (wrong, why) in [
        ("ftp://us:hush@127.0.0.1", "the scheme of the proxy"),
        ("http://us:hush@127.0.0.1:port", "not of the form"),
    ] {
        let output = run(&["demo", "--proxy", wrong]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("--proxy") && error.contains(why), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn a_proxy_that_is_not_there_fails_every_exchange_and_says_so() {
    let nobody = runtime_core::conformance::peer::nobody();
    let output = run(&["demo", "--proxy", &format!("http://{nobody}")]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    assert!(out.contains('✗') && out.contains(&format!("proxy http://{nobody}")), "{out}");
}
