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

    /// Messages in a turn of a Rust program, about a tenth of a second.
    #[must_use]
    pub const fn count(self) -> u32 {
        match self {
            Self::PingPong => 4_000,
            Self::Window | Self::Sliding => 300 * IN_FLIGHT,
            Self::Burst => 30 * BURST,
            Self::Flood => 200_000,
        }
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
    fn turns_are_whole() {
        assert_eq!(Work::Window.count() % IN_FLIGHT, 0);
        assert_eq!(Work::Burst.count() % BURST, 0);
    }
}
