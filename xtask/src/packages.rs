//! Packages from the registries of Node and Python: clients of others, which our server is tried
//! with and which we are measured beside.
//!
//! They are named with their exact versions in `conformance/package.json` and
//! `conformance/requirements.txt`, and installed under `target/conformance`; nothing of them is kept
//! in the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder with the lists, and with the scripts that use them.
pub(crate) const SCRIPTS: &str = "conformance";
/// The oldest Node: the first with `fetch` and `FormData`.
const NODE: u32 = 18;
/// The oldest Python that the packages support.
const PYTHON: (u32, u32) = (3, 10);

/// The folder in which everything is built.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |it| root.join(it))
}

/// Where packages are installed.
pub(crate) struct Packages<'a> {
    root: &'a Path,
    place: PathBuf,
    /// A Python that has them, once they are installed.
    pub(crate) python: PathBuf,
}

impl<'a> Packages<'a> {
    /// Nothing is installed yet.
    pub(crate) fn of(root: &'a Path) -> Result<Self, String> {
        let place = target(root).join("conformance");
        fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        Ok(Self { root, place, python: PathBuf::new() })
    }

    /// The folder with Node's packages.
    pub(crate) fn node_folder(&self) -> PathBuf {
        self.place.join("node")
    }

    /// Installs the packages of Node; says what is missing.
    pub(crate) fn node(&self) -> Result<Option<&'static str>, String> {
        let version = output(Command::new("node").arg("--version")).unwrap_or_default();
        let major =
            version.trim_start_matches('v').split('.').next().and_then(|it| it.parse().ok());
        if major.is_none_or(|major: u32| major < NODE) {
            return Ok(Some("Node 18 or later is not installed"));
        }
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        if output(Command::new(npm).arg("--version")).is_none() {
            return Ok(Some("npm is not installed"));
        }
        self.install("node", "package.json", |folder| {
            fs::copy(self.root.join(SCRIPTS).join("package.json"), folder.join("package.json"))
                .map_err(|error| error.to_string())?;
            let mut install = Command::new(npm);
            let options = "install --no-audit --no-fund --ignore-scripts --no-package-lock";
            install.args(options.split(' ')).current_dir(folder);
            done(&mut install, "npm install")
        })?;
        Ok(None)
    }

    /// Makes an environment of Python with the packages; says what is missing.
    pub(crate) fn python(&mut self) -> Result<Option<&'static str>, String> {
        let print = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
        let named = ["python3", "python"].into_iter().find_map(|name| {
            let version = output(Command::new(name).args(["-c", print]))?;
            let (major, minor) = version.trim().split_once(' ')?;
            let version: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
            (version >= PYTHON).then_some(name)
        });
        let Some(name) = named else {
            return Ok(Some("Python 3.10 or later with venv is not installed"));
        };
        let bin = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        let python = self.place.join("python").join(bin);
        self.install("python", "requirements.txt", |folder| {
            done(Command::new(name).args(["-m", "venv", "--clear"]).arg(folder), "python -m venv")?;
            let requirements = self.root.join(SCRIPTS).join("requirements.txt");
            let options = "-m pip install --quiet --disable-pip-version-check -r";
            let mut install = Command::new(&python);
            done(install.args(options.split(' ')).arg(requirements), "pip install")
        })?;
        self.python = python;
        Ok(None)
    }

    /// Fills `folder` once for each content of the list of packages.
    fn install(
        &self,
        folder: &str,
        list: &str,
        fill: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let (folder, stamp) = (self.place.join(folder), self.place.join(format!("{folder}.stamp")));
        let wanted = fs::read_to_string(self.root.join(SCRIPTS).join(list))
            .map_err(|error| format!("{SCRIPTS}/{list}: {error}"))?;
        if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        println!("installing {SCRIPTS}/{list} into {}", folder.display());
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(wrong)?;
        fill(&folder)?;
        fs::write(&stamp, wanted).map_err(wrong)
    }
}

/// What a program prints; `None` where it is missing or fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|it| it.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn done(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{what}` could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{what}` failed ({}):\n{}", output.status, stderr.trim_end()))
}
