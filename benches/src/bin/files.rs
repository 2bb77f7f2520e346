//! How much memory a large file takes, up and down, on each runtime.
//!
//! `files` alone starts a server and one program for each transfer, and prints a table. Every program is
//! a process of its own: the peak of one says nothing of another, and the server's memory is not ours.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::HttpRequest;
use chat_proto::rest::{FilePart, Multipart};
use runtime_async_std::{AsyncStdRuntime, SmolRuntime};
use runtime_tokio::files::{self, DownloadOptions, Source, UploadOptions};
use runtime_tokio::{Runtime, TlsPolicy, TokioRuntime};

type Failure = Box<dyn Error + Send + Sync>;

const MIB: u64 = 1 << 20;
/// Bytes of the file.
const LEN: u64 = 1 << 30;
/// The most that a transfer may add to the resident memory.
const GATE_KIB: u64 = 32 << 10;

const RUNTIMES: [&str; 3] = ["tokio", "async-std", "smol"];

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["serve"] => serve(),
        ["down", runtime, url, path] => transfer(runtime, false, url, path),
        ["up", runtime, url, path] => transfer(runtime, true, url, path),
        _ => Err("files takes no argument".into()),
    }
}

/// What one program tells about itself, in KiB.
struct Memory {
    before: u64,
    peak: u64,
    seconds: f64,
}

fn measure() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("chat-bench-files-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = table(&folder);
    fs::remove_dir_all(&folder)?;
    let (text, worst) = result?;
    println!("{text}");
    if worst > GATE_KIB {
        return Err(format!("{worst} KiB are more than {GATE_KIB} KiB").into());
    }
    Ok(())
}

fn table(folder: &Path) -> Result<(String, u64), Failure> {
    let program = std::env::current_exe()?;
    let mut server = Command::new(&program).arg("serve").stdout(Stdio::piped()).spawn()?;
    let result = rows(folder, &program, &mut server);
    server.kill()?;
    server.wait()?;
    result
}

fn rows(folder: &Path, program: &Path, server: &mut Child) -> Result<(String, u64), Failure> {
    let mut url = String::new();
    let says = server.stdout.take().ok_or("the server says nothing")?;
    BufReader::new(says).read_line(&mut url)?;
    let path = folder.join("file");
    let mut text = String::from(
        "| runtime | direction | before, MiB | peak, MiB | added, MiB | MiB/s |\n|---|---|---|---|---|---|\n",
    );
    let mut worst = 0;
    for runtime in RUNTIMES {
        // The file that comes down goes up again.
        for direction in ["down", "up"] {
            let run = Command::new(program)
                .args([direction, runtime, url.trim()])
                .arg(&path)
                .stderr(Stdio::inherit())
                .output()?;
            if !run.status.success() {
                return Err(format!("{runtime} {direction}: {}", run.status).into());
            }
            let memory = read(&String::from_utf8(run.stdout)?).ok_or("no figures")?;
            let added = memory.peak.saturating_sub(memory.before);
            worst = worst.max(added);
            let mib = |kib: u64| kib as f64 / 1024.0;
            writeln!(
                text,
                "| {runtime} | {direction} | {:.1} | {:.1} | **{:.1}** | {:.0} |",
                mib(memory.before),
                mib(memory.peak),
                mib(added),
                (LEN / MIB) as f64 / memory.seconds,
            )?;
        }
        fs::remove_file(&path)?;
    }
    writeln!(text, "\n{} MiB a file; gate: {} MiB added.", LEN / MIB, GATE_KIB / 1024)?;
    Ok((text, worst))
}

fn read(line: &str) -> Option<Memory> {
    let mut words = line.split_whitespace();
    let before = words.next()?.parse().ok()?;
    let peak = words.next()?.parse().ok()?;
    let seconds = words.next()?.parse().ok()?;
    Some(Memory { before, peak, seconds })
}

