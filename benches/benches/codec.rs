//! Every case under criterion: `cargo bench -p chat-benches -- decode/data`.

use std::time::Instant;

use chat_benches::cases;
use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases::all() {
        let built = case.build();
        let mut group = criterion.benchmark_group(case.id());
        group.throughput(Throughput::Bytes(built.bytes as u64));
        for mut contender in built.contenders {
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|times| {
                    let started = Instant::now();
                    contender.run(times);
                    started.elapsed()
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
