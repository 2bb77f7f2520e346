//! A session of topic chat on a runtime, in both forms.

use std::hint::black_box;
use std::net::SocketAddr;

use chat_proto::client::Event;
use chat_proto::im::client::{Answer, Credentials, ImConfig, ImEvent, Publish, Subscribe};
use chat_proto::im::rest::TokenPair;
use chat_proto::im::{Im, TopicName};
use chat_proto::rest::BaseUrl;
use chat_proto::{Machine, Now, Session};
use runtime_tokio::{Connection, Handle, Options, Runtime, client};

use super::texts;
use super::turn::Client;
use super::work::{IN_FLIGHT, Order};

const WORKS: &str = "the server answers every request";

type Chat = Session<Im>;
type ChatEvent = <Chat as Machine>::Event;

/// What is sent: texts of 200 bytes, one made anew from the same content each time.
#[derive(Clone)]
struct Sending {
    topic: TopicName,
    message: Publish,
}

impl Sending {
    fn new() -> Self {
        let message = Publish::text(&texts::content()).without_echo();
        Self { topic: TopicName::from(texts::TOPIC), message }
    }

    fn publish(self, chat: &mut Chat, now: Now) {
        chat.publish(&self.topic, self.message, now).expect("there is room for requests");
    }
}

/// A session that has just been made.
fn session(runtime: &impl Runtime, server: SocketAddr, order: Order) -> Chat {
    let base = BaseUrl::parse(&format!("http://{server}/{order}"));
    let pair = TokenPair {
        access_token: "token".into(),
        refresh_token: "token".into(),
        expires_in: std::time::Duration::from_secs(3600),
        token_type: "Bearer".to_owned(),
    };
    let (username, domain) = ("101".to_owned(), "pbx.example.com".to_owned());
    let credentials = Credentials::Tokens { username, domain, pair };
    let config = ImConfig::new(&base.expect("an address"), credentials).expect("it is short");
    Session::im(config, 7, runtime.now())
}

/// A session that is attached to the topic, on its connection.
async fn open<R: Runtime>(runtime: R, server: SocketAddr, order: Order) -> Connection<Chat, R> {
    let mut chat = session(&runtime, server, order);
    chat.connect(runtime.now());
    let topic = TopicName::from(texts::TOPIC);
    chat.subscribe(&topic, Subscribe::default(), runtime.now()).expect("there is room");
    let mut connection = Connection::new(chat, runtime, Options::default());
    loop {
        let event = connection.next().await.expect(WORKS);
        if let Event::Completed { result, .. } = event {
            assert!(matches!(result, Ok(Answer::Subscribed(_))), "{result:?}");
            return connection;
        }
        assert!(!matches!(event, Event::Lost { .. }), "{event:?}");
    }
}

/// Whether this is the answer to a message.
fn is_receipt(event: &ChatEvent) -> bool {
    black_box(event);
    assert!(!matches!(event, Event::Lost { .. }), "{event:?}");
    let Event::Completed { result, .. } = event else { return false };
    assert!(matches!(result, Ok(Answer::Published(_))), "{result:?}");
    true
}

/// Whether this is a message.
fn is_message(event: &ChatEvent) -> bool {
    black_box(event);
    assert!(!matches!(event, Event::Lost { .. }), "{event:?}");
    matches!(event, Event::Service(ImEvent::Message(_)))
}

/// The form that the application polls.
pub(super) struct Polled<R: Runtime> {
    connection: Connection<Chat, R>,
    sending: Sending,
}

impl<R: Runtime> Polled<R> {
    pub(super) async fn open(runtime: R, server: SocketAddr, order: Order) -> Self {
        Self { connection: open(runtime, server, order).await, sending: Sending::new() }
    }

    async fn take(&mut self, count: u32, wanted: fn(&ChatEvent) -> bool) {
        let mut left = count;
        while left > 0 {
            let event = self.connection.next().await.expect(WORKS);
            left -= u32::from(wanted(&event));
        }
    }
}

impl<R: Runtime> Client for Polled<R> {
    async fn send(&mut self) {
        let (chat, now) = self.connection.machine();
        self.sending.clone().publish(chat, now);
    }

    async fn answers(&mut self, count: u32) {
        self.take(count, is_receipt).await;
    }

    async fn messages(&mut self, count: u32) {
        self.take(count, is_message).await;
    }
}

/// The spawned form, by its handle.
pub(super) struct Spawned {
    handle: Handle<Chat>,
    sending: Sending,
    /// Takes all events that wait at once.
    batches: bool,
    /// Taken with a batch, not asked for yet.
    ahead: u32,
}

impl Spawned {
    pub(super) async fn open<R: Runtime>(
        runtime: R,
        server: SocketAddr,
        order: Order,
        batches: bool,
    ) -> Self {
        let (handle, driver) = open(runtime.clone(), server, order).await.into_handle();
        runtime.spawn(driver);
        Self { handle, sending: Sending::new(), batches, ahead: 0 }
    }

    async fn take(&mut self, count: u32, wanted: fn(&ChatEvent) -> bool) {
        while self.ahead < count {
            if self.batches {
                let events = self.handle.next_batch().await;
                assert!(!events.is_empty(), "{WORKS}");
                self.ahead += events.iter().map(|event| u32::from(wanted(event))).sum::<u32>();
            } else {
                let event = self.handle.next().await.expect(WORKS);
                self.ahead += u32::from(wanted(&event));
            }
        }
        self.ahead -= count;
    }
}

impl Client for Spawned {
    async fn send(&mut self) {
        let sending = self.sending.clone();
        // The answer comes as an event.
        if self.handle.post(move |chat, now| sending.publish(chat, now)).is_err() {
            let sending = self.sending.clone();
            let call = self.handle.call(move |chat, now| sending.publish(chat, now));
            call.await.expect(WORKS);
        }
    }

    async fn answers(&mut self, count: u32) {
        self.take(count, is_receipt).await;
    }

    async fn messages(&mut self, count: u32) {
        self.take(count, is_message).await;
    }
}

/// The typed client.
pub(super) struct Typed<R: Runtime> {
    client: client::Client<Im, R>,
    events: client::Events<Im>,
    sending: Sending,
}

impl<R: Runtime> Typed<R> {
    pub(super) async fn open(runtime: R, server: SocketAddr, order: Order) -> Self {
        let chat = session(&runtime, server, order);
        let client = client::Client::start(chat, runtime, client::client_options());
        let events = client.events();
        client.reconnect().await.expect(WORKS);
        client.ready().await.expect(WORKS);
        let topic = TopicName::from(texts::TOPIC);
        client.subscribe(&topic, Subscribe::default()).await.expect(WORKS);
        Self { client, events, sending: Sending::new() }
    }

    async fn publish(&self) {
        let Sending { topic, message } = &self.sending;
        let receipt = self.client.publish(topic, message.clone()).await;
        black_box(receipt.expect(WORKS));
    }
}

impl<R: Runtime> Client for Typed<R> {
    async fn send(&mut self) {
        self.publish().await;
    }

    async fn exchange(&mut self) {
        self.publish().await;
    }

    async fn exchange_window(&mut self) {
        futures_util::future::join_all((0..IN_FLIGHT).map(|_| self.publish())).await;
    }

    /// An answer is returned by what sends.
    async fn answers(&mut self, _count: u32) {}

    async fn messages(&mut self, count: u32) {
        let mut left = count;
        while left > 0 {
            let event = self.events.next().await.expect(WORKS);
            left -= u32::from(is_message(&event));
        }
    }
}
