//! What was measured, as tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::clock::Turn;
use super::contenders::Contender;
use super::gates::{GATES, Gate, Measure};
use super::work::Work;

/// The turns of every contender, by round.
#[derive(Debug, Default)]
pub struct Measured(BTreeMap<(Work, Contender), Vec<(usize, Turn)>>);

impl Measured {
    /// Adds a turn.
    pub fn add(&mut self, round: usize, work: Work, contender: Contender, turn: Turn) {
        self.0.entry((work, contender)).or_default().push((round, turn));
    }

    /// The median over the rounds in which both had a turn. NaN when there is none.
    #[must_use]
    pub fn ratio(&self, gate: &Gate) -> f64 {
        let turns = |contender| self.turns(gate.work, contender);
        let mut ratios = Vec::new();
        for (round, ours) in turns(gate.ours) {
            let other = turns(gate.against).iter().find(|(other, _)| other == round);
            ratios.extend(other.map(|(_, other)| match gate.measure {
                Measure::Speed => other.wall / ours.wall,
                Measure::Processor => ours.cpu / other.cpu,
            }));
        }
        median(ratios)
    }

    fn turns(&self, work: Work, contender: Contender) -> &[(usize, Turn)] {
        self.0.get(&(work, contender)).map_or(&[], Vec::as_slice)
    }

    fn median(&self, work: Work, contender: Contender, of: fn(&Turn) -> f64) -> f64 {
        median(self.turns(work, contender).iter().map(|(_, turn)| of(turn)).collect())
    }

    /// The gates of what was measured, with their ratios.
    #[must_use]
    pub fn gates(&self) -> Vec<(&'static Gate, f64)> {
        let there = |gate: &&Gate| {
            let turns = |contender| !self.turns(gate.work, contender).is_empty();
            turns(gate.ours) && turns(gate.against)
        };
        GATES.iter().filter(there).map(|gate| (gate, self.ratio(gate))).collect()
    }

    /// What has to hold.
    #[must_use]
    pub fn gate_table(&self) -> String {
        let mut out = "\
| target | case | ours | against | ratio | gate | goal | | by processor time |
|---|---|---|---|--:|--:|--:|---|--:|
"
        .to_owned();
        for (gate, ratio) in self.gates() {
            let (what, sign) = match gate.measure {
                Measure::Speed => ("", "≥"),
                Measure::Processor => (", processor time", "≤"),
            };
            let verdict = match (gate.holds(ratio), gate.is_goal(ratio)) {
                (_, true) => "✓ goal",
                (true, false) => "✓",
                (false, false) => "✗",
            };
            let _ = writeln!(
                out,
                "| {} | {}{what} | {} | {} | {} | {sign} {} | {} | {verdict} | {} |",
                gate.target,
                gate.work.name(),
                gate.ours.name(),
                gate.against.name(),
                short(ratio),
                short(gate.gate),
                short(gate.goal),
                // On a busy machine, time also tells how long others held the processor.
                match gate.measure {
                    Measure::Speed => short(1.0 / self.ratio(&gate.in_processor_time())),
                    Measure::Processor => String::new(),
                },
            );
        }
        out
    }

    /// Medians of everybody; speed and processor time are compared with bare tungstenite.
    #[must_use]
    pub fn cost_table(&self) -> String {
        let mut out = "\
| case | contender | ns a message | messages/s | speed ÷ bare | processor ns | ÷ bare | rounds |
|---|---|--:|--:|--:|--:|--:|--:|
"
        .to_owned();
        for (&(work, contender), turns) in &self.0 {
            let against_bare = |measure| {
                let (ours, against) = (contender, Contender::Bare);
                let gate = Gate { target: "", work, ours, against, measure, gate: 0.0, goal: 0.0 };
                short(self.ratio(&gate))
            };
            let wall = self.median(work, contender, |turn| turn.wall);
            let cpu = self.median(work, contender, |turn| turn.cpu);
            let _ = writeln!(
                out,
                "| {} | {} | {wall:.0} | {:.0} | {} | {} | {} | {} |",
                work.name(),
                contender.name(),
                1e9 / wall,
                against_bare(Measure::Speed),
                if cpu.is_nan() { String::new() } else { format!("{cpu:.0}") },
                against_bare(Measure::Processor),
                turns.len(),
            );
        }
        out
    }

    /// The gates that are missed, one line each.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let gates = self.gates().into_iter().filter(|(gate, ratio)| !gate.holds(*ratio));
        let line = |(gate, ratio): (&Gate, f64)| {
            let (work, ours, against) = (gate.work.name(), gate.ours.name(), gate.against.name());
            let (target, ratio, wanted) = (gate.target, short(ratio), short(gate.gate));
            format!("{target} {work}: {ours} against {against} is {ratio}, the gate {wanted}")
        };
        gates.map(line).collect()
    }
}

/// With as many digits as mean something.
fn short(value: f64) -> String {
    match value {
        value if value.is_nan() => String::new(),
        value if value >= 10.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_formed_within_rounds() {
        let mut measured = Measured::default();
        let turn = |wall, cpu| Turn { wall, cpu };
        for (round, ours) in [(0, 10.0), (1, 20.0), (2, 30.0)] {
            measured.add(round, Work::PingPong, Contender::Tokio, turn(ours, ours * 1.05));
            measured.add(round, Work::PingPong, Contender::Bare, turn(ours * 0.9, ours));
        }
        // A round of one alone compares nothing.
        measured.add(3, Work::PingPong, Contender::Tokio, turn(1.0, 1.0));
        let gates = measured.gates();
        assert_eq!(gates.len(), 2);
        assert!((gates[0].1 - 0.9).abs() < 1e-9 && (gates[1].1 - 1.05).abs() < 1e-9, "{gates:?}");
        assert_eq!(
            measured.missed(),
            ["T6 ping-pong: session, polled against bare tungstenite is 0.90, the gate 0.93"]
        );
        let gates = measured.gate_table();
        assert!(gates.contains("| 0.90 | ≥ 0.93 | 1.00 | ✗ | 0.95 |"), "{gates}");
        assert!(
            gates.contains(
                "processor time | session, polled | bare tungstenite | 1.05 | ≤ 1.10 | 1.00 | ✓ |"
            ),
            "{gates}"
        );
        let costs = measured.cost_table();
        let bare = "| ping-pong | bare tungstenite | 18 | 55555556 | 1.00 | 20 | 1.00 | 3 |";
        assert!(costs.contains(bare), "{costs}");
    }

    #[test]
    fn the_median_leaves_out_what_is_not_known() {
        assert_eq!(median(vec![f64::NAN, 9.0, 1.0, 2.0]), 2.0);
        assert!(median(vec![f64::NAN]).is_nan());
    }
}
