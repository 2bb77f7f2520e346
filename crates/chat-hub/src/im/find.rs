//! `fnd`: users and groups by their tags. (tinode-doc)

use std::collections::BTreeSet;

use chat_proto::im::Stamp;
use chat_proto::im::down::{Desc, Subscription};
use chat_proto::im::up::SetDesc;
use chat_proto::json::Raw;

use super::Im;
use super::describe::{on_me, stored};
use super::names::user_name;
use super::reply::{Ask, Done, Status};
use crate::effects::Cx;
use crate::record::TopicId;

impl Im {
    /// Sets what the session looks for. It lives as long as the session. (tinode-code)
    pub(super) fn set_query(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        desc: &SetDesc<'_>,
        attached: bool,
    ) -> Done {
        if !attached || desc.private.is_some() || desc.defacs.is_some() {
            return Err(Status::DENIED.into());
        }
        let Some(public) = desc.public.as_ref().filter(|it| !it.is_null()) else {
            return Err(Status::NOT_MODIFIED.into());
        };
        let text = public.as_text().ok_or(Status::MALFORMED)?;
        let query = if text == "\u{2421}" { String::new() } else { text.to_lowercase() };
        let Some(peer) = self.peers.get_mut(&ask.conn) else { return Ok(()) };
        if peer.query == query {
            return Err(Status::NOT_MODIFIED.into());
        }
        peer.query = query;
        self.ctrl(cx, ask, Status::OK, None);
        Ok(())
    }

    pub(super) fn desc_of_fnd(&self, ask: &Ask) -> Desc<'static> {
        let query = self.peers.get(&ask.conn).map_or("", |peer| peer.query.as_str());
        let public = (!query.is_empty()).then(|| Raw::from_value(query).ok()).flatten();
        Desc { acs: Some(on_me()), public, ..Desc::default() }
    }

    /// What has the tags the session looks for: users and groups of one's own tenant.
    pub(super) fn found(&self, cx: &Cx<'_>, ask: &Ask, limit: usize) -> Vec<Subscription<'_>> {
        let query = self.peers.get(&ask.conn).map_or("", |peer| peer.query.as_str());
        let Some(query) = Query::parse(query) else { return Vec::new() };
        let users = self
            .users
            .iter()
            .filter(|(user, _)| **user != ask.user && cx.accounts.visible(ask.user, **user));
        let users = users.filter_map(|(user, row)| {
            let tags = query.matched(&row.tags)?;
            Some(Subscription {
                updated: Stamp::from_unix_micros(row.updated, ask.flavor),
                user: user_name(*user).into(),
                public: stored(row.public.as_ref()),
                private: Some(tags),
                ..Subscription::default()
            })
        });
        let groups = self.topics.iter().filter(|(id, topic)| {
            matches!(id, TopicId::Group(_)) && self.is_visible(cx, ask.user, topic)
        });
        let groups = groups.filter_map(|(id, topic)| {
            let tags = query.matched(&topic.row.tags)?;
            Some(Subscription {
                updated: Stamp::from_unix_micros(topic.row.updated, ask.flavor),
                topic: id.name_for(ask.user).into(),
                public: stored(topic.row.public.as_ref()),
                private: Some(tags),
                ..Subscription::default()
            })
        });
        users.chain(groups).take(limit).collect()
    }
}

/// Words apart are all wanted; of words with a comma between, any. (tinode-doc)
struct Query(Vec<BTreeSet<String>>);

impl Query {
    fn parse(text: &str) -> Option<Self> {
        let mut all: Vec<BTreeSet<String>> = Vec::new();
        let mut joins = false;
        for piece in text.split_inclusive([',', ' ']) {
            let word = piece.trim_end_matches([',', ' ']);
            if !word.is_empty() {
                match all.last_mut() {
                    Some(last) if joins => drop(last.insert(word.to_owned())),
                    _ => all.push(BTreeSet::from([word.to_owned()])),
                }
                joins = false;
            }
            joins |= piece.ends_with(',');
        }
        (!all.is_empty()).then_some(Self(all))
    }

    /// The tags that were looked for, as JSON; `None` when one is missing.
    fn matched(&self, tags: &[String]) -> Option<Raw<'static>> {
        let has = |words: &BTreeSet<String>| tags.iter().any(|tag| words.contains(tag));
        if !self.0.iter().all(has) {
            return None;
        }
        let found: Vec<_> =
            tags.iter().filter(|tag| self.0.iter().any(|it| it.contains(*tag))).cloned().collect();
        Raw::from_value(&found).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_all_wanted_and_of_alternatives_one() {
        let found = |query: &str, tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|it| (*it).to_owned()).collect();
            Query::parse(query).is_some_and(|it| it.matched(&tags).is_some())
        };
        assert!(found("flowers travel", &["travel", "flowers"]));
        assert!(!found("flowers travel", &["flowers"]));
        assert!(found("flowers, travel", &["travel"]));
        assert!(found("flowers travel,puppies", &["flowers", "puppies"]));
        assert!(!found("flowers travel , puppies", &["puppies"]));
        assert!(Query::parse(" , ").is_none());
    }
}
