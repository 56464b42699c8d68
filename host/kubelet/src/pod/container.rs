//! What a container and its sandbox are made from: the runtime's configurations as a function of the pod.

use std::collections::BTreeMap;
use std::path::Path;

use cri::{
    Capabilities, ContainerConfig, ContainerId, ContainerMetadata, Dns, Image, Mount, NamespaceMode,
    Propagation, SandboxConfig, SandboxMetadata, Seccomp, SecurityContext,
};
use k8s_openapi::api::core::v1::{Container, Pod, PodSecurityContext, SeccompProfile, VolumeMount};
use sha2::{Digest, Sha256};

use super::env::expand;
use super::facts::PodFacts;
use super::observed::label;
use super::resources;

/// Parts of /proc and /sys that an unprivileged container does not see, as container runtimes have agreed.
const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READONLY_PATHS: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(crate) const TERMINATION_PATH: &str = "/dev/termination-log";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("container has runAsNonRoot and image will run as root (pod: \"{pod}\", container: {container})")]
    Root { pod: String, container: String },
    #[error(
        "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root (pod: \"{pod}\", container: {container})"
    )]
    NamedUser { user: String, pod: String, container: String },
    #[error("volume mount {0} has no volume")]
    NoVolume(String),
    #[error("subPath {0} must stay within its volume")]
    SubPath(String),
}

/// What differs from start to start of a container.
pub(crate) struct Making<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) container: &'a Container,
    pub(crate) attempt: u32,
    pub(crate) image: &'a Image,
    pub(crate) envs: Vec<(String, String)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) node_memory: i64,
    /// The container of the pod whose processes it sees beside its own.
    pub(crate) target: Option<ContainerId>,
}

/// Which network namespace a pod is in. There is no pod network yet: every pod shares the node's.
pub(crate) fn network(_pod: &Pod) -> NamespaceMode {
    NamespaceMode::Node
}

/// Changes with what makes a running container another one: upstream too looks at name and image alone.
pub(crate) fn hash(container: &Container) -> String {
    let mut hash = Sha256::new();
    hash.update(container.name.as_bytes());
    hash.update([0]);
    hash.update(container.image.as_deref().unwrap_or_default().as_bytes());
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// `NAMESPACE_NAME_UID`: the folder of a pod's logs.
pub(crate) fn log_folder(pod: &Pod) -> String {
    format!("{}_{}_{}", pod.namespace(), pod.name(), pod.uid().0)
}

pub(crate) fn log_file(container: &str, attempt: u32) -> String {
    format!("{container}/{attempt}.log")
}

pub(crate) fn sandbox(
    pod: &Pod,
    attempt: u32,
    pod_logs: &Path,
    dns: Dns,
    cgroup_parent: String,
) -> SandboxConfig {
    let spec = pod.spec();
    let context = spec.and_then(|spec| spec.security_context.clone()).unwrap_or_default();
    let privileged = |each: &Container| {
        each.security_context.as_ref().and_then(|context| context.privileged).unwrap_or_default()
    };
    let mut labels = pod.metadata.labels.clone().unwrap_or_default();
    labels.extend(identity(pod));
    let network = network(pod);
    SandboxConfig {
        metadata: SandboxMetadata {
            name: pod.name().to_owned(),
            uid: pod.uid().0,
            namespace: pod.namespace().to_owned(),
            attempt,
        },
        // The node's own name stays with the node's network.
        hostname: if network == NamespaceMode::Node { String::new() } else { hostname(pod) },
        log_directory: pod_logs.join(log_folder(pod)).to_string_lossy().into_owned(),
        dns,
        labels,
        annotations: pod.metadata.annotations.clone().unwrap_or_default(),
        cgroup_parent,
        network,
        pid: pid(pod),
        ipc: ipc(pod),
        privileged: pod.init_containers().iter().chain(pod.containers()).any(privileged),
        run_as_user: context.run_as_user,
        run_as_group: context.run_as_group,
        supplemental_groups: groups(&context),
        seccomp: Seccomp::RuntimeDefault,
        sysctls: context.sysctls.into_iter().flatten().map(|each| (each.name, each.value)).collect(),
    }
}

pub(crate) fn hostname(pod: &Pod) -> String {
    pod.spec()
        .and_then(|spec| spec.hostname.clone())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| pod.name().to_owned())
}

