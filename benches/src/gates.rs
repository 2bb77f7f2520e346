//! What must hold, and what is aimed for.
//!
//! A ratio is the baseline's cost divided by ours, so 3.5 means three and a half times as fast. The
//! baseline is the second contender of a case: for frames, a derived type with `String`s.

/// What a case has to keep.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// `group/name` of the case.
    pub case: &'static str,
    /// Name of the target.
    pub target: &'static str,
    /// Least ratio.
    pub gate: f64,
    /// The ratio that is aimed for.
    pub goal: f64,
    /// Whether the least ratio holds for instructions too. Where the kernel, atomics or instructions
    /// for vectors and hashes do the work, their number says nothing about time; callgrind does not
    /// even offer those for hashes.
    pub in_instructions: bool,
    /// Most instructions of ours.
    pub max_instructions: Option<f64>,
    /// Most allocations of ours.
    pub max_allocations: Option<u64>,
}

const fn gate(target: &'static str, case: &'static str, gate: f64, goal: f64) -> Gate {
    Gate {
        case,
        target,
        gate,
        goal,
        in_instructions: true,
        max_instructions: None,
        max_allocations: None,
    }
}

impl Gate {
    const fn instructions(self, most: f64) -> Self {
        Self { max_instructions: Some(most), ..self }
    }

    const fn allocations(self, most: u64) -> Self {
        Self { max_allocations: Some(most), ..self }
    }

    const fn time_only(self) -> Self {
        Self { in_instructions: false, ..self }
    }
}

/// All gates.
pub const GATES: &[Gate] = &[
    gate("T1", "decode/data", 3.5, 4.3).instructions(1400.0).allocations(0),
    gate("T1", "decode/ctrl", 3.8, 4.9).instructions(1500.0).allocations(0),
    gate("T1", "decode/pres", 4.0, 5.3).instructions(970.0).allocations(0),
    gate("T1", "decode/info", 3.5, 4.3).allocations(0),
    gate("T1", "decode/pub", 3.5, 4.3).allocations(0),
    gate("T1", "decode/note", 3.5, 4.3).allocations(0),
    gate("T1", "decode/c2c text", 3.5, 4.3).allocations(0),
    gate("T1", "decode/c2c image", 3.5, 4.3).allocations(0),
    gate("T1b", "decode/data, spaced", 2.8, 3.6),
    gate("T1b", "decode/ctrl, spaced", 2.8, 3.6),
    gate("T1b", "decode/pres, spaced", 2.8, 3.6),
    gate("T1b", "decode/info, spaced", 2.8, 3.6),
    gate("T1b", "decode/pub, spaced", 2.8, 3.6),
    gate("T1b", "decode/note, spaced", 2.8, 3.6),
    gate("T1b", "decode/c2c text, spaced", 2.8, 3.6),
    gate("T1b", "decode/c2c image, spaced", 2.8, 3.6),
    gate("T1b", "decode/data, sorted", 1.8, 2.3),
    gate("T1b", "decode/ctrl, sorted", 1.8, 2.3),
    gate("T1b", "decode/pres, sorted", 1.8, 2.3),
    gate("T1b", "decode/info, sorted", 1.8, 2.3),
    gate("T1b", "decode/pub, sorted", 1.8, 2.3),
    gate("T1b", "decode/note, sorted", 1.8, 2.3),
    gate("T1b", "decode/c2c text, sorted", 1.8, 2.3),
    gate("T1b", "decode/c2c image, sorted", 1.8, 2.3),
    gate("T2", "decode/meta 2", 3.6, 4.3),
    gate("T2", "decode/meta 1000", 6.0, 8.0),
    gate("T2", "decode/c2c history 100", 4.2, 5.3),
    gate("T2", "decode/data object", 5.0, 6.3),
    gate("T2", "decode/data 4 KiB rich", 1.9, 2.4).time_only(),
    gate("T2", "decode/data 4 KiB ascii", 2.7, 3.4).time_only(),
    gate("T2", "decode/sub", 1.3, 2.0),
    gate("T2", "decode/set", 1.3, 2.0),
    gate("T2", "decode/c2c system", 1.3, 2.0),
    gate("T3", "encode/data", 3.0, 3.7).allocations(0),
    gate("T3", "encode/ctrl", 3.0, 3.7).allocations(0),
    gate("T3", "encode/pres", 3.0, 3.7).allocations(0),
    gate("T3", "encode/info", 3.0, 3.7).allocations(0),
    gate("T3", "encode/pub", 3.0, 3.7).allocations(0),
    gate("T3", "encode/note", 3.0, 3.7).allocations(0),
    gate("T3", "encode/c2c text", 3.0, 3.7).allocations(0),
    gate("T3", "encode/c2c image", 3.0, 3.7).allocations(0),
    gate("T3", "encode/data, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/ctrl, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/pres, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/info, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/pub, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/note, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/c2c text, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/c2c image, made", 3.0, 3.7).allocations(0),
    gate("T3", "encode/id", 8.0, 13.0).time_only(),
    gate("T4", "fan-out/group of 1000", 10.0, 12.0).time_only(),
    gate("T4", "fan-out/1000 P2P views", 5.0, 7.0).time_only(),
    gate("T4", "fan-out/100 sockets", 4.0, 6.5).time_only(),
    gate("T12", "sign/history request", 1.2, 1.3).allocations(2),
    // Of what it costs with nothing beside it: twice as much, at most, with ten thousand.
    gate("T13", "growth/message, 10000 topics", 0.5, 0.8),
    gate("T13", "growth/request and answer, 10000 pending", 0.5, 0.8),
    gate("T13", "growth/order message, 4096 seen", 0.5, 0.8),
    gate("T13", "growth/view of a message, 10000 recipients", 0.5, 0.8),
];

/// The gate of a case, if it has one.
#[must_use]
pub fn of(case: &str) -> Option<Gate> {
    GATES.iter().copied().find(|gate| gate.case == case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_names_one_case() {
        let cases = crate::cases::all();
        for gate in GATES {
            if gate.case == "fan-out/100 sockets" && !cfg!(feature = "sockets") {
                continue;
            }
            let count = cases.iter().filter(|case| case.id() == gate.case).count();
            assert_eq!(count, 1, "{}", gate.case);
            assert_eq!(of(gate.case).map(|it| it.gate), Some(gate.gate), "{} twice", gate.case);
            assert!(gate.goal >= gate.gate, "{}", gate.case);
        }
    }
}
