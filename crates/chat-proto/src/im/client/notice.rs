//! What the server tells without being asked: `pres` and `info`.

use super::event::{
    AccessChange, Acknowledged, Activity, Deleted, ImEvent, Presence, PresenceKind, ReceiptKind,
    Typing, TypingKind, Updated, UpdatedKind,
};
use super::mirror::{Budget, Info};
use super::state::ImState;
use crate::client::Cx;
use crate::im::down::{self, Pres};
use crate::im::{Access, AccessMode, Dacs, Down, Im, Seq, Seqs, TopicName, UserId};
use crate::json::Str;

impl ImState {
    /// What the mirror knows of a topic; `enter` makes room for one that it does not know.
    pub(super) fn info(&mut self, topic: &str, enter: bool) -> Option<(&mut Info, &mut Budget)> {
        match self.topics.get_mut(topic) {
            Some(track) => Some((&mut track.info, &mut self.mirror.budget)),
            None => self.mirror.other(topic, enter),
        }
    }

    /// The name as the session has it already, or a copy that does not keep the frame.
    pub(super) fn name(&self, topic: &str) -> TopicName {
        let known = self.mirror.view(&self.topics, topic);
        known.map_or_else(|| TopicName::from(topic), |view| view.name().clone())
    }

    fn myself(&self) -> UserId {
        self.user.clone().unwrap_or_else(|| UserId::from(""))
    }

    pub(super) fn on_pres(&mut self, pres: Pres<'static>, cx: &mut Cx<'_, Im>) {
        let on_me = pres.topic == "me";
        // On `me` the source is the topic; on a topic it is one of its users.
        let about = if on_me && !pres.src.is_empty() { &pres.src } else { &pres.topic };
        let topic = self.name(&about.decode());
        let member = if on_me { None } else { user(&pres.src) };
        let what = What::of(&pres.what.decode());
        match what {
            What::Presence(kind) => self.on_presence(topic, member, kind, pres, cx),
            What::Message => self.on_activity(topic, pres, cx),
            // Another session of this user acknowledged something.
            What::Receipt(kind) => {
                let (seq, user) = (pres.seq, self.myself());
                self.acknowledged(topic, user, kind, seq, Box::new(Down::Pres(pres)), cx);
            }
            What::Access => self.on_access(topic, member, pres, cx),
            What::Updated(what) => {
                if what == UpdatedKind::Description && member.is_none() {
                    self.refresh(topic.as_str(), cx);
                }
                cx.event(ImEvent::Updated(Updated {
                    topic,
                    user: member,
                    what,
                    frame: Box::new(pres),
                }));
            }
            What::Deleted => {
                let (seqs, clear) = (pres.delseq.as_deref().unwrap_or_default(), pres.clear);
                let seqs = Seqs::from_wire(seqs);
                if let Some((info, _)) = self.info(topic.as_str(), false) {
                    info.clear = info.clear.max(clear);
                }
                cx.event(ImEvent::Deleted(Deleted { topic, seqs, clear, frame: Box::new(pres) }));
            }
            What::Gone => self.forget(topic, Some(Down::Pres(pres)), cx),
            What::Moved => {
                let cause = Box::new(Down::Pres(pres));
                cx.event(ImEvent::Detached { topic: topic.clone(), cause });
                self.moved(topic, cx);
            }
            What::Other => cx.event(ImEvent::Other(Box::new(Down::Pres(pres)))),
        }
    }

    fn on_presence(
        &mut self,
        topic: TopicName,
        member: Option<UserId>,
        what: PresenceKind,
        frame: Pres<'static>,
        cx: &mut Cx<'_, Im>,
    ) {
        if member.is_none()
            && let Some((info, _)) = self.info(topic.as_str(), false)
        {
            match what {
                PresenceKind::Online => info.online = true,
                PresenceKind::Offline => info.online = false,
                PresenceKind::UserAgent => {}
            }
        }
        let user = member.or_else(|| topic.peer());
        cx.event(ImEvent::Presence(Presence { topic, user, what, frame: Box::new(frame) }));
    }

    fn on_activity(&mut self, topic: TopicName, frame: Pres<'static>, cx: &mut Cx<'_, Im>) {
        let seq = frame.seq;
        if let Some((info, _)) = self.info(topic.as_str(), true) {
            info.seq = info.seq.max(seq);
        }
        let (name, by) = (topic.clone(), user(&frame.act));
        cx.event(ImEvent::Activity(Activity {
            topic,
            seq: Seq::new(seq),
            by,
            frame: Box::new(frame),
        }));
        // The server takes the topic for detached. Fetching the message shows whether it is.
        if let Some(track) = self.topics.get_mut(&name).filter(|track| track.attached) {
            track.learn_head(seq);
            self.advance(&name, cx);
        }
    }

    fn acknowledged(
        &mut self,
        topic: TopicName,
        user: UserId,
        what: ReceiptKind,
        seq: u64,
        frame: Box<Down<'static>>,
        cx: &mut Cx<'_, Im>,
    ) {
        let mine = self.user.as_ref() == Some(&user);
        if mine && let Some((info, _)) = self.info(topic.as_str(), false) {
            match what {
                ReceiptKind::Received => info.see_recv(seq),
                ReceiptKind::Read => info.see_read(seq),
            }
        }
        cx.event(ImEvent::Receipt(Acknowledged { topic, user, what, seq: Seq::new(seq), frame }));
    }

