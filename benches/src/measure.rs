//! How much a case costs: time, instructions, allocations.

pub mod allocations;
pub mod instructions;
pub mod times;
