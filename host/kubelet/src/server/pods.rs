//! `/pods` and `/runningpods`: pods as lists of the API.

use std::collections::BTreeMap;

use cri::{ContainerState, ContainerStatus};
use http::Response;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use net::Body;

use super::containers::{POD_NAME, POD_NAMESPACE, POD_UID};
use super::reply;
use crate::handle::KubeletHandle;

/// Every pod that is bound to the node.
pub(super) fn bound(handle: &KubeletHandle) -> Response<Body> {
    list(handle.pods().iter().map(|view| Pod::clone(&view.pod)).collect())
}

/// Pods made of what the runtime has running, whatever the API says.
pub(super) fn running(containers: Vec<ContainerStatus>) -> Response<Body> {
    let mut pods: BTreeMap<String, Pod> = BTreeMap::new();
    for container in containers.into_iter().filter(|each| each.state == ContainerState::Running) {
        let label = |name: &str| container.labels.get(name).cloned();
        let Some(uid) = label(POD_UID) else { continue };
        let pod = pods.entry(uid.clone()).or_insert_with(|| Pod {
            metadata: ObjectMeta {
                name: label(POD_NAME),
                namespace: label(POD_NAMESPACE),
                uid: Some(uid),
                ..ObjectMeta::default()
            },
            ..Pod::default()
        });
        pod.spec.get_or_insert_with(PodSpec::default).containers.push(Container {
            name: container.metadata.name,
            image: Some(container.image),
            ..Container::default()
        });
    }
    list(pods.into_values().collect())
}

fn list(items: Vec<Pod>) -> Response<Body> {
    reply::json(&List { items, ..List::<Pod>::default() })
}
