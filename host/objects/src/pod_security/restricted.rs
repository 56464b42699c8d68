//! What the restricted level asks for: that a pod gives up what it does not need.

use super::PodView;
use super::baseline::added;
use super::checks::{Violation, containers, plural, quoted, set, setters};
use crate::tree::Tree;

pub(super) fn privilege_escalation(pod: PodView<'_>) -> Option<Violation> {
    let given_up = |container: &Tree| container.bool_at(&["securityContext", "allowPrivilegeEscalation"]);
    let names = pod.named(|container| given_up(container) != Some(false));
    let detail = || format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&names));
    (!names.is_empty()).then(|| Violation::new("allowPrivilegeEscalation != false", detail()))
}

pub(super) fn capabilities(pod: PodView<'_>) -> Option<Violation> {
    let drops_all = |container: &Tree| {
        let dropped = container.items_at(&["securityContext", "capabilities", "drop"]);
        dropped.iter().any(|name| name.as_str() == Some("ALL"))
    };
    let mut what = Vec::new();
    let names = pod.named(|container| !drops_all(container));
    if !names.is_empty() {
        what.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&names)));
    }
    if let Some((names, added)) = added(pod, &["NET_BIND_SERVICE"]) {
        let added = quoted(&added);
        what.push(format!(
            "{} must not include {added} in securityContext.capabilities.add",
            containers(&names)
        ));
    }
    (!what.is_empty()).then(|| Violation::new("unrestricted capabilities", what.join("; ")))
}

const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub(super) fn volumes(pod: PodView<'_>) -> Option<Violation> {
    /// The source of a volume, where it is none of those that a pod may have.
    fn bad_source(volume: &Tree) -> Option<&str> {
        let told = volume.fields().filter(|(field, value)| *field != "name" && !value.is_null());
        let sources: Vec<&str> = told.map(|(field, _)| field).collect();
        let is_allowed = sources.iter().any(|source| VOLUMES.contains(source));
        (!is_allowed).then(|| sources.first().copied().unwrap_or("unknown"))
    }
    let all = pod.spec.items_at(&["volumes"]);
    let bad = all.iter().filter(|volume| bad_source(volume).is_some());
    let names: Vec<&str> = bad.map(|volume| volume.str_at(&["name"]).unwrap_or_default()).collect();
    let kinds = set(all.iter().filter_map(bad_source));
    let detail = || {
        format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", names.len()),
            quoted(&names),
            plural("uses", "use", names.len()),
            plural("restricted volume type", "restricted volume types", kinds.len()),
            quoted(&kinds)
        )
    };
    (!names.is_empty()).then(|| Violation::new("restricted volume types", detail()))
}

pub(super) fn non_root(pod: PodView<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let non_root = |owner: &Tree| owner.bool_at(&["securityContext", "runAsNonRoot"]);
    let own = non_root(pod.spec);
    if let Some(who) = setters(own == Some(false), &pod.named(|container| non_root(container) == Some(false)))
    {
        return Some(Violation::new(
            REASON,
            format!("{who} must not set securityContext.runAsNonRoot=false"),
        ));
    }
    let names = pod.named(|container| non_root(container).is_none() && own != Some(true));
    let detail = || format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&names));
    (!names.is_empty()).then(|| Violation::new(REASON, detail()))
}

pub(super) fn user(pod: PodView<'_>) -> Option<Violation> {
    let is_root = |owner: &Tree| owner.i64_at(&["securityContext", "runAsUser"]) == Some(0);
    let who = setters(is_root(pod.spec), &pod.named(is_root))?;
    Some(Violation::new("runAsUser=0", format!("{who} must not set runAsUser=0")))
}

pub(super) fn seccomp(pod: PodView<'_>) -> Option<Violation> {
    if let Some(violation) = super::baseline::seccomp(pod) {
        return Some(violation);
    }
    // No profile is bad; what is left is whether there is one.
    let has = |owner: &Tree| {
        owner.at(&["securityContext", "seccompProfile"]).is_some_and(|profile| !profile.is_null())
    };
    let names = if has(pod.spec) { Vec::new() } else { pod.named(|container| !has(container)) };
    let detail = || {
        let what = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
        format!("pod or {} {what}", containers(&names))
    };
    (!names.is_empty()).then(|| Violation::new("seccompProfile", detail()))
}
