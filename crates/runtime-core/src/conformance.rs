//! What every adapter must do, as tests: generic over the runtime, one function a case.
//!
//! An adapter names itself once and every case once:
//!
//! ```text
//! struct Mine;
//!
//! impl Subject for Mine {
//!     type Runtime = MyRuntime;
//!     fn block_on<T>(future: impl Future<Output = T>) -> T { … }
//! }
//!
//! runtime_core::conformance! { Mine;
//!     publish_and_echo,
//!     dial_refused,
//!     …
//! }
//! ```
//!
//! The macro makes a test of each line, and one more that fails when a case of [`CASES`] has no
//! line. The peers are threads on blocking sockets of the standard library, on loopback and free
//! ports, so that nothing but the adapter is async. A case panics where the adapter is wrong.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "these are tests")]

pub mod live;
pub mod peer;
pub mod probe;
pub mod real;

mod clients;
mod close;
mod dial;
mod dropped;
mod files_down;
mod files_lost;
mod files_up;
mod flow;
mod http;
mod messages;
mod proxy;
mod proxy_real;
mod scratch;
mod spawned;
mod tls;
mod watched;

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use crate::{Connection, Network, Options, Runtime, timeout_at};
use probe::{Event, Probe};

/// How long a case may take: far more than it needs, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// An adapter under test.
pub trait Subject: 'static {
    /// Its runtime.
    type Runtime: Runtime + From<Network>;

    /// Runs a case, with the adapter's reactor at work.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    /// How many tasks are alive beside the one that asks, where the runtime can tell.
    fn tasks() -> Option<usize> {
        None
    }
}

/// A test of each named case, and one that no case was forgotten.
#[macro_export]
macro_rules! conformance {
    ($subject:ty; $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::$case::<$subject>();
            }
        )*

        #[test]
        fn every_case_has_its_line() {
            let mut mine = vec![$(stringify!($case)),*];
            mine.sort_unstable();
            let mut all = $crate::conformance::CASES.to_vec();
            all.sort_unstable();
            assert_eq!(mine, all);
        }
    };
}

macro_rules! cases {
    ($($module:ident: $($case:ident)*;)*) => {
        $(pub use $module::{$($case),*};)*

        /// The names of all cases.
        pub const CASES: &[&str] = &[$($(stringify!($case)),*),*];
    };
}

cases! {
    messages:
        publish_and_echo
        order_is_kept
        ten_mebibytes_both_ways
        fragmented_frames
        pings_while_idle
        pings_while_flooded
        stale_transmits_are_dropped;
    dial:
        dial_refused
        upgrade_refused
        upgrade_answered_with_nonsense
        unusable_uri
        request_is_complete
        connect_timeout
        several_addresses
        name_without_an_address
        localhost_resolves
        ipv6
        late_dial
        server_restart;
    tls:
        tls_ca
        tls_wrong_ca
        tls_wrong_host
        tls_expired
        tls_pin
        tls_wrong_pin
        tls_platform
        tls_bundled
        tls_first_use
        tls_names_its_provider
        tls_refusals_are_told
        tls_dangerous
        tls_missing
        tls_for_http;
    proxy:
        proxy_connect
        proxy_connect_over_tls
        proxy_socks
        proxy_refuses
        proxy_hostile
        proxy_slow
        proxy_exceptions;
    proxy_real:
        tinyproxy_open
        tinyproxy_login
        tinyproxy_denies
        microsocks_open
        microsocks_login;
    http:
        http_exchange
        http_lengths
        http_refused
        http_broken_off
        http_body_over_the_limit
        http_deadline
        http_abort
        http_upload;
    files_up:
        files_upload_of_every_kind
        files_upload_for_both_services
        files_upload_of_another_length
        files_upload_over_the_limit
        files_upload_redirected
        files_upload_refused
        files_upload_stalled
        files_upload_dropped_at_every_await;
    files_down:
        files_download
        files_download_into_a_writer
        files_download_over_the_limit
        files_download_that_lies
        files_download_redirected
        files_download_refused
        files_download_on_a_bad_disk
        files_download_dropped_at_every_await;
    files_lost:
        files_download_goes_on
        files_download_starts_over
        files_download_gives_up
        files_download_into_a_writer_goes_on
        files_download_goes_on_later
        files_download_of_something_else_later
        files_download_in_use;
    flow:
        half_open_peer
        slow_reader
        slow_application
        timers_fire;
    close:
        peer_closes
        we_close
        close_unanswered
        peer_closes_but_stays
        peer_vanishes
        peer_vanishes_while_we_write
        oversized_message
        broken_frame
        text_not_utf8
        let_go;
    dropped:
        dropped_at_every_await
        dropped_exchange_at_every_await
        next_dropped_at_every_await;
    spawned:
        many_tasks
        last_handle;
    clients:
        client_publishes
        client_refused
        client_clones
        client_close_deadline
        client_queue_full
        client_call_dropped
        client_slow_application;
}

/// Runs a case, with an end to everything.
fn run<S: Subject>(case: impl Future<Output = ()>) {
    // Boxed: a runtime may move it through many frames of a small stack.
    S::block_on(Box::pin(async {
        let runtime = runtime::<S>();
        let end = runtime.now().mono + PATIENCE;
        timeout_at(&runtime, end, case).await.expect("the case hangs");
    }));
}

fn runtime<S: Subject>() -> S::Runtime {
    Network::default().into()
}

type Conn<S> = Connection<Probe, <S as Subject>::Runtime>;

/// A client that dials `uri` at once.
fn client<S: Subject>(uri: &str) -> Conn<S> {
    client_with(uri, runtime::<S>(), Options::default())
}

fn client_with<R: Runtime>(uri: &str, runtime: R, options: Options) -> Connection<Probe, R> {
    let mut machine = Probe::default();
    machine.dial(1, uri);
    Connection::new(machine, runtime, options)
}

/// The next event, which must be that the connection is open.
async fn opened<R: Runtime>(conn: &mut Connection<Probe, R>) {
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
}

/// Drives `conn`, which must have nothing to tell, until `work` is done.
async fn quiet<R: Runtime, T>(conn: &mut Connection<Probe, R>, work: impl Future<Output = T>) -> T {
    match select(pin!(conn.next()), pin!(work)).await {
        Either::Left((event, _)) => panic!("{event:?}"),
        Either::Right((value, _)) => value,
    }
}

/// A point in time that is not reached.
fn never<R: Runtime>(runtime: &R) -> Instant {
    runtime.now().mono + PATIENCE
}
