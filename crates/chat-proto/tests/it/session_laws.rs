//! Random verbs against random inputs: what a session guarantees holds whatever happens.
//!
//! A case is a list of steps of three bytes each, so that a failure shrinks to a short list. The
//! drills, and what they must reach, are in `chat-testkit`; the fuzz targets `im_session` and
//! `c2c_session` play them as well.

use chat_testkit::drill::{Orders, Step, Topics, run, run_server};
use proptest::prelude::*;

use crate::some_instant;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4096, ..crate::same_cases_each_run() })]

    #[test]
    fn topic_chat_keeps_the_laws(steps in steps(), abandon: bool) {
        run::<Topics>(&steps, abandon, some_instant(), false);
    }

    #[test]
    fn order_chat_keeps_the_laws(steps in steps(), abandon: bool) {
        run::<Orders>(&steps, abandon, some_instant(), false);
    }

    #[test]
    fn the_services_side_keeps_the_laws(steps in steps()) {
        run_server(&steps, some_instant());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..crate::same_cases_each_run() })]

    /// Law 1.
    #[test]
    fn the_same_calls_give_the_same_outputs(steps in steps()) {
        let start = some_instant();
        let topics = || run::<Topics>(&steps, false, start, true);
        prop_assert_eq!(topics(), topics());
        let orders = || run::<Orders>(&steps, false, start, true);
        prop_assert_eq!(orders(), orders());
    }
}