    fn on_access(
        &mut self,
        topic: TopicName,
        member: Option<UserId>,
        frame: Pres<'static>,
        cx: &mut Cx<'_, Im>,
    ) {
        let myself = self.myself();
        // Whom it concerns is left out when that is the source or the recipient. (tinode-code)
        let user = user(&frame.tgt).or(member).unwrap_or_else(|| myself.clone());
        let by = self::user(&frame.act);
        let side = |text: &Str<'_>| Dacs::parse(&text.decode());
        let (want, given) = match &frame.dacs {
            Some(dacs) => (side(&dacs.want), side(&dacs.given)),
            None => (None, None),
        };
        let (joined, left) = (is_set(want, given, true), is_set(want, given, false));
        let mine = user == myself;
        let before = if mine { self.info(topic.as_str(), joined) } else { None };
        let access = match (before, want, given) {
            (Some((info, _)), _, _) if info.access.is_some() || joined || left => {
                info.access = Some(info.access.unwrap_or_default().changed(want, given));
                info.access
            }
            (_, Some(Dacs::Set(want)), Some(Dacs::Set(given))) => Some(Access { want, given }),
            _ => None,
        };
        if mine && access.is_none() {
            // A change of what is not known.
            self.refresh(topic.as_str(), cx);
        }
        let frame = Box::new(frame);
        let change = Box::new(AccessChange { topic, user, by, want, given, access, frame });
        cx.event(if joined {
            ImEvent::Joined(change)
        } else if left {
            ImEvent::Left(change)
        } else {
            ImEvent::Access(change)
        });
    }

    pub(super) fn on_info(&mut self, info: down::Info<'static>, cx: &mut Cx<'_, Im>) {
        let what = match info.what.plain() {
            Some("read") => Note::Receipt(ReceiptKind::Read),
            Some("recv") => Note::Receipt(ReceiptKind::Received),
            Some("kp") => Note::Typing(TypingKind::Text),
            Some("kpa") => Note::Typing(TypingKind::Audio),
            Some("kpv") => Note::Typing(TypingKind::Video),
            _ => {
                cx.event(ImEvent::Info(Box::new(info)));
                return;
            }
        };
        let about = if info.src.is_empty() { &info.topic } else { &info.src };
        let (topic, user) = (self.name(&about.decode()), UserId::from(&info.from));
        match what {
            Note::Typing(what) => {
                cx.event(ImEvent::Typing(Typing { topic, user, what, frame: Box::new(info) }));
            }
            Note::Receipt(what) => {
                let seq = info.seq;
                self.acknowledged(topic, user, what, seq, Box::new(Down::Info(info)), cx);
            }
        }
    }

    /// The topic is gone for this user: it is not attached again.
    pub(super) fn forget(
        &mut self,
        topic: TopicName,
        cause: Option<Down<'static>>,
        cx: &mut Cx<'_, Im>,
    ) {
        let followed = self.unfollow(&topic, cx);
        self.mirror.remove(topic.as_str());
        if followed || cause.is_some() {
            cx.event(ImEvent::TopicGone { topic, cause: cause.map(Box::new) });
        }
    }
}

/// What a `pres` says.
#[derive(Clone, Copy)]
enum What {
    Presence(PresenceKind),
    Message,
    Receipt(ReceiptKind),
    Access,
    Updated(UpdatedKind),
    Deleted,
    Gone,
    Moved,
    Other,
}

impl What {
    fn of(what: &str) -> Self {
        match what {
            "on" => Self::Presence(PresenceKind::Online),
            "off" => Self::Presence(PresenceKind::Offline),
            "ua" => Self::Presence(PresenceKind::UserAgent),
            "msg" => Self::Message,
            "read" => Self::Receipt(ReceiptKind::Read),
            "recv" => Self::Receipt(ReceiptKind::Received),
            "acs" => Self::Access,
            "upd" => Self::Updated(UpdatedKind::Description),
            "tags" => Self::Updated(UpdatedKind::Tags),
            "aux" => Self::Updated(UpdatedKind::Aux),
            "del" => Self::Deleted,
            "gone" => Self::Gone,
            "term" => Self::Moved,
            _ => Self::Other,
        }
    }
}

enum Note {
    Receipt(ReceiptKind),
    Typing(TypingKind),
}

/// A user's name in a frame.
fn user(name: &Str<'_>) -> Option<UserId> {
    (!name.is_empty()).then(|| UserId::from(name))
}

/// Whether both sides are told as a whole: new, or (not `full`) gone.
fn is_set(want: Option<Dacs>, given: Option<Dacs>, full: bool) -> bool {
    let is = |side: Option<Dacs>| match side {
        Some(Dacs::Set(mode)) => (mode != AccessMode::NONE) == full,
        Some(Dacs::Change(..)) | None => false,
    };
    is(want) && is(given)
}
