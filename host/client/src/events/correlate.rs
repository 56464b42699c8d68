//! Which event is new, which repeats an older one, which is one of too many. Pure: time comes in.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;

use super::recorder::EventType;

/// From this many different messages on, similar events are one.
const AGGREGATE_FROM: usize = 10;
/// Similar events count together when they lie no further apart.
const AGGREGATE_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// Events about one object that are let through at once.
const BURST: f64 = 25.0;
/// And from then on, one in this time.
const REFILL: SignedDuration = SignedDuration::from_mins(5);
/// Entries kept; upstream's size of the cache.
const CAPACITY: usize = 4096;

const COMBINED: &str = "(combined from similar events): ";

/// What one occurrence says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Occurrence {
    pub(super) object: ObjectReference,
    pub(super) kind: EventType,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) at: Timestamp,
}

/// What to do about an occurrence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Create {
        name: String,
        message: String,
    },
    /// The event of this name happened once more.
    Count {
        name: String,
        message: String,
        count: i32,
    },
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Similar {
    object: ObjectKey,
    kind: EventType,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ObjectKey {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    field_path: String,
}

#[derive(Default)]
pub(super) struct Correlator {
    buckets: HashMap<ObjectKey, Bucket>,
    similar: HashMap<Similar, Group>,
    seen: HashMap<(Similar, String), Seen>,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

struct Group {
    messages: Vec<String>,
    last: Timestamp,
}

struct Seen {
    name: String,
    count: i32,
}

impl Correlator {
    pub(super) fn judge(&mut self, occurrence: &Occurrence) -> Verdict {
        let object = ObjectKey::of(&occurrence.object);
        if !self.admit(object.clone(), occurrence.at) {
            return Verdict::Drop;
        }
        let similar = Similar { object, kind: occurrence.kind, reason: occurrence.reason.clone() };
        let (identity, message) = if self.is_one_of_many(&similar, occurrence) {
            (String::new(), format!("{COMBINED}{}", occurrence.message))
        } else {
            (occurrence.message.clone(), occurrence.message.clone())
        };
        bound(&mut self.seen);
        match self.seen.entry((similar, identity)) {
            std::collections::hash_map::Entry::Occupied(mut seen) => {
                let seen = seen.get_mut();
                seen.count += 1;
                Verdict::Count { name: seen.name.clone(), message, count: seen.count }
            }
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let name = name_of(occurrence);
                vacant.insert(Seen { name: name.clone(), count: 1 });
                Verdict::Create { name, message }
            }
        }
    }

    /// The event that was to be counted is no longer there: its next occurrence is new.
    pub(super) fn forget(&mut self, name: &str) {
        self.seen.retain(|_, seen| seen.name != name);
    }

    fn admit(&mut self, object: ObjectKey, now: Timestamp) -> bool {
        bound(&mut self.buckets);
        let bucket = self.buckets.entry(object).or_insert(Bucket { tokens: BURST, at: now });
        let passed = now.duration_since(bucket.at).as_secs_f64() / REFILL.as_secs_f64();
        bucket.tokens = (bucket.tokens + passed.max(0.0)).min(BURST);
        bucket.at = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }

    fn is_one_of_many(&mut self, similar: &Similar, occurrence: &Occurrence) -> bool {
        bound(&mut self.similar);
        let group = self
            .similar
            .entry(similar.clone())
            .or_insert_with(|| Group { messages: Vec::new(), last: occurrence.at });
        if occurrence.at.duration_since(group.last) > AGGREGATE_WITHIN {
            group.messages.clear();
        }
        group.last = occurrence.at;
        if !group.messages.contains(&occurrence.message) && group.messages.len() < AGGREGATE_FROM {
            group.messages.push(occurrence.message.clone());
        }
        group.messages.len() >= AGGREGATE_FROM
    }
}

impl ObjectKey {
    fn of(object: &ObjectReference) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            kind: text(&object.kind),
            namespace: text(&object.namespace),
            name: text(&object.name),
            uid: text(&object.uid),
            field_path: text(&object.field_path),
        }
    }
}

/// As upstream names events: the object and the time in nanoseconds.
fn name_of(occurrence: &Occurrence) -> String {
    let object = occurrence.object.name.as_deref().unwrap_or_default();
    format!("{object}.{:x}", occurrence.at.as_nanosecond())
}

/// What is forgotten costs a second Event object, never a wrong one.
fn bound<K, V>(entries: &mut HashMap<K, V>) {
    if entries.len() >= CAPACITY {
        entries.clear();
    }
}
