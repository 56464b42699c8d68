//! [`Config`]: whose pods are scheduled and how, as the file of a `KubeSchedulerConfiguration` says it.

mod args;
mod extenders;
mod plugins;
mod reading;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use objects::decode::{self, Notation};
use objects::validate::FieldError;

use crate::extender::ExtenderConfig;
use crate::profile::Profile;
use crate::queue::Backoffs;
use reading::Reading;

const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
const KIND: &str = "KubeSchedulerConfiguration";

/// As upstream.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(10);
const FORGOTTEN: Duration = Duration::from_secs(300);

/// What every version of upstream's has; locks of other kinds are gone.
const LOCK: &str = "leases";

/// Fields that have no effect here: the host owns the ports and the identity, and decides on one pod at a time.
const WITHOUT_EFFECT: &[&str] = &[
    "parallelism",
    "clientConnection",
    "healthzBindAddress",
    "metricsBindAddress",
    "enableProfiling",
    "enableContentionProfiling",
    "delayCacheUntilActive",
];

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Pods whose `schedulerName` is that of a profile are scheduled.
    pub(crate) profiles: Vec<Profile>,
    /// Of the nodes, how many are looked at until enough that fit were found; 0: by the number of nodes.
    pub(crate) percentage: i64,
    pub(crate) backoffs: Backoffs,
    /// After that a pod that waits is looked at again, whatever happened.
    pub(crate) forgotten: Duration,
    pub(crate) extenders: Vec<ExtenderConfig>,
    pub(crate) leader_election: LeaderElection,
}

/// What a file says of the lease that one of several schedulers works under; nothing where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderElection {
    /// Whether there is one.
    pub elects: Option<bool>,
    /// After that others take the lease.
    pub lease: Option<Duration>,
    /// After that who could not renew it stops.
    pub renew: Option<Duration>,
    pub retry: Option<Duration>,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

/// Everything that is wrong with a configuration, each with its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// What the API server writes where a pod names none.
    pub const SCHEDULER_NAME: &str = "default-scheduler";

    /// Upstream's defaults for these profiles.
    pub fn new(profiles: Vec<Profile>) -> Self {
        let backoffs = Backoffs { first: FIRST_BACKOFF, last: LAST_BACKOFF };
        Self {
            profiles,
            percentage: 0,
            backoffs,
            forgotten: FORGOTTEN,
            extenders: Vec::new(),
            leader_election: LeaderElection::default(),
        }
    }

    /// How long a pod that fits nowhere may wait until it is looked at again, whatever happened.
    #[must_use]
    pub fn forgetting_after(self, forgotten: Duration) -> Self {
        Self { forgotten, ..self }
    }

    /// What the file says of it.
    pub fn leader_election(&self) -> &LeaderElection {
        &self.leader_election
    }

    /// Reads the text of a file, YAML or JSON.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let (tree, duplicates) = decode::value(text.as_bytes(), Notation::Yaml)
            .map_err(|error| ConfigErrors(vec![error.to_string()]))?;
        let mut errors = duplicates;
        let root = Reading::root(&tree);
        let config = read(&root, &mut errors);
        if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(vec![Profile::new(Self::SCHEDULER_NAME)])
    }
}

fn read(root: &Reading<'_>, errors: &mut Vec<String>) -> Config {
    let mut known = vec![
        "apiVersion",
        "kind",
        "percentageOfNodesToScore",
        "podInitialBackoffSeconds",
        "podMaxBackoffSeconds",
        "profiles",
        "extenders",
        "leaderElection",
    ];
    known.extend(WITHOUT_EFFECT);
    root.knows(&known, errors);
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let field = root.child(field);
        if field.text(errors) != Some(expected) {
            let value = field.text(&mut Vec::new()).unwrap_or_default();
            errors.push(FieldError::not_supported(&field.path, value, &[expected]).to_string());
        }
    }
    let leader_election = leader_election(&root.child("leaderElection"), errors);
    let parallelism = root.child("parallelism");
    parallelism.number(1..=i64::MAX, "should be an integer value greater than zero", errors);
    let mut profiles = read_profiles(&root.child("profiles"), errors);
    let percentage = percentage(root, errors);
    let backoffs = backoffs(root, errors);
    let (extenders, ignored) = extenders::read(&root.child("extenders"), errors);
    profiles.iter_mut().for_each(|profile| profile.args.ignored.extend(ignored.iter().cloned()));
    Config {
        percentage: percentage.unwrap_or(0),
        backoffs,
        extenders,
        leader_election,
        ..Config::new(profiles)
    }
}

