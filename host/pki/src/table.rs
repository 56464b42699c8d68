//! Which certificates a node has: one row each.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Life of a CA and of the certificates that components show.
pub(crate) const LONG: Duration = DAY.saturating_mul(3650);
/// Life of the certificates that servers show.
pub(crate) const YEAR: Duration = DAY.saturating_mul(365);

/// A CA, which signs for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Servers, users and components of the cluster.
    Cluster,
    /// Proxies that vouch for users by header.
    FrontProxy,
    /// Clients and peers of the datastore, and nobody else.
    Etcd,
}

impl Authority {
    pub const ALL: [Self; 3] = [Self::Cluster, Self::FrontProxy, Self::Etcd];

    /// File name without its extension.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cluster => "ca",
            Self::FrontProxy => "front-proxy-ca",
            Self::Etcd => "etcd-ca",
        }
    }

    pub fn certificate(self) -> String {
        format!("{}.crt", self.name())
    }

    pub(crate) fn key(self) -> String {
        format!("{}.key", self.name())
    }

    /// The CA of before the refresh that is not finished.
    pub(crate) fn previous(self) -> String {
        format!("{}-previous.crt", self.name())
    }

    /// The new CA, signed by the previous one.
    pub(crate) fn cross_signed(self) -> String {
        format!("{}-cross-signed.crt", self.name())
    }
}

/// Who a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A common name and the group (organization) that it belongs to.
    Fixed { common_name: &'static str, organization: Option<&'static str> },
    /// `system:node:NAME` in `system:nodes`.
    Node,
    /// What `csr.conf.template` says.
    Template,
}

/// Names that a server's certificate is valid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    None,
    /// The node's name and every address of the machine.
    Node,
    /// What `csr.conf.template` says.
    Template,
}

/// The kubeconfig that carries a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// File below `credentials/`.
    pub file: &'static str,
    /// Name of the user in it.
    pub user: &'static str,
}

/// A leaf certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// File name without its extension.
    pub name: &'static str,
    pub issuer: Authority,
    pub subject: Subject,
    pub names: Names,
    pub validity: Duration,
    pub kubeconfig: Option<Kubeconfig>,
}

impl Certificate {
    pub fn certificate(&self) -> String {
        format!("{}.crt", self.name)
    }

    pub(crate) fn key(&self) -> String {
        format!("{}.key", self.name)
    }
}

const fn component(
    name: &'static str,
    common_name: &'static str,
    file: &'static str,
    user: &'static str,
) -> Certificate {
    Certificate {
        name,
        issuer: Authority::Cluster,
        subject: Subject::Fixed { common_name, organization: None },
        names: Names::None,
        validity: LONG,
        kubeconfig: Some(Kubeconfig { file, user }),
    }
}

/// Every leaf.
pub const CERTIFICATES: &[Certificate] = &[
    Certificate {
        name: "server",
        issuer: Authority::Cluster,
        subject: Subject::Template,
        names: Names::Template,
        validity: YEAR,
        kubeconfig: None,
    },
    Certificate {
        name: "kubelet",
        issuer: Authority::Cluster,
        subject: Subject::Node,
        names: Names::Node,
        validity: LONG,
        kubeconfig: Some(Kubeconfig { file: "kubelet.config", user: "kubelet" }),
    },
    Certificate {
        name: "client",
        issuer: Authority::Cluster,
        subject: Subject::Fixed { common_name: "admin", organization: Some("system:masters") },
        names: Names::None,
        validity: LONG,
        kubeconfig: Some(Kubeconfig { file: "client.config", user: "admin" }),
    },
    component("controller", "system:kube-controller-manager", "controller.config", "controller"),
    component("scheduler", "system:kube-scheduler", "scheduler.config", "scheduler"),
    component("proxy", "system:kube-proxy", "proxy.config", "kubeproxy"),
    Certificate {
        name: "apiserver-kubelet-client",
        issuer: Authority::Cluster,
        subject: Subject::Fixed {
            common_name: "kube-apiserver-kubelet-client",
            organization: Some("system:masters"),
        },
        names: Names::None,
        validity: LONG,
        kubeconfig: None,
    },
    Certificate {
        name: "front-proxy-client",
        issuer: Authority::FrontProxy,
        subject: Subject::Fixed { common_name: "front-proxy-client", organization: None },
        names: Names::None,
        validity: YEAR,
        kubeconfig: None,
    },
    Certificate {
        name: "apiserver-etcd-client",
        issuer: Authority::Etcd,
        subject: Subject::Fixed { common_name: "kube-apiserver-etcd-client", organization: None },
        names: Names::None,
        validity: LONG,
        kubeconfig: None,
    },
];
