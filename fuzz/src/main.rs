//! What `cargo xtask fuzz` runs on stable: replays, archives of seeds, a dictionary.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod pack;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use chat_fuzz::{TARGETS, Target, replay, seeds, target};

const HELP: &str = "\
Usage: chat-fuzz <command>

Commands:
  list                        Names of the targets
  replay [TARGET [FILE...]]   Try the seeds and mutations of them, or files
  pack                        Write the archives of seeds from the fixtures
  unpack TARGET FOLDER        Write each seed to a file, for libFuzzer
  dictionary FILE             Write the words of the seeds, for libFuzzer
";

/// Changed copies of each seed that a replay tries; fewer where an input takes long.
const MUTATIONS: usize = 100;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), String> {
    match args {
        ["list"] => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            Ok(())
        }
        ["replay"] => TARGETS.iter().try_for_each(replay_seeds),
        ["replay", name] => replay_seeds(known(name)?),
        ["replay", name, files @ ..] => {
            let target = known(name)?;
            for file in files {
                let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
                println!("{name}: {file}, {} bytes", bytes.len());
                (target.run)(&bytes);
            }
            Ok(())
        }
        ["pack"] => TARGETS.iter().try_for_each(|target| pack::pack(target.name)),
        ["unpack", name, folder] => pack::unpack(known(name)?.name, Path::new(folder)),
        ["dictionary", file] => pack::dictionary(Path::new(file)),
        _ => Err(format!("the arguments make no sense\n\n{HELP}")),
    }
}

fn known(name: &str) -> Result<&'static Target, String> {
    target(name).ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        format!("no target `{name}`; there are: {}", names.join(", "))
    })
}

fn replay_seeds(target: &Target) -> Result<(), String> {
    let seeds = seeds::load(target.name)?;
    let done = replay(target, &seeds, target.mutations(MUTATIONS))?;
    println!(
        "{:<12} {:>4} seeds {:>7} executions, no finding",
        target.name, done.seeds, done.executions
    );
    Ok(())
}
