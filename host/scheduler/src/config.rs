//! [`Config`]: whose pods are scheduled and how, as the file of a `KubeSchedulerConfiguration` says it.

mod args;
mod plugins;
mod reading;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use objects::decode::{self, Notation};
use objects::validate::{FieldError, Path};

use crate::profile::Profile;
use crate::queue::Backoffs;
use reading::Reading;

const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
const KIND: &str = "KubeSchedulerConfiguration";

/// As upstream.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(10);

/// Fields that have no effect here: the host owns the ports, the identity and the lease.
const WITHOUT_EFFECT: &[&str] = &[
    "parallelism",
    "leaderElection",
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
        Self { profiles, percentage: 0, backoffs: Backoffs { first: FIRST_BACKOFF, last: LAST_BACKOFF } }
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
    if !root.child("extenders").items(errors).is_empty() {
        let path = Path::new("extenders");
        errors.push(FieldError::invalid_unshown(&path, "extenders are not served here").to_string());
    }
    let mut config = Config::default();
    config.percentage = root.child("percentageOfNodesToScore").number(0, 100, errors).unwrap_or(0);
    config.backoffs = backoffs(root, errors);
    let profiles = root.child("profiles").items(errors);
    if !profiles.is_empty() {
        config.profiles = profiles.iter().map(|profile| read_profile(profile, errors)).collect();
    }
    for (index, profile) in config.profiles.iter().enumerate() {
        let name = profile.scheduler_name();
        if config.profiles[..index].iter().any(|other| other.scheduler_name() == name) {
            let path = Path::new("profiles").index(index).child("schedulerName");
            errors.push(FieldError::duplicate(&path, name).to_string());
        }
    }
    config
}

fn backoffs(root: &Reading<'_>, errors: &mut Vec<String>) -> Backoffs {
    let (first, last) = (root.child("podInitialBackoffSeconds"), root.child("podMaxBackoffSeconds"));
    let seconds = |field: &Reading<'_>, default: Duration, errors: &mut Vec<String>| {
        let value = field.number(i64::MIN, i64::MAX, errors);
        value.map_or(Some(default), |value| u64::try_from(value).ok().map(Duration::from_secs))
    };
    let shortest = seconds(&first, FIRST_BACKOFF, errors).filter(|first| !first.is_zero());
    if shortest.is_none() {
        errors.push(FieldError::invalid(&first.path, first.value(), "must be greater than 0").to_string());
    }
    let shortest = shortest.unwrap_or(FIRST_BACKOFF);
    let longest = seconds(&last, LAST_BACKOFF.max(shortest), errors).filter(|last| *last >= shortest);
    if longest.is_none() {
        let detail = "must be greater than or equal to PodInitialBackoffSeconds";
        errors.push(FieldError::invalid(&last.path, last.value(), detail).to_string());
    }
    Backoffs { first: shortest, last: longest.unwrap_or(LAST_BACKOFF) }
}

fn read_profile(reading: &Reading<'_>, errors: &mut Vec<String>) -> Profile {
    reading.knows(&["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"], errors);
    let name = reading.child("schedulerName").text(errors).unwrap_or_default();
    if name.is_empty() {
        let path = reading.child("schedulerName").path;
        errors.push(FieldError::required(&path, "").to_string());
    }
    let mut profile = Profile::new(name);
    profile.percentage = reading.child("percentageOfNodesToScore").number(0, 100, errors);
    plugins::read(&reading.child("plugins"), &mut profile, errors);
    args::read(&reading.child("pluginConfig"), &mut profile.args, errors);
    profile
}
