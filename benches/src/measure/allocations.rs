//! Allocations: `allocs`, the program beside this one, counts them for every case.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Allocations an operation, by case and contender.
pub type Counts = BTreeMap<(String, String), u64>;

/// Runs `allocs`, which stands beside `program`.
///
/// # Errors
///
/// It is not there, or failed.
pub fn measure(program: &Path) -> Result<Counts, String> {
    let counter = program.with_file_name(format!("allocs{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&counter)
        .output()
        .map_err(|error| format!("`{}` could not be started: {error}", counter.display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed: {}", counter.display(), stderr.trim_end()));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines of case, contender and count, with tabs between.
fn parse(text: &str) -> Counts {
    let line = |line: &str| {
        let mut cells = line.split('\t');
        let (case, contender) = (cells.next()?.to_owned(), cells.next()?.to_owned());
        Some(((case, contender), cells.next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let counts = parse("decode/data\tours\t0\nnoise\ndecode/data\towned\t5\n");
        assert_eq!(counts.len(), 2);
        assert_eq!(counts[&("decode/data".to_owned(), "owned".to_owned())], 5);
    }
}
