//! How much memory a large file takes.

use crate::cmd::Cmd;

/// Builds and runs the program, which fails where its gate is missed.
pub(super) fn run(options: &[String]) -> Result<Cmd, String> {
    if !options.is_empty() {
        return Err(format!("`bench files` takes no argument, got `{}`", options.join(" ")));
    }
    Ok(Cmd::cargo([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "chat-benches",
        "--no-default-features",
        "--features",
        "files",
        "--bin",
        "files",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_no_argument() {
        assert!(run(&[]).unwrap().line().ends_with("--bin files"));
        assert!(run(&["--check".to_owned()]).is_err());
    }
}
