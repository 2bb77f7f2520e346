//! `chat demo`.

use crate::{run, text};

const DEFAULT_WORLD: &str = include_str!("../../../chat-server/worlds/default.toml");

/// Values of the members that hold secrets.
fn secrets(world: &str) -> Vec<&str> {
    world
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            let is_secret = matches!(name.trim(), "password" | "secret");
            is_secret.then(|| value.trim().trim_matches('"'))
        })
        .collect()
}

#[test]
fn every_exchange_passes_and_no_secret_shows_even_at_the_most_verbose_level() {
    all_is_well_on("tokio");
}

#[cfg(feature = "async-std")]
#[test]
fn the_same_on_async_std() {
    all_is_well_on("async-std");
}

#[cfg(feature = "smol")]
#[test]
fn the_same_on_smol() {
    all_is_well_on("smol");
}

fn all_is_well_on(runtime: &str) {
    let output = run(&["demo", "--log", "trace", "--runtime", runtime]);
    let (out, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{log}");
    assert!(out.contains(" passed, 0 failed"), "{out}");
    assert!(out.matches("   ✓ ").count() >= 35 && !out.contains('✗'), "{out}");
    assert!(out.contains(&format!("Its clients run on {runtime}.")), "{out}");
    assert!(log.contains("TRACE"), "the log is not verbose");
    let secrets = secrets(DEFAULT_WORLD);
    assert_eq!(secrets.len(), 5, "{secrets:?}");
    for secret in secrets {
        assert!(!out.contains(secret), "{secret} is in the output");
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
    for signature in ["&signature=", "X-Amz-Signature="] {
        let hidden = out.matches(&format!("{signature}[REDACTED]")).count();
        assert!(hidden > 0 && hidden == out.matches(signature).count(), "{signature}: {out}");
        assert!(!log.contains(signature), "{signature} is in the log");
    }
    for hidden in ["access_token", "refresh_token", "token", "secret", "listenKey", "listenToken"] {
        let shown = out.matches(&format!("\"{hidden}\":\"")).count();
        let redacted = out.matches(&format!("\"{hidden}\":\"[hidden]\"")).count();
        assert!(shown > 0 && shown == redacted, "{hidden}: {shown} shown, {redacted} hidden");
    }
}

#[test]
fn another_world_works_as_well() {
    let world = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/other.toml");
    let output = run(&["demo", "--world", world]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}\n{}", text(&output.stderr));
    assert!(out.contains("usr77001") && out.contains("99990000111122223333"), "{out}");
    assert!(!out.contains("usr804252613548777777") && !out.contains("20476365073825144832"));
}

#[test]
fn a_world_that_cannot_be_read_says_why() {
    let output = run(&["demo", "--world", "/nonexistent/world.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("/nonexistent/world.toml"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.toml");
    std::fs::write(&file, "[[tenants]]\ndomain = \"a\"\ncolour = \"blue\"\n").unwrap();
    let output = run(&["demo", "--world", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("colour") && error.contains('3'), "{error}");
}
