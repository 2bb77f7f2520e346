//! Instructions: this program once more under callgrind, one contender of one case a run.
//!
//! Two runs that differ only in how often the work is done differ by the work alone, whatever start
//! and preparation cost. The same binary gives the same numbers, on a busy machine too.

use std::path::Path;
use std::process::Command;

/// Runs before the counted ones: buffers have grown and tables are there.
const FEW: u64 = 4;
/// Counted runs.
const MORE: u64 = 20;

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

/// Instructions an operation.
///
/// # Errors
///
/// Valgrind failed, or printed no count.
pub fn measure(program: &Path, case: &str, contender: &str) -> Result<f64, String> {
    let few = count(program, case, contender, FEW)?;
    let more = count(program, case, contender, FEW + MORE)?;
    Ok(more.saturating_sub(few) as f64 / MORE as f64)
}

fn count(program: &Path, case: &str, contender: &str, times: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--once", case, contender, &times.to_string()])
        // What the environment holds moves the stack, and with it what copies cost.
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .output()
        .map_err(|error| format!("valgrind could not be started: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{case}, {contender}: valgrind failed: {}", stderr.trim_end()));
    }
    collected(&stderr).ok_or_else(|| format!("{case}, {contender}: no count in: {stderr}"))
}

/// Reads `==42== Collected : 123456`.
fn collected(stderr: &str) -> Option<u64> {
    let line = stderr.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 123456\n"), Some(123_456));
        assert_eq!(collected("valgrind: no such file"), None);
    }
}
