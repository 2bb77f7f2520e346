//! Who owns a group, and how it passes on: in one step on PortSIP's path, in two on Tinode's.

use chat_proto::im::AccessMode as M;

use super::Im;
use super::access;
use super::presence::change;
use super::reply::{Ask, Done, Status};
use crate::effects::Cx;
use crate::record::{SubRow, TopicId};

impl Im {
    /// Passes a group on in one step: the new owner has everything at once, the former one loses
    /// `A`, `D` and `O`. There is never a moment with two owners or none. (seed)
    pub(super) fn transfer(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        target: u64,
        old: &SubRow,
    ) {
        let Some(former) = self.topic(id).and_then(|it| it.sub(ask.user)).cloned() else { return };
        let demoted = SubRow {
            want: access::former_owner(former.want),
            given: access::former_owner(former.given),
            updated: cx.stamp,
            ..former.clone()
        };
        let raised = SubRow { want: M::ALL, given: M::ALL, updated: cx.stamp, ..old.clone() };
        let (lost, won) = (change(&former, &demoted), change(old, &raised));
        let modes = (old.mode(), raised.mode());
        self.put_sub(cx, id, ask.user, demoted);
        self.put_sub(cx, id, target, raised);
        // The former owner's session is told as well, before the answer, as the sample shows.
        self.tell_target(cx, id, (ask.user, ask.user), &lost, None);
        self.tell_sharers(cx, id, (ask.user, ask.user), &lost, false, ask.conn);
        self.tell_target(cx, id, (ask.user, target), &won, Some(ask.conn));
        self.tell_sharers(cx, id, (ask.user, target), &won, false, ask.conn);
        self.tell_muted(cx, id, target, modes);
        // What was offered to others on Tinode's path is off.
        self.withdraw(cx, ask, id, target);
    }

    /// Offers a group: the target is given ownership and has it once they ask for it. Until then
    /// the owner stays. (tinode-code)
    pub(super) fn offer(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        target: u64,
        old: &SubRow,
        given: M,
    ) -> Done {
        if given == old.given {
            return Err(Status::NOT_MODIFIED.into());
        }
        let row = SubRow { given, updated: cx.stamp, ..old.clone() };
        let dacs = change(old, &row);
        self.put_sub(cx, id, target, row);
        self.tell_sharers(cx, id, (ask.user, target), &dacs, false, ask.conn);
        self.tell_target(cx, id, (ask.user, target), &dacs, Some(ask.conn));
        Ok(())
    }

    /// The caller takes what was offered: the former owner loses `O`, and nothing else. (tinode-code)
    pub(super) fn retire_owner(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId) {
        self.withdraw(cx, ask, id, ask.user);
    }

    /// Takes `O` from everybody but `owner`: who had the group, and whom it was offered to.
    fn withdraw(&mut self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId, owner: u64) {
        let Some(topic) = self.topic(id) else { return };
        let holders = topic.members.iter().filter(|(user, member)| {
            **user != owner && (member.sub.want | member.sub.given).has(M::OWNER)
        });
        let holders: Vec<_> = holders.map(|(user, it)| (*user, it.sub.clone())).collect();
        for (user, old) in holders {
            let row = SubRow {
                want: old.want - M::OWNER,
                given: old.given - M::OWNER,
                updated: cx.stamp,
                ..old.clone()
            };
            let (lost, lives) = (change(&old, &row), row.deleted.is_none());
            self.put_sub(cx, id, user, row);
            if lives {
                self.tell_sharers(cx, id, (ask.user, user), &lost, false, ask.conn);
                self.tell_target(cx, id, (ask.user, user), &lost, Some(ask.conn));
            }
        }
    }
}
