//! `cargo xtask fuzz`: the fuzz targets, on stable with their seeds, on nightly with libFuzzer.
//!
//! What a campaign learns (its corpus) and finds stays in `target/fuzz`, so that nothing is
//! committed by accident and the next campaign goes on from there.

use std::fs;
use std::path::Path;

use crate::Failure;
use crate::cmd::Cmd;

const SMOKE_SECONDS: u64 = 30;
/// Longest input. The limits of the codec are far beyond, and say nothing about its parser.
const MAX_LEN: u32 = 2048;
const OUTPUT: &str = "target/fuzz";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Ask<'a> {
    Replay(Option<&'a str>),
    Pack,
    Campaign { seconds: u64, target: Option<&'a str> },
}

/// Runs what the arguments ask for.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    match parse(args).map_err(Failure::Usage)? {
        Ask::Replay(target) => replay(root, target),
        Ask::Pack => tool(["pack"]).run(root),
        Ask::Campaign { seconds, target } => campaign(root, seconds, target),
    }
    .map_err(Failure::Check)
}

fn parse(args: &[String]) -> Result<Ask<'_>, String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let minutes = |text: &str| {
        text.parse::<u64>()
            .ok()
            .filter(|minutes| (1..=10_000).contains(minutes))
            .map(|minutes| minutes * 60)
            .ok_or_else(|| format!("`{text}` is no number of minutes"))
    };
    let (ask, target) = match args.as_slice() {
        ["--replay"] => (Ask::Replay(None), None),
        ["--replay", target] => (Ask::Replay(Some(target)), Some(target)),
        ["--pack"] => (Ask::Pack, None),
        ["--smoke"] => (Ask::Campaign { seconds: SMOKE_SECONDS, target: None }, None),
        ["--smoke", target] => {
            (Ask::Campaign { seconds: SMOKE_SECONDS, target: Some(target) }, Some(target))
        }
        ["--minutes", number] => (Ask::Campaign { seconds: minutes(number)?, target: None }, None),
        ["--minutes", number, target] => {
            (Ask::Campaign { seconds: minutes(number)?, target: Some(target) }, Some(target))
        }
        _ => return Err("`fuzz` takes --replay, --smoke, --minutes N or --pack".to_owned()),
    };
    match target.filter(|target| target.starts_with('-')) {
        Some(flag) => Err(format!("`fuzz` does not know `{flag}` there")),
        None => Ok(ask),
    }
}

/// The seeds of one target or of all, on the toolchain that is in use.
pub(crate) fn replay(root: &Path, target: Option<&str>) -> Result<(), String> {
    tool(["replay"].into_iter().chain(target)).run(root)
}

/// The program of the fuzz package that needs no libFuzzer.
fn tool<'a>(args: impl IntoIterator<Item = &'a str>) -> Cmd {
    let run = ["run", "--quiet", "--locked", "-p", "chat-fuzz", "--"];
    Cmd::cargo(run.into_iter().chain(args))
}

/// How one target fared.
struct Done {
    target: String,
    executions: Option<u64>,
    /// Edges of the code that were reached.
    coverage: Option<u64>,
    end: End,
}

/// How a campaign on one target ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Clean,
    /// The file libFuzzer wrote.
    Finding(String),
    /// It was not built, or was stopped from outside.
    Broken,
}

fn campaign(root: &Path, seconds: u64, only: Option<&str>) -> Result<(), String> {
    Cmd::nightly(["fuzz", "--version"]).capture(root).map_err(|_| {
        "cargo-fuzz does not run on nightly here: `rustup toolchain install nightly`, then \
         `cargo install --locked cargo-fuzz`; `cargo xtask fuzz --replay` needs neither"
            .to_owned()
    })?;
    let listed = tool(["list"]).capture(root)?;
    let targets: Vec<&str> =
        listed.lines().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if targets.is_empty() {
        return Err(format!("no such target; there are: {}", listed.trim().replace('\n', ", ")));
    }
    let dictionary = format!("{OUTPUT}/dictionary");
    fs::create_dir_all(root.join(OUTPUT)).map_err(|error| format!("{OUTPUT}: {error}"))?;
    tool(["dictionary", &dictionary]).run(root)?;
    let mut all = Vec::new();
    for target in targets {
        all.push(fuzz(root, target, seconds, &dictionary)?);
    }
    print!("{}", table(&all, seconds));
    match all.iter().filter(|done| done.end != End::Clean).count() {
        0 => Ok(()),
        count => Err(format!(
            "{count} of {} targets have a finding or did not run to the end",
            all.len()
        )),
    }
}

