//! Containers as CRI has them (`runtime.v1.Container*`), in types of this house.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{NamespaceMode, SandboxId, wire::runtime as wire};

/// CRI's mode of a namespace that is another container's.
const TARGET: i32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub String);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerMetadata {
    pub name: String,
    pub attempt: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    #[default]
    Private,
    HostToContainer,
    Bidirectional,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    pub container_path: String,
    pub host_path: String,
    pub readonly: bool,
    pub propagation: Propagation,
}

/// Limits of cgroups; zero is "not set", as in CRI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinuxResources {
    pub cpu_period: i64,
    pub cpu_quota: i64,
    pub cpu_shares: i64,
    pub memory_limit_in_bytes: i64,
    pub oom_score_adj: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub add: Vec<String>,
    pub drop: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seccomp {
    RuntimeDefault,
    #[default]
    Unconfined,
    Localhost(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityContext {
    pub capabilities: Capabilities,
    pub privileged: bool,
    pub network: NamespaceMode,
    pub pid: NamespaceMode,
    /// The container whose processes are seen, whatever `pid` says.
    pub pid_of: Option<ContainerId>,
    pub ipc: NamespaceMode,
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub supplemental_groups: Vec<i64>,
    pub readonly_rootfs: bool,
    pub no_new_privs: bool,
    pub masked_paths: Vec<String>,
    pub readonly_paths: Vec<String>,
    pub seccomp: Seccomp,
}

/// What a container is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerConfig {
    pub metadata: ContainerMetadata,
    /// The image's reference as the runtime knows it.
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub working_dir: String,
    pub envs: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    pub devices: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Relative to the sandbox's log directory.
    pub log_path: String,
    pub stdin: bool,
    pub stdin_once: bool,
    pub tty: bool,
    pub resources: LinuxResources,
    pub security: SecurityContext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    Created,
    Running,
    Exited,
    Unknown,
}

/// A container that the runtime has.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerStatus {
    pub id: ContainerId,
    pub sandbox: SandboxId,
    pub metadata: ContainerMetadata,
    pub state: ContainerState,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub exit_code: i32,
    pub image: String,
    pub image_ref: String,
    pub reason: String,
    pub message: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub log_path: String,
}

/// What a container uses at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerStats {
    pub id: ContainerId,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub at: Option<Timestamp>,
    pub cpu_nanoseconds: u64,
    pub memory_working_set: u64,
    pub memory_usage: u64,
    pub memory_rss: u64,
    pub writable_layer: u64,
}

/// CRI counts nanoseconds since 1970 and means "never" by zero.
pub(crate) fn timestamp(nanoseconds: i64) -> Option<Timestamp> {
    (nanoseconds != 0).then(|| Timestamp::from_nanosecond(nanoseconds.into()).ok()).flatten()
}

impl Seccomp {
    pub(crate) fn to_wire(&self) -> wire::SecurityProfile {
        match self {
            Self::RuntimeDefault => wire::SecurityProfile { profile_type: 0, localhost_ref: String::new() },
            Self::Unconfined => wire::SecurityProfile { profile_type: 1, localhost_ref: String::new() },
            Self::Localhost(profile) => {
                wire::SecurityProfile { profile_type: 2, localhost_ref: profile.clone() }
            }
        }
    }
}

impl Propagation {
    fn to_wire(self) -> i32 {
        match self {
            Self::Private => 0,
            Self::HostToContainer => 1,
            Self::Bidirectional => 2,
        }
    }
}

impl From<&LinuxResources> for wire::LinuxContainerResources {
    fn from(from: &LinuxResources) -> Self {
        Self {
            cpu_period: from.cpu_period,
            cpu_quota: from.cpu_quota,
            cpu_shares: from.cpu_shares,
            memory_limit_in_bytes: from.memory_limit_in_bytes,
            oom_score_adj: from.oom_score_adj,
            ..Self::default()
        }
    }
}

