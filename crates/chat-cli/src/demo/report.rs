//! The demo's output: each exchange as it happens, then a summary.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Instant;

use super::journal::Journal;

/// Why an exchange failed.
pub(crate) type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Prints and counts.
#[derive(Debug)]
pub(crate) struct Report<W> {
    out: W,
    journal: Journal,
    section: &'static str,
    current: Option<String>,
    count: u32,
    failures: Vec<String>,
    started: Instant,
}

impl<W: Write> Report<W> {
    pub(crate) fn new(out: W, journal: Journal) -> Self {
        let started = Instant::now();
        Self { out, journal, section: "", current: None, count: 0, failures: Vec::new(), started }
    }

    pub(crate) fn say(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    pub(crate) fn section(&mut self, name: &'static str, title: &str) -> io::Result<()> {
        self.section = name;
        writeln!(self.out, "\n{name} — {title}")
    }

    /// An exchange starts.
    pub(crate) fn begin(&mut self, title: &str) -> io::Result<()> {
        self.count += 1;
        let title = format!("{} {:>2}  {title}", self.section, self.count);
        self.current = Some(title.clone());
        // What came between exchanges, e.g. presence, belongs to none.
        self.journal.take();
        writeln!(self.out, "\n{title}")?;
        self.out.flush()
    }

    /// The exchange went as documented.
    pub(crate) fn pass(&mut self, detail: impl Display) -> io::Result<()> {
        self.traffic()?;
        self.current = None;
        writeln!(self.out, "   ✓ {detail}")?;
        self.out.flush()
    }

    /// The exchange failed.
    pub(crate) fn fail(&mut self, problem: &dyn Display) -> io::Result<()> {
        self.traffic()?;
        let title = self.current.take().unwrap_or_else(|| self.section.to_owned());
        writeln!(self.out, "   ✗ {problem}")?;
        self.failures.push(format!("{title}: {problem}"));
        self.out.flush()
    }

    /// The summary; whether everything passed.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        let failed = self.failures.len();
        let passed = self.count.saturating_sub(u32::try_from(failed).unwrap_or(u32::MAX));
        let millis = self.started.elapsed().as_millis();
        writeln!(self.out, "\n{passed} passed, {failed} failed  ({millis} ms)")?;
        for failure in &self.failures {
            writeln!(self.out, "   ✗ {failure}")?;
        }
        self.out.flush()?;
        Ok(failed == 0 && self.count > 0)
    }

    fn traffic(&mut self) -> io::Result<()> {
        for line in self.journal.take() {
            writeln!(self.out, "     {line}")?;
        }
        Ok(())
    }
}
