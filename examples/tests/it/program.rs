//! A program that runs for a bounded time.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Far more than any of them needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime that the examples run on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Tokio,
    AsyncStd,
    Smol,
}

impl On {
    pub(crate) const ALL: [Self; 3] = [Self::Tokio, Self::AsyncStd, Self::Smol];
}

/// An example on a runtime, with nothing of this machine's settings.
macro_rules! example {
    ($on:expr, $name:literal) => {{
        let file = match $on {
            $crate::program::On::Tokio => env!(concat!("CARGO_BIN_EXE_", $name)),
            $crate::program::On::AsyncStd => env!("CARGO_BIN_EXE_on_async_std"),
            $crate::program::On::Smol => env!("CARGO_BIN_EXE_on_smol"),
        };
        $crate::program::command(file, $name)
    }};
}

pub(crate) use example;

pub(crate) fn command(file: &str, name: &str) -> Command {
    let mut command = Command::new(file);
    for (name, _) in std::env::vars() {
        if name.to_ascii_lowercase().ends_with("_proxy") || name.starts_with("CHAT_") {
            command.env_remove(name);
        }
    }
    command.env("CHAT_EXAMPLE", name);
    command
}

/// A running program. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    lines: mpsc::Receiver<String>,
    error: Option<thread::JoinHandle<String>>,
    out: String,
}

/// What it printed, and whether it ended well.
pub(crate) struct Ended {
    pub(crate) out: String,
    pub(crate) error: String,
    pub(crate) well: bool,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, mut error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let error = thread::spawn(move || {
            let mut text = String::new();
            let _ = error.read_to_string(&mut text);
            text
        });
        Self { child, lines, error: Some(error), out: String::new() }
    }

    /// Waits until it prints a line that holds `text`.
    pub(crate) fn until(&mut self, text: &str) {
        while let Some(line) = self.line() {
            if line.contains(text) {
                return;
            }
        }
        let error = self.errors();
        panic!("`{text}` was not printed:\n{}\n{error}", self.out);
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        while self.line().is_some() {}
        let well = self.child.wait().unwrap().success();
        Ended { out: std::mem::take(&mut self.out), error: self.errors(), well }
    }

    fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.out += &format!("{line}\n");
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let error = self.errors();
                panic!("it says nothing more:\n{}\n{error}", self.out);
            }
        }
    }

    fn errors(&mut self) -> String {
        let _ = self.child.kill();
        self.error.take().map_or_else(String::new, |error| error.join().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// It ended well and printed these, in this order.
    #[track_caller]
    pub(crate) fn said(&self, lines: &[&str]) {
        assert!(self.well, "{}\n{}", self.out, self.error);
        let mut rest = self.out.as_str();
        for line in lines {
            let at = rest.find(line);
            let at = at.unwrap_or_else(|| panic!("`{line}` is missing in:\n{}", self.out));
            rest = &rest[at + line.len()..];
        }
    }

    /// It failed and said why.
    #[track_caller]
    pub(crate) fn failed(&self, why: &str) {
        assert!(!self.well && self.error.contains(why), "{}\n{}", self.out, self.error);
    }
}
