//! Clients over a fake runtime: every poll is a step of the test.

#![expect(clippy::wildcard_enum_match_arm, reason = "these are tests")]

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chat_proto::client::Event;
use chat_proto::error::{CloseReason, RequestError};
use chat_proto::im::Im;
use tungstenite::Message;

use super::dummy::{self, Dummy};
use super::fake::Fake;
use super::{Client, Closed, Events, NotReady, SendError};
use crate::im::{self, Answer, Config, ImEvent, Publish, Receipt, Subscribe, TopicName};

type ImClient = im::ImClient<Fake>;

/// A client, its runtime and its server.
struct Place {
    fake: Fake,
    im: ImClient,
    server: Dummy,
}

fn topic() -> TopicName {
    TopicName::new("grpTest")
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future gives that needs no more steps.
fn now<T>(future: impl Future<Output = T>) -> T {
    match poll(&mut pin!(future)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

impl Place {
    /// Not connected yet.
    fn start(config: Config) -> Self {
        let im: ImClient = im::start(config);
        Self { fake: im.runtime().clone(), im, server: Dummy::default() }
    }

    /// Logged in, and subscribed to the topic.
    fn ready(config: Config) -> Self {
        let mut place = Self::start(config);
        let (im, topic) = (place.im.clone(), topic());
        place.until(im.ready()).unwrap();
        place.until(im.subscribe(&topic, Subscribe::default())).unwrap();
        place.steps();
        place
    }

    fn new() -> Self {
        Self::ready(dummy::config("http://127.0.0.1:1"))
    }

    /// The client's task gets one turn.
    fn turn(&self) {
        self.fake.turn();
    }

    /// The server answers what has come.
    fn serve(&mut self) {
        let mut pipe = self.fake.pipe.lock().unwrap();
        while let Some(message) = pipe.up.pop_front() {
            match message {
                Message::Text(text) => {
                    let answers = self.server.answer(text.as_str());
                    pipe.down.extend(answers.into_iter().map(Message::text));
                }
                Message::Close(frame) if !self.server.mute => {
                    pipe.down.push_back(Message::Close(frame));
                }
                _ => {}
            }
        }
    }

    fn steps(&mut self) {
        for _ in 0..4 {
            self.turn();
            self.serve();
        }
        self.turn();
    }

    fn until<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..50 {
            if let Poll::Ready(value) = poll(&mut future) {
                return value;
            }
            self.turn();
            self.serve();
        }
        panic!("it never ends")
    }

    fn flood(&self, from: u64, count: u64) {
        let mut pipe = self.fake.pipe.lock().unwrap();
        for seq in from..from + count {
            pipe.down.push_back(Message::text(dummy::data("grpTest", seq, "flood", "")));
        }
    }

    fn unread(&self) -> usize {
        self.fake.pipe.lock().unwrap().down.len()
    }
}

fn publish(im: &ImClient, text: &str) -> impl Future<Output = Result<Receipt, SendError>> + use<> {
    let (im, text) = (im.clone(), text.to_owned());
    async move { im.publish(&topic(), Publish::text(&text)).await }
}

fn drain(events: &mut Events<Im>) -> Vec<im::Event> {
    std::iter::from_fn(|| events.try_next()).collect()
}

/// The requests that ended among these events.
fn ends(events: &[im::Event]) -> Vec<&Result<Answer, RequestError>> {
    let mut ends = Vec::new();
    for event in events {
        if let Event::Completed { result, .. } = event {
            ends.push(result);
        }
    }
    ends
}

fn messages(events: &[im::Event]) -> Vec<u64> {
    let of = |event: &im::Event| match event {
        Event::Service(ImEvent::Message(message)) => Some(message.seq()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_call_gets_its_answer_and_everything_else_is_an_event() {
    let mut place = Place::new();
    let mut events = place.im.events();
    let before = drain(&mut events);
    assert!(matches!(before[0], Event::Service(ImEvent::LoggedIn { .. })), "{before:?}");
    assert!(before.contains(&Event::Ready { resumed: false }));
    let receipt = place.until(publish(&place.im, "hello")).unwrap();
    assert_eq!((receipt.topic, receipt.seq.get()), (topic(), 1));
    place.steps();
    let told = drain(&mut events);
    assert_eq!((messages(&told), ends(&told)), (vec![1], vec![]));
    // The mirror knows without asking.
    let im = place.im.clone();
    let known = place.until(im.topic(&topic())).unwrap().unwrap();
    assert_eq!((known.seq.get(), known.followed, known.attached), (1, true, true));
    assert_eq!(place.until(im.user()).unwrap().unwrap().as_str(), "usr1");
}

/// Wherever a call is dropped, its message is never sent, and nobody is told; or it is sent exactly
/// once, and exactly one event tells how it ended.
#[test]
fn a_call_that_is_dropped_is_neither_lost_nor_doubled() {
    for at in 0..6 {
        let mut place = Place::new();
        let mut events = place.im.events();
        drain(&mut events);
        {
            let mut call = pin!(publish(&place.im, "once"));
            let mut server = Dummy::default();
            std::mem::swap(&mut server, &mut place.server);
            // 1: queued. 2: the task has sent it. 3: the server has answered. 4: the answer was handed
            // to the call, which has not looked. 5: it has looked.
            let mut told = false;
            for step in 1..=at {
                match step {
                    1 => assert!(poll(&mut call).is_pending()),
                    2 | 4 => place.fake.turn(),
                    3 => {
                        let mut pipe = place.fake.pipe.lock().unwrap();
                        while let Some(Message::Text(text)) = pipe.up.pop_front() {
                            let answers = server.answer(text.as_str());
                            pipe.down.extend(answers.into_iter().map(Message::text));
                        }
                    }
                    _ => told = poll(&mut call).is_ready(),
                }
            }
            assert_eq!(told, at == 5);
            std::mem::swap(&mut server, &mut place.server);
        }
        place.steps();
        let told = drain(&mut events);
        assert_eq!(place.server.published.len(), usize::from(at > 0), "dropped at step {at}");
        let ends = ends(&told);
        if (1..5).contains(&at) {
            assert!(matches!(ends[..], [Ok(Answer::Published(_))]), "{at}: {ends:?}");
        } else {
            assert!(ends.is_empty(), "{at}: {ends:?}");
        }
        assert_eq!(messages(&told).len(), usize::from(at > 0));
    }
}

#[test]
fn a_call_without_an_answer_is_done_once_it_was_polled() {
    for polled in [false, true] {
        let mut place = Place::new();
        {
            let im = place.im.clone();
            let mut call = pin!(im.call(|session, now| session.close(now)));
            if polled {
                assert!(poll(&mut call).is_pending());
            }
        }
        place.steps();
        let mut events = place.im.events();
        let closed = drain(&mut events).contains(&Event::Closed(CloseReason::Requested));
        assert_eq!(closed, polled);
    }
}

#[test]
fn close_that_is_dropped_closes_once_it_was_polled() {
    for polled in [false, true] {
        let mut place = Place::new();
        {
            let im = place.im.clone();
            let mut call = pin!(im.close(Duration::from_secs(5)));
            if polled {
                assert!(poll(&mut call).is_pending());
            }
        }
        place.steps();
        assert_eq!(place.im.is_ended(), polled);
    }
}

#[test]
fn connect_that_is_dropped_leaves_nothing() {
    let mut connecting = Box::pin(im::connect::<Fake>(dummy::config("http://127.0.0.1:1")));
    assert!(poll(&mut connecting.as_mut()).is_pending());
    drop(connecting);
    let place = Place::start(dummy::config("http://127.0.0.1:1"));
    let (fake, im) = (place.fake.clone(), place.im);
    {
        let mut ready = pin!(im.ready());
        assert!(poll(&mut ready).is_pending());
        fake.turn();
    }
    assert_eq!(fake.tasks.lock().unwrap().len(), 1);
    drop(im);
    fake.turn();
    assert!(fake.tasks.lock().unwrap().is_empty());
}

#[test]
fn events_that_were_taken_and_not_looked_at_come_again() {
    let place = Place::new();
    place.flood(1, 5);
    place.turn();
    let mut first = place.im.events();
    let mut seen = Vec::new();
    while messages(&seen).is_empty() {
        seen.push(first.try_next().unwrap());
    }
    {
        // A future that waits for more, dropped.
        let mut next = pin!(first.next());
        assert!(poll(&mut next).is_ready());
    }
    drop(first);
    assert_eq!(messages(&drain(&mut place.im.events())), [3, 4, 5]);
}

#[test]
fn a_full_queue_is_an_error_with_its_length() {
    // Calls that the task has not come to.
    let place = Place::ready(dummy::config("http://127.0.0.1:1").max_requests(4));
    let mut calls: Vec<_> = (0..4).map(|_| Box::pin(publish(&place.im, "x"))).collect();
    for call in &mut calls {
        assert!(poll(&mut call.as_mut()).is_pending());
    }
    assert_eq!(now(publish(&place.im, "x")).unwrap_err(), SendError::QueueFull { len: 4 });
    assert_eq!(now(place.im.phase()).unwrap_err(), SendError::QueueFull { len: 4 });
    assert_eq!(now(place.im.ready()), Err(NotReady::NotAsked(SendError::QueueFull { len: 4 })));

    // Requests that the server does not answer.
    place.turn();
    let mut one_more = Box::pin(publish(&place.im, "x"));
    assert!(poll(&mut one_more.as_mut()).is_pending());
    place.turn();
    assert_eq!(now(one_more).unwrap_err(), SendError::QueueFull { len: 4 });
    let error = SendError::QueueFull { len: 4 };
    assert_eq!(error.to_string(), "the queue is full: 4 wait already, nothing was sent");
    assert_eq!(place.fake.pipe.lock().unwrap().up.len(), 4);
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let mut place = Place::ready(dummy::config("http://127.0.0.1:1").max_message_bytes(1000));
    let call = publish(&place.im, &"long".repeat(1000));
    assert!(matches!(place.until(call), Err(SendError::Call(_))));
    assert!(place.server.published.is_empty());
}

#[test]
fn an_application_that_takes_no_events_stops_the_socket() {
    let mut place = Place::ready(dummy::config("http://127.0.0.1:1").event_queue(8));
    let mut events = place.im.events();
    drain(&mut events);
    place.flood(1, 100);
    place.steps();
    assert!(place.unread() >= 91, "{} are left", place.unread());
    let mut told = Vec::new();
    while messages(&told).len() < 100 {
        told.append(&mut drain(&mut events));
        place.turn();
    }
    assert_eq!(messages(&told), (1..=100).collect::<Vec<_>>());
    assert_eq!(place.im.discarded(), 0);
}

#[test]
fn a_program_that_only_sends_is_not_stopped_by_events() {
    let mut place = Place::ready(dummy::config("http://127.0.0.1:1").event_queue(8));
    place.flood(1, 1000);
    place.server.published = vec![String::new(); 1000];
    let receipt = place.until(publish(&place.im, "hello")).unwrap();
    assert_eq!(receipt.seq.get(), 1001);
    place.steps();
    assert!(place.im.discarded() >= 990, "{}", place.im.discarded());
    // The newest are there for who comes late.
    let seen = messages(&drain(&mut place.im.events()));
    assert_eq!(seen.last(), Some(&1001));
    assert!(seen.len() <= 8, "{seen:?}");
    // Who stops listening stops nothing.
    drop(place.im.events());
    place.flood(1002, 100);
    place.steps();
    assert_eq!(place.unread(), 0);
}

#[test]
fn a_call_reads_on_and_ends_before_it_waits_for_itself() {
    let config = || {
        let options =
            crate::Options { event_queue: 8, event_slack: 100, ..super::client_options() };
        dummy::config("http://127.0.0.1:1").options(options)
    };
    // The answer stands behind fewer events than may wait.
    let mut place = Place::ready(config());
    let mut events = place.im.events();
    drain(&mut events);
    place.flood(1, 50);
    place.server.published = vec![String::new(); 50];
    place.steps();
    assert!(place.unread() > 40);
    assert_eq!(place.until(publish(&place.im, "hello")).unwrap().seq.get(), 51);

    // The answer stands behind more.
    let mut place = Place::ready(config());
    let mut events = place.im.events();
    drain(&mut events);
    place.flood(1, 500);
    place.server.published = vec![String::new(); 500];
    let error = place.until(publish(&place.im, "hello")).unwrap_err();
    let SendError::EventsFull { len } = error else { panic!("{error}") };
    assert!((100..=172).contains(&len), "{len}");
    // So does one that comes later, and nobody spins.
    let error = place.until(publish(&place.im, "again")).unwrap_err();
    assert!(matches!(error, SendError::EventsFull { .. }));
    assert!(place.unread() > 300);
    let mut told = Vec::new();
    for _ in 0..100 {
        told.append(&mut drain(&mut events));
        place.steps();
    }
    assert_eq!(messages(&told), (1..=502).collect::<Vec<_>>());
    assert!(matches!(ends(&told)[..], [Ok(Answer::Published(_)), Ok(Answer::Published(_))]));
    assert_eq!(place.server.published.len(), 502);
}

#[test]
fn close_says_goodbye() {
    let mut place = Place::new();
    let (im, clone) = (place.im.clone(), place.im.clone());
    let mut events = im.events();
    assert_eq!(place.until(im.close(Duration::from_secs(5))), Closed::Cleanly);
    place.steps();
    assert_eq!(drain(&mut events).last(), Some(&Event::Closed(CloseReason::Requested)));
    assert!(clone.is_ended());
    assert_eq!(now(events.next()), None);
    assert_eq!(now(clone.close(Duration::from_secs(5))), Closed::Before);
    assert_eq!(now(publish(&clone, "late")).unwrap_err(), SendError::Ended);
    assert!(place.fake.pipe.lock().unwrap().dropped);
}

#[test]
fn close_ends_at_the_deadline_with_a_mute_server() {
    // Ours, the session's own, and with an application that takes no events.
    for (deadline, listen) in [(2, false), (60, false), (2, true)] {
        let mut place = Place::ready(dummy::config("http://127.0.0.1:1").event_queue(1));
        place.server.mute = true;
        let im = place.im.clone();
        let mut events = listen.then(|| im.events());
        place.flood(1, 10);
        let mut pending = Box::pin(publish(&im, "pending"));
        assert!(poll(&mut pending.as_mut()).is_pending());
        place.steps();
        let mut closing = pin!(im.close(Duration::from_secs(deadline)));
        assert!(poll(&mut closing).is_pending());
        place.steps();
        assert!(poll(&mut closing).is_pending(), "nothing was answered");
        place.fake.sleep(Duration::from_secs(deadline.min(5)));
        place.turn();
        assert_eq!(poll(&mut closing), Poll::Ready(Closed::Dropped));
        place.turn();
        let events = events.get_or_insert_with(|| im.events());
        for _ in 0..20 {
            place.fake.sleep(Duration::from_secs(1));
            place.turn();
        }
        assert!(place.fake.pipe.lock().unwrap().dropped);
        // Nothing waits for ever, and the end is told once.
        let answer = now(pending);
        let expected =
            [SendError::Request(RequestError::Unknown), SendError::EventsFull { len: 1 }];
        assert!(answer.as_ref().is_err_and(|error| expected.contains(error)), "{answer:?}");
        let told = drain(events);
        let ended = told.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert_eq!((ended, now(events.next())), (1, None), "{told:?}");
        assert!(im.is_ended());
    }
}

#[test]
fn a_full_queue_does_not_keep_a_client_from_closing() {
    let mut place = Place::ready(dummy::config("http://127.0.0.1:1").max_requests(2));
    let im = place.im.clone();
    let mut calls: Vec<_> = (0..2).map(|_| Box::pin(im.phase())).collect();
    for call in &mut calls {
        assert!(poll(&mut call.as_mut()).is_pending());
    }
    assert_eq!(place.until(im.close(Duration::from_secs(5))), Closed::Cleanly);
    for call in calls {
        assert_eq!(now(call), Ok(im::Phase::Ready));
    }
}

#[test]
fn ready_ends_with_a_session_that_is_closed() {
    let mut place = Place::start(dummy::config("http://127.0.0.1:1"));
    let im = place.im.clone();
    place.until(im.ready()).unwrap();
    place.until(im.ready()).unwrap();
    // Closed, while the events are not taken and the task lives on.
    let mut events = im.events();
    place.until(im.close(Duration::from_secs(5)));
    let again = place.until(im.ready());
    assert!(matches!(again, Err(NotReady::Closed(_) | NotReady::NotAsked(_) | NotReady::Ended)));
    drain(&mut events);
}

#[test]
fn a_task_that_is_dropped_tells_everybody() {
    let mut place = Place::new();
    place.server.mute = true;
    let (im, mut events) = (place.im.clone(), place.im.events());
    let mut sent = Box::pin(publish(&im, "sent"));
    assert!(poll(&mut sent.as_mut()).is_pending());
    place.steps();
    let mut queued = Box::pin(publish(&im, "queued"));
    assert!(poll(&mut queued.as_mut()).is_pending());
    let mut closing = Box::pin(im.close(Duration::from_secs(5)));
    assert!(poll(&mut closing.as_mut()).is_pending());
    place.fake.tasks.lock().unwrap().clear();
    assert_eq!(now(sent).unwrap_err(), SendError::Request(RequestError::Unknown));
    assert_eq!(now(queued).unwrap_err(), SendError::Ended);
    assert_eq!(now(closing), Closed::Before);
    drain(&mut events);
    assert_eq!(now(events.next()), None);
}

#[test]
fn the_polled_form_does_the_same() {
    let mut im: im::ImConnection<Fake> = im::open(dummy::config("http://127.0.0.1:1"));
    let (fake, mut server) = (im.runtime().clone(), Dummy::default());
    im.subscribe(&topic(), Subscribe::default()).unwrap();
    let id = im.publish(&topic(), Publish::text("hello")).unwrap();
    let mut told = Vec::new();
    for _ in 0..50 {
        while let Poll::Ready(event) = poll(&mut pin!(im.next())) {
            told.push(event.unwrap());
        }
        let mut pipe = fake.pipe.lock().unwrap();
        while let Some(message) = pipe.up.pop_front() {
            if let Message::Text(text) = message {
                let answers = server.answer(text.as_str());
                pipe.down.extend(answers.into_iter().map(Message::text));
            }
        }
    }
    assert_eq!(messages(&told), [1]);
    let answered =
        |event: &im::Event| matches!(event, Event::Completed { id: it, .. } if *it == id);
    assert!(told.iter().any(answered), "{told:?}");
    assert_eq!(im.topic(&topic()).unwrap().seq().get(), 1);

    // It becomes a client where it stands.
    let im = im.into_client();
    let mut place = Place { fake, im: im.clone(), server };
    assert_eq!(place.until(publish(&im, "more")).unwrap().seq.get(), 2);
    assert_eq!(place.until(im.close(Duration::from_secs(5))), Closed::Cleanly);
}

#[test]
fn the_polled_form_closes() {
    for mute in [false, true] {
        let mut im: im::ImConnection<Fake> = im::open(dummy::config("http://127.0.0.1:1"));
        let (fake, mut server) = (im.runtime().clone(), Dummy { mute, ..Dummy::default() });
        let mut told = Vec::new();
        let mut serve = || {
            let mut pipe = fake.pipe.lock().unwrap();
            while let Some(message) = pipe.up.pop_front() {
                match message {
                    Message::Text(text) => {
                        let answers = server.answer(text.as_str());
                        pipe.down.extend(answers.into_iter().map(Message::text));
                    }
                    Message::Close(frame) if !mute => pipe.down.push_back(Message::Close(frame)),
                    _ => {}
                }
            }
        };
        while !told.contains(&Event::Ready { resumed: false }) {
            if let Poll::Ready(event) = poll(&mut pin!(im.next())) {
                told.push(event.unwrap());
            }
            serve();
        }
        let mut ended = false;
        let closed = {
            let on_event = |event| ended |= matches!(event, Event::Closed(_));
            let mut closing = pin!(im.close(Duration::from_secs(2), on_event));
            assert!(poll(&mut closing).is_pending());
            serve();
            fake.sleep(Duration::from_secs(u64::from(mute) * 2));
            let mut closed = None;
            for _ in 0..5 {
                if let Poll::Ready(done) = poll(&mut closing) {
                    closed = Some(done);
                    break;
                }
            }
            closed.unwrap()
        };
        assert_eq!(
            (closed, ended),
            if mute { (Closed::Dropped, false) } else { (Closed::Cleanly, true) }
        );
        assert!(fake.pipe.lock().unwrap().dropped);
    }
}

#[test]
fn what_travels_between_threads() {
    const fn is_shared<T: Clone + Send + Sync>() {}
    const fn is_sent<T: Send>() {}
    is_shared::<ImClient>();
    is_shared::<crate::c2c::C2cClient<Fake>>();
    is_shared::<Client<Im, Fake>>();
    is_sent::<Events<Im>>();
    is_sent::<im::ImConnection<Fake>>();
    fn sent<F: Future + Send>(_: F) {}
    let place = Place::new();
    let topic = topic();
    sent(place.im.publish(&topic, Publish::text("x")));
    sent(place.im.close(Duration::ZERO));
    sent(im::connect::<Fake>(dummy::config("http://127.0.0.1:1")));
}
