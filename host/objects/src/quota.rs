//! What objects use of a ResourceQuota, and whether there is enough left for a write.
//!
//! Pure: the quotas of the namespace come in, a refusal or what is used from now on goes out. Keeping two writes from
//! using the same rest is for whoever holds the quotas.

mod scope;
mod usage;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::meta;
use crate::quantity::Quantity;
use crate::resource::GroupResource;
use crate::resources::{Amounts, asks_as_a_whole};
use crate::tree::Tree;

pub use scope::matches;
pub use usage::{concerns, usage};

/// Resources that no quota counts: what is not stored, and events.
const IGNORED: &[(&str, &str)] = &[
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "events"),
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("events.k8s.io", "events"),
];

/// A write of one object.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub resource: &'a GroupResource,
    /// Empty for the object itself.
    pub subresource: &'a str,
    pub new: &'a Tree,
    /// What is written over; `None` for a new object.
    pub old: Option<&'a Tree>,
    pub now: Timestamp,
}

/// Why quotas forbid a write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    #[error("exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}")]
    Exceeded { quota: String, requested: Amounts, used: Amounts, limited: Amounts },
    /// Containers do not say what a quota bounds.
    #[error("failed quota: {quota}: must specify {missing}")]
    Unspecified { quota: String, missing: String },
    /// What is used was never counted.
    #[error("status unknown for quota: {quota}, resources: {resources}")]
    Uncounted { quota: String, resources: String },
    #[error("quota usage is negative for resource(s): {resources}")]
    Negative { resources: String },
}

/// What a write makes a quota's `status.used` to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The place of the quota in those that came in.
    pub quota: usize,
    pub used: Amounts,
}

impl Write<'_> {
    /// Whether quotas are asked at all.
    pub fn is_counted(&self) -> bool {
        let of = (self.resource.group.as_ref(), self.resource.resource.as_ref());
        if IGNORED.contains(&of) {
            return false;
        }
        match (of, self.subresource, self.old) {
            (("", "pods"), "", Some(old)) => scope::is_terminating(old) != scope::is_terminating(self.new),
            (("", "pods"), "resize", Some(_)) => true,
            (("", "persistentvolumeclaims"), "status", Some(old)) => usage::replenishes(self.new, old),
            (("", "persistentvolumeclaims" | "services") | ("resource.k8s.io", "resourceclaims"), "", _) => {
                true
            }
            (_, "", None) => true,
            _ => false,
        }
    }
}

/// What a write uses of the quotas of its namespace: the charges, or why it is forbidden.
pub fn check(quotas: &[&Tree], write: &Write<'_>) -> Result<Vec<Charge>, QuotaError> {
    if !write.is_counted() {
        return Ok(Vec::new());
    }
    let mut matched = Vec::new();
    for (index, quota) in quotas.iter().enumerate() {
        if matches(quota, write.resource, write.new) {
            let bounded = Amounts::read(quota.at(&["status", "hard"]))
                .filtered(|name, _| concerns(write.resource, name));
            is_specified(quota, write, &bounded)?;
            is_known(quota, &bounded)?;
            matched.push(index);
        }
    }
    let used = usage(write.resource, write.new, write.now);
    let negative = used.filtered(|_, amount| amount.is_negative());
    if !negative.is_empty() {
        return Err(QuotaError::Negative { resources: joined(&negative) });
    }
    let before = write.old.filter(|old| !meta::resource_version(old).is_empty());
    let mut charges = Vec::new();
    for index in matched {
        let quota = quotas[index];
        // An object that this quota did not count before counts whole.
        let counted = before.filter(|old| matches(quota, write.resource, old));
        let more = match counted {
            Some(old) => used.beyond(&usage(write.resource, old, write.now)),
            None => used.clone(),
        };
        charges.extend(charge(index, quota, &more, write)?);
    }
    Ok(charges)
}

fn charge(
    index: usize,
    quota: &Tree,
    more: &Amounts,
    write: &Write<'_>,
) -> Result<Option<Charge>, QuotaError> {
    let (hard, used) =
        (Amounts::read(quota.at(&["status", "hard"])), Amounts::read(quota.at(&["status", "used"])));
    let requested = more.filtered(|name, amount| !amount.is_zero() && hard.get(name).is_some());
    if requested.is_empty() {
        return Ok(None);
    }
    let mut total = used.clone();
    total.add(&requested);
    let exceeded = requested.filtered(|name, _| total.get(name) > hard.get(name));
    if !exceeded.is_empty() && write.subresource != "status" {
        let only = |amounts: &Amounts| amounts.filtered(|name, _| exceeded.get(name).is_some());
        return Err(QuotaError::Exceeded {
            quota: meta::name(quota).to_owned(),
            requested: only(&requested),
            used: only(&used),
            limited: only(&hard),
        });
    }
    Ok(Some(Charge { quota: index, used: total }))
}

fn joined(amounts: &Amounts) -> String {
    amounts.names().collect::<Vec<_>>().join(",")
}

/// Every container of a pod says what a quota bounds, unless the pod says it as a whole.
fn is_specified(quota: &Tree, write: &Write<'_>, bounded: &Amounts) -> Result<(), QuotaError> {
    const SPECIFIED: &[&str] =
        &["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
    let is_pod = write.resource.group.is_empty() && write.resource.resource == "pods";
    if !is_pod || asks_as_a_whole(write.new) {
        return Ok(());
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in
        ["containers", "initContainers"].iter().flat_map(|list| write.new.items_at(&["spec", list]))
    {
        let side = |field| Amounts::read(container.at(&["resources", field]));
        let told = usage::compute(&side("requests"), &side("limits"));
        let wanted = bounded.names().filter(|name| SPECIFIED.contains(name) && told.get(name).is_none());
        for name in wanted {
            missing.entry(name).or_default().push(container.str_at(&["name"]).unwrap_or_default());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let told = missing.into_iter().map(|(name, mut containers)| {
        containers.sort_unstable();
        containers.dedup();
        format!("{name} for: {}", containers.join(","))
    });
    let missing = told.collect::<Vec<_>>().join("; ");
    Err(QuotaError::Unspecified { quota: meta::name(quota).to_owned(), missing })
}

fn is_known(quota: &Tree, bounded: &Amounts) -> Result<(), QuotaError> {
    let used = Amounts::read(quota.at(&["status", "used"]));
    match bounded.names().all(|name| used.get(name).is_some()) {
        true => Ok(()),
        false => {
            Err(QuotaError::Uncounted { quota: meta::name(quota).to_owned(), resources: joined(bounded) })
        }
    }
}

/// What the objects of a namespace use of what a quota bounds: its `status.used`, counted anew.
pub fn count<'a>(
    quota: &Tree,
    objects: impl IntoIterator<Item = (&'a GroupResource, &'a Tree)>,
    now: Timestamp,
) -> Amounts {
    let hard = Amounts::read(quota.at(&["spec", "hard"]));
    let mut used = Amounts::default();
    for name in hard.names() {
        used.set(name, Quantity::ZERO);
    }
    for (resource, object) in objects {
        let counts =
            hard.names().any(|name| concerns(resource, name)) && scope::in_all(quota, resource, object);
        if counts {
            used.add(&usage(resource, object, now).filtered(|name, _| hard.get(name).is_some()));
        }
    }
    used
}

#[cfg(test)]
mod tests;
