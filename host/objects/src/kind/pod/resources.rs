//! Requests and limits: names of resources, amounts, and that none is asked for above its limit.

use super::amounts::{self, HUGE_PAGES, is_pod_level};
use crate::quantity::Quantity;
use crate::validate::amount::quantity;
use crate::validate::{At, FieldError, NEGATIVE, Path, dns1123_label, label_key};

const CONTAINER: &[&str] = &["cpu", "memory", "ephemeral-storage"];

/// What has no domain before it, of whatever is counted or measured.
const STANDARD: &[&str] = &[
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];

const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

fn is_huge_page(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && label_key(&format!("requests.{name}")).is_empty()
}

/// Whether more may be promised than there is.
fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// The errors of a name at a path.
type NameRule = fn(&Path, &str) -> Vec<FieldError>;

fn resource_name(name: &str) -> Vec<String> {
    let refused = label_key(name);
    if refused.is_empty() && !name.contains('/') && !STANDARD.contains(&name) && !is_huge_page(name) {
        return vec!["must be a standard resource type or fully qualified".to_owned()];
    }
    refused
}

/// A resource that a container can ask for.
pub(in crate::kind) fn container_resource_name(name: &str) -> Vec<String> {
    let mut messages = resource_name(name);
    if !name.contains('/') {
        if !CONTAINER.contains(&name) && !is_huge_page(name) {
            messages.push("must be a standard resource for containers".to_owned());
        }
    } else if !is_native(name) && !is_extended(name) {
        messages.push("doesn't follow extended resource name standard".to_owned());
    }
    messages
}

fn in_container(path: &Path, name: &str) -> Vec<FieldError> {
    let refused = container_resource_name(name);
    refused.into_iter().map(|message| FieldError::invalid(path, name, message)).collect()
}

/// A resource that a pod as a whole can ask for.
fn in_pod(path: &Path, name: &str) -> Vec<FieldError> {
    let refused = resource_name(name);
    if refused.is_empty() && !is_pod_level(name) {
        return vec![FieldError::not_supported(path, name, &["cpu", "hugepages-", "memory"])];
    }
    refused.into_iter().map(|message| FieldError::invalid(path, name, message)).collect()
}

pub(super) fn of_container(resources: &At<'_>, claims: &[&str], errors: &mut Vec<FieldError>) {
    requirements(resources, in_container, claims, errors);
}

/// The overhead of a runtime, which counts as limits.
pub(super) fn overhead(overhead: &At<'_>, errors: &mut Vec<FieldError>) {
    for (name, value) in overhead.entries() {
        let at = At { path: overhead.path.child("limits").key(name), tree: value.tree };
        amount(name, &at, in_container, errors);
    }
}

/// A resource of a node: an amount that is not negative, whole where it is counted.
pub(in crate::kind) fn node_resource(name: &str, value: &At<'_>, errors: &mut Vec<FieldError>) {
    let Some(quantity) = quantity(value.tree) else { return };
    if quantity < Quantity::ZERO {
        value.invalid(errors, NEGATIVE);
    }
    let counted = COUNTED.contains(&name) || is_extended(name);
    if counted && quantity.milli_value() % 1000 != 0 {
        value.invalid(errors, "must be an integer");
    }
}

fn amount(name: &str, value: &At<'_>, rule: NameRule, errors: &mut Vec<FieldError>) {
    errors.extend(rule(&value.path, name));
    node_resource(name, value, errors);
    let page = name.strip_prefix(HUGE_PAGES).and_then(|size| size.parse::<Quantity>().ok());
    if let (true, Some(quantity)) = (is_huge_page(name), quantity(value.tree)) {
        let page = page.map_or(0, |page| page.value());
        if page <= 0 || quantity.value() % page != 0 {
            let why = format!("{quantity} is not positive integer multiple of {name}");
            value.invalid(errors, why);
        }
    }
}

