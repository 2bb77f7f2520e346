//! The `chat` command as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod demo;
mod proxies;
mod serve;

use std::process::{Command, Output};

/// The command, with nothing of this machine's settings.
fn chat(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
    let ours = [
        "CHAT_LOG",
        "CHAT_LISTEN",
        "CHAT_TLS",
        "CHAT_WORLD",
        "CHAT_CA",
        "CHAT_FILES",
        "CHAT_PROXY",
    ];
    for name in ours {
        command.env_remove(name);
    }
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    chat(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_names_every_command_and_every_option_of_serve() {
    let help = text(&run(&["--help"]).stdout);
    assert!(help.contains("serve") && help.contains("demo"), "{help}");
    let help = text(&run(&["serve", "--help"]).stdout);
    for option in [
        "--listen",
        "--tls",
        "--world",
        "--json",
        "--ca",
        "--files",
        "127.0.0.1:8887",
        "self-signed",
    ] {
        assert!(help.contains(option), "{option} is missing in:\n{help}");
    }
}
