//! What a change of a Service takes along, and what may not change.

use super::{BALANCED, EXTERNAL, is_checked, is_external, is_headless, kind};
use crate::tree::Tree;
use crate::validate::{At, FieldError};

/// Whether a field is for a Service at all.
type Has = fn(&Tree) -> bool;

/// The fields that go with a type: what a client leaves as it was while it changes the type is dropped.
const DEPENDENT: &[(&[&str], Has)] = &[
    (&["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"], |service| kind(service) != EXTERNAL),
    (&["healthCheckNodePort"], is_checked),
    (&["allocateLoadBalancerNodePorts"], |service| kind(service) == BALANCED),
    (&["loadBalancerClass"], |service| kind(service) == BALANCED),
    (&["externalTrafficPolicy"], is_external),
    (&["externalName"], |service| kind(service) == EXTERNAL),
];

fn has_node_ports(service: &Tree) -> bool {
    match kind(service) {
        "NodePort" => true,
        BALANCED => service.bool_at(&["spec", "allocateLoadBalancerNodePorts"]) != Some(false),
        _ => false,
    }
}

pub(in crate::kind) fn update(new: &mut Tree, old: &Tree) {
    addresses(new, old);
    for (fields, has) in DEPENDENT.iter().filter(|(_, has)| has(old)) {
        for field in fields.iter().filter(|_| !has(new)).copied().collect::<Vec<_>>() {
            if new.at(&["spec", field]) == old.at(&["spec", field]) {
                new.remove_at(&["spec", field]);
            }
        }
    }
    if is_checked(new)
        && is_checked(old)
        && new.at(&["spec", "healthCheckNodePort"]).is_none()
        && let Some(port) = old.at(&["spec", "healthCheckNodePort"])
    {
        new.set_at(&["spec", "healthCheckNodePort"], port.clone());
    }
    if has_node_ports(old) && !has_node_ports(new) {
        let given: Vec<Option<i64>> =
            old.items_at(&["spec", "ports"]).iter().map(|port| port.i64_at(&["nodePort"])).collect();
        let ports = new.at_mut(&["spec", "ports"]).and_then(Tree::as_array_mut);
        for port in ports.into_iter().flatten() {
            if given.contains(&port.i64_at(&["nodePort"])) {
                port.remove("nodePort");
            }
        }
    }
}

/// One address is a field of its own beside the list: whoever changes the one alone means the list too.
fn addresses(new: &mut Tree, old: &Tree) {
    let text = |tree: &Tree| tree.str_at(&["spec", "clusterIP"]).unwrap_or_default().to_owned();
    let (now, before) = (text(new), text(old));
    if now == before || new.at(&["spec", "clusterIPs"]) != old.at(&["spec", "clusterIPs"]) {
        return;
    }
    if now.is_empty() {
        new.remove_at(&["spec", "clusterIPs"]);
    } else if let Some(first) = new.at_mut(&["spec", "clusterIPs", "0"]) {
        *first = Tree::from(now);
    }
}

pub(in crate::kind) fn validate(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
    let external = [new, old].iter().any(|service| kind(service) == EXTERNAL);
    let (headless, was_headless) = (is_headless(new), is_headless(old));
    if !(external || headless && was_headless) {
        list(&spec.child("clusterIPs"), &was.child("clusterIPs"), "clusterIP", &spec, errors);
    }
    if !external && !headless && !was_headless {
        list(&spec.child("ipFamilies"), &was.child("ipFamilies"), "ipFamily", &spec, errors);
    }
    let balanced = [new, old].iter().all(|service| kind(service) == BALANCED);
    let class = spec.child("loadBalancerClass");
    if balanced && class.tree != was.child("loadBalancerClass").tree {
        class.invalid(errors, "may not change once set");
    }
    let check = spec.child("healthCheckNodePort");
    if is_checked(new) && is_checked(old) && check.tree != was.child("healthCheckNodePort").tree {
        check.forbidden(errors, "field is immutable");
    }
}

/// A second value may come and go; the first stays.
fn list(new: &At<'_>, old: &At<'_>, name: &str, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let (now, before) = (new.tree.items(), old.tree.items());
    let refuse = |index: usize, why: &str| FieldError::invalid(&new.path.index(index), new.tree.clone(), why);
    if now.len() == before.len() {
        let changed = (0..now.len()).filter(|index| now[*index] != before[*index]);
        errors.extend(changed.map(|index| refuse(index, "may not change once set")));
        return;
    }
    match (now.first(), before.first()) {
        (None, _) => errors.push(refuse(0, &format!("primary {name} can not be unset"))),
        (Some(now), Some(before)) if now != before => errors.push(refuse(0, "may not change once set")),
        _ => {}
    }
    let policy = spec.child("ipFamilyPolicy");
    if now.len() == 1 && before.len() > 1 && policy.text() != "SingleStack" {
        policy.invalid(errors, format!("must be set to 'SingleStack' when releasing the secondary {name}"));
    }
}
