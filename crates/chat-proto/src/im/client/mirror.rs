//! What the session knows of topics, to be asked without a round trip.

use super::track::Track;
use crate::im::down::{Acs, Desc, Subscription};
use crate::im::{Access, Seq, Stamp, TopicName, UserId};
use crate::json::Raw;
use crate::table::Table;

/// What is known of one topic.
#[derive(Debug, Default)]
pub(super) struct Info {
    pub(super) seq: u64,
    pub(super) read: u64,
    pub(super) recv: u64,
    pub(super) clear: u64,
    pub(super) members: u64,
    pub(super) access: Option<Access>,
    pub(super) online: bool,
    touched: Stamp<'static>,
    public: Option<Raw<'static>>,
    private: Option<Raw<'static>>,
}

/// How many bytes of descriptions are kept, over all topics.
#[derive(Debug)]
pub(super) struct Budget {
    used: usize,
    max: usize,
}

impl Budget {
    pub(super) const fn new(max: usize) -> Self {
        Self { used: 0, max }
    }

    /// Keeps a copy, so that the frame it came in may go; nothing when there is no room.
    fn replace(&mut self, kept: &mut Option<Raw<'static>>, new: Option<&Raw<'_>>) {
        self.used -= kept.take().map_or(0, |old| old.as_str().len());
        if let Some(new) = new.filter(|new| !new.is_null())
            && new.as_str().len() <= self.max - self.used
        {
            self.used += new.as_str().len();
            *kept = Some(new.detach());
        }
    }

    pub(super) fn release(&mut self, info: &mut Info) {
        self.replace(&mut info.public, None);
        self.replace(&mut info.private, None);
    }
}

impl Info {
    pub(super) fn learn_access(&mut self, acs: Option<&Acs<'_>>) {
        self.access = acs.and_then(Access::from_acs).or(self.access);
    }

    /// Takes a description that was asked for as a whole.
    pub(super) fn learn_desc(&mut self, desc: &Desc<'_>, budget: &mut Budget) {
        self.learn_access(desc.acs.as_ref());
        self.learn_numbers(desc.seq, desc.read, desc.recv, desc.clear);
        self.members = desc.subcnt.max(self.members);
        self.touch(&desc.touched);
        budget.replace(&mut self.public, desc.public.as_ref());
        budget.replace(&mut self.private, desc.private.as_ref());
    }

    /// Takes a row of the list of this user's topics, where what did not change is left out.
    pub(super) fn learn_row(&mut self, row: &Subscription<'_>, budget: &mut Budget) {
        self.learn_access(row.acs.as_ref());
        self.learn_numbers(row.seq, row.read, row.recv, row.clear);
        self.members = row.subcnt.max(self.members);
        self.online = row.online;
        self.touch(&row.touched);
        if row.public.is_some() {
            budget.replace(&mut self.public, row.public.as_ref());
        }
        if row.private.is_some() {
            budget.replace(&mut self.private, row.private.as_ref());
        }
    }

    fn learn_numbers(&mut self, seq: u64, read: u64, recv: u64, clear: u64) {
        self.seq = self.seq.max(seq);
        self.clear = self.clear.max(clear);
        self.see_read(read);
        self.see_recv(recv);
    }

    fn touch(&mut self, at: &Stamp<'_>) {
        if !at.is_empty() {
            self.touched = Stamp::from(at.as_text().detach());
        }
    }

    /// This user has read so far, which implies having received so far.
    pub(super) fn see_read(&mut self, seq: u64) {
        self.read = self.read.max(seq);
        self.see_recv(seq);
    }

    pub(super) fn see_recv(&mut self, seq: u64) {
        self.recv = self.recv.max(seq);
    }

    /// The topic's numbers went backwards.
    pub(super) fn rewind(&mut self, head: u64) {
        self.seq = head;
        self.read = self.read.min(head);
        self.recv = self.recv.min(head);
    }
}

/// What the session knows of one topic: what the server said last, and what this session did since.
///
/// Asking costs no round trip. `public` and `private` are missing where the server gave none, and
/// where the configured room for them is used up.
#[derive(Clone, Copy, Debug)]
pub struct TopicView<'s> {
    name: &'s TopicName,
    info: &'s Info,
    track: Option<&'s Track>,
}

