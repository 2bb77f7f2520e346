//! How far orders were read.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

use crate::c2c::frame::Push;

/// How far an order was read. Store it, and a restarted program misses nothing.
///
/// It comes with the events ([`Incoming::checkpoint`](super::Incoming::checkpoint),
/// [`C2cEvent::Backfilled`](super::C2cEvent::Backfilled)), so that what is stored never runs ahead
/// of what the program has dealt with.
///
/// ```
/// use chat_proto::c2c::Checkpoint;
///
/// let stored = r#"{"last_id":1009649847000000003,"last_uuid":"u3","since_millis":1700000000123}"#;
/// let checkpoint: Checkpoint = serde_json::from_str(stored)?;
/// assert_eq!(serde_json::to_string(&checkpoint)?, stored);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The highest message id that was emitted.
    pub last_id: Option<i64>,
    /// The uuid of that message.
    pub last_uuid: Option<String>,
    /// Its time, in milliseconds since 1970. Where ids cannot be compared, earlier messages are not
    /// wanted.
    pub since_millis: u64,
}

/// The checkpoints of several orders, by order number; a JSON object.
pub type Checkpoints = BTreeMap<String, Checkpoint>;

/// From where on the messages of an order are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// All that history has, up to the configured number of pages.
    Start,
    /// Only those from now on.
    Now,
    /// Those after a checkpoint.
    Checkpoint(Checkpoint),
}

impl Checkpoint {
    /// Right after a message.
    pub(super) fn at(push: &Push<'_>) -> Self {
        let mut checkpoint = Self::default();
        checkpoint.note(push);
        checkpoint
    }

    /// A message was emitted.
    pub(super) fn note(&mut self, push: &Push<'_>) {
        let (id, at) = (push.id.as_i64(), push.create_millis());
        match (id, self.last_id) {
            (Some(id), Some(last)) if id <= last => return,
            (None, Some(_)) => return,
            (Some(_), _) => self.last_id = id,
            (None, None) => {}
        }
        self.last_uuid = (!push.uuid.is_empty()).then(|| push.uuid.decode().into_owned());
        self.since_millis = self.since_millis.max(at.unwrap_or(0));
    }

    /// Whether a message comes no later than this. Ids decide where both have one: times are
    /// sometimes rounded down to whole seconds. (field report)
    pub(super) fn covers(&self, push: &Push<'_>) -> bool {
        if let (Some(id), Some(last)) = (push.id.as_i64(), self.last_id) {
            return id <= last;
        }
        if self.last_uuid.as_ref().is_some_and(|last| push.uuid == **last) {
            return true;
        }
        let second = self.since_millis - self.since_millis % 1000;
        push.create_millis().is_some_and(|at| at < second)
    }
}

/// The only type of this crate that is stored: not worth what the derive macros take to compile.
impl Serialize for Checkpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { last_id, last_uuid, since_millis } = self;
        let len = 1 + usize::from(last_id.is_some()) + usize::from(last_uuid.is_some());
        let mut members = serializer.serialize_struct("Checkpoint", len)?;
        if let Some(id) = last_id {
            members.serialize_field("last_id", id)?;
        }
        if let Some(uuid) = last_uuid {
            members.serialize_field("last_uuid", uuid)?;
        }
        members.serialize_field("since_millis", since_millis)?;
        members.end()
    }
}

/// Members may be missing, and others are ignored.
impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Checkpoint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a checkpoint")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checkpoint, A::Error> {
                let mut checkpoint = Checkpoint::default();
                while let Some(name) = map.next_key::<String>()? {
                    match &*name {
                        "last_id" => checkpoint.last_id = map.next_value()?,
                        "last_uuid" => checkpoint.last_uuid = map.next_value()?,
                        "since_millis" => checkpoint.since_millis = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(checkpoint)
            }
        }

        deserializer.deserialize_struct(
            "Checkpoint",
            &["last_id", "last_uuid", "since_millis"],
            Members,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c2c::value::Loose;

    fn message(id: i64, at: u64) -> Push<'static> {
        let id = if id == 0 { String::new() } else { id.to_string() };
        Push {
            id: id.as_str().to_owned().into(),
            uuid: format!("u{at}").into(),
            create_time: Some(Loose::number(at)),
            ..Push::of("text")
        }
    }

    #[test]
    fn ids_decide_before_times() {
        let checkpoint = Checkpoint::at(&message(7, 5_900));
        assert!(checkpoint.covers(&message(7, 9_000)) && checkpoint.covers(&message(6, 9_000)));
        // Rounded down to a whole second, and newer all the same.
        assert!(!checkpoint.covers(&message(8, 5_000)));
        // Without an id: the uuid, then the second.
        assert!(checkpoint.covers(&message(0, 5_900)));
        assert!(checkpoint.covers(&message(0, 4_999)));
        assert!(!checkpoint.covers(&message(0, 5_000)));
    }

    #[test]
    fn a_checkpoint_never_goes_back() {
        let mut checkpoint = Checkpoint::at(&message(7, 5_900));
        let before = checkpoint.clone();
        checkpoint.note(&message(6, 9_000));
        checkpoint.note(&message(0, 9_000));
        assert_eq!(checkpoint, before);
        checkpoint.note(&message(8, 5_000));
        assert_eq!(
            checkpoint,
            Checkpoint {
                last_id: Some(8),
                last_uuid: Some("u5000".to_owned()),
                since_millis: 5_900
            }
        );
    }

    #[test]
    fn what_an_older_version_stored_is_read() {
        let read: Checkpoint = serde_json::from_str(r#"{"since_millis":3,"new":1}"#).unwrap();
        assert_eq!(read, Checkpoint { since_millis: 3, ..Checkpoint::default() });
        let whole =
            Checkpoint { last_id: Some(-7), last_uuid: Some("ü\n".into()), since_millis: 9 };
        for checkpoint in [read, whole, Checkpoint::default()] {
            let stored = serde_json::to_value(&checkpoint).unwrap();
            assert_eq!(serde_json::from_value::<Checkpoint>(stored).unwrap(), checkpoint);
        }
        for wrong in ["[]", "7", r#"{"since_millis":-1}"#, r#"{"last_uuid":5}"#] {
            assert!(serde_json::from_str::<Checkpoint>(wrong).is_err(), "{wrong}");
        }
    }
}
