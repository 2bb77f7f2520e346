//! Where programs may run.

use std::fs;
use std::process::{Command, Stdio};

/// The processors that these processes may run on.
#[derive(Debug)]
pub struct Processors {
    /// Process ids.
    programs: Vec<u32>,
    /// As the system lists them, e.g. `0-3,8`.
    all: String,
}

impl Processors {
    /// Of this program and another one. `None` where the system does not tell, or has no `taskset`
    /// (Linux has both).
    #[must_use]
    pub fn of(other: u32) -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let all = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let programs = vec![std::process::id(), other];
        let processors = Self { programs, all: all.trim().to_owned() };
        processors.allow(&processors.all).then_some(processors)
    }

    /// Keeps both to the last of them. When one waits for the other, none falls asleep, and none has
    /// to be woken: in a virtual machine that takes longer than all that is measured, differs from
    /// minute to minute, and leaves cold caches behind, which are booked as processor time of whoever
    /// was woken.
    pub fn keep_to_one(&self) {
        self.allow(last(&self.all));
    }

    /// Lets both run anywhere.
    pub fn free(&self) {
        self.allow(&self.all);
    }

    /// Whether that could be done, for all threads there are.
    fn allow(&self, list: &str) -> bool {
        self.programs.iter().all(|program| {
            let mut taskset = Command::new("taskset");
            taskset.args(["--all-tasks", "--cpu-list", "--pid", list]).arg(program.to_string());
            let done = taskset.stdout(Stdio::null()).stderr(Stdio::null()).status();
            done.is_ok_and(|status| status.success())
        })
    }
}

/// The last processor of a list.
fn last(list: &str) -> &str {
    list.rsplit([',', '-']).next().unwrap_or(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_processor_of_a_list_is_found() {
        for (list, expected) in [("0", "0"), ("0-1", "1"), ("0-3,8", "8"), ("1,4-11", "11")] {
            assert_eq!(last(list), expected);
        }
    }
}
