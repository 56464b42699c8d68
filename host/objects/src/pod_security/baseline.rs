//! What the baseline level forbids: ways out of the pod that are known.

use super::PodView;
use super::checks::{Violation, containers, plural, quoted, set, setters};
use crate::tree::Tree;

/// The value below the security context of each container.
fn contexts<'a>(pod: PodView<'a>, path: &'static [&'static str]) -> impl Iterator<Item = &'a Tree> {
    pod.containers().filter_map(move |container| container.get("securityContext")?.at(path))
}

fn context<'a>(owner: &'a Tree, path: &[&str]) -> Option<&'a Tree> {
    owner.get("securityContext")?.at(path).filter(|value| !value.is_null())
}

/// Who sets the type of a profile to one that is not allowed, and to which.
fn bad_types<'a>(
    pod: PodView<'a>,
    profile: &'static str,
    allowed: &[&str],
) -> (bool, Vec<&'a str>, Vec<&'a str>) {
    let kind = |owner: &'a Tree| {
        context(owner, &[profile]).map(|profile| profile.str_at(&["type"]).unwrap_or_default())
    };
    let is_bad = |kind: Option<&'a str>| kind.filter(|kind| !allowed.contains(kind));
    let own = is_bad(kind(pod.spec));
    let names = pod.named(|container| is_bad(kind(container)).is_some());
    let values = set(own.into_iter().chain(pod.containers().filter_map(|container| is_bad(kind(container)))));
    (own.is_some(), names, values)
}

pub(super) fn app_armor(pod: PodView<'_>) -> Option<Violation> {
    const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
    let (own, names, kinds) = bad_types(pod, "appArmorProfile", &["RuntimeDefault", "Localhost"]);
    let mut values: Vec<String> = kinds.into_iter().map(str::to_owned).collect();
    let is_allowed =
        |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let bad = pod.annotations().filter(|(key, value)| key.starts_with(ANNOTATION) && !is_allowed(value));
    let mut annotations: Vec<String> = bad.map(|(key, value)| format!("{key}={value:?}")).collect();
    annotations.sort();
    let mut who: Vec<String> = setters(own, &names).into_iter().collect();
    if !annotations.is_empty() {
        who.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    values.extend(annotations);
    if who.is_empty() {
        return None;
    }
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len());
    let detail = format!("{} must not set AppArmor profile type to {}", who.join(" and "), quoted(&values));
    Some(Violation::new(reason, detail))
}

const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The containers that add other capabilities than these, and which.
pub(super) fn added<'a>(pod: PodView<'a>, allowed: &[&str]) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
    let bad = |container: &'a Tree| {
        let added = container.items_at(&["securityContext", "capabilities", "add"]).iter();
        added.filter_map(Tree::as_str).filter(|name| !allowed.contains(name)).collect::<Vec<_>>()
    };
    let names = pod.named(|container| !bad(container).is_empty());
    (!names.is_empty()).then(|| (names, set(pod.containers().flat_map(bad))))
}

pub(super) fn capabilities(pod: PodView<'_>) -> Option<Violation> {
    let (names, added) = added(pod, CAPABILITIES)?;
    let detail = format!(
        "{} must not include {} in securityContext.capabilities.add",
        containers(&names),
        quoted(&added)
    );
    Some(Violation::new("non-default capabilities", detail))
}

pub(super) fn host_namespaces(pod: PodView<'_>) -> Option<Violation> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let shared: Vec<String> = shared
        .filter(|field| pod.spec.bool_at(&[field]) == Some(true))
        .map(|field| format!("{field}=true"))
        .collect();
    (!shared.is_empty()).then(|| Violation::new("host namespaces", shared.join(", ")))
}

pub(super) fn host_paths(pod: PodView<'_>) -> Option<Violation> {
    let volumes = pod.spec.items_at(&["volumes"]).iter();
    let bad = volumes.filter(|volume| volume.get("hostPath").is_some_and(|source| !source.is_null()));
    let names: Vec<&str> = bad.map(|volume| volume.str_at(&["name"]).unwrap_or_default()).collect();
    let detail = || format!("{} {}", plural("volume", "volumes", names.len()), quoted(&names));
    (!names.is_empty()).then(|| Violation::new("hostPath volumes", detail()))
}

pub(super) fn host_ports(pod: PodView<'_>) -> Option<Violation> {
    fn ports(container: &Tree) -> impl Iterator<Item = i64> {
        let ports = container.items_at(&["ports"]).iter();
        ports.filter_map(|port| port.i64_at(&["hostPort"])).filter(|port| *port != 0)
    }
    let names = pod.named(|container| ports(container).next().is_some());
    // Sorted as texts.
    let mut numbers: Vec<String> = pod.containers().flat_map(ports).map(|port| port.to_string()).collect();
    numbers.sort();
    numbers.dedup();
    let detail = || {
        format!(
            "{} {} {} {}",
            containers(&names),
            plural("uses", "use", names.len()),
            plural("hostPort", "hostPorts", numbers.len()),
            numbers.join(", ")
        )
    };
    (!names.is_empty()).then(|| Violation::new("hostPort", detail()))
}

const HANDLERS: &[&[&str]] = &[
    &["livenessProbe"],
    &["readinessProbe"],
    &["startupProbe"],
    &["lifecycle", "postStart"],
    &["lifecycle", "preStop"],
];

