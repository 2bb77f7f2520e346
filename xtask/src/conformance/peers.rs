//! Clients that nobody here wrote, against our server.
//!
//! What a script finds and what is expected of it:
//!
//! * It lies in `conformance/<service>/` and is called `*.mjs` (Node) or `*.py` (Python); files that
//!   begin with `_` are modules of the scripts, not scripts. Packages from the registries are named
//!   with their exact versions in `conformance/package.json` and `conformance/requirements.txt`;
//!   they are installed under `target/conformance`, and nothing of them is kept here. Node does not
//!   look there by itself: `createRequire` with the folder `CHAT_NODE_PACKAGES` does.
//! * Each script has a server of its own, started just before it with
//!   `chat serve --json --listen 127.0.0.1:0`: TLS with a certificate of its own, memory for a
//!   store. The world is the built-in one, or `NAME.toml` where that lies beside `NAME.py`.
//! * The members of the server's ready line are in the environment: `CHAT_IM` (WebSocket of the IM),
//!   `CHAT_PBX` (REST and files of the IM), `CHAT_C2C` (REST of the C2C service), `CHAT_WS` (the
//!   member `chat`: WebSocket of the C2C chat without the listen key), `CHAT_CA` (a PEM file to
//!   trust), and any other that is a text under its own name in capitals. A member the line does not
//!   have is not set.
//! * `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` and `WEBSOCKET_CLIENT_CA_BUNDLE`
//!   name the same PEM file, so Node, `ssl.create_default_context()`, `requests` and
//!   `websocket-client` trust the server without being told to. No script turns verification off.
//! * `CHAT_BIN` is the `chat` binary, for a script that starts and stops a server by itself (without
//!   the variables above: `chat serve` reads some of them as options). `CHAT_PEER` is our own
//!   client, steered by lines on its standard input; `CHAT_SIGN_LINES` signs and verifies lines.
//! * It prints one line a check, `ok WHAT` or `FAIL WHAT: WHY`, and ends with exit code 0 when all
//!   passed. It should take a few seconds, and must end within two minutes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::cmd::Cmd;
use crate::packages::{Packages, SCRIPTS, target};

/// How long a script may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most characters that are shown of a line.
const LINE: usize = 1000;

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// Something is not installed on this machine.
    Skipped(&'static str),
}

