//! 08

use chat_server::{TestServer, world};

use crate::place::blocking;
use crate::program::{Ended, Program, command};

fn run(url: &str) -> Ended {
    let mut command = command(env!("CARGO_BIN_EXE_08_own_driver"), "");
    command.arg(url);
    Program::start(command).end()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_on_blocking_sockets() {
    let server = TestServer::start_plain(world::builtin()).await.unwrap();
    let url = server.urls().pbx.clone();
    let ended = blocking(move || run(&url)).await;
    ended.said(&[
        "logged in as usr804252613548777777",
        "stored as message 1 of usr804252613548703744",
        "echo of 1: Some(\"Hello from blocking sockets\")",
        "done",
    ]);
    server.stop().await.unwrap();
}

#[test]
fn a_wrong_url_is_told() {
    run("ftp://127.0.0.1").failed("Error");
}
