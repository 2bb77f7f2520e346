//! `fnd`: users and groups by their tags. (tinode-doc)
//!
//! A query is the `public` of the topic, and the answer its list of subscriptions. Both belong to
//! one session, so nothing of it is stored.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chat_proto::im::AccessMode;
use chat_proto::im::down::{Acs, Desc, Meta, Subscription};
use chat_proto::im::up::{GetOpts, Set, SetQuery, Verb};
use chat_proto::im::{Stamp, TopicKind};
use chat_proto::json::{Raw, Str};

use super::Im;
use super::access;
use super::describe::{sections, stored};
use super::merge::merge;
use super::names::user_name;
use super::reply::{Ask, Done, Status};
use crate::effects::Cx;
use crate::record::{SharedText, TopicId};

/// Terms of a query. (choice)
const MAX_TERMS: usize = 32;
/// The prefix of the tag that every user has: the name they log in with. (tinode-code)
const LOGIN_TAG: &str = "basic:";

/// A session that is attached to `fnd`.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The query as the client set it, as JSON.
    public: Option<SharedText>,
    /// A second place for a query, which is used when there is none in the first.
    private: Option<SharedText>,
}

/// What must be there, and of what one must be there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Terms {
    all: Vec<String>,
    any: Vec<String>,
}

/// Somebody or something that was found.
struct Found {
    name: String,
    topic: Option<TopicId>,
    user: Option<u64>,
    matched: Vec<String>,
}

/// Whether a request is about `fnd`. PortSIP's documentation has no such topic, and answers there are
/// the same. (choice)
pub(super) fn is_about(ask: &Ask) -> bool {
    TopicKind::of(&ask.topic) == TopicKind::Fnd
}

impl Im {
    /// Answers any verb on `fnd`.
    pub(super) fn search(&mut self, cx: &mut Cx<'_>, ask: &Ask, verb: &Verb<'_>) -> Done {
        let attached = self.search_of(ask).is_some();
        match verb {
            Verb::Sub(_) if attached => Err(Status::ALREADY_SUBSCRIBED.into()),
            Verb::Sub(it) => {
                let mut search = Search::default();
                if let Some(SetQuery { desc: Some(desc), .. }) = &it.set {
                    search.public = query_text(None, desc.public.as_ref())?;
                    search.private = query_text(None, desc.private.as_ref())?;
                }
                self.keep(ask, Some(search));
                self.ctrl(cx, ask, Status::OK, None);
                let what = it.get.as_ref().map(|get| get.what.decode()).unwrap_or_default();
                let opts = it.get.as_ref().and_then(|get| get.sub.as_ref());
                self.answer_search(cx, ask, &what, opts)
            }
            Verb::Leave(it) if it.unsub == Some(true) => Err(Status::DENIED.into()),
            Verb::Leave(_) if !attached => Err(Status::NOT_JOINED.into()),
            Verb::Leave(_) => {
                self.keep(ask, None);
                self.ctrl(cx, ask, Status::OK, None);
                Ok(())
            }
            Verb::Get(it) => {
                let what = it.what.decode();
                if sections(&what).is_empty() {
                    return Err(Status::MALFORMED.into());
                }
                if !attached {
                    return Err(Status::DENIED.into());
                }
                self.answer_search(cx, ask, &what, it.sub.as_ref())
            }
            Verb::Set(_) if !attached => Err(Status::DENIED.into()),
            Verb::Set(it) => self.set_search(cx, ask, it),
            Verb::Pub(it) if it.id.is_empty() => Ok(()),
            Verb::Pub(_) | Verb::Del(_) => Err(Status::DENIED.into()),
            Verb::Note(_) => Ok(()),
            Verb::Hi(_) | Verb::Login(_) | Verb::Acc(_) | Verb::Other(..) => {
                Err(Status::MALFORMED.into())
            }
        }
    }

    fn search_of(&self, ask: &Ask) -> Option<&Search> {
        self.peers.get(&ask.conn)?.tinode.search.as_ref()
    }

    fn keep(&mut self, ask: &Ask, search: Option<Search>) {
        if let Some(peer) = self.peers.get_mut(&ask.conn) {
            peer.tinode.search = search;
        }
    }

    fn set_search(&mut self, cx: &mut Cx<'_>, ask: &Ask, set: &Set<'_>) -> Done {
        if set.tags.is_some() || set.cred.is_some() || set.aux.is_some() {
            return Err(Status::NOT_ALLOWED.into());
        }
        let Some(desc) = &set.desc else {
            let status = if set.sub.is_some() { Status::DENIED } else { Status::MALFORMED };
            return Err(status.into());
        };
        if desc.defacs.is_some() || desc.trusted.as_ref().is_some_and(|it| !it.is_null()) {
            return Err(Status::DENIED.into());
        }
        let Some(old) = self.search_of(ask) else { return Err(Status::DENIED.into()) };
        let search = Search {
            public: query_text(old.public.as_ref(), desc.public.as_ref())?,
            private: query_text(old.private.as_ref(), desc.private.as_ref())?,
        };
        self.keep(ask, Some(search));
        self.ctrl(cx, ask, Status::OK, None);
        Ok(())
    }