fn fuzz(root: &Path, target: &str, seconds: u64, dictionary: &str) -> Result<Done, String> {
    let corpus = format!("{OUTPUT}/corpus/{target}");
    let artifacts = format!("{OUTPUT}/artifacts/{target}/");
    fs::create_dir_all(root.join(&artifacts)).map_err(|error| format!("{artifacts}: {error}"))?;
    tool(["unpack", target, &corpus]).run(root)?;
    let build = format!("{OUTPUT}/build");
    // Without the address sanitizer: there is no `unsafe` of ours to watch, and it halves the speed.
    let cargo_fuzz = ["fuzz", "run", "--fuzz-dir", "fuzz", "--features", "libfuzzer"]
        .into_iter()
        .chain(["--sanitizer", "none", "--target-dir", &build, target, &corpus, "--"])
        .map(str::to_owned);
    let libfuzzer = [
        format!("-max_total_time={seconds}"),
        format!("-max_len={MAX_LEN}"),
        format!("-dict={dictionary}"),
        format!("-artifact_prefix={artifacts}"),
        "-timeout=10".to_owned(),
        // Nobody else adds to the corpus, and looking for it costs some percent.
        "-reload=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ];
    let (mut executions, mut coverage, mut written) = (None, None, None);
    let passed = Cmd::nightly(cargo_fuzz.chain(libfuzzer)).watch(root, |line| {
        executions = read_executions(line).or(executions);
        coverage = read_coverage(line).or(coverage);
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            written = Some(file.trim().to_owned());
        }
    })?;
    let end = if passed { End::Clean } else { written.map_or(End::Broken, End::Finding) };
    Ok(Done { target: target.to_owned(), executions, coverage, end })
}

/// `stat::number_of_executed_units: 1234`
fn read_executions(line: &str) -> Option<u64> {
    line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
}

/// `#1234 DONE   cov: 567 ft: 890 corp: 12/345b …`
fn read_coverage(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix('#')?.split_once(" cov: ")?;
    rest.split(' ').next()?.parse().ok()
}

fn table(all: &[Done], seconds: u64) -> String {
    let mut out = format!("\n{seconds} s a target\n");
    let number = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |it| it.to_string());
    for done in all {
        let (executions, coverage) = (number(done.executions), number(done.coverage));
        let end = match &done.end {
            End::Clean => "no finding".to_owned(),
            End::Finding(file) => {
                format!("FINDING: cargo run -p chat-fuzz -- replay {} {file}", done.target)
            }
            End::Broken => "NOT BUILT, OR STOPPED: see above".to_owned(),
        };
        out.push_str(&format!(
            "  {:<12} {executions:>12} executions {coverage:>6} edges  {end}\n",
            done.target
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<String, String> {
        let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&args).map(|ask| format!("{ask:?}"))
    }

    #[test]
    fn the_command_line_is_read() {
        assert_eq!(asked(&["--replay"]).unwrap(), "Replay(None)");
        assert_eq!(asked(&["--replay", "oracle"]).unwrap(), r#"Replay(Some("oracle"))"#);
        assert_eq!(asked(&["--smoke"]).unwrap(), "Campaign { seconds: 30, target: None }");
        assert_eq!(
            asked(&["--minutes", "20", "oracle"]).unwrap(),
            r#"Campaign { seconds: 1200, target: Some("oracle") }"#
        );
        for wrong in [
            &[][..],
            &["oracle"],
            &["--minutes"],
            &["--minutes", "0"],
            &["--minutes", "two"],
            &["--smoke", "--pack"],
            &["--pack", "oracle"],
            &["--replay", "a", "b"],
        ] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_table_says_how_to_repeat_a_finding() {
        assert_eq!(read_executions("stat::number_of_executed_units: 1234"), Some(1234));
        assert_eq!(read_executions("#1234 DONE"), None);
        let done = |end| Done {
            target: "oracle".to_owned(),
            executions: Some(7),
            coverage: read_coverage("#1234\tDONE   cov: 567 ft: 890 corp: 12/345b"),
            end,
        };
        let text =
            table(&[done(End::Clean), done(End::Finding("crash-1".into())), done(End::Broken)], 30);
        assert!(
            text.contains("oracle                  7 executions    567 edges  no finding"),
            "{text}"
        );
        assert_eq!(read_coverage("INFO: Seed: 1"), None);
        assert!(text.contains("cargo run -p chat-fuzz -- replay oracle crash-1"), "{text}");
        assert_eq!((text.matches("FINDING").count(), text.matches("NOT BUILT").count()), (1, 1));
    }
}
