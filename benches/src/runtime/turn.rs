//! The same work for every client.

use super::clock::{Clock, Turn};
use super::work::{BURST, IN_FLIGHT, Work};

/// One open connection, as its users use it. What fails panics: there is nothing to measure then.
pub(super) trait Client {
    /// Sends one message that will be answered.
    async fn send(&mut self);

    /// Sends [`IN_FLIGHT`] messages together, as fast as the client can.
    async fn send_window(&mut self) {
        for _ in 0..IN_FLIGHT {
            self.send().await;
        }
    }

    /// Sends one and takes its answer.
    async fn exchange(&mut self) {
        self.send().await;
        self.answers(1).await;
    }

    /// Sends [`IN_FLIGHT`] messages together and takes their answers.
    async fn exchange_window(&mut self) {
        self.send_window().await;
        self.answers(IN_FLIGHT).await;
    }

    /// Takes so many answers.
    async fn answers(&mut self, count: u32);

    /// Takes so many messages of a flood.
    async fn messages(&mut self, count: u32);
}

/// Does the work.
pub(super) async fn turn(mut client: impl Client, work: Work, count: u32) -> Turn {
    match work {
        Work::PingPong => {
            for _ in 0..work.warm_up() {
                client.exchange().await;
            }
            let clock = Clock::start();
            for _ in 0..count {
                client.exchange().await;
            }
            clock.stop(count)
        }
        Work::Window => {
            let clock = Clock::start();
            for _ in 0..count / IN_FLIGHT {
                client.exchange_window().await;
            }
            clock.stop(count)
        }
        Work::Sliding => {
            client.send_window().await;
            let clock = Clock::start();
            for _ in 0..count {
                client.answers(1).await;
                client.send().await;
            }
            clock.stop(count)
        }
        Work::Burst => {
            let mut clock = Clock::stopped();
            for _ in 0..count / BURST {
                clock.resume();
                for _ in 0..BURST {
                    client.send().await;
                }
                client.answers(1).await;
                clock.pause();
                client.answers(BURST - 1).await;
            }
            clock.stop(count)
        }
        Work::Flood => {
            client.messages(1).await;
            let clock = Clock::start();
            client.messages(count - 1).await;
            clock.stop(count - 1)
        }
    }
}
