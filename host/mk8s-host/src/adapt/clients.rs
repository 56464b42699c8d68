//! Who our own components are: a client in process for each, whose identity is bound here and nowhere else.

use apiserver::ApiServerHandle;
use apiserver::authn::UserInfo;
use bytes::Bytes;
use client::{BoxFuture, Client, Transport, TransportError};
use http::{Request, Response};
use net::Body;

use crate::slot::Slot;

/// Makes clients of the API server of this process, which may come and go.
#[derive(Clone)]
pub(crate) struct Clients {
    api: Slot<ApiServerHandle>,
}

impl Clients {
    pub(crate) fn new(api: Slot<ApiServerHandle>) -> Self {
        Self { api }
    }

    /// A component of the control plane: `system:kube-scheduler`.
    pub(crate) fn component(&self, name: &str) -> Client {
        let agent = name.trim_start_matches("system:");
        self.client(user(name, &[]), agent)
    }

    /// A controller, which has a service account in `kube-system`.
    pub(crate) fn controller(&self, name: &str) -> Client {
        self.service_account(name, "kube-controller-manager")
    }

    /// A service beyond Kubernetes' own, which has a service account in `kube-system`.
    pub(crate) fn service(&self, name: &str) -> Client {
        self.service_account(name, name)
    }

    fn service_account(&self, name: &str, agent: &str) -> Client {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"];
        self.client(user(&format!("system:serviceaccount:kube-system:{name}"), &groups), agent)
    }

    /// The kubelet of a node.
    pub(crate) fn node(&self, name: &str) -> Client {
        self.client(user(&format!("system:node:{name}"), &["system:nodes"]), "kubelet")
    }

    /// An addon, with its own grants.
    pub(crate) fn addon(&self, name: &str) -> Client {
        self.client(user(&format!("system:addon:{name}"), &[]), name)
    }

    fn client(&self, identity: UserInfo, agent: &str) -> Client {
        let transport = InProcess { api: self.api.clone(), identity };
        Client::new(transport, &format!("{agent}/{}", env!("CARGO_PKG_VERSION")))
    }
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

/// Asks the present API server, and waits while there is none.
struct InProcess {
    api: Slot<ApiServerHandle>,
    identity: UserInfo,
}

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let (api, identity) = (self.api.clone(), self.identity.clone());
        Box::pin(async move { api.wait().await.transport(identity).send(request).await })
    }
}
