//! Rows, tables, and the file they are kept in.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use crate::gates::{self, Gate};

/// What an operation costs one contender.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The contender.
    pub name: &'static str,
    /// Nanoseconds or instructions.
    pub cost: f64,
    /// The baseline's cost divided by it.
    pub ratio: f64,
}

/// What was found out about a case.
#[derive(Debug)]
pub struct Row {
    /// `group/name`.
    pub case: String,
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Of ours, of the baseline, of others.
    pub costs: Vec<Cost>,
    /// Allocations an operation: ours and the baseline's.
    pub allocations: Option<(u64, u64)>,
}

impl Row {
    /// The baseline's cost divided by ours.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.costs.first().map_or(f64::NAN, |ours| ours.ratio)
    }

    fn cost(&self, index: usize) -> f64 {
        self.costs.get(index).map_or(f64::NAN, |it| it.cost)
    }
}

/// The gates a row of times misses.
#[must_use]
pub fn missed_in_time(row: &Row) -> Vec<String> {
    let Some(gate) = gates::of(&row.case) else { return Vec::new() };
    let mut missed = Vec::new();
    missed_ratio(row, &gate, &mut missed);
    missed_allocations(row, &gate, &mut missed);
    missed
}

/// The gates a row of instructions misses.
#[must_use]
pub fn missed_in_instructions(row: &Row) -> Vec<String> {
    let Some(gate) = gates::of(&row.case) else { return Vec::new() };
    let mut missed = Vec::new();
    if gate.in_instructions {
        missed_ratio(row, &gate, &mut missed);
    }
    if let Some(most) = gate.max_instructions.filter(|most| row.cost(0) > *most) {
        missed.push(format!("{:.0} instructions, at most {most:.0}", row.cost(0)));
    }
    missed_allocations(row, &gate, &mut missed);
    missed
}

fn missed_ratio(row: &Row, gate: &Gate, missed: &mut Vec<String>) {
    // A ratio that could not be formed misses as well.
    if row.ratio().is_nan() || row.ratio() < gate.gate {
        missed.push(format!("ratio {:.2}, at least {:.1}", row.ratio(), gate.gate));
    }
}

fn missed_allocations(row: &Row, gate: &Gate, missed: &mut Vec<String>) {
    if let (Some(most), Some((ours, _))) = (gate.max_allocations, row.allocations)
        && ours > most
    {
        missed.push(format!("{ours} allocations, at most {most}"));
    }
}

/// The unit of times.
pub const TIME: &str = "ns";

/// The rows as a table; `unit` is what the costs are counted in.
#[must_use]
pub fn table(rows: &[Row], unit: &str, missed: fn(&Row) -> Vec<String>) -> String {
    let mut out = format!(
        "| target | case | bytes | ours, {unit} | baseline, {unit} | ratio | gate | goal | | \
         allocations | others against the baseline |\n|---|---|--:|--:|--:|--:|--:|--:|---|---|---|\n"
    );
    for row in rows {
        let gate = gates::of(&row.case);
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.1}"));
        let verdict = match gate {
            None => "",
            Some(_) if !missed(row).is_empty() => "**missed**",
            Some(gate) if unit != TIME && !gate.in_instructions => "time only",
            Some(gate) if row.ratio() >= gate.goal => "goal",
            Some(_) => "gate",
        };
        let allocations = row
            .allocations
            .map_or(String::new(), |(ours, baseline)| format!("{ours} / {baseline}"));
        let others: Vec<String> = row
            .costs
            .iter()
            .skip(2)
            .map(|it| format!("{} {}", it.name, number(it.ratio)))
            .collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.2} | {} | {} | {verdict} | {allocations} | {} |",
            gate.map_or("", |gate| gate.target),
            row.case,
            row.bytes,
            number(row.cost(0)),
            number(row.cost(1)),
            row.ratio(),
            cell(gate.map(|gate| gate.gate)),
            cell(gate.map(|gate| gate.goal)),
            others.join(", "),
        );
    }
    out
}

/// With as many digits as mean something.
fn number(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// What the numbers were measured on: processor, load, compiler.
#[must_use]
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let load = if load.is_empty() { "unknown" } else { load };
    format!(
        "{model}, {cores} cores, load {load} at the start; {}; {}-{}",
        rustc.unwrap_or_else(|_| "unknown rustc".to_owned()),
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
}

const HEAD: &str = "\
# Measurements

Ratios are the baseline's cost divided by ours: 2 is twice as fast. The baseline of frames is a type
that derives serde and owns its strings (`owned`). Only numbers of one table can be compared.
";

/// Replaces the section `title` of the report; the others stay.
///
/// # Errors
///
/// The file cannot be written.
pub fn keep(path: &Path, title: &str, body: &str) -> io::Result<()> {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, replaced(&before, title, body))
}

fn replaced(report: &str, title: &str, body: &str) -> String {
    let mut sections: Vec<(&str, &str)> = report
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(title, body)| (title, body.trim()))
        .collect();
    match sections.iter_mut().find(|(found, _)| *found == title) {
        Some((_, found)) => *found = body.trim(),
        None => sections.push((title, body.trim())),
    }
    let mut out = HEAD.to_owned();
    for (title, body) in sections {
        let _ = write!(out, "\n## {title}\n\n{body}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, ours: f64, baseline: f64, allocations: u64) -> Row {
        let cost = |name, cost| Cost { name, cost, ratio: baseline / cost };
        let costs =
            vec![cost("ours", ours), cost("owned", baseline), cost("value", baseline * 2.0)];
        Row { case: case.to_owned(), bytes: 219, costs, allocations: Some((allocations, 5)) }
    }

    #[test]
    fn a_gate_is_missed_by_ratio_instructions_or_allocations() {
        let missed = missed_in_instructions;
        assert!(missed(&row("decode/data", 1200.0, 4500.0, 0)).is_empty());
        assert_eq!(
            missed(&row("decode/data", 1400.5, 4500.0, 1)),
            [
                "ratio 3.21, at least 3.5",
                "1400 instructions, at most 1400",
                "1 allocations, at most 0"
            ]
        );
        assert_eq!(missed(&row("decode/data", f64::NAN, 1.0, 0)).len(), 1);
        assert!(missed(&row("no gate", 9.0, 1.0, 9)).is_empty());
        // Where instructions say nothing, only times do.
        let slow = row("encode/id", 1.0, 1.0, 0);
        assert!(missed(&slow).is_empty());
        assert_eq!(missed_in_time(&slow).len(), 1);
    }

    #[test]
    fn a_row_shows_everything() {
        let rows = [row("decode/data", 100.0, 450.0, 0), row("session/data", 5.0, 5.0, 1)];
        let table = table(&rows, TIME, missed_in_time);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| T1 | decode/data | 219 | 100 | 450 | 4.50 | 3.5 | 4.3 | goal | 0 / 5 | value 0.50 |",
                "|  | session/data | 219 | 5.00 | 5.00 | 1.00 |  |  |  | 1 / 5 | value 0.50 |",
            ]
        );
    }

    #[test]
    fn one_section_is_replaced_and_the_others_stay() {
        let first = replaced("", "Times", "a\n");
        let both = replaced(&first, "Instructions", "b");
        assert_eq!(both, format!("{HEAD}\n## Times\n\na\n\n## Instructions\n\nb\n"));
        assert_eq!(
            replaced(&both, "Times", "c"),
            format!("{HEAD}\n## Times\n\nc\n\n## Instructions\n\nb\n")
        );
    }
}