pub(super) fn host_probes(pod: PodView<'_>) -> Option<Violation> {
    fn hosts(container: &Tree) -> impl Iterator<Item = &str> {
        let handlers = HANDLERS.iter().filter_map(|path| container.at(path));
        let kinds = |handler| ["httpGet", "tcpSocket"].map(|kind| Tree::str_at(handler, &[kind, "host"]));
        handlers.flat_map(kinds).flatten().filter(|host| !host.is_empty())
    }
    let names = set(pod.named(|container| hosts(container).next().is_some()).into_iter());
    let found = set(pod.containers().flat_map(hosts));
    let detail = || {
        format!(
            "{} {} {} {}",
            containers(&names),
            plural("uses", "use", names.len()),
            plural("probe or lifecycle host", "probe or lifecycle hosts", found.len()),
            quoted(&found)
        )
    };
    (!names.is_empty()).then(|| Violation::new("probe or lifecycle host", detail()))
}

pub(super) fn privileged(pod: PodView<'_>) -> Option<Violation> {
    let names = pod.named(|container| container.bool_at(&["securityContext", "privileged"]) == Some(true));
    let detail = || format!("{} must not set securityContext.privileged=true", containers(&names));
    (!names.is_empty()).then(|| Violation::new("privileged", detail()))
}

pub(super) fn proc_mount(pod: PodView<'_>) -> Option<Violation> {
    let is_bad = |mount: &&Tree| mount.as_str().is_some_and(|mount| mount != "Default");
    let names = pod.named(|container| context(container, &["procMount"]).filter(is_bad).is_some());
    let kinds = set(contexts(pod, &["procMount"]).filter(is_bad).filter_map(Tree::as_str));
    let detail =
        || format!("{} must not set securityContext.procMount to {}", containers(&names), quoted(&kinds));
    (!names.is_empty()).then(|| Violation::new("procMount", detail()))
}

pub(super) const SE_LINUX_TYPES: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t"];
pub(super) const SE_LINUX_TYPES_31: &[&str] =
    &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

pub(super) fn se_linux(pod: PodView<'_>, allowed: &[&str]) -> Option<Violation> {
    fn field<'a>(options: &'a Tree, field: &str) -> &'a str {
        options.str_at(&[field]).unwrap_or_default()
    }
    let bad = |owner: &Tree| {
        context(owner, &["seLinuxOptions"]).is_some_and(|options| {
            !allowed.contains(&field(options, "type"))
                || !field(options, "user").is_empty()
                || !field(options, "role").is_empty()
        })
    };
    let who = setters(bad(pod.spec), &pod.named(bad))?;
    let owners = || std::iter::once(pod.spec).chain(pod.containers());
    let all = || owners().filter_map(|owner| context(owner, &["seLinuxOptions"]));
    let types = set(all().map(|options| field(options, "type")).filter(|kind| !allowed.contains(kind)));
    let mut what = Vec::new();
    if !types.is_empty() {
        what.push(format!("{} {}", plural("type", "types", types.len()), quoted(&types)));
    }
    for name in ["user", "role"] {
        if all().any(|options| !field(options, name).is_empty()) {
            what.push(format!("{name} may not be set"));
        }
    }
    let detail = format!("{who} set forbidden securityContext.seLinuxOptions: {}", what.join("; "));
    Some(Violation::new("seLinuxOptions", detail))
}

pub(super) fn seccomp_annotations(pod: PodView<'_>) -> Option<Violation> {
    const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let is_allowed = |value: &str| {
        ["runtime/default", "docker/default"].contains(&value) || value.starts_with("localhost/")
    };
    let is_of_container = |key: &str| {
        let name = key.strip_prefix(OF_CONTAINER);
        name.is_some_and(|name| pod.containers().any(|container| container.str_at(&["name"]) == Some(name)))
    };
    let bad = pod
        .annotations()
        .filter(|(key, value)| (*key == OF_POD || is_of_container(key)) && !is_allowed(value));
    let mut bad: Vec<String> = bad.map(|(key, value)| format!("{key}={value:?}")).collect();
    bad.sort();
    let detail =
        || format!("forbidden {} {}", plural("annotation", "annotations", bad.len()), bad.join(", "));
    (!bad.is_empty()).then(|| Violation::new("seccompProfile", detail()))
}

pub(super) fn seccomp(pod: PodView<'_>) -> Option<Violation> {
    let (own, names, kinds) = bad_types(pod, "seccompProfile", &["Localhost", "RuntimeDefault"]);
    let who = setters(own, &names)?;
    let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", quoted(&kinds));
    Some(Violation::new("seccompProfile", detail))
}

/// Which a pod may set, and since which release.
const SYSCTLS: &[(&str, u32)] = &[
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

pub(super) fn sysctls(pod: PodView<'_>, minor: u32) -> Option<Violation> {
    let set = pod.spec.items_at(&["securityContext", "sysctls"]).iter();
    let names = set.map(|sysctl| sysctl.str_at(&["name"]).unwrap_or_default());
    let is_allowed = |name: &str| SYSCTLS.iter().any(|row| row.0 == name && row.1 <= minor);
    let bad: Vec<&str> = names.filter(|name| !is_allowed(name)).collect();
    (!bad.is_empty()).then(|| Violation::new("forbidden sysctls", bad.join(", ")))
}

pub(super) fn host_process(pod: PodView<'_>) -> Option<Violation> {
    let is_bad =
        |owner: &Tree| owner.bool_at(&["securityContext", "windowsOptions", "hostProcess"]) == Some(true);
    let who = setters(is_bad(pod.spec), &pod.named(is_bad))?;
    Some(Violation::new(
        "hostProcess",
        format!("{who} must not set securityContext.windowsOptions.hostProcess=true"),
    ))
}
