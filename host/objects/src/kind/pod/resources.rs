//! Requests and limits: names of resources, amounts, and that none is asked for above its limit.

use super::amounts::{self, HUGE_PAGES, is_pod_level};
use crate::quantity::Quantity;
use crate::validate::amount::quantity;
use crate::validate::{
    At, FieldError, Path, container_resource_name, dns1123_label, is_huge_pages, is_overcommit_allowed,
    resource_name, resource_quantity,
};

/// What is wrong with a name, told at a path.
type NameRule = fn(&str, &Path, &mut Vec<FieldError>);

/// A resource that a pod as a whole can ask for.
fn in_pod(name: &str, path: &Path, errors: &mut Vec<FieldError>) {
    if resource_name(name, path, errors) && !is_pod_level(name) {
        errors.push(FieldError::not_supported(path, name, &["cpu", "hugepages-", "memory"]));
    }
}

pub(super) fn of_container(resources: &At<'_>, claims: &[&str], errors: &mut Vec<FieldError>) {
    requirements(resources, container_resource_name, claims, errors);
}

/// The overhead of a runtime, which counts as limits.
pub(super) fn overhead(overhead: &At<'_>, errors: &mut Vec<FieldError>) {
    for (name, value) in overhead.entries() {
        let at = At { path: overhead.path.child("limits").key(name), tree: value.tree };
        amount(name, &at, container_resource_name, errors);
    }
}

fn amount(name: &str, value: &At<'_>, rule: NameRule, errors: &mut Vec<FieldError>) {
    rule(name, &value.path, errors);
    resource_quantity(name, value, errors);
    let page = name.strip_prefix(HUGE_PAGES).and_then(|size| size.parse::<Quantity>().ok());
    if let (true, Some(quantity)) = (is_huge_pages(name), quantity(value.tree)) {
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
            Some(limit) if asked != limit && !is_overcommit_allowed(name) => {
                errors.push(refuse(format!("must be equal to {name} limit of {limit}")));
            }
            Some(limit) if asked > limit => {
                errors.push(refuse(format!("must be less than or equal to {name} limit of {limit}")));
            }
            None if !is_overcommit_allowed(name) => {
                let why = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(&limits.path, why));
            }
            _ => {}
        }
    }
    let any =
        |is: fn(&str) -> bool| limits.tree.fields().chain(requests.tree.fields()).any(|(name, _)| is(name));
    if any(is_huge_pages) && !any(|name| name == "cpu" || name == "memory") {
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
    let huge =
        amounts::of_containers(spec.tree, "limits").into_iter().filter(|(name, _)| is_huge_pages(name));
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
