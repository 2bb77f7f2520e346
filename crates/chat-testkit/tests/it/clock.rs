//! Virtual time.

use std::time::{Duration, Instant};

use chat_proto::{Now, Skew, UnixMillis};
use chat_testkit::Clock;

#[test]
fn the_wall_clock_steps_and_the_other_does_not() {
    #[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
    let start = Now { mono: Instant::now(), unix: UnixMillis::new(10_000) };
    let mut clock = Clock::new(start);
    clock.advance(Duration::from_secs(2));
    clock.step_wall(Skew::from_millis(-11_000));
    assert_eq!(clock.elapsed(), Duration::from_secs(2));
    assert_eq!(clock.now().unix, UnixMillis::new(1_000));
    clock.advance_to(start.mono);
    assert_eq!(clock.elapsed(), Duration::from_secs(2), "time does not go back");
}
