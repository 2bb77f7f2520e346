//! Tags and auxiliary data. (tinode-doc)

use std::collections::BTreeSet;

use chat_proto::im::AccessMode as M;
use chat_proto::im::down::Meta;
use chat_proto::json::{Raw, Str};

use super::Im;
use super::merge::{members, merge};
use super::presence::pres;
use super::reply::{Ask, Done, Status, params};
use super::set::bounded;
use crate::effects::Cx;
use crate::record::{Record, SharedText, TopicId, TopicRow, UserRow};

/// Characters of a tag. (tinode-doc)
pub(super) const TAG_CHARS: std::ops::RangeInclusive<usize> = 2..=96;

/// Credentials are the PBX's: they are listed as none and cannot be changed. (choice)
pub(super) fn no_credentials(topic: TopicId, attached: bool) -> Status {
    if !attached {
        return Status::DENIED;
    }
    if matches!(topic, TopicId::Me(_)) { Status::NOT_IMPLEMENTED } else { Status::NOT_ALLOWED }
}

/// Tags as they are kept: small letters, each once.
pub(super) fn clean_tags(cx: &Cx<'_>, tags: &[Str<'_>]) -> Result<BTreeSet<String>, Status> {
    let mut clean = BTreeSet::new();
    for tag in tags {
        let tag = tag.decode().trim().to_lowercase();
        if !TAG_CHARS.contains(&tag.chars().count()) || tag.contains(char::is_control) {
            return Err(Status::MALFORMED);
        }
        clean.insert(tag);
    }
    if clean.len() > cx.config.max_tags { Err(Status::POLICY) } else { Ok(clean) }
}

/// Auxiliary data after a change: an object, or nothing.
pub(super) fn merged_aux(
    old: Option<&SharedText>,
    aux: &Raw<'_>,
) -> Result<Option<SharedText>, Status> {
    if members(aux.as_str()).is_none() && aux.as_text().as_deref() != Some("\u{2421}") {
        return Err(Status::MALFORMED);
    }
    Ok(merge(old, Some(aux)))
}

impl Im {
    pub(super) fn get_tags(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId) -> Done {
        let tags = self.tags_of(ask, id)?;
        if tags.is_empty() {
            self.nothing(cx, ask, "tags");
            return Ok(());
        }
        let tags = tags.iter().map(|tag| tag.as_str().into()).collect();
        self.meta(cx, ask, Meta { tags: Some(tags), ..Meta::default() });
        Ok(())
    }

    pub(super) fn set_tags(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        tags: &[Str<'_>],
        attached: bool,
    ) -> Done {
        if !attached {
            return Err(Status::DENIED.into());
        }
        let old: BTreeSet<String> = self.tags_of(ask, id)?.iter().cloned().collect();
        let new = clean_tags(cx, tags)?;
        if new == old {
            return Err(Status::NOT_MODIFIED.into());
        }
        let mut said = serde_json::Map::new();
        for (name, count) in
            [("added", new.difference(&old).count()), ("removed", old.difference(&new).count())]
        {
            if count > 0 {
                said.insert(name.to_owned(), count.into());
            }
        }
        let (tags, updated) = (new.into_iter().collect(), cx.stamp);
        let record = if let TopicId::Me(user) = id {
            let row = self.users.get(&user).cloned().unwrap_or_default();
            Record::User { user, row: Some(UserRow { tags, updated, ..row }) }
        } else {
            let row = self.topic(id).map(|it| it.row.clone()).unwrap_or_default();
            Record::Topic { topic: id, row: Some(TopicRow { tags, updated, ..row }) }
        };
        self.put(cx, record);
        self.ctrl(cx, ask, Status::OK, Some(params(&said.into())));
        if let TopicId::Me(user) = id {
            self.pres_me(cx, user, &pres("tags"), Some(ask.conn), None);
        } else {
            self.pres_on(cx, id, &pres("tags"), Some(ask.conn), |user, _| user == ask.user);
        }
        Ok(())
    }

    /// Tags where the caller may see them: one's own, and those of a group one owns.
    fn tags_of(&self, ask: &Ask, id: TopicId) -> Result<&[String], Status> {
        match id {
            TopicId::Me(user) => Ok(self.users.get(&user).map_or(&[], |row| &row.tags)),
            TopicId::Group(_) => {
                let topic = self.topic(id).ok_or(Status::TOPIC_NOT_FOUND)?;
                let owner = topic.mode(ask.user).has(M::OWNER);
                if owner { Ok(&topic.row.tags) } else { Err(Status::DENIED) }
            }
            TopicId::P2p(..) | TopicId::Emc(_) | TopicId::Slf(_) => Err(Status::NOT_ALLOWED),
        }
    }

    pub(super) fn get_aux(&self, cx: &mut Cx<'_>, ask: &Ask, id: TopicId) -> Done {
        if id.is_me() {
            return Err(Status::NOT_ALLOWED.into());
        }
        let topic = self.topic(id).ok_or(Status::TOPIC_NOT_FOUND)?;
        let aux = topic.row.aux.as_ref().and_then(|aux| Raw::new(aux.as_str()).ok());
        match aux {
            Some(aux) => self.meta(cx, ask, Meta { aux: Some(aux), ..Meta::default() }),
            None => self.nothing(cx, ask, "aux"),
        }
        Ok(())
    }

    pub(super) fn set_aux(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        aux: &Raw<'_>,
        attached: bool,
    ) -> Done {
        if id.is_me() {
            return Err(Status::NOT_ALLOWED.into());
        }
        let topic = self.topic(id).filter(|it| attached && it.mode(ask.user).is_admin());
        let row = topic.ok_or(Status::DENIED)?.row.clone();
        let new = merged_aux(row.aux.as_ref(), aux)?;
        bounded(cx, [&new, &None])?;
        if new == row.aux {
            return Err(Status::NOT_MODIFIED.into());
        }
        let row = TopicRow { aux: new, updated: cx.stamp, ..row };
        self.put(cx, Record::Topic { topic: id, row: Some(row) });
        self.ctrl(cx, ask, Status::OK, None);
        self.pres_on(cx, id, &pres("aux"), Some(ask.conn), |_, mode| mode.has(M::PRES));
        Ok(())
    }
}
