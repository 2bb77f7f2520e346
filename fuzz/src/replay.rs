//! The seeds of a target, and near relatives of each, without libFuzzer.

use chat_proto::rng::Rng;

use crate::Target;
use crate::seeds::Seed;

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Seeds that were tried.
    pub seeds: usize,
    /// Inputs that were tried: the seeds and their mutations.
    pub executions: usize,
}

/// Tries every seed and `mutations` changed copies of each. The same every time.
///
/// # Errors
///
/// A law is broken: the panic was printed, and this shows the input.
pub fn replay(target: &Target, seeds: &[Seed], mutations: usize) -> Result<Replayed, String> {
    let mut rng = Rng::new(0xF0_22);
    let mut executions = 0;
    let mut run = |seed: &Seed, input: &[u8]| {
        executions += 1;
        std::panic::catch_unwind(|| (target.run)(input)).map_err(|_| {
            let near = &seed.name;
            format!("{}: a finding near the seed {near}: {}", target.name, input.escape_ascii())
        })
    };
    for seed in seeds {
        run(seed, &seed.bytes)?;
        for _ in 0..mutations {
            let other = &seeds[below(&mut rng, seeds.len())];
            run(seed, &mutated(&seed.bytes, &other.bytes, &mut rng))?;
        }
    }
    Ok(Replayed { seeds: seeds.len(), executions })
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
    usize::try_from(rng.below(bound)).unwrap_or_default()
}

/// One to three changes: what JSON parsers trip over, a flipped bit, a cut, a splice.
fn mutated(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    const SPICE: [&str; 18] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "null",
        "true",
        "-1e9",
        "00",
        "18446744073709551616",
        "\\ud83d",
        "\\u0000",
        "\u{feff}",
        "\"id\":",
    ];
    let mut out = bytes.to_vec();
    for _ in 0..=rng.below(3) {
        let at = below(rng, out.len() + 1);
        let end = (at + 1 + below(rng, 8)).min(out.len());
        let spice = SPICE[below(rng, SPICE.len())].bytes();
        match rng.below(6) {
            0 => drop(out.splice(at..at, spice)),
            1 => drop(out.splice(at..end, spice)),
            2 => drop(out.drain(at..end)),
            3 if at < out.len() => out[at] ^= 1 << rng.below(8),
            4 => {
                let from = below(rng, other.len() + 1);
                let to = (from + below(rng, 40)).min(other.len());
                drop(out.splice(at..at, other[from..to].iter().copied()));
            }
            _ => out.truncate(at),
        }
    }
    out
}
