//! A program that runs for a bounded time.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Far more than any of them needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. It is ended when this is dropped.
pub(crate) struct Program {
    child: Child,
    said: mpsc::Receiver<String>,
}

/// What it printed, and whether it ended well.
pub(crate) struct Ended {
    pub(crate) out: String,
    pub(crate) error: String,
    pub(crate) well: bool,
}

impl Program {
    /// Starts it with nothing of this machine's settings.
    pub(crate) fn start(mut command: Command) -> Self {
        for name in
            ["ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy"]
        {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut out, mut error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (tell, said) = mpsc::channel();
        let tell_error = tell.clone();
        thread::spawn(move || {
            let mut text = String::new();
            let _ = error.read_to_string(&mut text);
            let _ = tell_error.send(format!("E{text}"));
        });
        thread::spawn(move || {
            let mut text = String::new();
            let _ = out.read_to_string(&mut text);
            let _ = tell.send(format!("O{text}"));
        });
        Self { child, said }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let mut ended = Ended { out: String::new(), error: String::new(), well: false };
        for _ in 0..2 {
            let Ok(text) = self.said.recv_timeout(PATIENCE) else {
                let _ = self.child.kill();
                panic!("the program does not end");
            };
            match text.split_at(1) {
                ("O", text) => ended.out = text.to_owned(),
                (_, text) => ended.error = text.to_owned(),
            }
        }
        ended.well = self.child.wait().unwrap().success();
        ended
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
}
