//! EventRateLimit: how many Events are taken of the whole server, a namespace, a user, or a source about an object.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use objects::Tree;
use objects::status::Status;
use objects::validate::{FieldError, Path};
use tokio::time::Instant;

use super::Write;

const API_VERSION: &str = "eventratelimit.admission.k8s.io/v1alpha1";
const KIND: &str = "Configuration";
/// How many keys of a limit are remembered, where it does not say.
const KEYS: usize = 4096;
/// The Status has no better advice.
const RETRY_SECONDS: u32 = 1;

/// What a limit counts by.
type Key = fn(&Write<'_>) -> String;

const KINDS: &[(&str, Key)] = &[
    ("Server", |_| String::new()),
    ("Namespace", |write| write.call.namespace.clone()),
    ("User", |write| write.call.user.name.clone()),
    ("SourceAndObject", |write| source_and_object(&write.object)),
];

/// A limit as it is configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    /// Of [`KINDS`].
    kind: usize,
    per_second: f64,
    burst: f64,
    keys: usize,
}

/// The limits with what was taken.
pub(super) struct EventRates(Vec<(Limit, Mutex<HashMap<String, Bucket>>)>);

/// What is left of a limit for a key, at a time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limit {
    /// The limits of a configuration; an error for each mistake.
    pub(super) fn read_all(tree: &Tree) -> Result<Vec<Self>, Vec<String>> {
        if (tree.str_at(&["apiVersion"]), tree.str_at(&["kind"])) != (Some(API_VERSION), Some(KIND)) {
            return Err(vec![format!("this is no {KIND} of {API_VERSION}")]);
        }
        let path = Path::new("limits");
        let mut errors = Vec::new();
        let rows = tree.items_at(&["limits"]);
        if rows.is_empty() {
            errors.push(FieldError::invalid(&path, Tree::Array(Vec::new()), "must not be empty"));
        }
        let limits: Vec<_> =
            rows.iter().enumerate().map(|(at, row)| Self::read(row, &path.index(at), &mut errors)).collect();
        if errors.is_empty() { Ok(limits) } else { Err(errors.iter().map(ToString::to_string).collect()) }
    }

    fn read(row: &Tree, path: &Path, errors: &mut Vec<FieldError>) -> Self {
        let name = row.str_at(&["type"]).unwrap_or_default();
        let kind = KINDS.iter().position(|(each, _)| *each == name);
        if kind.is_none() {
            let names: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
            errors.push(FieldError::not_supported(&path.child("type"), name, &names));
        }
        let mut number = |field: &str, least: i64, why: &str| {
            let number = row.i64_at(&[field]).unwrap_or_default();
            if number < least {
                errors.push(FieldError::invalid(&path.child(field), number, why));
            }
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let burst = number("burst", 1, "must be positive").into();
        let per_second = number("qps", 1, "must be positive").into();
        let keys = match number("cacheSize", 0, "must not be negative") {
            0 => KEYS,
            keys => keys as usize,
        };
        Self { kind: kind.unwrap_or_default(), per_second, burst, keys }
    }
}

impl EventRates {
    pub(super) fn new(limits: &[Limit]) -> Self {
        Self(limits.iter().map(|limit| (*limit, Mutex::default())).collect())
    }

    /// Takes one Event of every limit; the last that has none left is told.
    fn take(&self, write: &Write<'_>, now: Instant) -> Result<(), Status> {
        let mut refused = None;
        for (limit, buckets) in &self.0 {
            let (name, key) = KINDS[limit.kind];
            let key = key(write);
            let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
            if !limit.take(&mut buckets, &key, now) {
                refused = Some(format!("limit reached on type {name} for key {key}"));
            }
        }
        refused.map_or(Ok(()), |why| Err(Status::too_many_requests(why, RETRY_SECONDS)))
    }
}