impl From<&SecurityContext> for wire::LinuxContainerSecurityContext {
    fn from(from: &SecurityContext) -> Self {
        let integer = |value: Option<i64>| value.map(|value| wire::Int64Value { value });
        Self {
            capabilities: Some(wire::Capability {
                add_capabilities: from.capabilities.add.clone(),
                drop_capabilities: from.capabilities.drop.clone(),
                add_ambient_capabilities: Vec::new(),
            }),
            privileged: from.privileged,
            namespace_options: Some(wire::NamespaceOption {
                network: from.network.to_wire(),
                pid: if from.pid_of.is_some() { TARGET } else { from.pid.to_wire() },
                ipc: from.ipc.to_wire(),
                target_id: from.pid_of.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
            }),
            run_as_user: integer(from.run_as_user),
            run_as_group: integer(from.run_as_group),
            run_as_username: String::new(),
            readonly_rootfs: from.readonly_rootfs,
            supplemental_groups: from.supplemental_groups.clone(),
            no_new_privs: from.no_new_privs,
            masked_paths: from.masked_paths.clone(),
            readonly_paths: from.readonly_paths.clone(),
            seccomp: Some(from.seccomp.to_wire()),
        }
    }
}

impl From<&ContainerConfig> for wire::ContainerConfig {
    fn from(from: &ContainerConfig) -> Self {
        let mount = |mount: &Mount| wire::Mount {
            container_path: mount.container_path.clone(),
            host_path: mount.host_path.clone(),
            readonly: mount.readonly,
            selinux_relabel: false,
            propagation: mount.propagation.to_wire(),
        };
        let env = |(key, value): &(String, String)| wire::KeyValue { key: key.clone(), value: value.clone() };
        let device = |path: &String| wire::Device {
            container_path: path.clone(),
            host_path: path.clone(),
            permissions: "rwm".to_owned(),
        };
        Self {
            metadata: Some(wire::ContainerMetadata {
                name: from.metadata.name.clone(),
                attempt: from.metadata.attempt,
            }),
            image: Some(wire::ImageSpec { image: from.image.clone(), ..Default::default() }),
            command: from.command.clone(),
            args: from.args.clone(),
            working_dir: from.working_dir.clone(),
            envs: from.envs.iter().map(env).collect(),
            mounts: from.mounts.iter().map(mount).collect(),
            devices: from.devices.iter().map(device).collect(),
            labels: from.labels.clone().into_iter().collect(),
            annotations: from.annotations.clone().into_iter().collect(),
            log_path: from.log_path.clone(),
            stdin: from.stdin,
            stdin_once: from.stdin_once,
            tty: from.tty,
            linux: Some(wire::LinuxContainerConfig {
                resources: Some((&from.resources).into()),
                security_context: Some((&from.security).into()),
            }),
        }
    }
}

impl ContainerStatus {
    pub(crate) fn from_wire(from: wire::ContainerStatus, sandbox: SandboxId) -> Self {
        let metadata = from.metadata.unwrap_or_default();
        Self {
            id: ContainerId(from.id),
            sandbox,
            metadata: ContainerMetadata { name: metadata.name, attempt: metadata.attempt },
            state: match from.state {
                0 => ContainerState::Created,
                1 => ContainerState::Running,
                2 => ContainerState::Exited,
                _ => ContainerState::Unknown,
            },
            created_at: timestamp(from.created_at),
            started_at: timestamp(from.started_at),
            finished_at: timestamp(from.finished_at),
            exit_code: from.exit_code,
            image: from.image.unwrap_or_default().image,
            image_ref: from.image_ref,
            reason: from.reason,
            message: from.message,
            labels: from.labels.into_iter().collect(),
            annotations: from.annotations.into_iter().collect(),
            log_path: from.log_path,
        }
    }
}

impl From<wire::ContainerStats> for ContainerStats {
    fn from(from: wire::ContainerStats) -> Self {
        let attributes = from.attributes.unwrap_or_default();
        let cpu = from.cpu.unwrap_or_default();
        let memory = from.memory.unwrap_or_default();
        let number = |value: Option<wire::UInt64Value>| value.map(|value| value.value).unwrap_or_default();
        Self {
            id: ContainerId(attributes.id),
            name: attributes.metadata.unwrap_or_default().name,
            labels: attributes.labels.into_iter().collect(),
            at: timestamp(cpu.timestamp),
            cpu_nanoseconds: number(cpu.usage_core_nano_seconds),
            memory_working_set: number(memory.working_set_bytes),
            memory_usage: number(memory.usage_bytes),
            memory_rss: number(memory.rss_bytes),
            writable_layer: number(from.writable_layer.unwrap_or_default().used_bytes),
        }
    }
}
