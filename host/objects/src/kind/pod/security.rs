//! Security contexts of pods and containers.

use super::volume::local;
use super::windows;
use crate::validate::formats::{identity, sysctl_name};
use crate::validate::{At, FieldError};

const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];
const PROFILE_MAX: usize = 4095;

/// The kernel parameters of namespaces that a pod can share with the host: of the network, and of messages.
const NET: &[&str] = &["net."];
const IPC: &[&str] = &["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];

pub(super) fn of_pod(context: &At<'_>, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        context.child(field).counts(errors, identity);
    }
    for group in context.child("supplementalGroups").items() {
        group.counts(errors, identity);
    }
    if spec.child("shareProcessNamespace").is_true() && spec.child("hostPID").is_true() {
        let path = context.path.child("shareProcessNamespace");
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(&path, true, why));
    }
    sysctls(&context.child("sysctls"), spec, errors);
    context.child("fsGroupChangePolicy").if_set_one_of(errors, &["Always", "OnRootMismatch"]);
    seccomp(&context.child("seccompProfile"), errors);
    windows::options(&context.child("windowsOptions"), errors);
    app_armor(&context.child("appArmorProfile"), errors);
    context.child("supplementalGroupsPolicy").if_set_one_of(errors, &["Merge", "Strict"]);
    context.child("seLinuxChangePolicy").if_set_one_of(errors, &["MountOption", "Recursive"]);
}

pub(super) fn of_container(context: &At<'_>, host_users: bool, errors: &mut Vec<FieldError>) {
    if !context.exists() {
        return;
    }
    for field in ["runAsUser", "runAsGroup"] {
        context.child(field).counts(errors, identity);
    }
    let proc_mount = context.child("procMount");
    proc_mount.if_set_one_of(errors, &["Default", "Unmasked"]);
    if host_users && proc_mount.text() == "Unmasked" {
        proc_mount.invalid(errors, "`hostUsers` must be false to use `Unmasked`");
    }
    seccomp(&context.child("seccompProfile"), errors);
    if context.child("allowPrivilegeEscalation").tree.as_bool() == Some(false) {
        if context.child("privileged").is_true() {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            context.invalid(errors, why);
        }
        let added = context.children(&["capabilities", "add"]);
        for _ in added.items().filter(|capability| capability.text() == "CAP_SYS_ADMIN") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            context.invalid(errors, why);
        }
    }
    windows::options(&context.child("windowsOptions"), errors);
    app_armor(&context.child("appArmorProfile"), errors);
}

fn seccomp(profile: &At<'_>, errors: &mut Vec<FieldError>) {
    if !profile.exists() {
        return;
    }
    let (kind, local_profile) = (profile.child("type"), profile.child("localhostProfile"));
    if kind.required(errors, "type is required when seccompProfile is set") {
        kind.one_of(errors, PROFILES);
    }
    match (kind.text(), local_profile.exists()) {
        ("Localhost", true) => local(&local_profile, errors),
        ("Localhost", false) => {
            let why = "must be set when seccomp type is Localhost";
            errors.push(FieldError::required(&local_profile.path, why));
        }
        (_, true) => {
            let why = "can only be set when seccomp type is Localhost";
            errors.push(FieldError::invalid(&local_profile.path, profile.tree.clone(), why));
        }
        _ => {}
    }
}

fn app_armor(profile: &At<'_>, errors: &mut Vec<FieldError>) {
    if !profile.exists() {
        return;
    }
    let (kind, local_profile) = (profile.child("type"), profile.child("localhostProfile"));
    if kind.required(errors, "type is required when appArmorProfile is set") {
        kind.one_of(errors, PROFILES);
    }
    let name = local_profile.text();
    match kind.text() {
        "Localhost" if name.trim() != name => {
            local_profile.invalid(errors, "must not be padded with whitespace");
        }
        "Localhost" => {
            local_profile.required(errors, "must be set when AppArmor type is Localhost");
        }
        "RuntimeDefault" | "Unconfined" if local_profile.exists() => {
            local_profile.invalid(errors, "can only be set when AppArmor type is Localhost");
        }
        _ => {}
    }
    if kind.text() == "Localhost" && name.len() > PROFILE_MAX {
        errors.push(FieldError::too_long(&local_profile.path, PROFILE_MAX));
    }
}

fn sysctls(sysctls: &At<'_>, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for name in sysctls.items().map(|sysctl| sysctl.child("name")) {
        if name.required(errors, "") {
            let refused = sysctl_name(name.text());
            if refused.is_empty() && seen.contains(&name.text()) {
                errors.push(FieldError::duplicate(&name.path, name.text()));
            }
            name.refuse(errors, refused);
        }
        seen.push(name.text());
        let dotted = name.text().replace('/', ".");
        for (shared, prefixes) in [("hostNetwork", NET), ("hostIPC", IPC)] {
            if spec.child(shared).is_true() && prefixes.iter().any(|prefix| dotted.starts_with(prefix)) {
                name.invalid(errors, format!("may not be specified when '{shared}' is true"));
            }
        }
    }
}

/// With users of its own a pod shares no other namespace with the host.
pub(super) fn host_users(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    const WHY: &str = "when `hostUsers` is false";
    if spec.child("hostUsers").tree.as_bool() != Some(false) {
        return;
    }
    for (field, shown) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        if spec.child(field).is_true() {
            errors.push(FieldError::forbidden(&spec.path.child(shown), WHY));
        }
    }
    for container in super::spec::containers(spec) {
        container.child("volumeDevices").absent(errors, WHY);
    }
}
