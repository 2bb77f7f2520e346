//! Messages and deletions that were.

use chat_proto::im::AccessMode as M;
use chat_proto::im::down::{DelInfo, Meta};
use chat_proto::im::up::GetOpts;

use super::Im;
use super::publish::data;
use super::ranges::{bounds, is_in, normalized, seq_range};
use super::reply::{Ask, Done, Status, params_text};
use super::state::Topic;
use crate::effects::Cx;
use crate::record::TopicId;

/// The most ranges one query may name. (choice)
const MAX_RANGES: usize = 1024;

impl Im {
    /// Messages, the newest first, and the end marker. (tinode-code)
    pub(super) fn history(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        opts: &GetOpts<'_>,
    ) -> Done {
        if !opts.ims.is_empty() || !opts.user.is_empty() || !opts.topic.is_empty() {
            return Err(Status::MALFORMED.into());
        }
        let topic = self.topic(id).filter(|topic| topic.mode(ask.user).has(M::READ));
        let topic = topic.ok_or(Status::DENIED)?;
        let (low, end) = span(opts);
        let limit = match usize::try_from(opts.limit.unwrap_or_default()) {
            Ok(0) => cx.config.default_page,
            Ok(limit) => limit,
            Err(_) => cx.config.max_page,
        }
        .min(cx.config.max_page);
        let wanted = match &opts.ranges {
            Some(ranges) if !ranges.is_empty() => {
                if ranges.len() > MAX_RANGES {
                    return Err(Status::MALFORMED.into());
                }
                normalized(ranges.iter().map(bounds).collect())
            }
            _ => vec![(low, end)],
        };
        let hidden = topic.hidden_from(ask.user);
        let (mut count, mut bytes) = (0, 0);
        'page: for (low, end) in wanted.into_iter().rev().filter(|(low, end)| low < end) {
            for (seq, row) in topic.messages.range(low..end).rev() {
                if is_in(&hidden, *seq) {
                    continue;
                }
                if count == limit || (count > 0 && bytes >= cx.config.max_page_bytes) {
                    break 'page;
                }
                let text = data(ask.topic.as_str().into(), *seq, row, ask.flavor);
                count += 1;
                bytes += text.len();
                cx.fx.answer(ask.conn, text);
            }
        }
        if count == 0 {
            self.nothing(cx, ask, "data");
        } else {
            let params = params_text(format!(r#"{{"count":{count},"what":"data"}}"#));
            self.ctrl(cx, ask, Status::DELIVERED, Some(params));
        }
        Ok(())
    }

    /// What was deleted, as the caller sees it. `since` and `before` count deletions. (tinode-code)
    pub(super) fn deletions(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        opts: &GetOpts<'_>,
    ) -> Done {
        if !opts.ims.is_empty() || !opts.user.is_empty() || !opts.topic.is_empty() {
            return Err(Status::MALFORMED.into());
        }
        let (low, end) = span(opts);
        let topic = self.topic(id).filter(|topic| topic.mode(ask.user).has(M::READ));
        let limit = match usize::try_from(opts.limit.unwrap_or_default()) {
            Ok(limit) if limit > 0 => limit.min(MAX_RANGES),
            _ => MAX_RANGES,
        };
        let mut ranges = Vec::new();
        let mut clear = 0;
        if let Some(topic) = topic.filter(|_| low < end) {
            let rows = topic.deletions.range(low..end);
            for (number, row) in rows.filter(|(_, row)| row.is_for(ask.user)) {
                // A deletion is listed whole, so that a client can go on behind it.
                if clear > 0 && ranges.len() + row.ranges.len() > limit {
                    break;
                }
                clear = *number;
                ranges.extend(row.ranges.iter().copied());
            }
        }
        if clear == 0 {
            self.nothing(cx, ask, "del");
            return Ok(());
        }
        let delseq = normalized(ranges).into_iter().map(seq_range).collect();
        let del = Some(DelInfo { clear, delseq: Some(delseq), extra: Vec::new() });
        self.meta(cx, ask, Meta { del, ..Meta::default() });
        Ok(())
    }
}

impl Topic {
    /// The number of the last deletion `user` sees.
    pub(super) fn last_clear(&self, user: u64) -> u64 {
        let rows = self.deletions.iter().rev();
        rows.filter(|(_, row)| row.is_for(user)).map(|(clear, _)| *clear).next().unwrap_or_default()
    }

    /// Messages that `user` has deleted for themself.
    fn hidden_from(&self, user: u64) -> Vec<(u64, u64)> {
        let own = self.deletions.values().filter(|row| row.user == Some(user));
        normalized(own.flat_map(|row| row.ranges.iter().copied()).collect())
    }
}

/// `[since, before)`; 0 and absent are unbounded.
fn span(opts: &GetOpts<'_>) -> (u64, u64) {
    let before = opts.before.filter(|before| *before != 0);
    (opts.since.unwrap_or_default(), before.unwrap_or(u64::MAX))
}