    fn answer_search(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        what: &str,
        opts: Option<&GetOpts<'_>>,
    ) -> Done {
        let Some(search) = self.search_of(ask) else { return Ok(()) };
        let terms = search.terms();
        for section in sections(what) {
            let meta = match (section, &terms) {
                ("desc", _) => Meta { desc: Some(Box::new(search.desc())), ..Meta::default() },
                ("sub" | "tags", Err(status)) => {
                    self.ctrl(cx, ask, *status, None);
                    continue;
                }
                ("sub", Ok(terms)) => {
                    let limit = opts.and_then(|opts| usize::try_from(opts.limit?).ok());
                    let limit = limit.filter(|it| *it > 0).unwrap_or(cx.config.max_rows);
                    let found = self.find(cx, ask.user, terms);
                    let found = found.into_iter().take(limit.min(cx.config.max_rows));
                    let rows: Vec<_> = found.map(|it| self.row_of(ask, it)).collect();
                    Meta { sub: Some(rows).filter(|rows| !rows.is_empty()), ..Meta::default() }
                }
                ("tags", Ok(terms)) => {
                    let found = self.find(cx, ask.user, terms);
                    let tags: BTreeSet<_> = found.into_iter().flat_map(|it| it.matched).collect();
                    let tags: Vec<Str<'_>> = tags.into_iter().map(Str::from).collect();
                    Meta { tags: Some(tags).filter(|tags| !tags.is_empty()), ..Meta::default() }
                }
                ("data", _) => {
                    self.ctrl(cx, ask, Status::DENIED, None);
                    continue;
                }
                ("cred" | "aux", _) => {
                    self.ctrl(cx, ask, Status::NOT_ALLOWED, None);
                    continue;
                }
                _ => Meta::default(),
            };
            if meta.desc.is_none() && meta.sub.is_none() && meta.tags.is_none() {
                self.nothing(cx, ask, section);
            } else {
                self.meta(cx, ask, meta);
            }
        }
        Ok(())
    }

    /// Users and groups of the searcher's tenant, the best match first.
    fn find(&self, cx: &Cx<'_>, viewer: u64, terms: &Terms) -> Vec<Found> {
        let mut found = Vec::new();
        if terms.all.is_empty() && terms.any.is_empty() {
            return found;
        }
        for (user, account) in cx.accounts.users() {
            if user == viewer || account.suspended || !cx.accounts.visible(viewer, user) {
                continue;
            }
            let login = format!("{LOGIN_TAG}{}", account.number.to_lowercase());
            let tags = self.users.get(&user).map_or(&[][..], |row| &row.tags);
            let tags: Vec<&str> =
                std::iter::once(login.as_str()).chain(tags.iter().map(String::as_str)).collect();
            if let Some(matched) = terms.matched(&tags) {
                found.push(Found { name: user_name(user), topic: None, user: Some(user), matched });
            }
        }
        for (id, topic) in self.topics.iter().filter(|(id, _)| id.is_group()) {
            let tags: Vec<&str> = topic.row.tags.iter().map(String::as_str).collect();
            if let Some(matched) =
                terms.matched(&tags).filter(|_| self.is_visible(cx, viewer, topic))
            {
                found.push(Found {
                    name: id.name_for(viewer),
                    topic: Some(*id),
                    user: None,
                    matched,
                });
            }
        }
        found.sort_by(|one, other| {
            (Reverse(one.matched.len()), &one.name)
                .cmp(&(Reverse(other.matched.len()), &other.name))
        });
        found
    }

    fn row_of(&self, ask: &Ask, found: Found) -> Subscription<'_> {
        let private = serde_json::Value::from(found.matched);
        let name = Str::from(found.name);
        let (public, updated, auth) = match (found.user, found.topic) {
            (Some(user), _) => self.users.get(&user).map_or((None, 0, AccessMode::NONE), |it| {
                (it.public.as_ref(), it.updated, it.auth)
            }),
            (None, id) => {
                id.and_then(|id| self.topic(id)).map_or((None, 0, AccessMode::NONE), |it| {
                    (it.row.public.as_ref(), it.row.updated, it.row.auth)
                })
            }
        };
        let (user, topic) =
            if found.user.is_some() { (name, Str::default()) } else { (Str::default(), name) };
        // What one would have there. (tinode-code)
        let mode = auth.to_string();
        Subscription {
            updated: Stamp::from_unix_micros(updated, ask.flavor),
            user,
            topic,
            acs: Some(Acs { mode: mode.into(), ..Acs::default() }),
            public: stored(public),
            private: Raw::from_value(&private).ok(),
            ..Subscription::default()
        }
    }
}

