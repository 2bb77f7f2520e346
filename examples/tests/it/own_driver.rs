//! 08

use std::process::Command;

use chat_server::{TestServer, world};

use crate::program::Program;

fn run(url: &str) -> crate::program::Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_08_own_driver"));
    command.arg(url);
    Program::start(command).end()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_on_blocking_sockets() {
    let server = TestServer::start_plain(world::builtin()).await.unwrap();
    let url = server.urls().pbx.clone();
    let ended = tokio::task::spawn_blocking(move || run(&url)).await.unwrap();
    ended.said(&[
        "logged in as usr804252613548777777",
        "stored as message 1 of usr804252613548703744",
        "echo of 1: Some(\"Hello from blocking sockets\")",
        "done",
    ]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_url_is_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_08_own_driver"));
    command.arg("ftp://127.0.0.1");
    let ended = Program::start(command).end();
    assert!(!ended.well && ended.error.contains("Error"), "{}", ended.error);
}
