//! The keys of objects. Names that occur in the schema table are interned: they cost no allocation, and a tree
//! of a built-in kind allocates only for its labels, annotations and values.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

/// Field names of the schema table, one a line, sorted.
const NAMES: &str = include_str!("../../data/names.txt");

struct Names {
    by_number: Vec<&'static str>,
    by_name: HashMap<&'static str, u16>,
}

static INTERNED: LazyLock<Names> = LazyLock::new(|| {
    let by_number: Vec<&'static str> = NAMES.lines().collect();
    let by_name = by_number.iter().zip(0_u16..).map(|(name, number)| (*name, number)).collect();
    Names { by_number, by_name }
});

/// A key of an object: 16 bytes, without an allocation where it is the name of a known field.
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    Known(u16),
    Other(Box<str>),
}

impl Key {
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(number) => INTERNED.by_number[usize::from(*number)],
            Repr::Other(text) => text,
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        match INTERNED.by_name.get(text) {
            Some(number) => Self(Repr::Known(*number)),
            None => Self(Repr::Other(text.into())),
        }
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        match INTERNED.by_name.get(text.as_str()) {
            Some(number) => Self(Repr::Known(*number)),
            None => Self(Repr::Other(text.into_boxed_str())),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Known(one), Repr::Known(two)) => one == two,
            (Repr::Other(one), Repr::Other(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
