//! What applications do with what they are told.

#![expect(clippy::wildcard_enum_match_arm, reason = "some events are looked for")]

use std::fmt;

use chat_proto::c2c::client::C2cEvent;
use chat_proto::client::Event;
use chat_proto::im::client::ImEvent;

use super::World;
use super::client::{Either, Role};
use crate::observe::{self, End, Observation};
use crate::people;
use crate::schedule::VerbKind;

impl World {
    pub(super) fn told_im(&mut self, n: usize, event: crate::laws::EventOf<chat_proto::im::Im>) {
        self.shown(|| format!("{event:?}"));
        self.note(|| format!("client {n} is told {}", brief(&event)));
        let now = self.clients[n].now(self.clock.now());
        match &event {
            Event::Ready { .. } => self.is_ready(n, true),
            Event::Lost { .. } | Event::Closed(_) => {}
            Event::Service(event) => {
                let client = &mut self.clients[n];
                if let ImEvent::Tokens(pair) = event {
                    client.tokens = Some(pair.clone());
                }
                if let ImEvent::TopicGone { topic, .. } | ImEvent::AttachRefused { topic, .. } =
                    event
                {
                    client.following.remove(topic);
                }
                let user = client.user.clone();
                if let Some(what) = observe::topic_event(n, &user, event) {
                    self.observe(what);
                }
            }
            Event::Completed { id, result } => {
                let user = self.clients[n].user.clone();
                let end = observe::topic_end(&user, result);
                self.ended_im(n, *id, result);
                self.observe(Observation::Ended { client: n, id: id.get(), end });
            }
            // The application asks its user for the password.
            Event::CredentialsNeeded { .. } => {
                let client = &mut self.clients[n];
                client.tokens = None;
                if let (Role::Im(setup), Some(Either::Im(machine))) =
                    (client.role, &mut client.machine)
                {
                    let n = usize::from(setup.user);
                    let credentials = chat_proto::im::client::Credentials::password(
                        people::number(n),
                        people::DOMAIN,
                        people::password(n),
                    );
                    machine.call(now, |session, now| {
                        session.set_credentials(credentials, now);
                        session.connect(now);
                    });
                    client.dirty = true;
                }
            }
            _ => {}
        }
    }

    pub(super) fn told_c2c(&mut self, n: usize, event: crate::laws::EventOf<chat_proto::c2c::C2c>) {
        self.shown(|| format!("{event:?}"));
        self.note(|| format!("client {n} is told {}", brief(&event)));
        match &event {
            Event::Ready { .. } => self.is_ready(n, true),
            Event::Service(event) => {
                self.store_checkpoint(n, event);
                let user = self.clients[n].user.clone();
                if let Some(what) = observe::order_event(n, &user, event) {
                    self.observe(what);
                }
            }
            Event::Completed { id, result } => {
                let user = self.clients[n].user.clone();
                let end = match self.clients[n].asked.remove(id) {
                    // Pictures have no content that could be compared.
                    Some(VerbKind::SendPicture) if result.is_ok() => End::Done,
                    _ => observe::order_end(&user, result),
                };
                self.observe(Observation::Ended { client: n, id: id.get(), end });
            }
            _ => {}
        }
    }

    fn store_checkpoint(&mut self, n: usize, event: &C2cEvent) {
        let stored = match event {
            C2cEvent::Push(incoming) => {
                let order = incoming.push.order().map(|it| it.text().into_owned());
                order.zip(incoming.checkpoint())
            }
            C2cEvent::Backfilled { order_no, checkpoint, .. } => {
                Some((order_no.clone(), checkpoint.clone()))
            }
            _ => None,
        };
        self.clients[n].checkpoints.extend(stored);
    }

    pub(super) fn is_ready(&mut self, n: usize, up: bool) {
        let client = &mut self.clients[n];
        if std::mem::replace(&mut client.was_ready, up) != up {
            self.observe(Observation::Link { client: n, up });
        }
    }
}

/// An event for people: without frames.
fn brief(event: &impl fmt::Debug) -> String {
    let mut text = format!("{event:?}");
    if text.len() > 160 {
        let cut = (0..=160).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}