/// Runs the scripts whose path holds one of `names`, or all.
pub(crate) fn run(root: &Path, names: &[&str]) -> Result<Verdict, String> {
    let scripts = select(find(root)?, names)?;
    let needs = |language| scripts.iter().any(|script| script.language == language);
    let mut packages = Packages::of(root)?;
    if needs(Language::Node)
        && let Some(missing) = packages.node()?
    {
        return missing_is(missing);
    }
    if needs(Language::Python)
        && let Some(missing) = packages.python()?
    {
        return missing_is(missing);
    }
    let runner = Runner { root, packages };
    Cmd::cargo("build --quiet --locked -p chat-cli".split(' ')).run(root)?;
    for (package, example) in [("runtime-tokio", "peer"), ("chat-sign", "sign_lines")] {
        let build = ["build", "--quiet", "--locked", "-p", package, "--example", example];
        Cmd::cargo(build).run(root)?;
    }
    let started = Instant::now();
    // Some side by side, as they mostly wait; more only wait for each other.
    let workers =
        thread::available_parallelism().map_or(1, usize::from).clamp(2, scripts.len().max(2));
    let queue = Mutex::new(scripts.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut ended: Vec<_> = thread::scope(|scope| {
        let work = || {
            let mut ended = Vec::new();
            while let Some((index, script)) = next() {
                ended.push((index, script, runner.play(script)));
            }
            ended
        };
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
    });
    ended.sort_by_key(|(index, ..)| *index);
    if ended.len() < scripts.len() {
        return Err("the runner panicked".to_owned());
    }
    let (mut checks, mut wrong) = (0, Vec::new());
    for (_, script, ended) in ended {
        let Ended { lines, result, took } = ended?;
        println!("\n{} ({:.1} s)", script.name, took.as_secs_f64());
        lines.iter().for_each(|line| println!("  {line}"));
        checks += lines.iter().filter(|line| line.starts_with("ok ")).count();
        if let Err(why) = result {
            wrong.push(format!("{} {why}", script.name));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("\nconformance: {} scripts, {checks} checks passed in {seconds:.1} s", scripts.len());
    if wrong.is_empty() { Ok(Verdict::Passed) } else { Err(wrong.join("; ")) }
}

/// In CI everything is there, or the check fails.
fn missing_is(what: &'static str) -> Result<Verdict, String> {
    if std::env::var_os("CI").is_some_and(|it| it == "true") {
        return Err(format!("{what}, and in CI nothing is skipped"));
    }
    println!("skipped: {what}");
    Ok(Verdict::Skipped(what))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Node,
    Python,
}

#[derive(Debug)]
struct Script {
    /// From the root, with slashes.
    name: String,
    path: PathBuf,
    language: Language,
}

fn find(root: &Path) -> Result<Vec<Script>, String> {
    let mut found = Vec::new();
    for folder in entries(&root.join(SCRIPTS))?.into_iter().filter(|it| it.is_dir()) {
        for path in entries(&folder)? {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let name = name.replace('\\', "/");
            if let Some(language) = language(&name) {
                found.push(Script { name, path, language });
            }
        }
    }
    Ok(found)
}

/// What runs a file; `None` for one that is no script.
fn language(name: &str) -> Option<Language> {
    let (_, file) = name.rsplit_once('/')?;
    match file.rsplit_once('.')? {
        (stem, _) if stem.starts_with('_') => None,
        (_, "mjs") => Some(Language::Node),
        (_, "py") => Some(Language::Python),
        _ => None,
    }
}

fn select(scripts: Vec<Script>, names: &[&str]) -> Result<Vec<Script>, String> {
    let unknown = names.iter().find(|name| !scripts.iter().any(|it| it.name.contains(**name)));
    if let Some(unknown) = unknown {
        let known: Vec<_> = scripts.iter().map(|script| script.name.as_str()).collect();
        return Err(format!(
            "no script is called like `{unknown}`; there are: {}",
            known.join(", ")
        ));
    }
    let wanted =
        |script: &Script| names.is_empty() || names.iter().any(|name| script.name.contains(name));
    Ok(scripts.into_iter().filter(wanted).collect())
}

/// The paths in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |error| format!("{}: {error}", folder.display());
    let read = fs::read_dir(folder).map_err(wrong)?;
    let mut paths: Vec<PathBuf> =
        read.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>().map_err(wrong)?;
    paths.sort();
    Ok(paths)
}

struct Runner<'a> {
    root: &'a Path,
    packages: Packages<'a>,
}

/// How a script ended.
struct Ended {
    lines: Vec<String>,
    result: Result<(), String>,
    took: Duration,
}

impl Runner<'_> {
    /// Runs a script against a server of its own.
    fn play(&self, script: &Script) -> Result<Ended, String> {
        let debug = target(self.root).join("debug");
        let exe = |name: &str| debug.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let mut serve = bare(&exe("chat"));
        serve.args("serve --json --listen 127.0.0.1:0".split(' '));
        let world = script.path.with_extension("toml");
        if world.exists() {
            serve.arg("--world").arg(world);
        }
        let started = serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut server = Running(started.map_err(|error| format!("`chat serve`: {error}"))?);
        let stdout = server.0.stdout.take().ok_or("the server has no output")?;
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready).map_err(|error| error.to_string())?;
        let ready: serde_json::Value = serde_json::from_str(&ready)
            .map_err(|error| format!("the server's first line is not JSON ({error}): {ready}"))?;
        let mut play = match script.language {
            Language::Node => bare(Path::new("node")),
            Language::Python => bare(&self.packages.python),
        };
        play.arg(&script.path).envs(variables(&ready));
        play.env("CHAT_BIN", exe("chat")).env("CHAT_PEER", exe("examples/peer"));
        play.env("CHAT_SIGN_LINES", exe("examples/sign_lines"));
        play.env("CHAT_NODE_PACKAGES", self.packages.node_folder());
        // Lines in the order they were printed, and no files beside the scripts.
        play.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        play.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = play.spawn().map_err(|error| format!("{}: {error}", script.name))?;
        Ok(watch(Running(child)))
    }
}

