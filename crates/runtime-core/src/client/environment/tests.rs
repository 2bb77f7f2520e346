//! Settings from variables.

use std::ffi::OsString;
use std::time::Duration;

use super::ConfigError;
use crate::{c2c, im};

const IM: &[(&str, &str)] = &[
    ("CHAT_IM_URL", "https://im.example.com:8887"),
    ("CHAT_IM_USER", "101"),
    ("CHAT_IM_DOMAIN", "pbx.example.com"),
    ("CHAT_IM_PASSWORD", "hush-101"),
];

const C2C: &[(&str, &str)] =
    &[("CHAT_C2C_API_KEY", "hush-key"), ("CHAT_C2C_SECRET", "hush-secret")];

fn look<'a>(
    vars: &'a [(&str, &str)],
    more: &'a [(&str, &str)],
) -> impl Fn(&str) -> Option<OsString> {
    move |name| {
        let found = more.iter().chain(vars).find(|(it, _)| *it == name);
        found.map(|(_, value)| OsString::from(value))
    }
}

fn im(more: &[(&str, &str)]) -> Result<im::Config, ConfigError> {
    im::Config::from_vars(look(IM, more))
}

fn c2c(more: &[(&str, &str)]) -> Result<c2c::Config, ConfigError> {
    c2c::Config::from_vars(look(C2C, more))
}

/// The name that an error is about, which must say neither value nor secret.
fn guilty(error: ConfigError, value: &str) -> String {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("hush") && (value.is_empty() || !text.contains(value)), "{text}");
    match error {
        ConfigError::Missing { name } | ConfigError::Malformed { name, .. } => name,
        ConfigError::Url(_) | ConfigError::Key(_) => panic!("{text}"),
    }
}

#[test]
fn what_is_needed_suffices() {
    let config = im(&[]).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
    let (session, network, options) = config.into_parts();
    assert_eq!(session.host.base().authority(), "im.example.com:8887");
    assert_eq!(session.credentials.username(), "101");
    assert_eq!(format!("{:?}", network.tls()), "TlsPolicy(platform + 0)");
    assert_eq!(options, crate::client::client_options());

    let config = c2c(&[]).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn each_variable_counts() {
    let more = [
        ("CHAT_IM_OAUTH_URL", "https://pbx.example.com"),
        ("CHAT_IM_TLS_PIN", &"ab".repeat(32)),
        ("CHAT_IM_PROXY", "socks5h://u:hush@proxy:1080"),
        ("CHAT_IM_CONNECT_TIMEOUT_SECS", "3"),
        ("CHAT_IM_REQUEST_TIMEOUT_SECS", "4"),
        ("CHAT_IM_MAX_REQUESTS", "5"),
        ("CHAT_IM_MAX_MESSAGE_BYTES", "6000000"),
        ("CHAT_IM_EVENT_QUEUE", "7"),
        ("CHAT_IM_TINODE_API_KEY", "hush-key"),
    ];
    let config = im(&more).unwrap();
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    let (session, network, options) = config.into_parts();
    assert!(format!("{:?}", session.oauth).contains("pbx.example.com"));
    assert_eq!(session.host.flavor(), chat_proto::im::Flavor::Tinode);
    assert_eq!(format!("{:?}", network.tls()), "TlsPolicy(pin)");
    assert_eq!(network.connect_timeout(), Duration::from_secs(3));
    assert_eq!(format!("{:?}", network.proxies()).matches("socks5h://proxy:1080").count(), 2);
    assert_eq!(session.session.request_timeout, Duration::from_secs(4));
    assert_eq!((session.session.max_requests, options.call_queue), (5, 5));
    assert_eq!((session.session.max_message, options.ws.max_message_bytes), (6_000_000, 6_000_000));
    assert!(options.ws.max_write_bytes > 6_000_000);
    assert_eq!(options.event_queue, 7);

    let more = [("CHAT_C2C_URL", "https://relay"), ("CHAT_C2C_PACE_MS", "900")];
    let (session, api, ..) = c2c(&more).unwrap().into_parts();
    assert_eq!(session.pace, Duration::from_millis(900));
    assert!(format!("{api:?}").contains("relay"));
}

#[test]
fn the_certificate_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let path = path.to_str().unwrap();
    let error = im(&[("CHAT_IM_CA_FILE", path)]).unwrap_err();
    assert_eq!(guilty(error, path), "CHAT_IM_CA_FILE");
    std::fs::write(path, "no certificate").unwrap();
    let error = im(&[("CHAT_IM_CA_FILE", path)]).unwrap_err();
    assert_eq!(guilty(error, path), "CHAT_IM_CA_FILE");
}

