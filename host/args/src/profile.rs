//! Named sets of defaults.

use crate::service::Service;

/// Which defaults are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Every row of the services-and-ports page.
    #[default]
    Default,
    /// No plain-HTTP port, requests are judged by RBAC, and secrets are encrypted in the store.
    Hardened,
}

impl Profile {
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Hardened => "hardened",
        }
    }

    /// Values that it gives instead of the defaults: service, flag, value.
    pub(crate) fn values(self) -> &'static [(Service, &'static str, &'static str)] {
        match self {
            Self::Default => &[],
            Self::Hardened => HARDENED,
        }
    }
}

const HARDENED: &[(Service, &str, &str)] = &[
    (Service::KubeApiserver, "authorization-mode", "RBAC,Node"),
    (Service::KubeApiserver, "encryption-provider-config", "${SNAP_DATA}/credentials/encryption.json"),
    (Service::KubeControllerManager, "port", "0"),
    (Service::KubeScheduler, "port", "0"),
    (Service::Kubelet, "read-only-port", "0"),
];