fn identity(pod: &Pod) -> [(String, String); 3] {
    [
        (label::POD_NAME.to_owned(), pod.name().to_owned()),
        (label::POD_NAMESPACE.to_owned(), pod.namespace().to_owned()),
        (label::POD_UID.to_owned(), pod.uid().0),
    ]
}

fn pid(pod: &Pod) -> NamespaceMode {
    let spec = pod.spec();
    match (spec.and_then(|spec| spec.host_pid), spec.and_then(|spec| spec.share_process_namespace)) {
        (Some(true), _) => NamespaceMode::Node,
        (_, Some(true)) => NamespaceMode::Pod,
        _ => NamespaceMode::Container,
    }
}

fn ipc(pod: &Pod) -> NamespaceMode {
    match pod.spec().and_then(|spec| spec.host_ipc) {
        Some(true) => NamespaceMode::Node,
        _ => NamespaceMode::Pod,
    }
}

fn groups(context: &PodSecurityContext) -> Vec<i64> {
    context.supplemental_groups.iter().flatten().copied().chain(context.fs_group).collect()
}

pub(crate) fn container(making: Making<'_>) -> Result<ContainerConfig, ConfigError> {
    let Making { pod, container, attempt, image, envs, mounts, node_memory, target } = making;
    let security = SecurityContext { pid_of: target, ..security(pod, container, image)? };
    let known = |name: &str| envs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let expanded =
        |list: &Option<Vec<String>>| list.iter().flatten().map(|text| expand(text, known)).collect();
    let (command, args) = (expanded(&container.command), expanded(&container.args));
    let mut labels: BTreeMap<String, String> = identity(pod).into();
    labels.insert(label::CONTAINER_NAME.to_owned(), container.name.clone());
    Ok(ContainerConfig {
        metadata: ContainerMetadata { name: container.name.clone(), attempt },
        image: image.id.clone(),
        command,
        args,
        working_dir: container.working_dir.clone().unwrap_or_default(),
        mounts,
        devices: Vec::new(),
        labels,
        annotations: annotations(pod, container, attempt),
        log_path: log_file(&container.name, attempt),
        stdin: container.stdin.unwrap_or_default(),
        stdin_once: container.stdin_once.unwrap_or_default(),
        tty: container.tty.unwrap_or_default(),
        resources: resources::linux(container, pod.qos(), node_memory),
        security,
        envs,
    })
}

