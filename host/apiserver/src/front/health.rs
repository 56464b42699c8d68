//! `/healthz`, `/livez`, `/readyz` and their checks, in the texts that upstream answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datastore::{KeyRange, RangeRequest};
use http::{Response, StatusCode};
use net::Body;
use objects::request::RequestInfo;

use super::Parts;
use super::reply::{self, PLAIN};

/// A key that nobody writes: to read it asks the datastore without touching an object.
const PROBE: &str = "/registry/health";
/// By then a datastore that is well has answered.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Ping,
    Etcd,
    EtcdReadiness,
    InformerSync,
    FlowConfig,
    Bootstrap,
    Shutdown,
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Etcd => "etcd",
            Self::EtcdReadiness => "etcd-readiness",
            Self::InformerSync => "informer-sync",
            Self::FlowConfig => "poststarthook/priority-and-fairness-config-consumer",
            Self::Bootstrap => "poststarthook/bootstrap-controller",
            Self::Shutdown => "shutdown",
        }
    }
}

const ALIVE: &[Check] = &[Check::Ping, Check::Etcd, Check::FlowConfig, Check::Bootstrap];

/// Each path with its checks, of upstream's those that there is something to check for.
const PATHS: &[(&str, &[Check])] = &[
    ("/healthz", ALIVE),
    ("/livez", ALIVE),
    (
        "/readyz",
        &[
            Check::Ping,
            Check::Etcd,
            Check::EtcdReadiness,
            Check::InformerSync,
            Check::FlowConfig,
            Check::Bootstrap,
            Check::Shutdown,
        ],
    ),
];

/// The addresses of every check.
pub(super) fn addresses() -> impl Iterator<Item = String> {
    PATHS.iter().flat_map(|(path, checks)| {
        let each = checks.iter().map(move |check| format!("{path}/{}", check.name()));
        std::iter::once((*path).to_owned()).chain(each)
    })
}

/// The path of all checks that a path belongs to.
pub(super) fn root(path: &str) -> Option<&'static str> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    PATHS.iter().find(|(root, _)| root[1..] == *first).map(|(root, _)| *root)
}

impl Parts {
    /// `None` where the path is none of these.
    pub(super) async fn health(&self, info: &RequestInfo) -> Option<Response<Body>> {
        let path = info.path.trim_matches('/');
        let (root, below) = path.split_once('/').unwrap_or((path, ""));
        let (_, checks) = PATHS.iter().find(|(path, _)| path[1..] == *root)?;
        if below.is_empty() {
            return Some(self.all(root, checks, &info.query).await);
        }
        let check = checks.iter().find(|check| check.name() == below)?;
        Some(match self.check(*check).await {
            true => reply::text(StatusCode::OK, PLAIN, "ok"),
            false => {
                let text = format!("internal server error: {below} failed\n");
                reply::text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, text)
            }
        })
    }

    async fn all(&self, root: &str, checks: &[Check], query: &[(String, String)]) -> Response<Body> {
        let excluded = query.iter().filter(|(key, _)| key == "exclude").map(|(_, name)| name.as_str());
        let excluded: BTreeSet<&str> = excluded.collect();
        let (mut text, mut failed) = (String::new(), false);
        for check in checks {
            let name = check.name();
            let line = if excluded.contains(name) {
                format!("[+]{name} excluded: ok\n")
            } else if self.check(*check).await {
                format!("[+]{name} ok\n")
            } else {
                failed = true;
                format!("[-]{name} failed: reason withheld\n")
            };
            text += &line;
        }
        let unknown = |name: &&str| !checks.iter().any(|check| check.name() == *name);
        let unknown: Vec<String> =
            excluded.into_iter().filter(unknown).map(|name| format!("{name:?}")).collect();
        if !unknown.is_empty() {
            let names = unknown.join(",");
            writeln!(text, "warn: some health checks cannot be excluded: no matches for {names}")
                .expect("a String takes any text");
        }
        if failed {
            text += &format!("{root} check failed\n");
            return reply::text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, text);
        }
        if query.iter().any(|(key, _)| key == "verbose") {
            text += &format!("{root} check passed\n");
            return reply::text(StatusCode::OK, PLAIN, text);
        }
        reply::text(StatusCode::OK, PLAIN, "ok")
    }

    async fn check(&self, check: Check) -> bool {
        match check {
            Check::Ping => true,
            Check::Etcd | Check::EtcdReadiness => self.is_stored().await,
            Check::InformerSync => self.rest.is_synced(),
            Check::FlowConfig => self.flow.is_configured(),
            Check::Bootstrap => self.bootstrapped.load(Ordering::Acquire),
            Check::Shutdown => !self.stop.is_cancelled(),
        }
    }

    /// Whether the datastore answers.
    pub(super) async fn is_stored(&self) -> bool {
        let asked = self.store.range(RangeRequest::new(KeyRange::key(PROBE)));
        matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)))
    }
}
