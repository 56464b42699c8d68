//! Alarms: what an operator must see to before the store takes all requests again, as etcd has them.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// The store is as large as its quota: nothing that makes it larger is taken.
    NoSpace,
    /// Somebody found the store damaged: nothing is changed, by time neither.
    Corrupt,
}

impl Alarm {
    /// The number that etcd gives it.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::NoSpace => 1,
            Self::Corrupt => 2,
        }
    }

    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::NoSpace, Self::Corrupt].into_iter().find(|alarm| alarm.number() == number)
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "NOSPACE",
            Self::Corrupt => "CORRUPT",
        })
    }
}
