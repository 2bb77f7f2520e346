//! Instructions: this program once more under callgrind.
//!
//! One run does the work of all cases, with a mark before and after what counts. Callgrind writes
//! what it has counted since the last mark at each of them. The same binary gives the same numbers,
//! on a busy machine too: no clock, no hash seed and no other thread has a part in it.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

use crate::cases::Case;
use crate::contender::Contender;

/// Runs before the counted ones: buffers have grown and tables are there.
const FEW: u64 = 4;
/// Counted runs.
const MORE: u64 = 20;
/// The same where one run is long enough by itself.
const MORE_OF_LARGE: u64 = 2;
/// From how many bytes on a text is large.
const LARGE: usize = 16 << 10;

/// How the functions that callgrind stops at are called.
const MARK: &str = "chat_benches::measure::instructions::mark*";

/// Contenders that are counted: ours and the baseline. The gates need no more.
const COUNTED: usize = 2;

/// Whether valgrind can be started.
///
/// # Errors
///
/// It cannot; says what to do.
pub fn available() -> Result<(), String> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("valgrind is missing: instructions are counted by its callgrind. Install it \
                  (Debian and Ubuntu: `apt-get install valgrind`), or measure times without \
                  --instructions"
            .to_owned()),
    }
}

/// Instructions an operation of the first two contenders, for each case.
///
/// # Errors
///
/// Valgrind failed, or wrote no count.
pub fn measure(program: &Path, cases: &[Case]) -> Result<Vec<Vec<f64>>, String> {
    let folder = Folder::new()?;
    let out = folder.0.join("out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-line=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(format!("--dump-before={MARK}"))
        .arg(program)
        .arg(ALL)
        .args(cases.iter().map(Case::id))
        // What the environment holds moves the stack, and with it what copies cost.
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| name == "PATH"))
        .output()
        .map_err(|error| format!("valgrind could not be started: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind failed: {}", stderr.trim_end()));
    }
    let times = String::from_utf8_lossy(&output.stdout);
    // The counts at odd marks are of the preparations.
    let mut mark = 0;
    let mut counts = Vec::new();
    for line in times.lines() {
        let (case, times) = line.split_once('\t').ok_or_else(|| format!("no count: {line}"))?;
        let times: f64 = times.parse().map_err(|_| format!("{case}: {times} is no number"))?;
        mark += 2;
        let file = out.with_extension(mark.to_string());
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("{case}: {}: {error}", file.display()))?;
        let count = counted(&text).ok_or_else(|| format!("{case}: callgrind counted nothing"))?;
        counts.push(count as f64 / times);
    }
    if counts.len() != cases.len() * COUNTED {
        return Err(format!("{} counts for {} cases", counts.len(), cases.len()));
    }
    Ok(counts.chunks(COUNTED).map(<[f64]>::to_vec).collect())
}

/// The option under which the program calls [`work`].
pub const ALL: &str = "--count";

/// What callgrind watches: the contenders of each case, in order. Gives a line for each to print: the
/// case, a tab, and how often it ran between its two marks.
#[must_use]
pub fn work<'a>(cases: impl IntoIterator<Item = &'a Case>) -> String {
    let mut out = String::new();
    for case in cases {
        let built = case.build();
        let times = if built.bytes < LARGE { MORE } else { MORE_OF_LARGE };
        for mut contender in built.contenders.into_iter().take(COUNTED) {
            count(&mut contender, times);
            out.push_str(&format!("{}\t{times}\n", case.id()));
        }
    }
    out
}

fn count(contender: &mut Contender, times: u64) {
    contender.run(FEW);
    mark(0);
    contender.run(times);
    mark(1);
}

/// Callgrind knows it by its name.
#[inline(never)]
fn mark(end: u8) {
    black_box(end);
}

/// A folder of this process, removed when it is let go.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let path = env::temp_dir().join(format!("chat-benches-{}", process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads `summary: 123456` of what callgrind wrote.
fn counted(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        assert_eq!(counted("events: Ir\nsummary: 123456\n\nfn=(1) main\n"), Some(123_456));
        assert_eq!(counted("valgrind: no such file"), None);
    }

    #[test]
    fn both_contenders_of_a_case_are_counted() {
        let cases = crate::cases::all();
        let data = cases.iter().find(|case| case.id() == "decode/data");
        assert_eq!(work(data), "decode/data\t20\ndecode/data\t20\n");
    }
}
