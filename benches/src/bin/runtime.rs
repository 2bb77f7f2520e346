//! Measures sessions over the loopback. `cargo xtask bench runtime` builds and starts it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use chat_benches::report;
use chat_benches::runtime::contenders::Contender;
use chat_benches::runtime::peers::{Peer, Peers};
use chat_benches::runtime::processor::Processors;
use chat_benches::runtime::table::Measured;
use chat_benches::runtime::work::{self, Work};
use chat_benches::runtime::{allocations, server};

const HELP: &str = "\
Usage: runtime [--rounds N] [--check] [--report FILE] [--only WORDS] [PEERS]

  --rounds N       Rounds in which everybody has one turn of a tenth of a second, 21 unless told;
                   of ping-pong four times as many, shorter ones
  --check          Fail where a gate is missed
  --report FILE    Keep the tables there
  --only WORDS     Only work or contenders whose name holds this, e.g. `flood`; no report
  PEERS            --python FILE --node-packages FOLDER --scripts FOLDER: the other languages as
                   well, in every third round, of ping-pong in every sixth

  --server                    Be the other end, until standard input ends
  --once CONTENDER WORK       One turn, for a profiler
";

#[derive(Debug, Default)]
struct Options {
    rounds: usize,
    check: bool,
    report: Option<PathBuf>,
    only: String,
    python: Option<PathBuf>,
    node_packages: Option<PathBuf>,
    scripts: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--server"] => {
            server::serve(|address| println!("{address}")).map_err(|error| error.to_string())
        }
        ["--once", contender, work] => once(contender, work),
        _ => parse(&args).and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options { rounds: 21, ..Options::default() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n\n{HELP}"));
        match arg.as_str() {
            "--check" => options.check = true,
            "--rounds" => {
                let value = value()?;
                options.rounds =
                    value.parse().map_err(|_| format!("--rounds {value}: a number"))?;
            }
            "--report" => options.report = Some(value()?.into()),
            "--only" => value()?.clone_into(&mut options.only),
            "--python" => options.python = Some(value()?.into()),
            "--node-packages" => options.node_packages = Some(value()?.into()),
            "--scripts" => options.scripts = Some(value()?.into()),
            other => return Err(format!("unknown: {other}\n\n{HELP}")),
        }
    }
    Ok(options)
}

/// Everybody who does this work, ours and bare ones first.
fn contenders(work: Work, peers: bool) -> Vec<Contender> {
    let mut contenders = Contender::of(work);
    if peers {
        let peers = Peer::ALL.into_iter().filter(|peer| peer.work() == work);
        contenders.extend(peers.map(Contender::Peer));
    }
    contenders
}

fn once(contender: &str, work: &str) -> Result<(), String> {
    let work = Work::ALL.into_iter().find(|it| it.name() == work).ok_or("no such work")?;
    let found = contenders(work, false).into_iter().find(|it| it.name() == contender);
    let server = Server::start()?;
    let contender = found.ok_or("no such contender")?;
    let turn = contender.turn(server.address, None, work, work.long_count())?;
    println!("{turn:?}");
    Ok(())
}

fn run(options: &Options) -> Result<(), String> {
    let machine = report::machine();
    let peers = match (&options.python, &options.node_packages, &options.scripts) {
        (Some(python), Some(node_packages), Some(scripts)) => Some(Peers {
            python: python.clone(),
            node_packages: node_packages.clone(),
            scripts: scripts.clone(),
        }),
        _ => None,
    };
    let server = Server::start()?;
    let processors = Processors::of(server.child.id());
    let mut measured = Measured::default();
    for work in Work::ALL {
        if let Some(processors) = &processors {
            if work.on_one_processor() { processors.keep_to_one() } else { processors.free() }
        }
        let mut all = contenders(work, peers.is_some());
        all.retain(|it| it.name().contains(&options.only) || work.name().contains(&options.only));
        let rounds = options.rounds * work.rounds();
        let peers_every = if work.rounds() > 1 { 6 } else { 3 };
        for round in 0..rounds {
            eprint!("\r{}, round {} of {rounds}        ", work.name(), round + 1);
            let due =
                |it: &&Contender| !matches!(it, Contender::Peer(_)) || round % peers_every == 0;
            let due: Vec<_> = all.iter().filter(due).copied().collect();
            for index in work::turns(round, due.len()) {
                let contender = due[index];
                let turn = contender.turn(server.address, peers.as_ref(), work, work.count())?;
                measured.add(round, work, contender, turn);
            }
        }
    }
    eprintln!("\r{:40}", "");
    let versions = peers.as_ref().map(|it| format!("; {}", it.versions())).unwrap_or_default();
    let allocations = allocations::measure(server.address)?;
    let body = format!(
        "{machine}; ping-pong on {}{versions}.\n\n{}\n{}\n{allocations}",
        if processors.is_some() { "one processor" } else { "any processor, for want of `taskset`" },
        measured.gate_table(),
        measured.cost_table()
    );
    println!("{body}");
    if let Some(path) = options.report.as_deref().filter(|_| options.only.is_empty()) {
        let report = format!("{HEAD}\n{body}");
        fs::write(path, report).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("kept in {}", path.display());
    }
    let missed = measured.missed();
    missed.iter().for_each(|line| println!("missed: {line}"));
    let summary = format!("{} of {} gates are missed", missed.len(), measured.gates().len());
    if options.check && !missed.is_empty() {
        return Err(summary);
    }
    println!("{summary}");
    Ok(())
}

const HEAD: &str = "\
# Measurements of sessions over the loopback

`cargo xtask bench runtime`, with `--peers` for the other languages. One WebSocket, texts of 200 bytes,
the server a process of its own; medians of rounds in which everybody has a turn, in another order each
time, ratios formed within a round. A turn is a connection of its own that is opened before the clock
starts, and takes about a tenth of a second. Turns of ping-pong are shorter, 1500 messages after 150 that
do not count, there are four times as many rounds, and both ends are kept to one processor, which nobody
has to wake. Only numbers of one run can be compared.
";

/// The other end, in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("no own path: {error}"))?;
        let mut command = Command::new(program);
        command.arg("--server").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("the server: {error}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let read = BufReader::new(stdout).read_line(&mut line);
        read.map_err(|error| format!("the server: {error}"))?;
        let address = line.trim().parse().map_err(|_| format!("the server says: {line}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
