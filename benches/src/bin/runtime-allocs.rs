//! Counts allocations a message, of sessions over the loopback: a program of its own, because
//! counting slows them down. It is given the address of the server.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::alloc::System;

use chat_benches::runtime::contenders::Contender;
use chat_benches::runtime::work::Work;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).ok_or("an address is missing")?.parse()?;
    println!("| allocations a message | received flood | ping-pong |\n|---|--:|--:|");
    for contender in Contender::of(Work::Flood) {
        let mut cells = [String::new(), String::new()];
        for (cell, work) in cells.iter_mut().zip([Work::Flood, Work::PingPong]) {
            if Contender::of(work).contains(&contender) {
                let region = Region::new(ALLOCATOR);
                contender.turn(server, None, work, work.long_count())?;
                let change = region.change();
                let count = change.allocations + change.reallocations;
                let messages = work.warm_up() + work.long_count();
                // Those of the opening vanish among so many.
                *cell = format!("{:.2}", count as f64 / f64::from(messages));
            }
        }
        println!("| {} | {} | {} |", contender.name(), cells[0], cells[1]);
    }
    Ok(())
}
