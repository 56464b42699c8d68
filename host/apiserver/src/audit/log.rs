//! The log: a queue, and a thread that writes what is in it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use supervise::Scope;
use tokio::sync::mpsc;
use tracing::error;

use super::event::Event;
use super::rotate::LogFile;
use super::{AuditLog, AuditMetrics, AuditTarget};

/// Events that wait to be written: as many as upstream's buffer holds.
const EVENTS: usize = 10_000;
/// Bytes that they keep from being freed.
const BYTES: usize = 64 << 20;

/// Takes events. Clones share the queue; the thread ends with the last one.
#[derive(Clone)]
pub(super) struct Log {
    sender: mpsc::Sender<Event>,
    bytes: Arc<AtomicUsize>,
}

impl Log {
    pub(super) fn open(config: AuditLog, metrics: AuditMetrics, scope: &Scope) -> Self {
        let (sender, receiver) = mpsc::channel(EVENTS);
        let bytes = Arc::new(AtomicUsize::new(0));
        let written = Arc::clone(&bytes);
        scope.spawn_blocking("audit log", move || write(receiver, &config, &written, &metrics));
        Self { sender, bytes }
    }

    /// Whether the event is taken.
    pub(super) fn take(&self, event: Event) -> bool {
        let size = event.size();
        let fits = self.bytes.fetch_add(size, Ordering::Relaxed) + size <= BYTES;
        let taken = fits && self.sender.try_send(event).is_ok();
        if !taken {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        taken
    }
}

fn write(mut events: mpsc::Receiver<Event>, config: &AuditLog, bytes: &AtomicUsize, metrics: &AuditMetrics) {
    let mut file = match &config.target {
        AuditTarget::Stdout => None,
        AuditTarget::File { path, rotation } => Some(LogFile::new(path.clone(), *rotation)),
    };
    let mut is_broken = false;
    while let Some(event) = events.blocking_recv() {
        bytes.fetch_sub(event.size(), Ordering::Relaxed);
        let line = event.line(config.format);
        let written = match &mut file {
            Some(file) => file.write(&line, supervise::clock::now()),
            None => std::io::stdout().lock().write_all(&line),
        };
        if let Err(why) = &written {
            metrics.lost();
            if !is_broken {
                error!(%why, "the audit log cannot be written; what is lost until it can is counted");
            }
        }
        is_broken = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Uri};
    use observe::Metrics;

    use super::*;
    use crate::audit::policy::{Level, Verdict};
    use crate::audit::{Begin, Trail};
    use crate::authn::UserInfo;
    use crate::authz::{Attributes, Target};
    use crate::call::Content;

    /// The trail of a request of so many bytes that tells of it once.
    fn trail(log: &Log, metrics: &AuditMetrics, size: usize) {
        let target = Target::Path("/version".to_owned());
        let begin = Begin {
            id: "1",
            received: jiff::Timestamp::UNIX_EPOCH,
            user: &UserInfo::default(),
            attributes: &Attributes { verb: "get".to_owned(), target },
            uri: &Uri::from_static("/version"),
            headers: &HeaderMap::new(),
            peer: None,
        };
        let verdict = Verdict { level: Level::Request, ..Verdict::default() };
        let mut trail = Trail::new(begin, verdict, log.clone(), metrics.clone());
        trail.sent(&Content { bytes: vec![0; size].into(), ..Content::default() }, false);
    }

    #[test]
    fn what_the_log_cannot_take_is_lost_and_counted() {
        let registry = Metrics::new();
        let metrics = AuditMetrics::new(&registry);
        let lost = || {
            registry.text().lines().find_map(|line| {
                line.strip_prefix("apiserver_audit_error_total{plugin=\"log\"} ").map(str::to_owned)
            })
        };
        let (sender, mut receiver) = mpsc::channel(2);
        let log = Log { sender, bytes: Arc::default() };
        trail(&log, &metrics, BYTES / 2);
        assert_eq!(lost(), None);
        trail(&log, &metrics, BYTES);
        assert_eq!(lost().as_deref(), Some("1"));
        trail(&log, &metrics, 0);
        trail(&log, &metrics, 0);
        assert_eq!(lost().as_deref(), Some("2"));
        receiver.try_recv().unwrap();
        trail(&log, &metrics, 0);
        assert_eq!(lost().as_deref(), Some("2"));
    }
}
