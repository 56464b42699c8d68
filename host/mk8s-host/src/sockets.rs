//! The socket table: every row of the services-and-ports page whose owner runs on this node, from the arguments in force.

use std::net::IpAddr;

use args::{Effective, Service};
use net::{Binder, Socket, SocketAddress, Transport};

use crate::data_dir::DataDir;
use crate::store;

/// Names of rows that services ask for their listener.
pub(crate) mod row {
    pub(crate) const API: &str = "apiserver";
    pub(crate) const CONTROL: &str = "control";
    pub(crate) const ETCD: &str = "etcd";
    pub(crate) const ETCD_LOCAL: &str = "etcd-local";
    pub(crate) const CONTROLLERS: &str = "controllers";
    pub(crate) const CONTROLLERS_PLAIN: &str = "controllers-plain";
    pub(crate) const SCHEDULER: &str = "scheduler";
    pub(crate) const SCHEDULER_PLAIN: &str = "scheduler-plain";
    pub(crate) const KUBELET: &str = "kubelet";
    pub(crate) const KUBELET_READ_ONLY: &str = "kubelet-read-only";
    pub(crate) const KUBELET_HEALTH: &str = "kubelet-health";
}

/// Where containerd tells its metrics; the page's row.
pub(crate) const CONTAINERD_METRICS: &str = "127.0.0.1:1338";
const CONTAINERD_METRICS_PORT: u16 = 1338;

/// Where root speaks to the embedded store, below the data directory.
pub(crate) const ETCD_SOCKET: &str = "run/etcd.sock";

/// Whether pods can run here: the kubelet and containerd need root, the control plane does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Control plane and node.
    Node,
    ControlPlane,
}

impl Role {
    pub(crate) fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::Node } else { Self::ControlPlane }
    }
}

/// A TCP row: its name, its service, the flags that hold its address and port, and who may speak there.
struct Row {
    name: &'static str,
    service: Service,
    address: &'static str,
    port: &'static str,
    access: &'static str,
}

const CONTROL_PLANE: &[Row] = &[
    Row {
        name: row::API,
        service: Service::KubeApiserver,
        address: "bind-address",
        port: "secure-port",
        access: "TLS, then the authentication addons",
    },
    Row {
        name: row::CONTROLLERS,
        service: Service::KubeControllerManager,
        address: "bind-address",
        port: "secure-port",
        access: "TLS, as the API server decides",
    },
    Row {
        name: row::SCHEDULER,
        service: Service::KubeScheduler,
        address: "bind-address",
        port: "secure-port",
        access: "TLS, as the API server decides",
    },
    Row {
        name: row::CONTROLLERS_PLAIN,
        service: Service::KubeControllerManager,
        address: "address",
        port: "port",
        access: "local, /healthz and /metrics",
    },
    Row {
        name: row::SCHEDULER_PLAIN,
        service: Service::KubeScheduler,
        address: "address",
        port: "port",
        access: "local, /healthz and /metrics",
    },
];

const NODE: &[Row] = &[
    Row {
        name: row::KUBELET,
        service: Service::Kubelet,
        address: "address",
        port: "port",
        access: "TLS, as the API server decides",
    },
    Row {
        name: row::KUBELET_READ_ONLY,
        service: Service::Kubelet,
        address: "address",
        port: "read-only-port",
        access: "everybody, read only",
    },
    Row {
        name: row::KUBELET_HEALTH,
        service: Service::Kubelet,
        address: "healthz-bind-address",
        port: "healthz-port",
        access: "local, /healthz",
    },
];

/// Every socket of this node.
pub(crate) fn table(data_dir: &DataDir, effective: &Effective, role: Role) -> Vec<Socket> {
    let mut sockets = vec![unix(row::CONTROL, "mk8s-host", data_dir, "run/mk8s.sock", Binder::Host)];
    sockets.extend(CONTROL_PLANE.iter().filter_map(|row| row.socket(effective)));
    if store::is_embedded(effective) {
        sockets.push(etcd(effective));
        sockets.push(unix(row::ETCD_LOCAL, "etcd", data_dir, ETCD_SOCKET, Binder::Host));
    }
    if role == Role::Node {
        sockets.extend(NODE.iter().filter_map(|row| row.socket(effective)));
        sockets.push(Socket {
            name: "containerd-metrics",
            service: "containerd",
            address: SocketAddress::Ip {
                address: IpAddr::from([127, 0, 0, 1]),
                port: CONTAINERD_METRICS_PORT,
                transport: Transport::Tcp,
            },
            binder: Binder::Child,
            access: "local, metrics",
        });
        sockets.push(unix("containerd", "containerd", data_dir, "run/containerd.sock", Binder::Child));
    }
    sockets
}

impl Row {
    /// None where the port is 0: nothing listens.
    fn socket(&self, effective: &Effective) -> Option<Socket> {
        let args = effective.service(self.service);
        let port = args.port(self.port)?;
        let address = address(args.address(self.address), port);
        let service = self.service.name();
        Some(Socket { name: self.name, service, address, binder: Binder::Host, access: self.access })
    }
}

