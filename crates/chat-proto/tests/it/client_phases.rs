//! The whole table of phases and stimuli.

use chat_proto::client::phase::{Phase, Stimulus};

#[test]
fn the_table() {
    let mut table = String::new();
    for phase in Phase::ALL {
        for stimulus in Stimulus::ALL {
            if let Some(next) = phase.after(stimulus) {
                table.push_str(&format!("{phase:?} --{stimulus:?}--> {next:?}\n"));
            }
        }
    }
    insta::assert_snapshot!(table);
}
