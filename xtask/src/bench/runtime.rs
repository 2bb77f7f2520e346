//! `cargo xtask bench runtime`: sessions over the loopback, kept in `benches/RUNTIME.md`.

use std::path::Path;

use super::USAGE;
use crate::Failure;
use crate::cmd::Cmd;
use crate::packages::Packages;

/// The clients of others, beside us.
const SCRIPTS: &str = "benches/peers";

pub(super) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let options = Options::read(args).map_err(Failure::Usage)?;
    measure(root, options).map_err(Failure::Check)
}

fn measure(root: &Path, options: Options) -> Result<(), String> {
    let peers = if options.peers { peers(root)? } else { Vec::new() };
    // Only what is measured is built: the libraries beside the codec take their time.
    let package = "--release --locked --package chat-benches --no-default-features \
                   --features runtimes";
    let cargo = |command: &str| {
        std::iter::once(command).chain(package.split(' ')).map(str::to_owned).collect::<Vec<_>>()
    };
    // Two programs: counting allocations would slow the other down.
    let (mut build, mut run) = (cargo("build"), cargo("run"));
    build.extend("--bin runtime --bin runtime-allocs".split(' ').map(str::to_owned));
    run.extend(
        "--quiet --bin runtime -- --report benches/RUNTIME.md".split(' ').map(str::to_owned),
    );
    run.extend(options.passed_on);
    run.extend(peers);
    Cmd::cargo(build).run(root)?;
    Cmd::cargo(run).run(root)
}

/// Installs them; the options that tell where.
fn peers(root: &Path) -> Result<Vec<String>, String> {
    let mut packages = Packages::of(root)?;
    if let Some(missing) = packages.node()? {
        return Err(missing.to_owned());
    }
    if let Some(missing) = packages.python()? {
        return Err(missing.to_owned());
    }
    let path = |path: &Path| path.display().to_string();
    Ok(vec![
        "--python".to_owned(),
        path(&packages.python),
        "--node-packages".to_owned(),
        path(&packages.node_folder()),
        "--scripts".to_owned(),
        path(&root.join(SCRIPTS)),
    ])
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    peers: bool,
    passed_on: Vec<String>,
}

impl Options {
    fn read(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (arg.as_str(), args.as_slice().first()) {
                ("--peers", _) => options.peers = true,
                ("--check", _) => options.passed_on.push(arg.clone()),
                ("--rounds" | "--only", Some(value)) => {
                    options.passed_on.extend([arg.clone(), value.clone()]);
                    args.next();
                }
                _ => return Err(format!("{USAGE}, got `{arg}`")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_passed_on_but_for_the_peers() {
        let options = read("--check --peers --rounds 5").unwrap();
        assert!(options.peers);
        assert_eq!(options.passed_on, ["--check", "--rounds", "5"]);
        assert_eq!(read("").unwrap(), Options::default());
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for line in ["--fast", "flood", "--rounds"] {
            assert!(read(line).unwrap_err().starts_with(USAGE), "{line}");
        }
    }
}