fn leader_election(reading: &Reading<'_>, errors: &mut Vec<String>) -> LeaderElection {
    reading.knows(
        &[
            "leaderElect",
            "leaseDuration",
            "renewDeadline",
            "retryPeriod",
            "resourceLock",
            "resourceName",
            "resourceNamespace",
        ],
        errors,
    );
    let elects = reading.child("leaderElect").flag(errors);
    let lock = reading.child("resourceLock");
    if elects != Some(false) && lock.text(errors).is_some_and(|kind| kind != LOCK) {
        errors.push(lock.wrong(&format!("resourceLock value must be {LOCK:?}")));
    }
    let mut time = |field: &str| reading.child(field).duration(errors);
    let (lease, renew, retry) = (time("leaseDuration"), time("renewDeadline"), time("retryPeriod"));
    let mut text = |field: &str| reading.child(field).text(errors).map(str::to_owned);
    let (namespace, name) = (text("resourceNamespace"), text("resourceName"));
    LeaderElection { elects, lease, renew, retry, namespace, name }
}

fn percentage(reading: &Reading<'_>, errors: &mut Vec<String>) -> Option<i64> {
    let field = reading.child("percentageOfNodesToScore");
    field.number(0..=100, "not in valid range [0-100]", errors)
}

/// Upstream's default where there are none. One profile alone may go without a name.
fn read_profiles(reading: &Reading<'_>, errors: &mut Vec<String>) -> Vec<Profile> {
    let items = reading.items(errors);
    let nameless = if let [_] = &*items { Config::SCHEDULER_NAME } else { "" };
    let mut profiles: Vec<Profile> = Vec::new();
    for item in &items {
        let profile = read_profile(item, nameless, errors);
        let same = profiles.iter().position(|other| other.scheduler_name() == profile.scheduler_name());
        if let Some(first) = same {
            let first = reading.path.index(first).child("schedulerName").to_string();
            errors.push(FieldError::duplicate(&item.child("schedulerName").path, first).to_string());
        }
        profiles.push(profile);
    }
    if profiles.is_empty() { vec![Profile::new(Config::SCHEDULER_NAME)] } else { profiles }
}

fn backoffs(root: &Reading<'_>, errors: &mut Vec<String>) -> Backoffs {
    let (first, last) = (root.child("podInitialBackoffSeconds"), root.child("podMaxBackoffSeconds"));
    let seconds = |field: &Reading<'_>, default: Duration, errors: &mut Vec<String>| {
        let value = field.number(i64::MIN..=i64::MAX, "", errors);
        value.map_or(Some(default), |value| u64::try_from(value).ok().map(Duration::from_secs))
    };
    let shortest = seconds(&first, FIRST_BACKOFF, errors).filter(|first| !first.is_zero());
    if shortest.is_none() {
        errors.push(FieldError::invalid(&first.path, first.value(), "must be greater than 0").to_string());
    }
    let shortest = shortest.unwrap_or(FIRST_BACKOFF);
    let longest = seconds(&last, LAST_BACKOFF, errors).filter(|last| *last >= shortest);
    if longest.is_none() {
        let detail = "must be greater than or equal to PodInitialBackoffSeconds";
        let default = i64::try_from(LAST_BACKOFF.as_secs()).unwrap_or(i64::MAX);
        let value = last.tree().cloned().unwrap_or_else(|| default.into());
        errors.push(FieldError::invalid(&last.path, value, detail).to_string());
    }
    Backoffs { first: shortest, last: longest.unwrap_or(LAST_BACKOFF) }
}

fn read_profile(reading: &Reading<'_>, nameless: &str, errors: &mut Vec<String>) -> Profile {
    reading.knows(&["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"], errors);
    let field = reading.child("schedulerName");
    let name = field.text(errors).filter(|name| !name.is_empty()).unwrap_or(nameless);
    if name.is_empty() {
        errors.push(FieldError::required(&field.path, "").to_string());
    }
    let mut profile = Profile::new(name);
    profile.percentage = percentage(reading, errors);
    plugins::read(&reading.child("plugins"), &mut profile, errors);
    args::read(&reading.child("pluginConfig"), &mut profile.args, errors);
    profile
}
