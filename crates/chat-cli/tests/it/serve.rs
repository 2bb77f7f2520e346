//! `chat serve`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::{chat, run, text};

fn start(args: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = chat(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn terminate(mut child: Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success(), "a polite kill ends cleanly");
}

#[test]
fn the_first_line_is_one_object_with_the_addresses() {
    let (child, mut stdout) = start(&["--json"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let port = line.split("\"im\":\"wss://127.0.0.1:").nth(1).unwrap();
    let port = port.split('/').next().unwrap();
    let ca = line.split("\"ca\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(
        line,
        format!(
            "{{\"event\":\"ready\",\"im\":\"wss://127.0.0.1:{port}/im\",\
             \"pbx\":\"https://127.0.0.1:{port}\",\"c2c\":\"https://127.0.0.1:{port}\",\
             \"chat\":\"wss://127.0.0.1:{port}/chat\",\"ca\":\"{ca}\"}}\n"
        )
    );
    assert!(std::fs::read_to_string(ca).unwrap().contains("BEGIN CERTIFICATE"));
    terminate(child);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing but the one line on standard output");
}

#[test]
fn the_way_in_for_steering_is_the_last_member_and_only_on_request() {
    let (child, mut stdout) = start(&["--json", "--tls", "off", "--admin"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let admin = line.split(",\"admin\":").nth(1).unwrap();
    let port = line.split("\"im\":\"ws://127.0.0.1:").nth(1).unwrap().split('/').next().unwrap();
    let start = format!("{{\"url\":\"http://127.0.0.1:{port}/admin\",\"token\":\"");
    let token = admin.strip_prefix(&start).unwrap().strip_suffix("\"}}\n").unwrap();
    assert!(token.len() == 64 && token.bytes().all(|it| it.is_ascii_hexdigit()), "{token}");
    terminate(child);
}

#[test]
fn the_certificate_is_written_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let (child, mut stdout) = start(&["--json", "--ca", ca.to_str().unwrap()]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains(ca.to_str().unwrap()), "{line}");
    assert!(std::fs::read_to_string(&ca).unwrap().contains("BEGIN CERTIFICATE"));
    terminate(child);
}

#[test]
fn without_tls_the_addresses_say_so() {
    let (child, mut stdout) = start(&["--json", "--tls", "off"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"im\":\"ws://") && line.contains("\"pbx\":\"http://"), "{line}");
    assert!(!line.contains("\"ca\""), "{line}");
    terminate(child);
}

#[test]
fn mistakes_are_named() {
    let output = run(&["serve", "--tls", "sometimes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("CERT.pem,KEY.pem"));
    let output = run(&["serve", "--listen", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let missing = ["serve", "--listen", "127.0.0.1:0", "--tls", "/no/cert.pem,/no/key.pem"];
    let output = run(&missing);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("/no/cert.pem"), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains(&address), "{error}");
}

#[test]
fn an_output_that_nobody_reads_is_an_error_and_no_panic() {
    for args in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["serve", "--listen", "127.0.0.1:0", "--json"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = chat(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("chat: cannot write to standard output: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn mistakes_are_told_once() {
    let said = text(&run(&["serve", "--world", "/no/such/file.toml"]).stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("chat: /no/such/file.toml: "), "{said}");
    let said = text(&run(&["serve", "--listen", "localhost:8887"]).stderr);
    assert!(said.contains("expected an IP address and a port"), "{said}");
}
