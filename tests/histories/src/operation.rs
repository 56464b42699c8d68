//! What clients do, what they are answered, and what an operation must change: the sequential specification that all
//! judgement rests on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bytes::Bytes;
use datastore::{Event, KeyRange, KeyValue};
use serde::{Deserialize, Serialize};

/// A value, by what it is made from: a number that no other write of the history has, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    pub number: u64,
    pub length: usize,
}

impl Tag {
    #[must_use]
    pub fn value(self) -> Bytes {
        let number = self.number.to_be_bytes();
        let padding = (number.len()..self.length).map(|at| padding(self.number, at));
        number.into_iter().chain(padding).collect()
    }

    /// `None` for a value that no write of a history has.
    #[must_use]
    pub fn of(value: &[u8]) -> Option<Self> {
        let number = u64::from_be_bytes(*value.first_chunk()?);
        let whole = value.iter().enumerate().skip(8).all(|(at, byte)| *byte == padding(number, at));
        whole.then_some(Self { number, length: value.len() })
    }
}

/// No zero: a hole in a file must not look like a part of a value.
fn padding(number: u64, at: usize) -> u8 {
    (number.wrapping_mul(31).wrapping_add(at as u64) % 255) as u8 + 1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub key: String,
    pub tag: Tag,
    pub create: i64,
    pub modified: i64,
    pub version: i64,
}

impl Version {
    /// # Errors
    /// When the key or the value is of no write of a history.
    pub fn of(kv: &KeyValue) -> Result<Self> {
        let key = String::from_utf8(kv.key.to_vec())?;
        let tag = Tag::of(&kv.value).with_context(|| format!("the value of {key} was never written"))?;
        let (create, modified) = (kv.create_revision.0, kv.mod_revision.0);
        Ok(Self { key, tag, create, modified, version: kv.version })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Span {
    Key(String),
    Prefix(String),
    Between(String, String),
    From(String),
    All,
}

impl Span {
    #[must_use]
    pub fn range(&self) -> KeyRange {
        match self.clone() {
            Self::Key(key) => KeyRange::key(key),
            Self::Prefix(prefix) => KeyRange::prefix(prefix),
            Self::Between(start, end) => KeyRange::between(start, end),
            Self::From(start) => KeyRange::from(start),
            Self::All => KeyRange::all(),
        }
    }

    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::Key(only) => key == only,
            Self::Prefix(prefix) => key.starts_with(prefix),
            Self::Between(start, end) => key >= start.as_str() && key < end.as_str(),
            Self::From(start) => key >= start.as_str(),
            Self::All => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Every key gets the same value, at one revision.
    Put {
        keys: Vec<String>,
        tag: Tag,
    },
    Delete {
        span: Span,
    },
    /// Puts the key if it was last modified at that revision; zero is that it does not exist.
    Swap {
        key: String,
        expected: i64,
        tag: Tag,
    },
    Read {
        span: Span,
        at: Option<i64>,
    },
    Compact {
        revision: i64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The revision of the store, which is the write's own if it changed anything; and the versions it replaced.
    Wrote {
        revision: i64,
        replaced: Vec<Version>,
    },
    /// A swap that found the key modified, and how.
    Kept {
        revision: i64,
        found: Option<Version>,
    },
    Read {
        revision: i64,
        found: Vec<Version>,
    },
    Compacted,
    /// Nothing was changed.
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    Compacted,
    Future,
    Quota,
    Other(String),
}

/// One event of a watch: what a write did to one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub revision: i64,
    pub key: String,
    pub to: Option<Version>,
    pub from: Option<Version>,
}

impl Change {
    /// # Errors
    /// As [`Version::of`].
    pub fn of(event: &Event) -> Result<Self> {
        let version = |kv: &KeyValue| Version::of(kv);
        Ok(Self {
            revision: event.revision().0,
            key: String::from_utf8(event.key().to_vec())?,
            to: event.kv().map(|kv| version(kv)).transpose()?,
            from: event.prev().map(|kv| version(kv)).transpose()?,
        })
    }
}

/// All keys at one revision.
pub type State = BTreeMap<String, Version>;

impl Outcome {
    /// The revision that the answer is as of.
    #[must_use]
    pub fn revision(&self) -> Option<i64> {
        match self {
            Self::Wrote { revision, .. } | Self::Kept { revision, .. } | Self::Read { revision, .. } => {
                Some(*revision)
            }
            Self::Compacted | Self::Refused(_) => None,
        }
    }
}

impl Op {
    /// The keys that it writes, in its order.
    #[must_use]
    pub fn written(&self) -> Vec<Span> {
        match self {
            Self::Put { keys, .. } => keys.iter().cloned().map(Span::Key).collect(),
            Self::Swap { key, .. } => vec![Span::Key(key.clone())],
            Self::Delete { span } => vec![span.clone()],
            Self::Read { .. } | Self::Compact { .. } => Vec::new(),
        }
    }

    /// What the operation changes when it is carried out on a state as that revision.
    #[must_use]
    pub fn changes(&self, before: &State, revision: i64) -> Vec<Change> {
        let put = |key: &String, tag: Tag| {
            let from = before.get(key).cloned();
            let create = from.as_ref().map_or(revision, |from| from.create);
            let version = from.as_ref().map_or(0, |from| from.version) + 1;
            let to = Version { key: key.clone(), tag, create, modified: revision, version };
            Change { revision, key: key.clone(), to: Some(to), from }
        };
        match self {
            Self::Put { keys, tag } => keys.iter().map(|key| put(key, *tag)).collect(),
            Self::Swap { key, expected, tag } => {
                let modified = before.get(key).map_or(0, |found| found.modified);
                (modified == *expected).then(|| put(key, *tag)).into_iter().collect()
            }
            Self::Delete { span } => {
                let deleted = before.values().filter(|found| span.contains(&found.key));
                deleted
                    .map(|from| Change {
                        revision,
                        key: from.key.clone(),
                        to: None,
                        from: Some(from.clone()),
                    })
                    .collect()
            }
            Self::Read { .. } | Self::Compact { .. } => Vec::new(),
        }
    }
}
