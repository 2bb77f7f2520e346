//! Child processes: what is run is printed, and what failed is named.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A command to run in the workspace root.
#[derive(Debug)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    envs: Vec<(&'static str, String)>,
}

impl Cmd {
    /// The cargo that started us, with `args`.
    pub(crate) fn cargo<I>(args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self {
            program: std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()),
            args: args.into_iter().map(Into::into).collect(),
            envs: Vec::new(),
        }
    }

    /// The same with the nightly toolchain of rustup, whichever started us.
    pub(crate) fn nightly<I>(args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let args = std::iter::once("+nightly".to_owned()).chain(args.into_iter().map(Into::into));
        // Only the `cargo` of rustup, which is the one on the path, understands `+nightly`.
        Self { program: "cargo".to_owned(), args: args.collect(), envs: Vec::new() }
    }

    /// Adds a variable to the child's environment.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.envs.push((name, value.into()));
        self
    }

    /// The line a reader can paste into a shell.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.envs {
            line.push_str(&format!("{name}=\"{value}\" "));
        }
        // The full path of cargo says nothing to the reader.
        let program = Path::new(&self.program).file_stem().and_then(|stem| stem.to_str());
        line.push_str(program.unwrap_or(&self.program));
        for arg in &self.args {
            line.push(' ');
            line.push_str(arg);
        }
        line
    }

    /// Prints the line and runs it; its output goes where ours goes.
    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        println!("$ {}", self.line());
        let status = self
            .command(root)
            .status()
            .map_err(|error| format!("`{}` could not be started: {error}", self.line()))?;
        if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", self.line())) }
    }

    /// Prints the line and runs it; shows its standard error and hands each line of it over.
    /// Whether it succeeded is the result.
    pub(crate) fn watch(&self, root: &Path, mut line: impl FnMut(&str)) -> Result<bool, String> {
        println!("$ {}", self.line());
        let not_run = |error| format!("`{}` could not be run: {error}", self.line());
        let mut child = self.command(root).stderr(Stdio::piped()).spawn().map_err(not_run)?;
        let stderr = child.stderr.take().ok_or("the child has no standard error")?;
        for read in BufReader::new(stderr).split(b'\n') {
            let read = read.map_err(not_run)?;
            let read = String::from_utf8_lossy(&read);
            eprintln!("{read}");
            line(&read);
        }
        child.wait().map(|status| status.success()).map_err(not_run)
    }

    /// Runs it silently and gives its standard output; on failure its standard error is in the
    /// message.
    pub(crate) fn capture(&self, root: &Path) -> Result<String, String> {
        let output = self
            .command(root)
            .output()
            .map_err(|error| format!("`{}` could not be started: {error}", self.line()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Err(format!("`{}` failed ({}):\n{}", self.line(), output.status, stderr.trim_end()))
        }
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&self, root: &Path, stdout: Stdio) -> Result<Child, String> {
        self.command(root)
            .stdout(stdout)
            .spawn()
            .map_err(|error| format!("`{}` could not be started: {error}", self.line()))
    }

    fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(root).stdin(Stdio::null());
        // What `cargo run` set for us would make build scripts that watch these variables (ring's
        // does) run again, here and then once more outside.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo_run) {
                command.env_remove(name);
            }
        }
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn is_set_by_cargo_run(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_environment_and_arguments() {
        let cmd = Cmd {
            program: "/opt/rust/bin/cargo".to_owned(),
            args: vec!["doc".to_owned(), "--no-deps".to_owned()],
            envs: vec![("RUSTDOCFLAGS", "-D warnings".to_owned())],
        };
        assert_eq!(cmd.line(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }

    #[test]
    fn a_failing_child_is_named_with_its_message() {
        let error = Cmd::cargo(["no-such-subcommand-here"]).capture(Path::new(".")).unwrap_err();
        assert!(error.starts_with("`cargo no-such-subcommand-here` failed"), "{error}");
        assert!(error.contains("no such command"), "{error}");
    }

    #[test]
    fn settings_of_the_user_reach_the_child() {
        assert!(is_set_by_cargo_run("CARGO_PKG_NAME"));
        assert!(is_set_by_cargo_run("CARGO_MANIFEST_DIR"));
        for kept in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "CARGO_NET_OFFLINE"] {
            assert!(!is_set_by_cargo_run(kept), "{kept}");
        }
    }
}