/// The port of etcd's clients.
fn etcd(effective: &Effective) -> Socket {
    let listen = effective.service(Service::Etcd).url("listen-client-urls");
    Socket {
        name: row::ETCD,
        service: "etcd",
        address: address(Some(listen.ip()), listen.port()),
        binder: Binder::Host,
        access: "mutual TLS, clients of etcd-ca",
    }
}

fn address(address: Option<IpAddr>, port: u16) -> SocketAddress {
    match address {
        Some(address) if !address.is_unspecified() => {
            SocketAddress::Ip { address, port, transport: Transport::Tcp }
        }
        _ => SocketAddress::Host { port, transport: Transport::Tcp },
    }
}

fn unix(name: &'static str, service: &'static str, data_dir: &DataDir, path: &str, binder: Binder) -> Socket {
    let address = SocketAddress::Unix { path: data_dir.join(path) };
    Socket { name, service, address, binder, access: "its owner" }
}

#[cfg(test)]
mod tests {
    use args::{Args, Profile};
    use expect_test::{Expect, expect};

    use super::*;

    fn check(profile: Profile, role: Role, expected: Expect) {
        check_files(profile, role, &[], expected);
    }

    fn check_files(profile: Profile, role: Role, files: &[(Service, &str)], expected: Expect) {
        let data_dir = DataDir::locate(Some("/d".into())).unwrap();
        let files: Vec<_> = files.iter().map(|(service, text)| (*service, (*text).to_owned())).collect();
        let effective = Args::read("/d", profile, &files).unwrap().fold(&[]).unwrap();
        let rows = table(&data_dir, &effective, role);
        let text: Vec<_> = rows.iter().map(|row| format!("{} {}", row.address, row.service)).collect();
        expected.assert_eq(&text.join("\n"));
    }

    #[test]
    fn a_node_has_the_rows_of_the_page_whose_owners_run() {
        check(
            Profile::Default,
            Role::Node,
            expect![[r#"
                /d/run/mk8s.sock mk8s-host
                *:16443/tcp kube-apiserver
                *:10257/tcp kube-controller-manager
                *:10259/tcp kube-scheduler
                127.0.0.1:10252/tcp kube-controller-manager
                127.0.0.1:10251/tcp kube-scheduler
                *:12379/tcp etcd
                /d/run/etcd.sock etcd
                *:10250/tcp kubelet
                *:10255/tcp kubelet
                127.0.0.1:10248/tcp kubelet
                127.0.0.1:1338/tcp containerd
                /d/run/containerd.sock containerd"#]],
        );
    }

    #[test]
    fn the_hardened_profile_has_no_plain_port_but_the_kubelets_health() {
        check(
            Profile::Hardened,
            Role::Node,
            expect![[r#"
                /d/run/mk8s.sock mk8s-host
                *:16443/tcp kube-apiserver
                *:10257/tcp kube-controller-manager
                *:10259/tcp kube-scheduler
                *:12379/tcp etcd
                /d/run/etcd.sock etcd
                *:10250/tcp kubelet
                127.0.0.1:10248/tcp kubelet
                127.0.0.1:1338/tcp containerd
                /d/run/containerd.sock containerd"#]],
        );
    }

    #[test]
    fn without_root_there_is_no_kubelet() {
        check(
            Profile::Hardened,
            Role::ControlPlane,
            expect![[r#"
                /d/run/mk8s.sock mk8s-host
                *:16443/tcp kube-apiserver
                *:10257/tcp kube-controller-manager
                *:10259/tcp kube-scheduler
                *:12379/tcp etcd
                /d/run/etcd.sock etcd"#]],
        );
    }

    #[test]
    fn nobody_is_served_the_store_of_an_etcd_elsewhere() {
        check_files(
            Profile::Hardened,
            Role::ControlPlane,
            &[(Service::KubeApiserver, "--etcd-servers=https://127.0.0.1:2379")],
            expect![[r#"
                /d/run/mk8s.sock mk8s-host
                *:16443/tcp kube-apiserver
                *:10257/tcp kube-controller-manager
                *:10259/tcp kube-scheduler"#]],
        );
    }

    #[test]
    fn the_own_port_is_the_embedded_store() {
        check_files(
            Profile::Hardened,
            Role::ControlPlane,
            &[
                (Service::KubeApiserver, "--etcd-servers=https://127.0.0.1:2379"),
                (Service::Etcd, "--listen-client-urls=https://127.0.0.1:2379"),
            ],
            expect![[r#"
                /d/run/mk8s.sock mk8s-host
                *:16443/tcp kube-apiserver
                *:10257/tcp kube-controller-manager
                *:10259/tcp kube-scheduler
                127.0.0.1:2379/tcp etcd
                /d/run/etcd.sock etcd"#]],
        );
    }
}