impl<'s> TopicView<'s> {
    /// The topic.
    #[must_use]
    pub const fn name(&self) -> &'s TopicName {
        self.name
    }

    /// Number of the last message there is, as far as is known.
    #[must_use]
    pub fn seq(&self) -> Seq {
        let head = self.track.map_or(0, Track::head);
        Seq::new(self.info.seq.max(head))
    }

    /// Number of the last message that was told to the application, or known to be there when it
    /// subscribed; `None` while that is not known, and for a topic that is not followed.
    #[must_use]
    pub fn told(&self) -> Option<Seq> {
        self.track.and_then(Track::last).map(Seq::new)
    }

    /// The last message this user has read.
    #[must_use]
    pub const fn read(&self) -> Seq {
        Seq::new(self.info.read)
    }

    /// The last message this user has received.
    #[must_use]
    pub const fn received(&self) -> Seq {
        Seq::new(self.info.recv)
    }

    /// How many messages are not read yet; deleted ones count.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.seq().get().saturating_sub(self.info.read)
    }

    /// This user's access, once the server told.
    #[must_use]
    pub const fn access(&self) -> Option<Access> {
        self.info.access
    }

    /// Whether the peer, or anybody in the group, is online; known while `me` is followed.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        self.info.online
    }

    /// How many members there are; 0 where the server does not tell.
    #[must_use]
    pub const fn members(&self) -> u64 {
        self.info.members
    }

    /// Id of the last deletion that is known of.
    #[must_use]
    pub const fn deletion(&self) -> u64 {
        self.info.clear
    }

    /// When the last message came, as the server described the topic last; empty where it does not
    /// tell.
    #[must_use]
    pub const fn touched(&self) -> &'s Stamp<'static> {
        &self.info.touched
    }

    /// What everybody sees.
    #[must_use]
    pub const fn public(&self) -> Option<&'s Raw<'static>> {
        self.info.public.as_ref()
    }

    /// What only this user sees.
    #[must_use]
    pub const fn private(&self) -> Option<&'s Raw<'static>> {
        self.info.private.as_ref()
    }

    /// Whether the application subscribed in this session, so that messages are told.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        self.track.is_some()
    }

    /// Whether the topic is attached on the live link.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.track.is_some_and(|track| track.attached)
    }
}

/// Topics of this user that the session does not follow, as `me` lists them.
#[derive(Debug)]
pub(super) struct Mirror {
    others: Table<TopicName, Info>,
    max: usize,
    pub(super) budget: Budget,
}

impl Mirror {
    pub(super) const fn new(max: usize, max_bytes: usize) -> Self {
        Self { others: Table::new(), max, budget: Budget::new(max_bytes) }
    }

    /// A topic that is not followed. `None` when it is not known, and there is no room or no reason
    /// to enter it.
    pub(super) fn other(&mut self, topic: &str, enter: bool) -> Option<(&mut Info, &mut Budget)> {
        if enter && self.others.len() < self.max && !self.others.contains_key(topic) {
            self.others.insert(TopicName::from(topic), Info::default());
        }
        self.others.get_mut(topic).map(|info| (info, &mut self.budget))
    }

    /// Takes a topic out, because it is gone or followed from now on.
    pub(super) fn take(&mut self, topic: &str) -> Option<Info> {
        self.others.remove(topic)
    }

    pub(super) fn remove(&mut self, topic: &str) {
        if let Some(mut info) = self.others.remove(topic) {
            self.budget.release(&mut info);
        }
    }

    /// Keeps what is known of a topic that is not followed any more.
    pub(super) fn keep(&mut self, topic: TopicName, mut info: Info) {
        if self.others.len() < self.max {
            self.others.insert(topic, info);
        } else {
            self.budget.release(&mut info);
        }
    }

    /// Topics, and bytes of descriptions.
    pub(super) const fn fullness(&self) -> (usize, usize) {
        (self.others.len(), self.budget.used)
    }

    /// Nobody tells who is online on a link that is gone.
    pub(super) fn all_offline(&mut self) {
        self.others.values_mut().for_each(|info| info.online = false);
    }

    pub(super) fn view<'s>(
        &'s self,
        followed: &'s Table<TopicName, Track>,
        topic: &str,
    ) -> Option<TopicView<'s>> {
        let followed = followed.get_key_value(topic);
        followed.map(|(name, track)| TopicView::of(name, track)).or_else(|| {
            let (name, info) = self.others.get_key_value(topic)?;
            Some(TopicView { name, info, track: None })
        })
    }

    pub(super) fn views<'s>(
        &'s self,
        followed: &'s Table<TopicName, Track>,
    ) -> impl Iterator<Item = TopicView<'s>> {
        let others = self.others.iter().map(|(name, info)| TopicView { name, info, track: None });
        followed.iter().map(|(name, track)| TopicView::of(name, track)).chain(others)
    }
}

impl<'s> TopicView<'s> {
    const fn of(name: &'s TopicName, track: &'s Track) -> Self {
        Self { name, info: &track.info, track: Some(track) }
    }
}

/// Whether a name in a frame is this user's.
pub(super) fn is_me(user: Option<&UserId>, name: &str) -> bool {
    user.is_some_and(|user| user == name)
}
