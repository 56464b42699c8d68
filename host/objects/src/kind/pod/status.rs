//! The status of a pod: what the kubelet may say of it.

use std::net::IpAddr;

use super::spec;
use super::{annotations, quality};
use crate::tree::Tree;
use crate::validate::address::{ip, is_dual_stack, parse_ip};
use crate::validate::{At, FieldError, dns1123_subdomain, label_key};

const STATUSES: &[(&str, &str)] = &[
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
];
const SYSTEM_CONDITIONS: &[&str] = &["PodScheduled", "Ready", "Initialized"];
const ONE_OF_EACH: &str = "may specify no more than one IP for each IP family";

/// Who owns the pod is not the kubelet's to say; what it leaves out of the rest stays.
pub(in crate::kind) fn prepare(new: &mut Tree, old: &Tree) {
    match old.at(&["metadata", "ownerReferences"]) {
        Some(owners) => new.set_at(&["metadata", "ownerReferences"], owners.clone()),
        None => drop(new.remove_at(&["metadata", "ownerReferences"])),
    }
    let missing = |tree: &Tree, path: &[&str]| tree.at(path).is_none_or(Tree::is_empty_value);
    for field in ["qosClass", "observedGeneration"] {
        if let Some(value) = old.at(&["status", field]).filter(|_| missing(new, &["status", field])) {
            new.set_at(&["status", field], value.clone());
        }
    }
    addresses(new);
    let before = old.items_at(&["status", "conditions"]);
    let conditions = new.at_mut(&["status", "conditions"]).and_then(Tree::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let like = |before: &&Tree| before.get("type") == condition.get("type");
        let known = before.iter().find(like).and_then(|before| before.get("observedGeneration").cloned());
        if let Some(known) = known.filter(|_| missing(condition, &["observedGeneration"])) {
            condition.insert("observedGeneration", known);
        }
    }
}

/// The first of the addresses has a field of its own, which old kubelets write alone.
fn addresses(pod: &mut Tree) {
    let first = pod.str_at(&["status", "podIPs", "0", "ip"]).map(str::to_owned);
    let single = pod.str_at(&["status", "podIP"]).filter(|single| !single.is_empty()).map(str::to_owned);
    match (single, first) {
        (Some(single), first) if first.as_deref() != Some(&single) => {
            pod.set_at(&["status", "podIPs"], Tree::Array(vec![crate::tree!({ "ip": single })]));
        }
        (None, Some(first)) => pod.set_at(&["status", "podIP"], first),
        _ => {}
    }
}

pub(in crate::kind) fn validate(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    annotations::update(new, old, errors);
    let (status, was) = (At::top(new, "status"), At::top(old, "status"));
    for condition in status.child("conditions").items() {
        let (kind, observed) = (condition.child("type"), condition.child("observedGeneration"));
        not_negative(&observed, errors);
        if !SYSTEM_CONDITIONS.contains(&kind.text()) {
            let path = condition.path.child("Type");
            let refused = label_key(kind.text());
            errors.extend(refused.into_iter().map(|why| FieldError::invalid(&path, kind.text(), why)));
        }
    }
    let (nominated, before) = (status.child("nominatedNodeName"), was.child("nominatedNodeName"));
    if nominated.text() != before.text() {
        nominated.follows(errors, dns1123_subdomain);
        if old.str_at(&["spec", "nodeName"]).is_some_and(|node| !node.is_empty()) {
            nominated.absent(errors, "may not be set on pods that are already bound to a node");
        }
    }
    not_negative(&status.child("observedGeneration"), errors);
    if status.child("qosClass").text() != was.child("qosClass").text() {
        status.child("qosClass").invalid(errors, crate::validate::IMMUTABLE);
    }
    for (statuses, containers) in STATUSES {
        transitions(&status.child(statuses), &was.child(statuses), old, containers, errors);
    }
    for (list, single) in [("podIPs", "podIP"), ("hostIPs", "hostIP")] {
        let addresses = status.child(list);
        if list == "hostIPs"
            && let Some(first) = addresses.items().next().map(|address| address.child("ip"))
            && first.text() != status.child(single).text()
        {
            first.invalid(errors, "must be equal to `hostIP`");
        }
        ips(&addresses, errors);
    }
}

fn not_negative(number: &At<'_>, errors: &mut Vec<FieldError>) {
    if number.number().is_some_and(|number| number < 0) {
        number.invalid(errors, "must be a non-negative integer");
    }
}

fn ips(addresses: &At<'_>, errors: &mut Vec<FieldError>) {
    for address in addresses.items() {
        let text = address.child("ip").text();
        errors.extend(ip(text).into_iter().map(|why| FieldError::invalid(&address.path, text, why)));
    }
    let parsed: Vec<IpAddr> =
        addresses.items().filter_map(|address| parse_ip(address.child("ip").text())).collect();
    if parsed.len() > 1 && (parsed.len() > 2 || !is_dual_stack(&parsed)) {
        addresses.invalid(errors, ONE_OF_EACH);
    }
}

/// A container that is over stays so, where nothing restarts it.
fn transitions(new: &At<'_>, old: &At<'_>, pod: &Tree, list: &str, errors: &mut Vec<FieldError>) {
    let spec = At::top(pod, "spec");
    let all_restart = spec::containers(&spec)
        .flat_map(|container| container.child("restartPolicyRules").items())
        .any(|rule| rule.child("action").text() == "RestartAllContainers");
    for status in old.items() {
        let terminated = status.children(&["state", "terminated"]);
        let name = status.child("name").text();
        let mut after = new.items().filter(|status| status.child("name").text() == name);
        let leaves = after.any(|status| !status.children(&["state", "terminated"]).exists());
        if !terminated.exists() || !leaves {
            continue;
        }
        let code = terminated.child("exitCode").number().unwrap_or(0);
        let container = spec.child(list).items().find(|container| container.child("name").text() == name);
        let restarts = list != "ephemeralContainers"
            && (all_restart || container.is_some_and(|container| restarts(&container, &spec, list, code)));
        if !restarts {
            let path = status.path.child("state");
            errors.push(FieldError::forbidden(&path, "may not be transitioned to non-terminated state"));
        }
    }
}

/// Whether a container that ended with a code is started again.
fn restarts(container: &At<'_>, spec: &At<'_>, list: &str, code: i64) -> bool {
    for rule in container.child("restartPolicyRules").items() {
        let codes = rule.child("exitCodes");
        let named = codes.child("values").items().any(|value| value.number() == Some(code));
        if named == (codes.child("operator").text() == "In") {
            return true;
        }
    }
    let own = container.child("restartPolicy");
    match if own.is_empty() { spec.child("restartPolicy").text() } else { own.text() } {
        "Always" if list == "initContainers" && own.is_empty() => code != 0,
        "Always" => true,
        "OnFailure" => code != 0,
        _ => false,
    }
}

/// What a pod is promised does not change while it runs.
pub(super) fn quality_stays(new: &Tree, old: &Tree) -> bool {
    let before = old.str_at(&["status", "qosClass"]).filter(|class| !class.is_empty());
    before.unwrap_or_else(|| quality::class(old)) == quality::class(new)
}