/// Waits for the end of a script.
fn watch(mut script: Running) -> Ended {
    let (sender, printed) = mpsc::channel();
    let (stdout, stderr) = (script.0.stdout.take(), script.0.stderr.take());
    let readers =
        [stdout.map(|it| read(it, sender.clone())), stderr.map(|it| read(it, sender.clone()))];
    drop(sender);
    let started = Instant::now();
    let by = started + PATIENCE;
    let mut lines = Vec::new();
    let result = loop {
        match printed.recv_timeout(by.saturating_duration_since(Instant::now())) {
            Ok(line) => lines.push(line),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                break Err(format!("did not end within {} s", PATIENCE.as_secs()));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                break match script.0.wait() {
                    Ok(status) if status.success() => Ok(()),
                    Ok(status) => Err(format!("failed ({status})")),
                    Err(error) => Err(format!("could not be waited for: {error}")),
                };
            }
        }
    };
    drop(script);
    for reader in readers.into_iter().flatten() {
        let _ = reader.join();
    }
    lines.extend(printed.try_iter());
    let failed = lines.iter().filter(|line| line.starts_with("FAIL ")).count();
    let result = match result {
        // What says that something is wrong and ends well is not to be trusted.
        Ok(()) if failed > 0 => Err(format!("ended well with {failed} failed checks")),
        Ok(()) if !lines.iter().any(|line| line.starts_with("ok ")) => {
            Err("made no check".to_owned())
        }
        result => result,
    };
    Ended { lines, result, took: started.elapsed() }
}

fn read(
    from: impl std::io::Read + Send + 'static,
    to: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            // Node quotes the line that threw, and that may be a whole program.
            if to.send(line.trim_end().chars().take(LINE).collect()).is_err() {
                break;
            }
        }
    })
}

/// The environment that a ready line makes.
fn variables(ready: &serde_json::Value) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in ready.as_object().into_iter().flatten() {
        let Some(value) = value.as_str().filter(|_| name != "event") else { continue };
        let name = if name == "chat" { "ws" } else { name };
        variables.insert(format!("CHAT_{}", name.to_uppercase()), value.to_owned());
        if name == "ca" {
            for trust in [
                "NODE_EXTRA_CA_CERTS",
                "SSL_CERT_FILE",
                "REQUESTS_CA_BUNDLE",
                "WEBSOCKET_CLIENT_CA_BUNDLE",
            ] {
                variables.insert(trust.to_owned(), value.to_owned());
            }
        }
    }
    variables
}

/// A program without the variables that `chat serve` and the scripts read, which may be set for
/// something else.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CHAT_")) {
            command.env_remove(name);
        }
    }
    command
}

/// A process that ends with us, however we end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_from_their_modules() {
        assert_eq!(language("conformance/im/tinode_chat.mjs"), Some(Language::Node));
        assert_eq!(language("conformance/c2c/orders.py"), Some(Language::Python));
        for other in ["conformance/im/_tinode.mjs", "conformance/im/orders.toml", "x/README"] {
            assert_eq!(language(other), None, "{other}");
        }
    }

    #[test]
    fn names_choose_and_unknown_ones_are_told() {
        let script = |name: &str| Script {
            name: name.to_owned(),
            path: PathBuf::new(),
            language: Language::Node,
        };
        let all = || vec![script("conformance/im/a.mjs"), script("conformance/c2c/b.py")];
        assert_eq!(select(all(), &[]).unwrap().len(), 2);
        assert_eq!(select(all(), &["c2c/"]).unwrap()[0].name, "conformance/c2c/b.py");
        let error = select(all(), &["im", "z"]).unwrap_err();
        assert!(error.contains("`z`") && error.contains("a.mjs"), "{error}");
    }

    #[test]
    fn a_ready_line_becomes_an_environment() {
        let ready = serde_json::json!({
            "event": "ready", "im": "wss://a/im", "chat": "wss://a/chat", "ca": "/ca.pem",
            "admin": "https://a/admin", "number": 7,
        });
        let variables = variables(&ready);
        let names: Vec<_> = variables.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "CHAT_ADMIN",
                "CHAT_CA",
                "CHAT_IM",
                "CHAT_WS",
                "NODE_EXTRA_CA_CERTS",
                "REQUESTS_CA_BUNDLE",
                "SSL_CERT_FILE",
                "WEBSOCKET_CLIENT_CA_BUNDLE",
            ]
        );
        assert_eq!(variables["SSL_CERT_FILE"], "/ca.pem");
    }

    #[test]
    fn a_script_that_says_nothing_or_failed_does_not_pass() {
        let end = |script: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
            watch(Running(shell.spawn().unwrap()))
        };
        if cfg!(unix) {
            assert_eq!(end("echo ok one; echo two >&2").result, Ok(()));
            assert_eq!(end("echo nothing").result, Err("made no check".to_owned()));
            let failed = end("echo ok one; echo FAIL two: x");
            assert_eq!(failed.result, Err("ended well with 1 failed checks".to_owned()));
            assert_eq!(failed.lines, ["ok one", "FAIL two: x"]);
            assert!(end("echo ok one; exit 3").result.unwrap_err().starts_with("failed ("));
        }
    }
}