impl Limit {
    fn take(&self, buckets: &mut HashMap<String, Bucket>, key: &str, now: Instant) -> bool {
        if buckets.len() >= self.keys
            && !buckets.contains_key(key)
            && let Some(oldest) =
                buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| key.clone())
        {
            buckets.remove(&oldest);
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { tokens: self.burst, at: now });
        let since: Duration = now.saturating_duration_since(bucket.at);
        let tokens = (bucket.tokens + since.as_secs_f64() * self.per_second).min(self.burst);
        let is_taken = tokens >= 1.0;
        *bucket = Bucket { tokens: if is_taken { tokens - 1.0 } else { tokens }, at: now };
        is_taken
    }
}

pub(super) fn admit(write: &mut Write<'_>) -> Result<(), Status> {
    write.rest.admission().event_rates.take(write, Instant::now())
}

/// By the field names of either group.
fn source_and_object(event: &Tree) -> String {
    let text = |parent: [&str; 2], field: &str| {
        let found = parent.iter().find_map(|parent| event.str_at(&[parent, field]));
        found.unwrap_or_default().to_owned()
    };
    let (source, object) = (["source", "deprecatedSource"], ["involvedObject", "regarding"]);
    let of_source = ["component", "host"].map(|field| text(source, field)).concat();
    let of_object = ["kind", "namespace", "name", "uid", "apiVersion"].map(|field| text(object, field));
    of_source + &of_object.concat()
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn limits(mut configuration: Tree) -> Result<Vec<Limit>, Vec<String>> {
        configuration.insert("apiVersion", API_VERSION);
        configuration.insert("kind", KIND);
        Limit::read_all(&configuration)
    }

    #[test]
    fn a_limit_lets_its_burst_pass_and_then_what_comes_in_by_time() {
        let limit = limits(tree!({ "limits": [{ "type": "User", "qps": 2, "burst": 3, "cacheSize": 2 }] }))
            .unwrap()[0];
        let (mut buckets, start) = (HashMap::new(), Instant::now());
        let mut take = |key: &str, milliseconds| {
            limit.take(&mut buckets, key, start + Duration::from_millis(milliseconds))
        };
        assert_eq!([0, 0, 0, 0].map(|at| take("a", at)), [true, true, true, false]);
        assert_eq!([400, 500, 600].map(|at| take("a", at)), [false, true, false]);
        assert!(take("b", 650), "each key has its own");
        assert!(take("c", 700), "the oldest of three is forgotten");
        assert_eq!([700, 700, 700, 700].map(|at| take("a", at)), [true, true, true, false]);
    }

    #[test]
    fn mistakes_are_told_by_field() {
        let told = |rows: Tree| limits(rows).unwrap_err().join("\n");
        assert_eq!(told(tree!({})), "limits: Invalid value: []: must not be empty");
        let wrong =
            told(tree!({ "limits": [{ "type": "Pod", "qps": 0, "burst": (-1), "cacheSize": (-1) }] }));
        expect_test::expect![[r#"
            limits[0].type: Unsupported value: "Pod": supported values: "Server", "Namespace", "User", "SourceAndObject"
            limits[0].burst: Invalid value: -1: must be positive
            limits[0].qps: Invalid value: 0: must be positive
            limits[0].cacheSize: Invalid value: -1: must not be negative"#]]
        .assert_eq(&wrong);
        let other = Limit::read_all(&tree!({ "kind": "Other" })).unwrap_err();
        assert_eq!(other, ["this is no Configuration of eventratelimit.admission.k8s.io/v1alpha1"]);
    }

    #[test]
    fn a_source_and_its_object_are_one_key_in_both_groups() {
        let object = tree!({ "kind": "Pod", "namespace": "n", "name": "p", "uid": "u", "apiVersion": "v1" });
        let source = tree!({ "component": "kubelet", "host": "h" });
        let core = tree!({ "source": (source.clone()), "involvedObject": (object.clone()) });
        let events = tree!({ "deprecatedSource": source, "regarding": object });
        assert_eq!(source_and_object(&core), "kubelethPodnpuv1");
        assert_eq!(source_and_object(&events), source_and_object(&core));
    }
}
