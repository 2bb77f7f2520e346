//! 07: through proxies that others wrote, to a server that nobody but us trusts.

use std::fs;
use std::process::Command;

use runtime_core::conformance::real::{self, RealProxy};

use crate::place::{ALICE, Place, blocking};
use crate::program::{Ended, On, Program, example};

async fn run(command: Command) -> Ended {
    blocking(|| Program::start(command).end()).await
}

fn program(place: &Place, on: On, proxy: &str, trust: &str) -> Command {
    let mut command = example!(on, "07_proxy_and_pinned_ca");
    command.args([&place.server.urls().pbx, proxy, trust]);
    command
}

async fn all_is_well(place: &Place, on: On, proxy: &RealProxy, url: &str) {
    let before = proxy.log().len();
    let ca = format!("ca:{}", place.file("ca.pem"));
    let ended = run(program(place, on, url, &ca)).await;
    ended.said(&[&format!("logged in as {ALICE}"), "attached to me", "closed: Cleanly"]);
    let server = place.server.urls().pbx.trim_start_matches("https://");
    let log = proxy.log();
    assert!(log[before..].matches(server).count() >= 2, "token and socket: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_tinyproxy_and_microsocks() {
    let place = Place::new().await;
    let Some(http) = real::tinyproxy("BasicAuth us hush") else { return };
    let Some(socks) = real::microsocks(&["-u", "us", "-P", "hush"]) else { return };
    for on in On::ALL {
        all_is_well(&place, on, &http, &format!("http://us:hush@{}", http.address)).await;
        all_is_well(&place, on, &socks, &format!("socks5h://us:hush@{}", socks.address)).await;
        // From the environment.
        let ca = format!("ca:{}", place.file("ca.pem"));
        let mut command = program(&place, on, "env", &ca);
        command.env("ALL_PROXY", format!("socks5://us:hush@{}", socks.address));
        run(command).await.said(&["logged in", "closed: Cleanly"]);

        let wrong =
            run(program(&place, on, &format!("http://us:other@{}", http.address), &ca)).await;
        wrong.failed("wants other credentials");
        assert!(!wrong.error.contains("us:other"), "{}", wrong.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_to_trust() {
    let (place, other) = (Place::new().await, Place::new().await);
    for on in On::ALL {
        let known = format!("first-use:{}", place.file(&format!("{on:?}")));
        for _ in 0..2 {
            run(program(&place, on, "none", &known)).await.said(&["logged in"]);
        }
        let stored = fs::read_to_string(place.file(&format!("{on:?}"))).unwrap();
        let digits = stored.trim().rsplit(' ').next().unwrap();
        assert_eq!(stored.lines().count(), 1, "{stored}");

        let pin = format!("pin:{digits}");
        run(program(&place, on, "none", &pin)).await.said(&["logged in"]);
        // The other server has another certificate and another authority: told at once.
        run(program(&other, on, "none", &pin)).await.failed("is not the one that is pinned");
        let ca = format!("ca:{}", place.file("ca.pem"));
        run(program(&other, on, "none", &ca)).await.failed("Untrusted");
    }
}
