//! Proxies that others wrote, started for a test: tinyproxy for `CONNECT`, microsocks for SOCKS 5.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, process};

use super::peer;

/// Neither program takes port 0, so that a port may be lost between finding and using it.
const STARTS: u32 = 5;

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy in a process of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct RealProxy {
    /// Where it listens, on this machine.
    pub address: SocketAddr,
    child: Child,
    folder: PathBuf,
}

/// tinyproxy with these further lines of configuration. `None` where it is not installed.
#[must_use]
pub fn tinyproxy(lines: &str) -> Option<RealProxy> {
    start("tinyproxy", |command, address, folder| {
        let config = folder.join("tinyproxy.conf");
        let (ip, port) = (address.ip(), address.port());
        let text = format!("Listen {ip}\nPort {port}\nMaxClients 100\nTimeout 60\n{lines}\n");
        fs::write(&config, text).unwrap();
        command.arg("-d").arg("-c").arg(config);
    })
}

/// microsocks with these further arguments. `None` where it is not installed.
#[must_use]
pub fn microsocks(args: &[&str]) -> Option<RealProxy> {
    start("microsocks", |command, address, _| {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        command.args(["-i", &ip, "-p", &port]).args(args);
    })
}

impl RealProxy {
    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.folder)
    }
}

impl Drop for RealProxy {
    fn drop(&mut self) {
        end(&mut self.child, &self.folder);
    }
}

/// A test that cannot run here. Said past the harness, which shows nothing of tests that pass.
///
/// # Panics
///
/// In CI, where `.ci/run` has installed what is needed.
pub(super) fn skip(what: &str, why: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "{what}: {why}");
    told(what, why);
}

/// The same where no script could provide what is missing.
pub(super) fn told(what: &str, why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED {what}: {why}");
}

type Arrange<'a> = &'a dyn Fn(&mut Command, SocketAddr, &Path);

fn start(program: &str, arrange: impl Fn(&mut Command, SocketAddr, &Path)) -> Option<RealProxy> {
    let mut said = String::new();
    for _ in 0..STARTS {
        match try_start(program, &arrange) {
            Ok(proxy) => return Some(proxy),
            Err(Trouble::Missing) => {
                skip(program, "is not installed (Debian: tinyproxy-bin, microsocks)");
                return None;
            }
            Err(Trouble::Ended(log)) => said = log,
        }
    }
    panic!("{program} does not start: {said}");
}

enum Trouble {
    Missing,
    /// With what it said.
    Ended(String),
}

fn try_start(program: &str, arrange: Arrange<'_>) -> Result<RealProxy, Trouble> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("{program}-{}-{count}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let address = free();
    let mut command = Command::new(program);
    arrange(&mut command, address, &folder);
    let log = File::create(folder.join("log")).unwrap();
    let spawned = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let _ = fs::remove_dir_all(&folder);
            return Err(Trouble::Missing);
        }
        Err(error) => panic!("{program} cannot be started: {error}"),
    };
    let end_at = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        let listens = TcpStream::connect(address).is_ok();
        // Looked at afterwards: whoever listens may be another, if ours could not.
        if child.try_wait().unwrap().is_some() || Instant::now() > end_at {
            return Err(Trouble::Ended(end(&mut child, &folder)));
        }
        if listens {
            return Ok(RealProxy { address, child, folder });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// A free port, at an address of this process' own where the system has many, so that nobody takes
/// the port meanwhile.
fn free() -> SocketAddr {
    let [.., high, low] = process::id().to_be_bytes();
    let own = SocketAddr::from((Ipv4Addr::new(127, 78, high, low.clamp(1, 254)), 0));
    match std::net::TcpListener::bind(own) {
        Ok(listener) => listener.local_addr().unwrap(),
        Err(_) => peer::nobody(),
    }
}

/// Ends a child and gives what it said.
fn end(child: &mut Child, folder: &Path) -> String {
    let _ = child.kill();
    let _ = child.wait();
    let said = log(folder);
    let _ = fs::remove_dir_all(folder);
    said
}

fn log(folder: &Path) -> String {
    let said = fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}