impl Search {
    fn terms(&self) -> Result<Terms, Status> {
        let text = self.public.as_ref().or(self.private.as_ref());
        let Some(text) = text else { return Ok(Terms::default()) };
        let text = Raw::new(text.as_str()).ok().and_then(|raw| raw.as_text());
        Terms::parse(&text.unwrap_or_default()).ok_or(Status::MALFORMED)
    }

    fn desc(&self) -> Desc<'_> {
        let mode = Str::from(access::on_me().to_string());
        let acs = Acs { want: mode.clone(), given: mode.clone(), mode, ..Acs::default() };
        Desc {
            acs: Some(acs),
            public: stored(self.public.as_ref()),
            private: stored(self.private.as_ref()),
            ..Desc::default()
        }
    }
}

/// The query after a change: a string, or nothing.
fn query_text(
    old: Option<&SharedText>,
    change: Option<&Raw<'_>>,
) -> Result<Option<SharedText>, Status> {
    let new = merge(old, change);
    let is_text =
        |text: &SharedText| Raw::new(text.as_str()).is_ok_and(|it| it.as_text().is_some());
    if new.as_ref().is_none_or(is_text) { Ok(new) } else { Err(Status::MALFORMED) }
}

impl Terms {
    /// Terms apart by spaces must all be there; of those apart by commas one must. A term in quotes
    /// may hold either. `None` for a query that is too long or has a quote without an end.
    /// (tinode-doc)
    fn parse(text: &str) -> Option<Self> {
        let mut found: Vec<(String, bool)> = Vec::new();
        let mut rest = text.to_lowercase();
        let mut or_before = false;
        loop {
            let trimmed = rest.trim_start().to_owned();
            let Some(first) = trimmed.chars().next() else { break };
            if first == ',' {
                if let Some(last) = found.last_mut() {
                    last.1 = true;
                }
                or_before = true;
                rest = trimmed[1..].to_owned();
                continue;
            }
            let (term, after) = match trimmed.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => {
                    let end = trimmed.find(|it: char| it == ',' || it.is_whitespace());
                    trimmed.split_at(end.unwrap_or(trimmed.len()))
                }
            };
            if !term.is_empty() {
                found.push((term.to_owned(), or_before));
                or_before = false;
            }
            rest = after.to_owned();
            if found.len() > MAX_TERMS {
                return None;
            }
        }
        let (any, all): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, or)| *or);
        let texts = |terms: Vec<(String, bool)>| terms.into_iter().map(|(term, _)| term).collect();
        Some(Self { all: texts(all), any: texts(any) })
    }

    /// The tags that were asked for and are there; `None` where the query does not match.
    fn matched(&self, tags: &[&str]) -> Option<Vec<String>> {
        // A name to log in with is found without its prefix. (tinode-code)
        let here = |term: &String| {
            tags.iter()
                .find(|tag| *tag == term || tag.strip_prefix(LOGIN_TAG) == Some(term.as_str()))
                .map(|tag| (*tag).to_owned())
        };
        let all: Option<Vec<_>> = self.all.iter().map(here).collect();
        let any: Vec<_> = self.any.iter().filter_map(here).collect();
        let matches = self.any.is_empty() || !any.is_empty();
        let mut matched = all.filter(|_| matches)?;
        matched.extend(any);
        Some(matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> (String, String) {
        let terms = Terms::parse(text).unwrap();
        (terms.all.join("+"), terms.any.join("|"))
    }

    #[test]
    fn spaces_are_and_commas_are_or() {
        for (text, all, any) in [
            ("", "", ""),
            ("one", "one", ""),
            ("One two", "one+two", ""),
            ("one,two", "", "one|two"),
            ("one two, three", "one", "two|three"),
            ("one , two three", "three", "one|two"),
            (",one", "", "one"),
            (r#""a b" c"#, "a b+c", ""),
            (r#"x,"a, b""#, "", "x|a, b"),
        ] {
            assert_eq!(terms(text), (all.to_owned(), any.to_owned()), "{text}");
        }
        assert_eq!(Terms::parse("\"open"), None);
        assert_eq!(Terms::parse(&"x ".repeat(33)), None);
    }

    #[test]
    fn a_query_matches_when_its_terms_do() {
        let tags = ["basic:101", "travel", "a b"];
        let matched = |text: &str| Terms::parse(text).unwrap().matched(&tags);
        assert_eq!(matched("101").unwrap(), ["basic:101"]);
        assert_eq!(matched("travel basic:101").unwrap(), ["travel", "basic:101"]);
        assert_eq!(matched("travel,ski").unwrap(), ["travel"]);
        assert_eq!(matched("travel ski"), None);
        assert_eq!(matched("travel, ski, 102 101").unwrap(), ["basic:101", "travel"]);
        assert_eq!(matched("ski,snow"), None);
    }
}
