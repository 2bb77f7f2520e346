//! Everything that is measured, once.

mod codec;
mod fan_out;
mod growth;
mod hub;
mod session;
mod sign;
#[cfg(feature = "sockets")]
mod sockets;

use std::fmt;

use crate::contender::Contender;

/// The ways of doing one piece of work: ours first, the baseline second.
#[derive(Debug)]
pub struct Built {
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Ours, the baseline, others.
    pub contenders: Vec<Contender>,
}

/// A piece of work to measure.
pub struct Case {
    /// `decode`, `encode`, `fan-out`, `sign`, `session`, `growth`.
    pub group: &'static str,
    /// Unique in the group.
    pub name: String,
    /// Instructions say nothing because the kernel does the work, or would take too long to count.
    pub times_only: bool,
    build: Box<dyn Fn() -> Built>,
}

impl Case {
    fn new(
        group: &'static str,
        name: impl Into<String>,
        build: impl Fn() -> Built + 'static,
    ) -> Self {
        Self { group, name: name.into(), times_only: false, build: Box::new(build) }
    }

    fn times_only(self) -> Self {
        Self { times_only: true, ..self }
    }

    /// `group/name`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// Makes the samples and the contenders. What a case needs is made here and not before, so that
    /// a run of one case counts little else.
    #[must_use]
    pub fn build(&self) -> Built {
        (self.build)()
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.id())
    }
}

/// Every case, in the order of the report.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut cases = codec::decode();
    cases.extend(codec::encode());
    cases.extend(fan_out::cases());
    #[cfg(feature = "sockets")]
    cases.extend(sockets::cases());
    cases.extend(sign::cases());
    cases.extend(session::cases());
    cases.extend(growth::cases());
    cases.extend(hub::cases());
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_of_every_case_runs() {
        for case in all() {
            let Built { mut contenders, .. } = case.build();
            assert!(contenders.len() >= 2, "{case:?}: ours and a baseline");
            assert_eq!(contenders[0].name, "ours", "{case:?}");
            for contender in &mut contenders {
                contender.run(2);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut ids: Vec<_> = all().iter().map(Case::id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
