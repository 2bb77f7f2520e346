//! Counts allocations: one line a contender, with tabs between case, contender and count.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::alloc::System;

use chat_benches::cases;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Before the one that counts: buffers have grown by then.
const WARM_UP: u64 = 4;

fn main() {
    for case in cases::all() {
        for mut contender in case.build().contenders {
            contender.run(WARM_UP);
            let region = Region::new(ALLOCATOR);
            contender.run(1);
            let change = region.change();
            let count = change.allocations + change.reallocations;
            println!("{}\t{}\t{count}", case.id(), contender.name);
        }
    }
}
