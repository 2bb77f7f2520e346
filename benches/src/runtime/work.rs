//! What is done in a turn.

use std::fmt;

/// Messages in flight in [`Work::Window`] and [`Work::Sliding`].
pub const IN_FLIGHT: u32 = 64;

/// Messages of a [`Work::Burst`]: fewer than a session lets wait for an answer.
pub const BURST: u32 = 1000;

/// A way of using a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// One message is sent and its answer awaited, then the next.
    PingPong,
    /// 64 messages are sent, then their answers awaited, then the next 64.
    Window,
    /// 64 messages are under way all the time: for each answer the next one is sent.
    Sliding,
    /// 1000 messages are sent by a plain loop. The clock stops at the first answer, which the server
    /// gives when it has all of them.
    Burst,
    /// The server sends as fast as it can. The clock runs from the first message to the last.
    Flood,
}

impl Work {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 5] =
        [Self::PingPong, Self::Window, Self::Sliding, Self::Burst, Self::Flood];

    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PingPong => "ping-pong",
            Self::Window => "64 in flight",
            Self::Sliding => "64 in flight, sliding",
            Self::Burst => "send loop",
            Self::Flood => "received flood",
        }
    }

    /// Messages in a turn of a Rust program: about a tenth of a second, and less of those whose rounds
    /// are [shorter](Self::rounds).
    #[must_use]
    pub const fn count(self) -> u32 {
        match self {
            Self::PingPong => 1500,
            Self::Window | Self::Sliding => 300 * IN_FLIGHT,
            Self::Burst => 30 * BURST,
            Self::Flood => 200_000,
        }
    }

    /// Messages in a turn of which not the time is of interest: as many as all rounds of one have.
    #[must_use]
    pub const fn long_count(self) -> u32 {
        self.count() * self.rounds() as u32
    }

    /// Messages before the clock starts, so that what is done for the first time is not counted.
    #[must_use]
    pub const fn warm_up(self) -> u32 {
        match self {
            Self::PingPong => 150,
            Self::Window | Self::Sliding | Self::Burst | Self::Flood => 0,
        }
    }

    /// Rounds for each that was asked for. What a call of the system takes drifts within seconds, by more
    /// than there is between the contenders of ping-pong, which is made of such calls: their turns must
    /// follow each other faster than that, and be many.
    #[must_use]
    pub const fn rounds(self) -> usize {
        match self {
            Self::PingPong => 4,
            Self::Window | Self::Sliding | Self::Burst | Self::Flood => 1,
        }
    }

    /// Whether both ends are kept to one processor: they wait for each other, and never work at the same
    /// time.
    #[must_use]
    pub const fn on_one_processor(self) -> bool {
        matches!(self, Self::PingPong)
    }

    /// What the server is asked to do for `count` messages: a segment of the path, or an API key.
    #[must_use]
    pub fn order(self, count: u32) -> Order {
        match self {
            Self::PingPong | Self::Window | Self::Sliding => Order::Echo { held: 1 },
            Self::Burst => Order::Echo { held: BURST },
            Self::Flood => Order::Flood { count },
        }
    }
}

/// The order of turns in a round, of so many contenders: any order in any round, the same ones in
/// every run. Were it turned only, the same one would always come before the same other.
#[must_use]
pub fn turns(round: usize, contenders: usize) -> Vec<usize> {
    let mut turns: Vec<_> = (0..contenders).collect();
    let mut state = round as u64;
    for end in (1..contenders).rev() {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        turns.swap(end, ((mixed ^ (mixed >> 31)) % (end as u64 + 1)) as usize);
    }
    turns
}

/// What the server does once a session is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Answers each `pub`, but only when it has so many of them.
    Echo {
        /// So many.
        held: u32,
    },
    /// Sends so many messages.
    Flood {
        /// So many.
        count: u32,
    },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo { held } => write!(f, "echo-{held}"),
            Self::Flood { count } => write!(f, "flood-{count}"),
        }
    }
}

impl Order {
    /// Reads it from the path and query of a request: `/flood-7/im`, or `/…?apikey=flood-7`.
    #[must_use]
    pub fn of(path_and_query: &str) -> Option<Self> {
        let mut parts = path_and_query.split(['/', '?', '&', '=']);
        parts.find_map(|part| {
            let (what, number) = part.split_once('-')?;
            let number = number.parse().ok().filter(|number| *number > 0)?;
            match what {
                "echo" => Some(Self::Echo { held: number }),
                "flood" => Some(Self::Flood { count: number }),
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for order in [Order::Echo { held: 1000 }, Order::Flood { count: 7 }] {
            assert_eq!(Order::of(&format!("/{order}/im")), Some(order));
            assert_eq!(Order::of(&format!("/v0/channels?apikey={order}")), Some(order));
        }
        assert_eq!(Order::of("/im?x=echo-0"), None);
    }

    #[test]
    fn everybody_has_one_turn_and_any_place_in_a_round() {
        let mut before = [[0; 6]; 6];
        for round in 0..252 {
            let order = turns(round, 6);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
            order.windows(2).for_each(|pair| before[pair[0]][pair[1]] += 1);
        }
        for (first, after) in before.iter().enumerate() {
            for (second, times) in after.iter().enumerate() {
                assert!(first == second || (25..60).contains(times), "{first} {second} {times}");
            }
        }
    }

    #[test]
    fn turns_are_whole() {
        assert_eq!(Work::Window.count() % IN_FLIGHT, 0);
        assert_eq!(Work::Burst.count() % BURST, 0);
    }
}