#[test]
fn proxies_come_from_the_standard_variables() {
    let more = [("HTTPS_PROXY", "http://u:hush@proxy:3128"), ("NO_PROXY", "example.org")];
    for network in [im(&more).unwrap().into_parts().1, c2c(&more).unwrap().into_parts().2] {
        let shown = format!("{:?}", network.proxies());
        assert!(shown.contains("http://proxy:3128") && !shown.contains("hush"), "{shown}");
    }
    for (name, value) in [
        ("HTTPS_PROXY", "gopher://u:hush@x"),
        ("ALL_PROXY", "http://u:hush@"),
        ("all_proxy", "ftp://hush"),
        ("http_proxy", "http://hush@:1"),
        ("NO_PROXY", "10.0.0.0/99"),
    ] {
        assert_eq!(guilty(im(&[(name, value)]).unwrap_err(), value), name);
    }
}

#[test]
fn a_variable_that_is_missing_is_named() {
    for vars in [IM, C2C] {
        for missing in 0..vars.len() {
            for empty in [false, true] {
                let (name, _) = vars[missing];
                let mut rest = vars.to_vec();
                if empty {
                    rest[missing].1 = "";
                } else {
                    rest.remove(missing);
                }
                let error = if name.starts_with("CHAT_IM_") {
                    im::Config::from_vars(look(&rest, &[])).unwrap_err()
                } else {
                    c2c::Config::from_vars(look(&rest, &[])).unwrap_err()
                };
                assert_eq!(
                    error.to_string(),
                    format!("the environment variable {name} is not set")
                );
                assert_eq!(guilty(error, ""), name);
            }
        }
    }
}

#[test]
fn a_variable_that_is_malformed_is_named_without_its_value() {
    for (what, value) in [
        ("URL", "ftp://hush.example.com"),
        ("TLS_PIN", "hush"),
        ("PROXY", "gopher://u:hush@x"),
        ("CONNECT_TIMEOUT_SECS", "hush"),
        ("REQUEST_TIMEOUT_SECS", "0"),
        ("MAX_REQUESTS", "-1"),
        ("MAX_MESSAGE_BYTES", "1 MiB"),
        ("EVENT_QUEUE", "99999999999999999999999"),
    ] {
        let name = format!("CHAT_IM_{what}");
        assert_eq!(guilty(im(&[(&name, value)]).unwrap_err(), value.trim()), name);
        let name = format!("CHAT_C2C_{what}");
        assert_eq!(guilty(c2c(&[(&name, value)]).unwrap_err(), value.trim()), name);
    }
    for (name, value) in [("CHAT_IM_OAUTH_URL", "hush"), ("CHAT_IM_TINODE_API_KEY", "a\nhush")] {
        assert_eq!(guilty(im(&[(name, value)]).unwrap_err(), value), name);
    }
    for (name, value) in [
        ("CHAT_C2C_API_KEY", "a\nhush"),
        ("CHAT_C2C_RECV_WINDOW_MS", "60001"),
        ("CHAT_C2C_PACE_MS", "soon"),
    ] {
        assert_eq!(guilty(c2c(&[(name, value)]).unwrap_err(), value), name);
    }
}

#[test]
fn both_ways_to_trust_contradict_each_other() {
    let pin = "ab".repeat(32);
    let both = [("CHAT_IM_CA_FILE", "/nowhere"), ("CHAT_IM_TLS_PIN", pin.as_str())];
    assert_eq!(guilty(im(&both).unwrap_err(), &pin), "CHAT_IM_TLS_PIN");
}

#[cfg(unix)]
#[test]
fn what_is_not_text_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let vars = look(IM, &[]);
    let broken = |name: &str| match name {
        "CHAT_IM_PASSWORD" => Some(OsString::from_vec(vec![0xFF, b'h'])),
        _ => vars(name),
    };
    assert_eq!(guilty(im::Config::from_vars(broken).unwrap_err(), ""), "CHAT_IM_PASSWORD");
}

#[test]
fn builders_check_what_they_are_given() {
    let me = || im::Credentials::password("101", "d", "hush");
    assert!(matches!(im::Config::new("ftp://x", me()), Err(ConfigError::Url(_))));
    let config = im::Config::new("https://x", me()).unwrap();
    assert!(matches!(config.clone().tinode(&"a\nhush".into()), Err(ConfigError::Key(_))));
    assert!(matches!(config.oauth_url("x"), Err(ConfigError::Url(_))));
    assert!(matches!(c2c::Config::new("a\nhush", "s"), Err(ConfigError::Key(_))));
    assert!(matches!(c2c::Config::new("k", "s").unwrap().base_url("x"), Err(ConfigError::Url(_))));
}
