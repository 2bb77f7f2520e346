//! The same by libraries that use vector instructions.

use std::hint::black_box;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Down, Family, Push, READS, Up, WRITES};
use crate::contender::Contender;
use crate::shapes::{self, BorrowedStr};

/// A family of frames as these libraries hold it.
pub(super) trait Peers: Family {
    type Sonic<'a>: Deserialize<'a> + 'a;
    type Simd: DeserializeOwned + 'static;
}

impl Peers for Down {
    type Sonic<'a> = shapes::Down<BorrowedStr<'a>, sonic_rs::LazyValue<'a>>;
    type Simd = shapes::Down<String, simd_json::OwnedValue>;
}

impl Peers for Up {
    type Sonic<'a> = shapes::Up<BorrowedStr<'a>, sonic_rs::LazyValue<'a>>;
    type Simd = shapes::Up<String, simd_json::OwnedValue>;
}

impl Peers for Push {
    type Sonic<'a> = shapes::Push<BorrowedStr<'a>>;
    type Simd = shapes::Push<String>;
}

pub(super) fn readers<F: Peers>(text: &'static str) -> Vec<Contender> {
    read::<F::Sonic<'static>, F::Simd>(text)
}

pub(super) fn page_readers(text: &'static str) -> Vec<Contender> {
    read::<shapes::Page<BorrowedStr<'static>>, shapes::Page<String>>(text)
}

fn read<Sonic, Simd>(text: &'static str) -> Vec<Contender>
where
    Sonic: Deserialize<'static> + 'static,
    Simd: DeserializeOwned + 'static,
{
    let sonic = move || sonic_rs::from_str::<Sonic>(black_box(text)).expect(READS);
    let (mut scratch, mut buffers) = (Vec::new(), simd_json::Buffers::default());
    let simd = move || {
        // It reads in place, so it needs a copy of its own.
        scratch.clear();
        scratch.extend_from_slice(black_box(text).as_bytes());
        simd_json::serde::from_slice_with_buffers::<Simd>(&mut scratch, &mut buffers).expect(READS)
    };
    vec![Contender::new("sonic", sonic), Contender::new("simd", simd)]
}

pub(super) fn writers<T: Serialize + 'static>(make: impl Fn() -> T) -> Vec<Contender> {
    let (for_sonic, for_simd) = (make(), make());
    let sonic = move || sonic_rs::to_vec(black_box(&for_sonic)).expect(WRITES);
    let simd = move || simd_json::serde::to_vec(black_box(&for_simd)).expect(WRITES);
    vec![Contender::new("sonic", sonic), Contender::new("simd", simd)]
}
