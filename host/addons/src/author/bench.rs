//! How fast an addon answers on this machine, and what an instance of it weighs: `plugin bench`.

use std::fmt;
use std::time::{Duration, Instant};

use engine::{Argument, CallError, Event, Facts, Limits, Role};
use futures_util::FutureExt;

use crate::author::Subject;
use crate::author::case::{Case, RunError, has};

/// Calls that are not measured: the first ones look functions up and fill caches.
const WARM_UP: usize = 50;
/// Calls that are measured, or fewer where they take longer than [`LONG`] together.
const CALLS: usize = 100_000;
const LONG: Duration = Duration::from_secs(3);
/// Instances that are made.
const INSTANCES: usize = 50;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    pub role: Role,
    calls: Times,
    starts: Times,
    /// Bytes of memory of one instance after all calls.
    pub instance_bytes: usize,
}

/// How long something took, each time; sorted, and at least one.
#[derive(Clone, Debug)]
struct Times(Vec<Duration>);

impl Times {
    fn of(mut work: impl FnMut() -> Result<(), CallError>, most: usize) -> Result<Self, CallError> {
        let mut times = Vec::new();
        let begun = Instant::now();
        while times.len() < most && (times.is_empty() || begun.elapsed() < LONG) {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(Self(times))
    }

    /// The time that this share of them, in percent, did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    fn per_second(&self) -> f64 {
        let total: Duration = self.0.iter().sum();
        self.0.len() as f64 / total.as_secs_f64().max(f64::EPSILON)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, calls, starts, instance_bytes } = self;
        let (p50, p99) = (calls.percentile(50), calls.percentile(99));
        writeln!(f, "{:<12}{:.0} calls/s, p50 {p50:?}, p99 {p99:?}", role.name(), calls.per_second())?;
        writeln!(f, "{:<12}p50 {:?}, {instance_bytes} bytes", "an instance", starts.percentile(50))
    }
}

impl Case {
    /// Asks the same again and again.
    pub fn bench(&self, subject: &Subject, role: Role) -> Result<Measured, RunError> {
        has(subject, role)?;
        let limits = Limits::HOT;
        let host = subject.stand_in();
        let of = |doing| move |why| RunError::Call { doing, why };
        let mut instance = self.fresh(subject, &host, limits)?;
        let ask = of("ask the addon");
        let calls = match role {
            Role::Authorizer => {
                let (user, asked) = (self.user(), self.attributes().unwrap_or_default());
                sample(|| instance.authorize(&user, &asked).map(drop)).map_err(ask)?
            }
            Role::Authenticator => self
                .with_credentials(|shown| sample(|| instance.authenticate(shown).map(drop)))?
                .map_err(ask)?,
            Role::Lifecycle => {
                let told = instance.notify(Event::Enabled).now_or_never().unwrap_or(Err(CallError::Waited));
                told.map_err(of("enable the addon"))?;
                sample(|| instance.reconcile().now_or_never().unwrap_or(Err(CallError::Waited)).map(drop))
                    .map_err(ask)?
            }
            Role::Config => {
                let settings = engine::Services::settings(host.as_ref());
                let arguments: [Argument<'_>; 0] = [];
                let facts = Facts::default();
                let edits = || {
                    let edits = instance.edits(&arguments, &settings, &facts);
                    edits.now_or_never().unwrap_or(Err(CallError::Waited)).map(drop)
                };
                sample(edits).map_err(ask)?
            }
            Role::Admission => {
                let request = self.write()?;
                // Each write is judged by an instance of its own.
                let judged = || {
                    let mut instance = self.fresh(subject, &host, Limits::ADMISSION).map_err(pushed)?;
                    let review = instance.validate(&request);
                    review.now_or_never().unwrap_or(Err(CallError::Waited)).map(drop)
                };
                sample(judged).map_err(ask)?
            }
            Role::Dns => {
                let (query, client) = self.query()?;
                sample(|| instance.answer(&query, client).map(drop)).map_err(ask)?
            }
            Role::Overlay => {
                let cluster = self.cluster(&host)?;
                let plan = || {
                    let plan = instance.plan(&cluster);
                    plan.now_or_never().unwrap_or(Err(CallError::Waited)).map(drop)
                };
                sample(plan).map_err(ask)?
            }
            Role::Scheduling => {
                let candidates = self.candidates()?;
                instance = self.fresh(subject, &host, Limits::SCHEDULING)?;
                sample(|| instance.filter(&candidates).map(drop)).map_err(ask)?
            }
            Role::Objects | Role::Files => {
                sample(|| self.push(subject, &host, &mut instance).map_err(pushed)).map_err(ask)?
            }
        };
        let instance_bytes = instance.memory();
        let make = || subject.instance(&host, limits).map(drop);
        let starts = Times::of(make, INSTANCES).map_err(of("start the addon"))?;
        Ok(Measured { role, calls, starts, instance_bytes })
    }

    /// A case that any addon of the role can be asked.
    pub fn ordinary(role: Role) -> Self {
        let text = match role {
            Role::Authorizer => {
                r#"{"user": {"name": "alice", "groups": ["system:authenticated", "developers"]},
                    "attributes": {"verb": "get", "namespace": "default", "version": "v1", "resource": "pods", "name": "a"}}"#
            }
            Role::Authenticator => r#"{"credentials": {"bearerToken": "was-never-given-out"}}"#,
            Role::Admission => {
                r#"{"user": {"name": "alice", "groups": ["system:authenticated", "developers"]},
                    "request": {"version": "v1", "resource": "pods", "objectKind": "Pod", "namespace": "default", "name": "a",
                        "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default"},
                            "spec": {"containers": [{"name": "a", "image": "nginx"}]}}}}"#
            }
            Role::Dns => r#"{"query": {"name": "kubernetes.default.svc.cluster.local"}}"#,
            Role::Overlay => {
                r#"{"cluster": {"thisNode": "node-1", "clusterCidrs": ["10.1.0.0/16"], "nodes": [
                    {"name": "node-1", "addresses": ["192.0.2.1"], "podCidrs": ["10.1.0.0/26"]},
                    {"name": "node-2", "addresses": ["192.0.2.2"], "podCidrs": ["10.1.0.64/26"]}]}}"#
            }
            Role::Scheduling => {
                r#"{"scheduling": {"nodes": ["node-1", "node-2", "node-3"],
                    "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default"},
                        "spec": {"containers": [{"name": "a", "image": "nginx"}]}}}}"#
            }
            _ => "{}",
        };
        serde_json::from_str(text).expect("the text above is a case")
    }
}

fn sample(mut work: impl FnMut() -> Result<(), CallError>) -> Result<Times, CallError> {
    // An addon that refuses is measured too.
    let mut work = move || match work() {
        Err(why) if !why.is_fault() => Ok(()),
        other => other,
    };
    for _ in 0..WARM_UP {
        work()?;
    }
    Times::of(work, CALLS)
}

fn pushed(why: RunError) -> CallError {
    match why {
        RunError::Call { why, .. } => why,
        other => CallError::Trap(other.to_string()),
    }
}
