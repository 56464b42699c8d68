//! One step of a path: a field, an item of an associative list, or an index.

use std::cmp::Ordering;
use std::fmt;

use super::value;
use crate::tree::{Key, Object, Tree};

/// A step, in the order in which sets are written.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Field(Key),
    /// The item of a list that has these keys, sorted by name.
    Keys(Box<[(Key, Tree)]>),
    /// The item of a set.
    Value(Tree),
    Index(i64),
}

/// Why a text is no step.
#[derive(Debug, thiserror::Error)]
pub(super) enum ElementError {
    #[error("key must be 2 characters long:")]
    Short,
    #[error("missing colon: {0}")]
    Colon(String),
    #[error("{0}")]
    Value(String),
}

impl Element {
    pub(super) fn keys(keys: impl IntoIterator<Item = (Key, Tree)>) -> Self {
        let mut keys: Box<[_]> = keys.into_iter().collect();
        keys.sort_by(|(one, _), (two, _)| one.cmp(two));
        Self::Keys(keys)
    }

    /// Reads the text of a step; a kind of step that is not known is `None`.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, ElementError> {
        let (Some(kind), Some(colon)) = (text.as_bytes().first(), text.as_bytes().get(1)) else {
            return Err(ElementError::Short);
        };
        if *colon != b':' {
            return Err(ElementError::Colon(text.to_owned()));
        }
        let rest = text.get(2..).unwrap_or_default();
        let json =
            || Tree::from_json(rest.as_bytes()).map_err(|error| ElementError::Value(error.to_string()));
        Ok(match kind {
            b'f' => Some(Self::Field(Key::from(rest))),
            b'v' => Some(Self::Value(json()?)),
            b'k' => match json()? {
                Tree::Object(keys) => Some(Self::keys(keys)),
                other => {
                    return Err(ElementError::Value(format!("expected an object, got {}", other.shape())));
                }
            },
            b'i' => {
                let index =
                    rest.parse().map_err(|_| ElementError::Value(format!("invalid index {rest:?}")))?;
                Some(Self::Index(index))
            }
            _ => None,
        })
    }

    /// The text of the step in a FieldsV1.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Keys(keys) => {
                let keys: Object = keys.iter().cloned().collect();
                format!("k:{}", value::go_json(&Tree::Object(keys)))
            }
            Self::Value(item) => format!("v:{}", value::go_json(item)),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// The field that the step goes to.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name.as_str()),
            _ => None,
        }
    }

    /// Where the step is beside that to a field.
    pub(super) fn cmp_field(&self, field: &str) -> Ordering {
        self.field().map_or(Ordering::Greater, |own| own.cmp(field))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Keys(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(one), Self::Field(two)) => one.cmp(two),
            (Self::Keys(one), Self::Keys(two)) => {
                let pairs = one
                    .iter()
                    .zip(two)
                    .map(|((one, this), (two, that))| one.cmp(two).then_with(|| value::order(this, that)));
                pairs.fold(Ordering::Equal, Ordering::then).then(one.len().cmp(&two.len()))
            }
            (Self::Value(one), Self::Value(two)) => value::order(one, two),
            (Self::Index(one), Self::Index(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element {}

/// As paths show it: `.spec`, `[name="a",protocol="TCP"]`, `[="x"]`, `[0]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Keys(keys) => {
                let keys: Vec<_> =
                    keys.iter().map(|(name, item)| format!("{name}={}", value::shown(item))).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(item) => write!(f, "[={}]", value::shown(item)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}
