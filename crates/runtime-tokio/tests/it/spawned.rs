use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chat_proto::machine::LinkFailure;
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::{Connection, Gone, Handle, Options, TokioRuntime, TryCallError};
use tungstenite::Message as Wire;

use crate::support::{accepted, rests};
use runtime_core::conformance::probe::{Event, Probe};

const fn is_send_and_sync<T: Send + Sync>() {}
const fn is_send<T: Send>() {}

const _: () = {
    is_send_and_sync::<TokioRuntime>();
    is_send_and_sync::<Handle<Probe>>();
    is_send_and_sync::<runtime_tokio::TlsPolicy>();
    is_send_and_sync::<runtime_tokio::ConnectError>();
    is_send_and_sync::<TryCallError>();
    is_send::<Connection<Probe, TokioRuntime>>();
    is_send::<runtime_tokio::Reply<u8>>();
    is_send::<runtime_tokio::http::ResponseBody>();
};

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_task_and_closes_the_socket() {
    let (conn, mut peer) = accepted(1024, Options::default()).await;
    let (handle, driver) = conn.into_handle();
    let driver = tokio::spawn(driver);
    let clone = handle.clone();
    assert_eq!(handle.next().await, Some(Event::Opened(1)));
    drop(handle);
    assert!(rests(peer.next()).await);
    assert!(!driver.is_finished());
    drop(clone);
    driver.await.unwrap();
    assert!(peer.next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn events_outlive_the_driver_and_calls_do_not() {
    let (conn, peer) = accepted(1024, Options::default()).await;
    let (handle, driver) = conn.into_handle();
    handle.try_call(|machine, _| machine.finish_when_lost = true).map(drop).unwrap();
    drop(peer);
    driver.await;
    assert!(handle.is_gone());
    assert_eq!(handle.call(|_, _| ()).await, Err(Gone));
    assert_eq!(handle.try_call(|_, _| ()).unwrap_err(), TryCallError::Gone);
    assert_eq!(handle.next().await, Some(Event::Opened(1)));
    assert_eq!(handle.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    assert_eq!(handle.next().await, None);
    assert!(handle.next_batch().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_driver_lets_callers_and_listeners_go() {
    let (conn, mut peer) = accepted(1024, Options::default()).await;
    let (handle, driver) = conn.into_handle();
    let ran = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&ran);
    let waiting = handle.try_call(move |_, _| mark.store(true, Ordering::Relaxed)).unwrap();
    let listener = tokio::spawn({
        let handle = handle.clone();
        async move { handle.next().await }
    });
    tokio::task::yield_now().await;
    drop(driver);
    assert_eq!(waiting.await, Err(Gone));
    assert_eq!(listener.await.unwrap(), None);
    assert!(!ran.load(Ordering::Relaxed));
    assert!(peer.send(Wire::text("x")).await.is_err());
}