fn requirements(at: &At<'_>, rule: NameRule, claims: &[&str], errors: &mut Vec<FieldError>) {
    let (limits, requests) = (at.child("limits"), at.child("requests"));
    for (name, limit) in limits.entries() {
        amount(name, &limit, rule, errors);
    }
    for (name, request) in requests.entries() {
        amount(name, &request, rule, errors);
        let Some(asked) = quantity(request.tree) else { continue };
        let refuse = |why: String| FieldError::invalid(&requests.path, asked.to_string(), why);
        match limits.tree.get(name).and_then(quantity) {
            Some(limit) if asked != limit && !is_overcommitted(name) => {
                errors.push(refuse(format!("must be equal to {name} limit of {limit}")));
            }
            Some(limit) if asked > limit => {
                errors.push(refuse(format!("must be less than or equal to {name} limit of {limit}")));
            }
            None if !is_overcommitted(name) => {
                let why = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(&limits.path, why));
            }
            _ => {}
        }
    }
    let any =
        |is: fn(&str) -> bool| limits.tree.fields().chain(requests.tree.fields()).any(|(name, _)| is(name));
    if any(is_huge_page) && !any(|name| name == "cpu" || name == "memory") {
        at.forbidden(errors, "HugePages require cpu or memory");
    }
    self::claims(&at.child("claims"), claims, errors);
}

fn claims(claims: &At<'_>, known: &[&str], errors: &mut Vec<FieldError>) {
    let mut seen: Vec<String> = Vec::new();
    for claim in claims.items() {
        let (name, request) = (claim.child("name").text(), claim.child("request"));
        if name.is_empty() {
            errors.push(FieldError::required(&claim.path, ""));
            continue;
        }
        let key = if request.is_empty() { name.to_owned() } else { format!("{name}/{}", request.text()) };
        let of_same = |key: &String| key.split_once('/').is_some_and(|(claim, _)| claim == name);
        if seen.iter().any(|seen| seen == name) {
            errors.push(FieldError::duplicate(&claim.path, name));
        } else {
            request.follows(errors, dns1123_label);
            if seen.contains(&key) || (request.is_empty() && seen.iter().any(of_same)) {
                errors.push(FieldError::duplicate(&claim.path, key.as_str()));
            }
            seen.push(key);
        }
        if !known.contains(&name) {
            let mut sorted = known.to_vec();
            sorted.sort_unstable();
            let which = if known.is_empty() {
                " which is empty".to_owned()
            } else {
                format!(": {}", sorted.join(", "))
            };
            errors.push(FieldError {
                detail: format!("must be one of the names in pod.spec.resourceClaims{which}"),
                ..FieldError::not_found(&claim.path, name)
            });
        }
    }
}

/// The requests and limits of a pod as a whole, which those of its containers have to fit in.
pub(super) fn of_pod(spec: &At<'_>, claims: &[&str], os: &str, errors: &mut Vec<FieldError>) {
    let resources = spec.child("resources");
    if !resources.exists() {
        return;
    }
    if os == "windows" {
        resources.forbidden(errors, "may not be set for a windows pod");
        return;
    }
    resources.child("claims").absent(errors, "claims may not be set for Resources at pod-level");
    requirements(&resources, in_pod, claims, errors);
    fits(spec, &resources, errors);
}

fn fits(spec: &At<'_>, resources: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut exceeds = |field: &str, together: Vec<(String, Quantity)>| {
        for (name, amount) in together {
            let own = resources.child(field);
            let Some(whole) = own.tree.get(&name).and_then(quantity).filter(|whole| amount > *whole) else {
                continue;
            };
            let why = format!("must be greater than or equal to aggregate container {field} of {amount}");
            errors.push(FieldError::invalid(&own.path.key(&name), whole.to_string(), why));
        }
    };
    exceeds("requests", amounts::of_containers(spec.tree, "requests"));
    let huge = amounts::of_containers(spec.tree, "limits").into_iter().filter(|(name, _)| is_huge_page(name));
    exceeds("limits", huge.collect());
    for (index, container) in spec.child("containers").items().enumerate() {
        for (name, limit) in container.children(&["resources", "limits"]).tree.fields() {
            let whole = resources.child("limits").tree.get(name).and_then(quantity);
            if let (Some(limit), Some(whole)) = (quantity(limit), whole)
                && limit > whole
            {
                let path: Path = resources.path.child("containers").index(index).key(name).child("limits");
                let why = format!("must be less than or equal to pod limits of {whole}");
                errors.push(FieldError::invalid(&path, limit.to_string(), why));
            }
        }
    }
}
