//! The committed seeds, without libFuzzer.

use chat_fuzz::seeds;
use chat_fuzz::{TARGETS, replay, target};

/// Changed copies of each seed; `cargo xtask fuzz --replay` tries more.
const MUTATIONS: usize = 10;

fn replays(name: &str) -> Result<(), String> {
    let target = target(name).ok_or("no such target")?;
    let seeds = seeds::load(name)?;
    let mutations = target.mutations(MUTATIONS);
    let done = replay(target, &seeds, mutations)?;
    assert!(done.executions > MUTATIONS, "no seeds");
    assert_eq!(done.executions, seeds.len() * (1 + mutations));
    Ok(())
}

#[test]
fn canonical() -> Result<(), String> {
    replays("canonical")
}

#[test]
fn decode_c2c() -> Result<(), String> {
    replays("decode_c2c")
}

#[test]
fn decode_im() -> Result<(), String> {
    replays("decode_im")
}

#[test]
fn c2c_session() -> Result<(), String> {
    replays("c2c_session")
}

#[test]
fn hub() -> Result<(), String> {
    replays("hub")
}

#[test]
fn im_session() -> Result<(), String> {
    replays("im_session")
}

#[test]
fn pair() -> Result<(), String> {
    replays("pair")
}

#[test]
fn server_session() -> Result<(), String> {
    replays("server_session")
}

#[test]
fn inlet() -> Result<(), String> {
    replays("inlet")
}

#[test]
fn proxy() -> Result<(), String> {
    replays("proxy")
}

#[test]
fn oracle() -> Result<(), String> {
    replays("oracle")
}

#[test]
fn round_trip() -> Result<(), String> {
    replays("round_trip")
}

#[test]
fn archives_are_small_and_written_the_one_way() {
    for target in TARGETS {
        let archive = std::fs::read_to_string(seeds::path(target.name)).unwrap();
        assert!(archive.len() < 100 * 1024, "{}: {} bytes", target.name, archive.len());
        let seeds = seeds::read(&archive).unwrap();
        let mut names: Vec<_> = seeds.iter().map(|seed| seed.name.clone()).collect();
        names.dedup();
        assert_eq!(names.len(), seeds.len(), "{}: a name twice", target.name);
        assert_eq!(seeds::write(seeds), archive, "{}: `cargo xtask fuzz --pack`", target.name);
    }
}

#[test]
fn every_target_has_its_binary() {
    let manifest = include_str!("../../Cargo.toml");
    for target in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{}.rs\"", target.name)));
    }
    assert_eq!(manifest.matches("path = \"fuzz_targets/").count(), TARGETS.len());
}
