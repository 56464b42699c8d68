//! Quotas: what they can bound, in which scopes.

use super::Kind;
use crate::tree::Tree;
use crate::validate::{At, FieldError, IMMUTABLE, is_quota_resource, quota_resource_name, resource_quantity};

pub(super) const KIND: Kind = Kind {
    validate,
    validate_update,
    validate_status: |new, _, errors| status(&At::top(new, "status"), errors),
    ..Kind::GENERIC
};

const COMPUTE: &[&str] =
    &["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/// Each scope, and what can be bounded within it of what a quota knows by name.
pub(crate) const SCOPES: &[(&str, &[&str])] = &[
    ("Terminating", COMPUTE),
    ("NotTerminating", COMPUTE),
    ("BestEffort", &["pods"]),
    ("NotBestEffort", COMPUTE),
    ("PriorityClass", COMPUTE),
    ("CrossNamespacePodAffinity", COMPUTE),
    ("VolumeAttributesClass", &["persistentvolumeclaims", "requests.storage"]),
];

/// Of which both cannot be.
const OPPOSITES: &[(&str, &str)] = &[("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")];

/// Scopes that are or are not, whatever their values.
const BARE: &[&str] =
    &["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];

fn validate(quota: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(quota, "spec");
    amounts(&spec.child("hard"), errors);
    scopes(&spec, errors);
    let selector = spec.child("scopeSelector");
    if selector.exists() {
        scope_selector(&spec, &selector, errors);
    }
    status(&At::top(quota, "status"), errors);
}

fn status(status: &At<'_>, errors: &mut Vec<FieldError>) {
    amounts(&status.child("hard"), errors);
    amounts(&status.child("used"), errors);
}

fn amounts(amounts: &At<'_>, errors: &mut Vec<FieldError>) {
    for (name, amount) in amounts.entries() {
        quota_resource_name(name, &amount.path, errors);
        resource_quantity(name, &amount, errors);
    }
}

/// Whether a scope is none, and how many of the bounded resources do not fit it.
fn scope_fits(scope: &str, spec: &At<'_>) -> (bool, usize) {
    let Some((_, resources)) = SCOPES.iter().find(|row| row.0 == scope) else { return (false, 0) };
    let hard = spec.child("hard");
    let misfits =
        hard.entries().filter(|(name, _)| is_quota_resource(name) && !resources.contains(name)).count();
    (true, misfits)
}

fn has_opposites(scopes: &[&str]) -> usize {
    OPPOSITES.iter().filter(|(one, other)| scopes.contains(one) && scopes.contains(other)).count()
}

fn scopes(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let scopes = spec.child("scopes");
    let names: Vec<&str> = scopes.tree.items().iter().filter_map(Tree::as_str).collect();
    let mut refuse = |why: &str, times: usize| scopes.refuse(errors, vec![why.to_owned(); times]);
    for name in &names {
        let (known, misfits) = scope_fits(name, spec);
        refuse("unsupported scope", usize::from(!known));
        refuse("unsupported scope applied to resource", misfits);
    }
    refuse("conflicting scopes", has_opposites(&names));
}

fn scope_selector(spec: &At<'_>, selector: &At<'_>, errors: &mut Vec<FieldError>) {
    let requirements = selector.child("matchExpressions");
    // What is wrong with a requirement is told of all of them.
    let path = &requirements.path;
    let mut names = Vec::new();
    for requirement in requirements.tree.items() {
        let text = |field| requirement.str_at(&[field]).unwrap_or_default();
        let (scope, operator, values) =
            (text("scopeName"), text("operator"), requirement.items_at(&["values"]));
        let (known, misfits) = scope_fits(scope, spec);
        if !known {
            errors.push(FieldError::invalid(&path.child("scopeName"), scope, "unsupported scope"));
        }
        let misfit =
            FieldError::invalid(path, selector.tree.clone(), "unsupported scope applied to resource");
        errors.extend(std::iter::repeat_n(misfit, misfits));
        if BARE.contains(&scope) && operator != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(FieldError::invalid(&path.child("operator"), operator, why));
        }
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(&path.child("values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid(&path.child("values"), values.to_vec(), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(FieldError::invalid(
                &path.child("operator"),
                other,
                "not a valid selector operator",
            )),
        }
        names.push(scope);
    }
    for _ in 0..has_opposites(&names) {
        let scopes = spec.child("scopes").tree.clone();
        errors.push(FieldError::invalid(path, scopes, "conflicting scopes"));
    }
}

fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let scopes = |quota: &Tree| {
        let mut names: Vec<String> =
            quota.items_at(&["spec", "scopes"]).iter().filter_map(Tree::as_str).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    };
    if scopes(new) != scopes(old) {
        At::top(new, "spec").child("scopes").invalid(errors, IMMUTABLE);
    }
}
