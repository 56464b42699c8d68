//! What a datastore is opened with.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder of the store, made if it does not exist; its parent must.
    pub directory: PathBuf,
    /// How much history is kept for watches and for reads of older revisions.
    pub history_window: Duration,
    /// Bytes of superseded versions, after which history is forgotten before its time.
    pub history_weight: usize,
    /// Bytes of everything that can be read, at which the alarm [`Alarm::NoSpace`](crate::Alarm::NoSpace) is raised.
    pub quota: usize,
}

impl Config {
    /// Upstream's API server compacts etcd every five minutes.
    pub const HISTORY_WINDOW: Duration = Duration::from_secs(5 * 60);
    /// Keeps an idle node small, and holds some 15,000 superseded pods.
    pub const HISTORY_WEIGHT: usize = 64 << 20;
    /// As etcd's.
    pub const QUOTA: usize = 2 << 30;

    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            history_window: Self::HISTORY_WINDOW,
            history_weight: Self::HISTORY_WEIGHT,
            quota: Self::QUOTA,
        }
    }
}
