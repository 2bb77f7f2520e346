//! How a group gets another owner in Tinode's flavour: the owner offers, the other one accepts.
//! (tinode-code)
//!
//! An offer is `O` in what is given. It changes nothing until its holder wants it; then the former
//! owner and everybody else with an offer lose `O` in the same step, so that there is one owner at
//! every moment.

use chat_proto::im::AccessMode as M;

use super::Im;
use super::presence::change;
use super::reply::Ask;
use crate::effects::Cx;
use crate::record::{SubRow, TopicId};

impl Im {
    /// Whether `user` may take the group over by asking for `want`.
    pub(super) fn is_offered(&self, topic: TopicId, user: u64, want: M) -> bool {
        let row = self.topic(topic).and_then(|it| it.sub(user));
        want.has(M::OWNER | M::JOIN)
            && row.is_some_and(|row| row.given.has(M::OWNER) && !row.want.has(M::OWNER))
    }

    /// Makes `ask.user`, who has an offer, the owner; tells others.
    pub(super) fn accept_ownership(&mut self, cx: &mut Cx<'_>, ask: &Ask, topic: TopicId, want: M) {
        let Some(old) = self.topic(topic).and_then(|it| it.sub(ask.user)).cloned() else { return };
        // Who may be owner may have all there is. (tinode-code)
        let given = old.given | want;
        let row = SubRow { want, given, updated: cx.stamp, ..old.clone() };
        let won = change(&old, &row);
        let lost = self.withdraw_ownership(cx, topic, ask.user);
        self.put_sub(cx, topic, ask.user, row);
        for (user, former, row) in lost {
            let dacs = change(&former, &row);
            // An offer that was never taken up is gone without a word to others.
            if former.want.has(M::OWNER) {
                self.tell_sharers(cx, topic, (ask.user, user), &dacs, false, ask.conn);
            }
            self.tell_target(cx, topic, (ask.user, user), &dacs, None);
        }
        self.tell_sharers(cx, topic, (ask.user, ask.user), &won, false, ask.conn);
        self.tell_target(cx, topic, (ask.user, ask.user), &won, Some(ask.conn));
    }

    /// Takes `O` from everybody but `heir`: who is owner, and who has an offer. Gives their rows
    /// before and after.
    pub(super) fn withdraw_ownership(
        &mut self,
        cx: &mut Cx<'_>,
        topic: TopicId,
        heir: u64,
    ) -> Vec<(u64, SubRow, SubRow)> {
        let holders: Vec<_> = self
            .topic(topic)
            .into_iter()
            .flat_map(|it| it.members.iter())
            .filter(|(user, it)| **user != heir && (it.sub.want | it.sub.given).has(M::OWNER))
            .map(|(user, it)| (*user, it.sub.clone()))
            .collect();
        holders
            .into_iter()
            .map(|(user, former)| {
                let (want, given) = (former.want - M::OWNER, former.given - M::OWNER);
                let row = SubRow { want, given, updated: cx.stamp, ..former.clone() };
                self.put_sub(cx, topic, user, row.clone());
                (user, former, row)
            })
            .collect()
    }
}
