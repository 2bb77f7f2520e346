use proptest::prelude::*;

use super::*;

fn target(uri: &str) -> Target {
    Target::from_uri(&uri.parse().unwrap()).unwrap()
}

fn proxy(text: &str) -> Proxy {
    Proxy::parse(text).unwrap()
}

fn shown(text: &str) -> String {
    format!("{:?}", proxy(text))
}

#[test]
fn proxies_are_read_and_their_credentials_hidden() {
    assert_eq!(shown("proxy.example.com"), "Proxy(http://proxy.example.com:80)");
    assert_eq!(shown(" http://h:3128/ "), "Proxy(http://h:3128)");
    assert_eq!(shown("HTTPS://h"), "Proxy(https://h:443)");
    assert_eq!(shown("socks5://[::1]"), "Proxy(socks5h://[::1]:1080)");
    assert_eq!(shown("socks5h://u:hush@10.0.0.1:9"), "Proxy(socks5h://10.0.0.1:9, as a user)");
    let odd = proxy("http://us%40er:p%3Ass@w:rd@h");
    let Some(Credentials { user, password }) = odd.credentials else { panic!() };
    assert_eq!((&*user, &*password), ("us@er", "p:ss@w:rd"));
    for (text, error) in [
        ("ftp://h", ProxyConfigError::Scheme),
        ("socks4://h", ProxyConfigError::Scheme),
        ("", ProxyConfigError::Malformed),
        ("http://", ProxyConfigError::Malformed),
        ("http://h:port", ProxyConfigError::Malformed),
        ("http://h:99999", ProxyConfigError::Malformed),
        ("http://h/path", ProxyConfigError::Malformed),
        ("http://h\r\nX: y", ProxyConfigError::Malformed),
        ("http://[nonsense]", ProxyConfigError::Malformed),
        ("socks5://user@h", ProxyConfigError::Credentials),
        ("socks5://:pw@h", ProxyConfigError::Credentials),
        ("http://us%3Aer:pw@h", ProxyConfigError::Credentials),
        ("http://%ff:pw@h", ProxyConfigError::Credentials),
    ] {
        assert_eq!(Proxy::parse(text), Err(error), "{text}");
    }
    let long = "x".repeat(256);
    assert!(proxy("socks5://h").with_credentials("u", &long).is_err());
    assert!(proxy("socks5://h").with_credentials("u", &long[1..]).is_ok());
}

