//! The driver in a task of its own.

use chat_proto::Message;

use super::peer::{self, Peer, Ws};
use super::probe::{Event, Probe};
use super::{Subject, client, run};
use crate::{Connection, Handle, Runtime};

/// Handles and connections travel between threads.
fn assert_traits<S: Subject>() {
    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_send<T: Send>() {}
    is_send_and_sync::<S::Runtime>();
    is_send_and_sync::<Handle<Probe>>();
    is_send::<Connection<Probe, S::Runtime>>();
}

/// Tasks that speak at once through clones of a handle: each keeps its order, nothing is lost.
pub fn many_tasks<S: Subject>() {
    assert_traits::<S>();
    let (tasks, each) = (8, 250);
    run::<S>(async {
        let conn = client::<S>(&Peer::echo().ws());
        let runtime = conn.runtime().clone();
        let (handle, driver) = conn.into_handle();
        runtime.spawn(driver);
        assert_eq!(handle.next().await, Some(Event::Opened(1)));
        for task in 0..tasks {
            let handle = handle.clone();
            runtime.spawn(async move {
                for n in 0..each {
                    let text = format!("{task} {n}");
                    handle.call(move |machine, _| machine.text(&text)).await.unwrap();
                }
            });
        }
        let mut next = vec![0; tasks];
        let mut left = tasks * each;
        while left > 0 {
            for event in handle.next_batch().await {
                let Event::Message(Message::Text(text)) = event else { panic!("{event:?}") };
                let (task, n) = text.as_str().split_once(' ').unwrap();
                let task: usize = task.parse().unwrap();
                assert_eq!(n.parse(), Ok(next[task]), "out of order");
                next[task] += 1;
                left -= 1;
            }
        }
    });
}

/// The last handle that is dropped ends the task and closes the socket; one that is left keeps it.
pub fn last_handle<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|ws: Ws| peer::read_to_end(ws.get_ref()).len());
        let conn = client::<S>(&peer.ws());
        let runtime = conn.runtime().clone();
        let (handle, driver) = conn.into_handle();
        runtime.spawn(driver);
        assert_eq!(handle.next().await, Some(Event::Opened(1)));
        let clone = handle.clone();
        drop(handle);
        assert_eq!(clone.call(|machine, _| machine.heard).await, Ok(0));
        drop(clone);
        assert_eq!(peer.outcome().await, 0);
    });
}
