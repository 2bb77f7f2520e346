//! The README's example: the same text as the file it names, and it runs against our server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::cmd::Cmd;

const EXAMPLE: &str = "crates/runtime-tokio/examples/hello.rs";

/// Compares the texts and runs the example.
pub(super) fn check(root: &Path) -> Result<(), String> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
    };
    compare(&read("README.md")?, &read(EXAMPLE)?)?;
    let serve = Cmd::cargo(
        "run --quiet --locked -p chat-cli -- serve --listen 127.0.0.1:0 --json".split(' '),
    );
    println!("$ {}", serve.line());
    let mut server = Server(serve.spawn(root, Stdio::piped())?);
    let ready = server.first_line()?;
    let ready: serde_json::Value = serde_json::from_str(&ready)
        .map_err(|error| format!("the server's first line is not JSON ({error}): {ready}"))?;
    let (Some(url), Some(ca)) = (ready["pbx"].as_str(), ready["ca"].as_str()) else {
        return Err(format!("the server's first line names no `pbx` and `ca`: {ready}"));
    };
    let example = Cmd::cargo("run --quiet --locked -p runtime-tokio --example hello".split(' '))
        .env("CHAT_IM_URL", url)
        .env("CHAT_IM_CA_FILE", ca)
        .env("CHAT_IM_USER", "101")
        .env("CHAT_IM_DOMAIN", "pbx.example.com")
        .env("CHAT_IM_PASSWORD", "demo-101");
    println!("$ {}", example.line());
    let output = example.capture(root)?;
    if !output.contains("Published") || !output.contains("Hello from Rust") {
        return Err(format!("the example did not publish its message:\n{output}"));
    }
    println!("the example published and received its message");
    Ok(())
}

/// The block after the comment that names the file must end the file.
fn compare(readme: &str, example: &str) -> Result<(), String> {
    let marker = format!("<!-- {EXAMPLE} -->\n```rust\n");
    let (_, rest) =
        readme.split_once(&marker).ok_or_else(|| format!("README.md has no block {EXAMPLE}"))?;
    let (block, _) = rest.split_once("```\n").ok_or("README.md: the block does not end")?;
    if example.ends_with(&format!("\n{block}")) {
        Ok(())
    } else {
        Err(format!("README.md: the example differs from {EXAMPLE}"))
    }
}

/// A server that ends with us, however we end.
struct Server(Child);

impl Server {
    fn first_line(&mut self) -> Result<String, String> {
        let stdout = self.0.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        if line.is_empty() { Err("the server ended at once".to_owned()) } else { Ok(line) }
    }
}

impl Drop for Server {
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
    fn the_block_must_be_the_end_of_the_file() {
        let readme = format!("text\n<!-- {EXAMPLE} -->\n```rust\nfn main() {{}}\n```\nmore\n");
        assert_eq!(compare(&readme, "use x;\n\nfn main() {}\n"), Ok(()));
        assert!(compare(&readme, "use x;\n\nfn main() { todo() }\n").is_err());
        assert!(compare("nothing", "fn main() {}\n").is_err());
    }
}