fn from(vars: &[(&str, &str)]) -> Result<Proxies, ProxyConfigError> {
    Proxies::from_vars(|name| {
        vars.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_environment_decides_by_scheme() {
    let used = |vars: &[(&str, &str)], uri: &str| {
        from(vars).unwrap().for_target(&target(uri)).map(|proxy| proxy.host().to_owned())
    };
    let all = [("ALL_PROXY", "socks5://a"), ("HTTPS_PROXY", "h"), ("NO_PROXY", "example.com")];
    assert_eq!(used(&all, "wss://h.example.org/").as_deref(), Some("h"));
    assert_eq!(used(&all, "https://h.example.org/").as_deref(), Some("h"));
    assert_eq!(used(&all, "ws://h.example.org/").as_deref(), Some("a"));
    assert_eq!(used(&all, "wss://h.example.com/"), None);
    assert_eq!(used(&[], "wss://h/"), None);
    assert_eq!(used(&[("HTTP_PROXY", "cgi")], "http://h/"), None);
    assert_eq!(used(&[("http_proxy", "p")], "http://h/").as_deref(), Some("p"));
    assert_eq!(used(&[("http_proxy", "p")], "https://h/"), None);
    let lower_first = [("HTTPS_PROXY", "upper"), ("https_proxy", "lower")];
    assert_eq!(used(&lower_first, "wss://h/").as_deref(), Some("lower"));
    let empty = [("https_proxy", " "), ("HTTPS_PROXY", "upper")];
    assert_eq!(used(&empty, "wss://h/").as_deref(), Some("upper"));
    assert_eq!(from(&[("all_proxy", "ftp://u:hush@h")]), Err(ProxyConfigError::Scheme));
    assert_eq!(from(&[("no_proxy", "10.0.0.0/33")]), Err(ProxyConfigError::Network));
}

#[test]
fn exceptions_are_names_addresses_networks_and_ports() {
    let direct = |list: &str, uri: &str| {
        let proxies = Proxies::all(proxy("h")).except(list).unwrap();
        proxies.for_target(&target(uri)).is_none()
    };
    for (list, yes, no) in [
        ("example.com", "ws://example.com/", "ws://badexample.com/"),
        ("example.com", "ws://a.b.EXAMPLE.com/", "ws://example.com.evil.net/"),
        (".example.com", "ws://a.example.com/", "ws://example.org/"),
        ("*.example.com, x", "ws://x/", "ws://y/"),
        ("a b", "ws://b/", "ws://c/"),
        ("h:8080", "ws://h:8080/", "ws://h:8081/"),
        ("127.0.0.1", "ws://127.0.0.1/", "ws://127.0.0.2/"),
        ("10.0.0.0/8", "ws://10.200.3.4/", "ws://11.0.0.1/"),
        ("10.0.0.0/8", "ws://10.0.0.0/", "ws://10.example.com/"),
        ("::1", "ws://[::1]:9/", "ws://[::2]:9/"),
        ("[::1]:9", "ws://[::1]:9/", "ws://[::1]:8/"),
        ("fd00::/8", "ws://[fd12::1]/", "ws://[fe80::1]/"),
        ("10.0.0.0/8", "ws://[::ffff:10.1.1.1]/", "ws://[::ffff:11.1.1.1]/"),
    ] {
        assert!(direct(list, yes), "{list} {yes}");
        assert!(!direct(list, no), "{list} {no}");
    }
    assert!(direct("*", "ws://anything/") && direct("0.0.0.0/0", "ws://1.2.3.4/"));
    assert!(!direct("0.0.0.0/0", "ws://[::1]/"));
    assert!(!direct("", "ws://h/") && !direct(" , .", "ws://h/"));
    for wrong in ["10.0.0.0/", "/8", "h/8", "::/129", "10.0.0.0/-1"] {
        assert!(Proxies::none().except(wrong).is_err(), "{wrong}");
    }
}

fn start(text: &str, host: &str) -> Handshake {
    Handshake::new(&proxy(text), host, 443).unwrap()
}

/// Feeds `bytes` in pieces of at most `size`, never more than is wanted. What was said, what came of
/// it, and how many bytes were taken.
fn feed(
    mut handshake: Handshake,
    bytes: &[u8],
    size: usize,
) -> (Vec<u8>, Result<bool, ProxyError>, usize) {
    let mut said = handshake.output();
    let mut taken = 0;
    while handshake.wants() > 0 && taken < bytes.len() {
        let end = bytes.len().min(taken + size.min(handshake.wants()));
        let result = handshake.receive(&bytes[taken..end]);
        taken = end;
        if let Err(error) = result {
            assert_eq!((handshake.wants(), handshake.is_done()), (0, false));
            assert!(handshake.receive(b"x").is_err());
            return (said, Err(error), taken);
        }
        said.extend(handshake.output());
    }
    assert!(handshake.receive(b"").is_err());
    (said, Ok(handshake.is_done()), taken)
}

#[test]
fn connect_asks_for_host_and_port() {
    let answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    let (said, result, taken) = feed(start("http://h", "chat.example.com"), answer, 4096);
    let request = "CONNECT chat.example.com:443 HTTP/1.1\r\nHost: chat.example.com:443\r\n\r\n";
    assert_eq!(said, request.as_bytes());
    assert_eq!((result, taken), (Ok(true), answer.len()));
    let (said, ..) = feed(start("http://user:pass@h", "::1"), b"", 1);
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("CONNECT [::1]:443 HTTP/1.1\r\n"), "{said}");
    assert!(said.ends_with("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"), "{said}");
    for host in ["", "a b", "a\r\nb", "h/", "u@h", &"x".repeat(256)] {
        for scheme in ["http://h", "socks5://h"] {
            // SOCKS has no use for the characters that delimit URIs, and no harm from them.
            if scheme.starts_with("http") || !host.contains(['/', '@']) {
                let error = Handshake::new(&proxy(scheme), host, 1).unwrap_err();
                assert_eq!(error, ProxyError::Host, "{host}");
            }
        }
    }
}

#[test]
fn connect_reads_answers_strictly() {
    let outcome = |answer: &str| feed(start("http://u:hush@h", "h"), answer.as_bytes(), 4096).1;
    assert_eq!(outcome("HTTP/1.0 200\r\n\r\n"), Ok(true));
    assert_eq!(outcome("HTTP/1.1 204 x\n\n"), Ok(true));
    assert_eq!(outcome("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 x\r\n\r\n"), Ok(true));
    assert_eq!(outcome("HTTP/1.1 200 x\r\nContent-Length: 9"), Ok(false));
    assert_eq!(outcome("HTTP/1.1 407 x\r\n\r\n"), Err(ProxyError::Credentials));
    assert_eq!(outcome("HTTP/1.0 401 Unauthorized\r\n\r\n"), Err(ProxyError::Credentials));
    assert_eq!(outcome("HTTP/1.1 403 x\r\n\r\n<html>"), Err(ProxyError::Status { status: 403 }));
    let protocol = |answer: &str, part: &str| {
        let Err(ProxyError::Protocol { what }) = outcome(answer) else { panic!("{answer}") };
        assert!(what.contains(part), "{what}");
    };
    protocol("HTTP/1.1 200 x\r\n\r\n\x16", "speaks in the tunnel");
    protocol("SSH-2.0-x\r\n", "no HTTP");
    protocol("HTTP/2 200\r\n\r\n", "no HTTP");
    protocol("HTTP/1.1 20 x\r\n\r\n", "no HTTP");
    protocol("HTTP/1.1 2000\r\n\r\n", "no HTTP");
    protocol(&format!("HTTP/1.1 200 x\r\n{}", "a: b\r\n".repeat(5000)), "too long");
}

#[test]
fn socks_sends_names_as_they_are() {
    let answer = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let (said, result, taken) = feed(start("socks5://h", "chat.example.com"), &answer, 99);
    let request = b"\x05\x01\x00\x05\x01\x00\x03\x10chat.example.com\x01\xbb";
    assert_eq!((&said[..], result, taken), (&request[..], Ok(true), 12));
    let (said, ..) = feed(start("socks5://h", "10.0.0.1"), &answer, 99);
    assert_eq!(said, b"\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb");
    let (said, ..) = feed(start("socks5://h", "::1"), &answer, 99);
    assert_eq!(&said[3..], b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb");
    // With a user: offered, asked for, answered; the reply may name a host of any kind.
    let answer = b"\x05\x02\x01\x00\x05\x00\x00\x03\x02ab\x00\x01beyond";
    let (said, result, taken) = feed(start("socks5://us:pwd@h", "x"), answer, 99);
    let request = b"\x05\x02\x00\x02\x01\x02us\x03pwd\x05\x01\x00\x03\x01x\x01\xbb";
    assert_eq!((&said[..], result, taken), (&request[..], Ok(true), answer.len() - 6));
    // Not asked for: not shown.
    let (said, result, _) = feed(start("socks5://us:pwd@h", "x"), b"\x05\x00", 99);
    assert_eq!((said.len(), result), (4 + 8, Ok(false)));
}

#[test]
fn socks_reads_answers_strictly() {
    let outcome = |answer: &[u8]| feed(start("socks5://u:hush@h", "h"), answer, 99).1;
    assert_eq!(outcome(&[5, 0xff]), Err(ProxyError::Credentials));
    assert_eq!(outcome(&[5, 2, 1, 9]), Err(ProxyError::Credentials));
    let refused = Err(ProxyError::Refused { why: "connection refused" });
    assert_eq!(outcome(&[5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0]), refused);
    for wrong in [
        &[4, 0][..],
        &[5, 1],
        &[5, 2, 5, 0],
        &[5, 0, 4, 0],
        &[5, 0, 5, 0, 0, 2, 0],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        assert!(matches!(outcome(wrong), Err(ProxyError::Protocol { .. })), "{wrong:?}");
    }
    // Not offered without a user.
    let result = feed(start("socks5://h", "h"), &[5, 2], 99).1;
    assert!(matches!(result, Err(ProxyError::Protocol { .. })));
}

#[test]
fn nothing_shows_a_password() {
    for text in ["http://u:hush@h", "socks5://u:hush@h"] {
        let (proxy, handshake) = (proxy(text), start(text, "h"));
        assert!(!format!("{proxy} {proxy:?} {handshake:?}").contains("hush"));
        let proxies = Proxies::all(proxy);
        assert!(!format!("{proxies:?}").contains("hush"));
    }
}

/// Answers that begin well, so that hostile bytes reach every state.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(&b""[..]),
        Just(&b"HTTP/1.1 200 OK\r\n"[..]),
        Just(&b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 2"[..]),
        Just(&b"HTTP/1.1 407 no\r\n\r\n"[..]),
        Just(&[5, 0][..]),
        Just(&[5, 2, 1, 0][..]),
        Just(&[5, 0, 5, 0, 0][..]),
        Just(&[5, 0, 5, 0, 0, 3, 200][..]),
        Just(&[5, 2, 1, 0, 5, 0, 0, 4][..]),
    ];
    let any = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(prop::sample::select(&b"\r\n :a"[..]), 0..600),
    ];
    (head, any).prop_map(|(head, rest)| [head, &rest].concat())
}

proptest! {
    /// Whatever a proxy sends: no panic, the same outcome and the same words however the bytes are
    /// cut, and never a byte that was not asked for.
    #[test]
    fn cutting_changes_nothing(
        bytes in answers(),
        size in 1_usize..40,
        scheme in prop::sample::select(vec!["http://u:p@h", "socks5://h", "socks5://u:p@h"]),
    ) {
        let whole = feed(start(scheme, "h"), &bytes, usize::MAX);
        let cut = feed(start(scheme, "h"), &bytes, size);
        match (&whole.1, &cut.1) {
            // Bytes beyond an HTTP head are seen only where they come with it.
            (Err(ProxyError::Protocol { what: "it speaks in the tunnel" }), Ok(true)) => {}
            _ => prop_assert_eq!(&whole.1, &cut.1),
        }
        prop_assert!(cut.2 <= bytes.len());
        if whole.1.is_ok() {
            prop_assert_eq!(whole.0, cut.0);
        }
    }

    /// A whole answer opens the tunnel and takes exactly itself.
    #[test]
    fn a_socks_reply_takes_exactly_itself(
        host in prop::collection::vec(any::<u8>(), 0..=255),
        kind in 0..3,
        beyond in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut answer = vec![5, 0, 5, 0, 0];
        match kind {
            0 => answer.extend([1, 9, 9, 9, 9]),
            1 => answer.extend([[4].as_slice(), &[9; 16]].concat()),
            _ => answer.extend([&[3, host.len() as u8], &host[..]].concat()),
        }
        answer.extend([1, 187]);
        let length = answer.len();
        answer.extend(beyond);
        let (_, result, taken) = feed(start("socks5://h", "h"), &answer, 99);
        prop_assert_eq!((result, taken), (Ok(true), length));
        let (_, result, _) = feed(start("socks5://h", "h"), &answer[..length - 1], 99);
        prop_assert_eq!(result, Ok(false));
    }

    /// No text makes the configuration panic, and no error quotes it.
    #[test]
    fn configuration_never_panics(text in "\\PC{0,40}", list in "[a-z0-9.:/\\[\\]*, -]{0,40}") {
        if let Err(error) = Proxy::parse(&text) {
            prop_assert!(text.len() < 12 || !error.to_string().contains(&text));
        }
        if let Ok(proxies) = Proxies::all(proxy("h")).except(&list) {
            let _ = proxies.for_target(&target("wss://[fd00::1]:9/"));
            let _ = proxies.for_target(&target("ws://10.1.2.3/"));
            let _ = proxies.for_target(&target("ws://a.example.com/"));
        }
    }
}
