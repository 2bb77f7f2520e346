//! Stores that fail, and stores that remember.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chat_server::{Config, HubKey, Record, Server, Store, Tls, world};
use serde_json::json;
use tokio::sync::oneshot;

use crate::support::{BOB, Raw};

/// Remembers, and fails on demand.
#[derive(Clone, Default)]
struct Fickle {
    records: Arc<Mutex<Vec<Record>>>,
    broken: Arc<AtomicBool>,
}

impl Store for Fickle {
    async fn load(&mut self) -> io::Result<Vec<Record>> {
        Ok(self.records.lock().unwrap().clone())
    }

    async fn commit(&mut self, records: Vec<Record>) -> io::Result<()> {
        // Others get their turn while the disk works.
        tokio::task::yield_now().await;
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is full"));
        }
        self.records.lock().unwrap().extend(records);
        Ok(())
    }
}

#[tokio::test]
async fn rule_103_a_failed_commit_is_an_error_and_a_restart_forgets_nothing() {
    let store = Fickle::default();
    let config = || {
        let mut config = Config::new(world::builtin());
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.tls = Tls::Off;
        config.key = Some(HubKey::new([9; 32]));
        config
    };
    // Two lives of one store.
    for life in [1, 2] {
        let server = Server::bind_with(config(), store.clone()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let base = server.urls().clone();
        let running = tokio::spawn(server.run_until(async { stopped.await.unwrap_or_default() }));
        let mut raw = Raw::extension(&base, "101").await;
        raw.subscribe(BOB).await;
        let publish =
            |id: &str| json!({"pub": {"id": id, "topic": BOB, "content": "?"}}).to_string();
        if life == 1 {
            raw.send(&publish("a")).await;
            assert_eq!(raw.answer("a").await["params"]["seq"], 1);
            store.broken.store(true, Ordering::Relaxed);
            raw.send(&publish("b")).await;
            assert_eq!(raw.answer("b").await["code"], 500);
            store.broken.store(false, Ordering::Relaxed);
        }
        // The failed one has used up no number, and the second life goes on with the next.
        let id = format!("c{life}");
        raw.send(&publish(&id)).await;
        assert_eq!(raw.answer(&id).await["params"]["seq"], life + 1);
        stop.send(()).unwrap();
        drop(raw);
        running.await.unwrap().unwrap();
    }
}