/// One transfer; prints the figures.
fn transfer(runtime: &str, up: bool, url: &str, path: &str) -> Result<(), Failure> {
    let tls = TlsPolicy::platform;
    match runtime {
        "tokio" => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(
            TokioRuntime::new(tls()),
            up,
            url,
            path,
        )),
        "async-std" => AsyncStdRuntime::block_on(run(AsyncStdRuntime::new(tls()), up, url, path)),
        "smol" => SmolRuntime::block_on(run(SmolRuntime::new(tls()), up, url, path)),
        _ => Err("no such runtime".into()),
    }
}

async fn run<R: Runtime>(runtime: R, up: bool, url: &str, path: &str) -> Result<(), Failure> {
    // The same on a small scale, so that what every program pays once is not counted.
    once(&runtime, up, &format!("{url}/1000"), path, 1000).await?;
    let before = memory("VmRSS:")?;
    let start = Instant::now();
    once(&runtime, up, &format!("{url}/{LEN}"), path, LEN).await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{before} {} {seconds}", memory("VmHWM:")?);
    Ok(())
}

async fn once<R: Runtime>(
    runtime: &R,
    up: bool,
    url: &str,
    path: &str,
    len: u64,
) -> Result<(), Failure> {
    if up {
        let source = if len == LEN {
            Source::open(path).await?
        } else {
            let bytes: Vec<u8> = (0..len).map(byte).collect();
            Source::bytes(bytes)
        };
        let part = FilePart::new("file", len);
        let request = http::Request::post(url);
        let form = Multipart::new(1).text("id", "1").file("file", &part, request)?;
        let answer = files::upload(runtime, form, source, UploadOptions::default()).await?;
        if !answer.status().is_success() {
            return Err(format!("the server has got something else: {}", answer.status()).into());
        }
    } else {
        let request = HttpRequest::new(http::Request::get(url).body(Bytes::new())?);
        let done = files::download(runtime, request, path, DownloadOptions::default()).await?;
        if done.bytes != len || fs::metadata(path)?.len() != len {
            return Err("not the whole file".into());
        }
    }
    Ok(())
}

/// A figure of this process, in KiB.
fn memory(name: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")
        .map_err(|error| format!("this is measured on Linux only: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// The byte of the file at a place.
fn byte(at: u64) -> u8 {
    // A prime, so that nothing that is a power of two hides a shift.
    (at % 251) as u8
}

/// One block of the file, from any place on: a multiple of the prime, so that all blocks are alike.
const BLOCK: u64 = 251 * 256;

/// Gives and takes the file, one connection after another.
fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept()?;
        // A client that breaks off fails by itself.
        let _ = answer(stream);
    }
}

fn answer(stream: TcpStream) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let (mut head, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        head.push(line.trim().to_ascii_lowercase());
        line.clear();
    }
    let block: Vec<u8> = (0..BLOCK).map(byte).collect();
    let first = head.first().cloned().unwrap_or_default();
    let len: u64 = first.split(['/', ' ']).find_map(|word| word.parse().ok()).unwrap_or_default();
    if first.starts_with("get") {
        write!(writer, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {len}\r\n\r\n")?;
        let mut left = len;
        while left > 0 {
            let now = left.min(BLOCK);
            writer.write_all(&block[..now as usize])?;
            left -= now;
        }
        return Ok(());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or_default();
    let whole = is_whole(&mut reader.take(length), len, &block)?;
    let status = if whole { "200 OK" } else { "400 Bad Request" };
    write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
}

/// Reads a form to its end; whether its file is ours.
fn is_whole(form: &mut impl BufRead, len: u64, block: &[u8]) -> io::Result<bool> {
    let mut line = Vec::new();
    let mut part = String::new();
    // The second part is the file; its head ends with an empty line.
    while !(part.contains("filename=") && line == b"\r\n") {
        line.clear();
        if form.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        part.push_str(&String::from_utf8_lossy(&line));
    }
    let (mut left, mut same, mut have) = (len, true, vec![0; block.len()]);
    while left > 0 {
        let now = left.min(BLOCK) as usize;
        form.read_exact(&mut have[..now])?;
        same &= have[..now] == block[..now];
        left -= now as u64;
    }
    io::copy(form, &mut io::sink())?;
    Ok(same)
}
