//! Amounts of resources of a whole pod: what its containers ask for together, and the defaults of the pod level.

use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::amount::quantity;

/// What a pod as a whole may ask for.
pub(in crate::kind) const POD_LEVEL: &[&str] = &["cpu", "memory"];
pub(in crate::kind) const HUGE_PAGES: &str = "hugepages-";

pub(in crate::kind) fn is_pod_level(resource: &str) -> bool {
    POD_LEVEL.contains(&resource) || resource.starts_with(HUGE_PAGES)
}

pub(super) fn is_sidecar(container: &Tree) -> bool {
    container.str_at(&["restartPolicy"]) == Some("Always")
}

/// What the containers of a specification ask for together, or are limited to: those that run at the same time
/// are added, and of what runs one after the other the most counts. `field` is `requests` or `limits`.
pub(in crate::kind) fn of_containers(spec: &Tree, field: &str) -> Vec<(String, Quantity)> {
    let mut running: Vec<(String, Quantity)> = Vec::new();
    let (mut sidecars, mut most) = (Vec::new(), Vec::new());
    for container in spec.items_at(&["containers"]) {
        add(&mut running, &amounts(container, field));
    }
    for container in spec.items_at(&["initContainers"]) {
        let own = amounts(container, field);
        if is_sidecar(container) {
            add(&mut running, &own);
            add(&mut sidecars, &own);
            raise(&mut most, &sidecars);
        } else {
            let mut together = sidecars.clone();
            add(&mut together, &own);
            raise(&mut most, &together);
        }
    }
    raise(&mut running, &most);
    running
}

fn amounts(container: &Tree, field: &str) -> Vec<(String, Quantity)> {
    let amounts = container.at(&["resources", field]).into_iter().flat_map(Tree::fields);
    amounts.filter_map(|(name, amount)| Some((name.to_owned(), quantity(amount)?))).collect()
}

fn merge(
    into: &mut Vec<(String, Quantity)>,
    from: &[(String, Quantity)],
    both: fn(Quantity, Quantity) -> Quantity,
) {
    for (name, amount) in from {
        match into.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = both(*known, *amount),
            None => into.push((name.clone(), *amount)),
        }
    }
}

fn add(into: &mut Vec<(String, Quantity)>, from: &[(String, Quantity)]) {
    merge(into, from, |one, two| one + two);
}

fn raise(into: &mut Vec<(String, Quantity)>, from: &[(String, Quantity)]) {
    merge(into, from, Ord::max);
}

/// The requests and limits of the pod that follow from those of its containers, where the pod has any of its own.
pub(super) fn default_pod_level(spec: &mut Tree) {
    let has =
        |spec: &Tree, field: &str| spec.at(&["resources", field]).is_some_and(|map| !map.is_empty_value());
    let (limited, asked) = (has(spec, "limits"), has(spec, "requests"));
    if !limited && !asked {
        return;
    }
    for (name, amount) in of_containers(spec, "limits") {
        if name.starts_with(HUGE_PAGES) && spec.at(&["resources", "requests", &name]).is_none() {
            set_missing(spec, "limits", &name, amount.to_string());
        }
    }
    if has(spec, "limits") {
        for (name, amount) in of_containers(spec, "requests") {
            if POD_LEVEL.contains(&name.as_str()) {
                set_missing(spec, "requests", &name, amount.to_string());
            }
        }
        let limits = spec.at(&["resources", "limits"]).cloned().unwrap_or_default();
        for (name, limit) in limits.fields().filter(|(name, _)| is_pod_level(name)) {
            set_missing(spec, "requests", name, limit.clone());
        }
    }
}

fn set_missing(spec: &mut Tree, field: &str, name: &str, amount: impl Into<Tree>) {
    let path = ["resources", field, name];
    if spec.at(&path).is_none() {
        spec.set_at(&path, amount);
    }
}
