//! `pub`: number, store, acknowledge, fan out.

use chat_proto::codec::Wire;
use chat_proto::im::down::{Data, Pres};
use chat_proto::im::up::Pub;
use chat_proto::im::{AccessMode as M, Down, Flavor, Prepared, Stamp};
use chat_proto::json::{Raw, Str};
use chat_proto::machine::{ConnId, Text};

use super::Im;
use super::merge::members;
use super::names::{Named, resolve, user_name};
use super::presence::pres;
use super::reply::{Ask, Done, Status, params_text};
use crate::effects::Cx;
use crate::record::{Head, Marks, MessageRow, Record, SharedText, TopicId};

impl Im {
    pub(super) fn publish(&mut self, cx: &mut Cx<'_>, ask: &Ask, it: &Pub<'_>) -> Done {
        let result = self.store(cx, ask, it);
        // Without an id there is nothing to answer. (tinode-code)
        if ask.id.is_empty() { Ok(()) } else { result }
    }

    fn store(&mut self, cx: &mut Cx<'_>, ask: &Ask, it: &Pub<'_>) -> Done {
        let Named::Topic(id) = resolve(ask.user, &ask.topic)? else {
            return Err(Status::TOPIC_NOT_FOUND.into());
        };
        if id.is_me() {
            return Err(Status::DENIED.into());
        }
        let topic = self.topic(id).filter(|_| self.is_attached(ask.conn, id));
        let topic = topic.ok_or(Status::ATTACH_FIRST)?;
        if !topic.mode(ask.user).has(M::WRITE) {
            return Err(Status::DENIED.into());
        }
        if let Some(seq) = topic.recent.seq_of(ask.user, &ask.id).filter(|_| !ask.id.is_empty()) {
            let at = topic.messages.get(&seq).map_or(cx.stamp, |row| row.at);
            self.acknowledge(cx, ask, seq, at);
            return Ok(());
        }
        let row = MessageRow {
            from: ask.user,
            at: cx.stamp,
            head: head(it.head.as_ref())?,
            content: it.content.as_ref().map_or("null", Raw::as_str).into(),
            reqid: ask.id.as_str().into(),
        };
        let seq = self.store_message(cx, id, row.clone())?;
        // Authors have read what they wrote. (tinode-code)
        let marks = Marks { read: seq, recv: seq };
        self.put(cx, Record::Marks { topic: id, user: ask.user, row: marks });
        self.acknowledge(cx, ask, seq, cx.stamp);
        self.fan_out(cx, ask, id, seq, &row, it.noecho.unwrap_or_default());
        self.hand_over(cx, id, seq, &row);
        Ok(())
    }

    /// Numbers a message and stores it; the oldest go where the topic is full.
    pub(super) fn store_message(
        &mut self,
        cx: &mut Cx<'_>,
        id: TopicId,
        row: MessageRow,
    ) -> Result<u64, Status> {
        let topic = self.topic(id).ok_or(Status::TOPIC_NOT_FOUND)?;
        let head = Head { seq: topic.head.seq + 1, touched: cx.stamp, ..topic.head };
        let (size, most) = (row.size(), cx.config.max_messages.max(1));
        let (mut count, mut bytes) = (topic.messages.len(), topic.bytes);
        let mut oldest = Vec::new();
        for (seq, old) in &topic.messages {
            if count < most && bytes + size <= cx.config.max_topic_bytes {
                break;
            }
            count -= 1;
            bytes -= old.size();
            oldest.push(*seq);
        }
        let freed = topic.bytes - bytes;
        if self.history_bytes - freed + size > cx.config.max_history_bytes {
            return Err(Status::UNAVAILABLE);
        }
        for seq in oldest {
            self.erase(cx, id, seq);
        }
        self.put(cx, Record::Head { topic: id, row: head });
        self.put(cx, Record::Message { topic: id, seq: head.seq, row: Some(row) });
        Ok(head.seq)
    }

    fn acknowledge(&self, cx: &mut Cx<'_>, ask: &Ask, seq: u64, at: i64) {
        if !ask.id.is_empty() {
            let params = params_text(format!(r#"{{"seq":{seq}}}"#));
            let text = ask.encode(at, Status::ACCEPTED, Some(params));
            cx.fx.answer(ask.conn, text);
        }
    }

    fn fan_out(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        id: TopicId,
        seq: u64,
        row: &MessageRow,
        noecho: bool,
    ) {
        self.deliver_data(cx, id, seq, row, noecho.then_some(ask.conn));
        let Some(topic) = self.topic(id) else { return };
        let notice = Pres { seq, ..pres("msg") };
        self.tell_absent(cx, (id, topic), ask.user, &notice, None, |_, mode| {
            mode.has(M::READ | M::PRES)
        });
    }
}

impl Im {
    /// Sends a message to the readers on its topic, but to `skip`.
    pub(super) fn deliver_data(
        &self,
        cx: &mut Cx<'_>,
        id: TopicId,
        seq: u64,
        row: &MessageRow,
        skip: Option<ConnId>,
    ) {
        let Some(topic) = self.topic(id) else { return };
        let readers = self
            .sessions(id)
            .filter(|(conn, user)| Some(*conn) != skip && topic.mode(*user).has(M::READ));
        // Times are written in the flavour of each reader. (seed, tinode-code)
        let (tinode, portsip): (Vec<_>, Vec<_>) =
            readers.partition(|(conn, _)| self.flavor(*conn) == Flavor::Tinode);
        for (flavor, readers) in [(Flavor::PortSip, portsip), (Flavor::Tinode, tinode)] {
            self.spread(cx, id, readers, |name| Prepared::data(message(name, seq, row, flavor)));
        }
    }
}

/// A message as a frame, under the reader's name for the topic.
pub(super) fn data(topic: Str<'_>, seq: u64, row: &MessageRow, flavor: Flavor) -> Text {
    Down::Data(message(topic, seq, row, flavor)).encode()
}

fn message<'a>(topic: Str<'a>, seq: u64, row: &'a MessageRow, flavor: Flavor) -> Data<'a> {
    fn stored(text: &SharedText) -> Option<Raw<'_>> {
        Raw::new(text.as_str()).ok()
    }
    Data {
        topic,
        // Nobody of ours wrote what came from outside.
        from: if row.from == 0 { Str::default() } else { user_name(row.from).into() },
        ts: Stamp::from_unix_micros(row.at, flavor),
        seq,
        head: row.head.as_ref().and_then(stored),
        content: stored(&row.content),
        reqid: row.reqid.as_str().into(),
        ..Data::default()
    }
}

/// The headers to store: an object without `sender`, which is the server's to set. (tinode-code)
fn head(head: Option<&Raw<'_>>) -> Result<Option<SharedText>, Status> {
    let Some(head) = head.filter(|it| !it.is_null()) else { return Ok(None) };
    let mut fields = members(head.as_str()).ok_or(Status::MALFORMED)?;
    if fields.get("sender").is_none() {
        return Ok(Some(head.as_str().into()));
    }
    fields.set("sender".to_owned(), None);
    Ok((!fields.is_empty()).then(|| fields.to_json().into()))
}
