//! The table of checks: each with the level that it belongs to and the release that it is from.

use super::level::{Level, LevelVersion, Version};
use super::{PodView, baseline, restricted};

/// Something of a pod that is against a standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub reason: String,
    pub detail: String,
}

impl Violation {
    pub(super) fn new(reason: &str, detail: String) -> Self {
        Self { reason: reason.to_owned(), detail }
    }
}

type Look = fn(PodView<'_>) -> Option<Violation>;

struct Check {
    id: &'static str,
    level: Level,
    /// The release that it is from; a later row of the same id takes its place.
    minor: u32,
    /// The baseline check whose place it takes.
    instead_of: &'static str,
    look: Look,
}

const fn baseline(id: &'static str, minor: u32, look: Look) -> Check {
    Check { id, level: Level::Baseline, minor, instead_of: "", look }
}

const fn restricted(id: &'static str, minor: u32, look: Look) -> Check {
    Check { id, level: Level::Restricted, minor, instead_of: "", look }
}

const fn instead(check: Check, instead_of: &'static str) -> Check {
    Check { instead_of, ..check }
}

/// In the order in which violations are told: baseline first, then by id.
const CHECKS: &[Check] = &[
    baseline("appArmorProfile", 0, baseline::app_armor),
    baseline("capabilities_baseline", 0, baseline::capabilities),
    baseline("hostNamespaces", 0, baseline::host_namespaces),
    baseline("hostPathVolumes", 0, baseline::host_paths),
    baseline("hostPorts", 0, baseline::host_ports),
    baseline("hostProbesAndHostLifecycle", 34, baseline::host_probes),
    baseline("privileged", 0, baseline::privileged),
    baseline("procMount", 0, baseline::proc_mount),
    baseline("procMount", 35, |pod| unless(pod.has_users_of_its_own(), pod, baseline::proc_mount)),
    baseline("seLinuxOptions", 0, |pod| baseline::se_linux(pod, baseline::SE_LINUX_TYPES)),
    baseline("seLinuxOptions", 31, |pod| baseline::se_linux(pod, baseline::SE_LINUX_TYPES_31)),
    baseline("seccompProfile_baseline", 0, baseline::seccomp_annotations),
    baseline("seccompProfile_baseline", 19, baseline::seccomp),
    baseline("sysctls", 0, |pod| baseline::sysctls(pod, 0)),
    baseline("sysctls", 27, |pod| baseline::sysctls(pod, 27)),
    baseline("sysctls", 29, |pod| baseline::sysctls(pod, 29)),
    baseline("sysctls", 32, |pod| baseline::sysctls(pod, 32)),
    baseline("windowsHostProcess", 0, baseline::host_process),
    restricted("allowPrivilegeEscalation", 8, restricted::privilege_escalation),
    restricted("allowPrivilegeEscalation", 25, |pod| {
        unless(pod.is_windows(), pod, restricted::privilege_escalation)
    }),
    instead(restricted("capabilities_restricted", 22, restricted::capabilities), "capabilities_baseline"),
    instead(
        restricted("capabilities_restricted", 25, |pod| {
            unless(pod.is_windows(), pod, restricted::capabilities)
        }),
        "capabilities_baseline",
    ),
    instead(restricted("procMount_restricted", 35, baseline::proc_mount), "procMount"),
    instead(restricted("restrictedVolumes", 0, restricted::volumes), "hostPathVolumes"),
    restricted("runAsNonRoot", 0, restricted::non_root),
    restricted("runAsNonRoot", 35, |pod| unless(pod.has_users_of_its_own(), pod, restricted::non_root)),
    restricted("runAsUser", 23, restricted::user),
    restricted("runAsUser", 35, |pod| unless(pod.has_users_of_its_own(), pod, restricted::user)),
    instead(restricted("seccompProfile_restricted", 19, restricted::seccomp), "seccompProfile_baseline"),
    instead(
        restricted("seccompProfile_restricted", 25, |pod| unless(pod.is_windows(), pod, restricted::seccomp)),
        "seccompProfile_baseline",
    ),
];

fn unless(exempt: bool, pod: PodView<'_>, look: Look) -> Option<Violation> {
    if exempt { None } else { look(pod) }
}

/// What of a pod is against a standard.
pub fn evaluate(standard: LevelVersion, pod: PodView<'_>) -> Vec<Violation> {
    let minor = match standard.version {
        Version::Minor(minor) => minor,
        Version::Latest => u32::MAX,
    };
    let of_level = |check: &&Check| check.level <= standard.level && check.minor <= minor;
    let in_force: Vec<&Check> = CHECKS.iter().filter(of_level).collect();
    let is_replaced = |index: usize| {
        let check = in_force[index];
        let later = in_force[index + 1..].iter().any(|other| other.id == check.id);
        later || in_force.iter().any(|other| other.instead_of == check.id)
    };
    let kept = in_force.iter().enumerate().filter(|(index, _)| !is_replaced(*index));
    kept.filter_map(|(_, check)| (check.look)(pod)).collect()
}

/// `reason (detail), reason (detail)`
pub fn details(violations: &[Violation]) -> String {
    let told = violations.iter().map(|violation| match violation.detail.as_str() {
        "" => violation.reason.clone(),
        detail => format!("{} ({detail})", violation.reason),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// `reason, reason`
pub fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|violation| violation.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// `"a", "b"`
pub(super) fn quoted<T: AsRef<str>>(items: &[T]) -> String {
    items.iter().map(|item| format!("\"{}\"", item.as_ref())).collect::<Vec<_>>().join(", ")
}

pub(super) fn plural<'a>(one: &'a str, several: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { several }
}

/// `container "a"`, `containers "a", "b"`
pub(super) fn containers(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names))
}

/// Who sets something: `pod and container "a"`; nothing where nobody does.
pub(super) fn setters(pod: bool, names: &[&str]) -> Option<String> {
    let own = pod.then(|| "pod".to_owned());
    let of_containers = (!names.is_empty()).then(|| containers(names));
    let all: Vec<String> = own.into_iter().chain(of_containers).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// Sorted, each once.
pub(super) fn set<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