fn annotations(pod: &Pod, container: &Container, attempt: u32) -> BTreeMap<String, String> {
    let path = container.termination_message_path.as_deref().unwrap_or(TERMINATION_PATH);
    let policy = container.termination_message_policy.as_deref().unwrap_or("File");
    let grace = pod.grace().as_secs();
    let pairs = [
        (label::HASH, hash(container)),
        (label::RESTART_COUNT, attempt.to_string()),
        (label::TERMINATION_PATH, path.to_owned()),
        (label::TERMINATION_POLICY, policy.to_owned()),
        (label::GRACE, grace.to_string()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn security(pod: &Pod, container: &Container, image: &Image) -> Result<SecurityContext, ConfigError> {
    let of_pod = pod.spec().and_then(|spec| spec.security_context.clone()).unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let user = own.run_as_user.or(of_pod.run_as_user);
    if own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true) {
        check_non_root(pod, container, user, image)?;
    }
    let privileged = own.privileged.unwrap_or_default();
    let unconfined = privileged || own.proc_mount.as_deref() == Some("Unmasked");
    let paths = |paths: &[&str]| {
        if unconfined { Vec::new() } else { paths.iter().map(ToString::to_string).collect() }
    };
    let capabilities = own.capabilities.unwrap_or_default();
    let profile = own.seccomp_profile.as_ref().or(of_pod.seccomp_profile.as_ref());
    Ok(SecurityContext {
        capabilities: Capabilities {
            add: capabilities.add.unwrap_or_default(),
            drop: capabilities.drop.unwrap_or_default(),
        },
        privileged,
        network: network(pod),
        pid: pid(pod),
        pid_of: None,
        ipc: ipc(pod),
        run_as_user: user.or(image.uid),
        run_as_group: own.run_as_group.or(of_pod.run_as_group).filter(|_| user.or(image.uid).is_some()),
        supplemental_groups: groups(&of_pod),
        readonly_rootfs: own.read_only_root_filesystem.unwrap_or_default(),
        no_new_privs: own.allow_privilege_escalation == Some(false),
        masked_paths: paths(MASKED_PATHS),
        readonly_paths: paths(READONLY_PATHS),
        seccomp: if privileged { Seccomp::Unconfined } else { seccomp(profile) },
    })
}

fn seccomp(profile: Option<&SeccompProfile>) -> Seccomp {
    match profile.map(|profile| (profile.type_.as_str(), profile.localhost_profile.as_deref())) {
        Some(("RuntimeDefault", _)) => Seccomp::RuntimeDefault,
        Some(("Localhost", Some(file))) => Seccomp::Localhost(file.to_owned()),
        _ => Seccomp::Unconfined,
    }
}

fn check_non_root(
    pod: &Pod,
    container: &Container,
    user: Option<i64>,
    image: &Image,
) -> Result<(), ConfigError> {
    let (pod, container) = (pod.full_name(), container.name.clone());
    match (user.or(image.uid), image.username.as_str()) {
        (Some(0), _) | (None, "") => Err(ConfigError::Root { pod, container }),
        (Some(_), _) => Ok(()),
        (None, user) => Err(ConfigError::NamedUser { user: user.to_owned(), pod, container }),
    }
}

/// A path below a volume's folder that cannot leave it by its own text.
pub(crate) fn sub_path(
    mount: &VolumeMount,
    known: impl Fn(&str) -> Option<String>,
) -> Result<String, ConfigError> {
    let expression = mount.sub_path_expr.as_deref().filter(|text| !text.is_empty());
    let path = match expression {
        Some(expression) => expand(expression, known),
        None => mount.sub_path.clone().unwrap_or_default(),
    };
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leaves { Err(ConfigError::SubPath(path)) } else { Ok(path) }
}

pub(crate) fn propagation(mount: &VolumeMount) -> Propagation {
    match mount.mount_propagation.as_deref() {
        Some("HostToContainer") => Propagation::HostToContainer,
        Some("Bidirectional") => Propagation::Bidirectional,
        _ => Propagation::Private,
    }
}

/// /etc/hosts of a pod.
pub(crate) fn hosts(pod: &Pod, addresses: &[std::net::IpAddr]) -> String {
    let mut text = String::from(
        "# Kubernetes-managed hosts file.\n\
         127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\n\
         fe00::1\tip6-allnodes\n\
         fe00::2\tip6-allrouters\n",
    );
    for address in addresses {
        text.push_str(&format!("{address}\t{}\n", hostname(pod)));
    }
    let aliases = pod.spec().and_then(|spec| spec.host_aliases.as_deref()).unwrap_or_default();
    for alias in aliases {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        text.push_str(&format!("{}\t{names}\n", alias.ip));
    }
    text
}

/// The resolver's configuration; empty: the node's own.
pub(crate) fn dns(pod: &Pod, servers: &[std::net::IpAddr], domain: &str) -> Dns {
    let spec = pod.spec();
    let policy = spec.and_then(|spec| spec.dns_policy.as_deref()).unwrap_or("ClusterFirst");
    let on_host = spec.and_then(|spec| spec.host_network) == Some(true);
    let cluster = policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !on_host);
    let mut dns = Dns::default();
    if cluster && !servers.is_empty() {
        dns.servers = servers.iter().map(ToString::to_string).collect();
        dns.searches =
            vec![format!("{}.svc.{domain}", pod.namespace()), format!("svc.{domain}"), domain.to_owned()];
        dns.options = vec!["ndots:5".to_owned()];
    }
    if let Some(more) = spec.and_then(|spec| spec.dns_config.clone()) {
        dns.servers.extend(more.nameservers.into_iter().flatten());
        dns.searches.extend(more.searches.into_iter().flatten());
        let option = |name: Option<String>, value: Option<String>| match (name?, value) {
            (name, Some(value)) => Some(format!("{name}:{value}")),
            (name, None) => Some(name),
        };
        dns.options
            .extend(more.options.into_iter().flatten().filter_map(|each| option(each.name, each.value)));
    }
    dns
}

#[cfg(test)]
mod tests;
