//! Audit: what was asked of the API, by whom and with what answer, as the operator's policy says
//! (audit.k8s.io/v1). A request leaves a [`Trail`]; what the policy wants of it goes to the log, which is written on a
//! thread of its own. A request never waits for that: what the log cannot take is lost, and counted.

mod event;
mod log;
mod policy;
mod rotate;
mod trail;

use std::path::PathBuf;
use std::sync::Arc;

use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use supervise::Scope;

use self::log::Log;
use self::policy::Level;

pub use self::policy::{Policy, PolicyError};
pub(crate) use self::trail::{Begin, Trail};

/// What is audited, and where to.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    pub policy: Policy,
    pub log: AuditLog,
}

/// A log of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLog {
    pub target: AuditTarget,
    pub format: AuditFormat,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTarget {
    Stdout,
    File { path: PathBuf, rotation: Rotation },
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    Json,
    /// Words, for people.
    Legacy,
}

/// When a log file gives way to a new one, and how long it stays then; zero is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub max_megabytes: u64,
    pub max_days: u64,
    pub max_backups: usize,
}

impl Rotation {
    /// Upstream's.
    pub const DEFAULT: Self = Self { max_megabytes: 100, max_days: 366, max_backups: 100 };
}

/// What `/metrics` tells of it, by upstream's names; clones share the counts.
#[derive(Clone)]
pub(crate) struct AuditMetrics {
    events: Counter,
    lost: Family<Vec<(&'static str, &'static str)>, Counter>,
    levels: Family<Vec<(&'static str, &'static str)>, Counter>,
}

impl AuditMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let all = Self { events: Counter::default(), lost: Family::default(), levels: Family::default() };
        metrics.register("apiserver_audit_event", "Audit events that were made", all.events.clone());
        metrics.register("apiserver_audit_error", "Audit events that were lost", all.lost.clone());
        metrics.register("apiserver_audit_level", "Requests by the level of their audit", all.levels.clone());
        all
    }

    fn lost(&self) {
        self.lost.get_or_create(&vec![("plugin", "log")]).inc();
    }
}

/// Makes trails. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit(Arc<Parts>);

struct Parts {
    policy: Policy,
    log: Log,
    metrics: AuditMetrics,
}

impl Audit {
    /// The log is written by a task of the scope, which ends with the last handle and the last trail.
    pub(crate) fn open(config: &AuditConfig, metrics: AuditMetrics, scope: &Scope) -> Self {
        let log = Log::open(config.log.clone(), metrics.clone(), scope);
        Self(Arc::new(Parts { policy: config.policy.clone(), log, metrics }))
    }

    /// The trail of a request, if the policy wants one.
    pub(crate) fn begin(&self, begin: Begin<'_>) -> Option<Trail> {
        let Parts { policy, log, metrics } = &*self.0;
        let verdict = policy.judge(begin.user, begin.attributes);
        metrics.levels.get_or_create(&vec![("level", verdict.level.as_str())]).inc();
        let is_told = verdict.level > Level::None;
        is_told.then(|| Trail::new(begin, verdict, log.clone(), metrics.clone()))
    }
}
