//! Which pods go, and why. Pure.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;

use crate::pod::Pod;

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Why a pod is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is being deleted and no kubelet ever had it.
    NeverPlaced,
    /// Its node is not there.
    NodeGone,
    /// It is being deleted on a node whose machine is known to be off.
    OutOfService,
}

impl Cause {
    /// `node` is that of the pod, if it is there.
    pub(super) fn of(pod: &Pod, node: Option<&Node>) -> Option<Self> {
        let is_placed = pod.spec.node_name.as_ref().is_some_and(|name| !name.is_empty());
        match node {
            None if is_placed => Some(Self::NodeGone),
            None => pod.is_deleting().then_some(Self::NeverPlaced),
            Some(node) => (pod.is_deleting() && is_out_of_service(node)).then_some(Self::OutOfService),
        }
    }
}

/// The operator said so, and it does not answer.
pub(super) fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready" && condition.status == "True");
    taints.into_iter().any(|taint| taint.key == OUT_OF_SERVICE) && ready.next().is_none()
}

/// Those of the pods that ended which are more than are kept: evicted ones first, then the oldest.
pub(super) fn oldest_ended(pods: Vec<Arc<Pod>>, kept: usize) -> Vec<Arc<Pod>> {
    let mut ended: Vec<_> = pods.into_iter().filter(|pod| pod.has_ended() && !pod.is_deleting()).collect();
    ended.sort_by_cached_key(|pod| {
        let is_evicted = pod.status.reason.as_deref() == Some("Evicted");
        let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (!is_evicted, created, pod.metadata.name.clone())
    });
    ended.truncate(ended.len().saturating_sub(kept));
    ended
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    fn pod(change: Tree) -> Pod {
        let mut pod = tree!({ "metadata": { "name": "p" } });
        pod.merge(&change);
        from_tree(&pod).unwrap()
    }

    fn node(taint: &str, ready: &str) -> Node {
        let condition = tree!({ "type": "Ready", "status": ready });
        let taints = tree!([{ "key": taint, "effect": "NoExecute" }]);
        from_tree(
            &tree!({ "metadata": {}, "spec": { "taints": taints }, "status": { "conditions": [condition] } }),
        )
        .unwrap()
    }

    #[test]
    fn only_what_nobody_else_removes_is_removed() {
        let going = || tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        let placed = || tree!({ "spec": { "nodeName": "n" } });
        let mut both = going();
        both.merge(&placed());
        let (well, off) = (node("a", "True"), node(OUT_OF_SERVICE, "Unknown"));
        assert_eq!(Cause::of(&pod(tree!({})), None), None);
        assert_eq!(Cause::of(&pod(going()), None), Some(Cause::NeverPlaced));
        assert_eq!(Cause::of(&pod(placed()), None), Some(Cause::NodeGone));
        assert_eq!(Cause::of(&pod(both.clone()), Some(&well)), None);
        assert_eq!(Cause::of(&pod(placed()), Some(&off)), None);
        assert_eq!(Cause::of(&pod(both.clone()), Some(&off)), Some(Cause::OutOfService));
        assert_eq!(Cause::of(&pod(both), Some(&node(OUT_OF_SERVICE, "True"))), None);
    }

    #[test]
    fn evicted_pods_go_before_the_oldest() {
        let ended = |name: &str, created: &str, reason: &str| {
            Arc::new(pod(tree!({
                "metadata": { "name": name, "creationTimestamp": created },
                "status": { "phase": "Failed", "reason": reason }
            })))
        };
        let running = Arc::new(pod(tree!({ "status": { "phase": "Running" } })));
        let pods = vec![
            ended("new", "2026-01-03T00:00:00Z", ""),
            ended("old", "2026-01-01T00:00:00Z", ""),
            ended("evicted", "2026-01-02T00:00:00Z", "Evicted"),
            running,
        ];
        let gone: Vec<_> =
            oldest_ended(pods, 1).iter().map(|pod| pod.metadata.name.clone().unwrap()).collect();
        assert_eq!(gone, ["evicted", "old"]);
    }
}
