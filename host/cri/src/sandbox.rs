//! Pod sandboxes as CRI has them (`runtime.v1.PodSandbox*`), in types of this house.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Seccomp, container::timestamp, wire::runtime as wire};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub String);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxMetadata {
    pub name: String,
    pub uid: String,
    pub namespace: String,
    pub attempt: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceMode {
    #[default]
    Pod,
    Container,
    Node,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    pub servers: Vec<String>,
    pub searches: Vec<String>,
    pub options: Vec<String>,
}

/// What a sandbox is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SandboxConfig {
    pub metadata: SandboxMetadata,
    pub hostname: String,
    /// The folder that container log paths are relative to.
    pub log_directory: String,
    pub dns: Dns,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub cgroup_parent: String,
    pub network: NamespaceMode,
    pub pid: NamespaceMode,
    pub ipc: NamespaceMode,
    pub privileged: bool,
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub supplemental_groups: Vec<i64>,
    pub seccomp: Seccomp,
    pub sysctls: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxState {
    Ready,
    NotReady,
}

/// A sandbox that the runtime has.
#[derive(Clone, Debug, PartialEq)]
pub struct Sandbox {
    pub id: SandboxId,
    pub metadata: SandboxMetadata,
    pub state: SandboxState,
    pub created_at: Timestamp,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

impl NamespaceMode {
    pub(crate) fn to_wire(self) -> i32 {
        match self {
            Self::Pod => 0,
            Self::Container => 1,
            Self::Node => 2,
        }
    }
}

impl From<SandboxMetadata> for wire::PodSandboxMetadata {
    fn from(SandboxMetadata { name, uid, namespace, attempt }: SandboxMetadata) -> Self {
        Self { name, uid, namespace, attempt }
    }
}

impl From<wire::PodSandboxMetadata> for SandboxMetadata {
    fn from(from: wire::PodSandboxMetadata) -> Self {
        Self { name: from.name, uid: from.uid, namespace: from.namespace, attempt: from.attempt }
    }
}

impl From<&SandboxConfig> for wire::PodSandboxConfig {
    fn from(config: &SandboxConfig) -> Self {
        let integer = |value: Option<i64>| value.map(|value| wire::Int64Value { value });
        let security = wire::LinuxSandboxSecurityContext {
            namespace_options: Some(wire::NamespaceOption {
                network: config.network.to_wire(),
                pid: config.pid.to_wire(),
                ipc: config.ipc.to_wire(),
                target_id: String::new(),
            }),
            run_as_user: integer(config.run_as_user),
            run_as_group: integer(config.run_as_group),
            readonly_rootfs: false,
            supplemental_groups: config.supplemental_groups.clone(),
            privileged: config.privileged,
            seccomp: Some(config.seccomp.to_wire()),
        };
        Self {
            metadata: Some(config.metadata.clone().into()),
            hostname: config.hostname.clone(),
            log_directory: config.log_directory.clone(),
            dns_config: Some(wire::DnsConfig {
                servers: config.dns.servers.clone(),
                searches: config.dns.searches.clone(),
                options: config.dns.options.clone(),
            }),
            port_mappings: Vec::new(),
            labels: config.labels.clone().into_iter().collect(),
            annotations: config.annotations.clone().into_iter().collect(),
            linux: Some(wire::LinuxPodSandboxConfig {
                cgroup_parent: config.cgroup_parent.clone(),
                security_context: Some(security),
                sysctls: config.sysctls.clone().into_iter().collect(),
            }),
        }
    }
}

impl From<wire::PodSandbox> for Sandbox {
    fn from(from: wire::PodSandbox) -> Self {
        Self {
            id: SandboxId(from.id),
            metadata: from.metadata.unwrap_or_default().into(),
            state: if from.state == 0 { SandboxState::Ready } else { SandboxState::NotReady },
            created_at: timestamp(from.created_at).unwrap_or(Timestamp::UNIX_EPOCH),
            labels: from.labels.into_iter().collect(),
            annotations: from.annotations.into_iter().collect(),
        }
    }
}
