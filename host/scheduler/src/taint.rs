//! Taints and the tolerations that stand them.

use k8s_openapi::api::core::v1::{Node, PodSpec, Taint, Toleration};

const REPELLING: &[&str] = &["NoSchedule", "NoExecute"];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Whether the pod stands every taint of the node that keeps pods away.
pub(crate) fn tolerates_taints(pod: &PodSpec, node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.filter(|taint| REPELLING.contains(&taint.effect.as_str())).all(|taint| tolerates(pod, taint))
}

/// Whether the node takes pods, or the pod stands that it does not.
pub(crate) fn stands_cordon(pod: &PodSpec, node: &Node) -> bool {
    let cordoned = node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
    let (key, effect) = (UNSCHEDULABLE.to_owned(), "NoSchedule".to_owned());
    !cordoned || tolerates(pod, &Taint { key, effect, ..Taint::default() })
}

fn tolerates(pod: &PodSpec, taint: &Taint) -> bool {
    pod.tolerations.iter().flatten().any(|toleration| stands(toleration, taint))
}

fn stands(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    if !(key.is_empty() || key == taint.key) || !(effect.is_empty() || effect == taint.effect) {
        return false;
    }
    match toleration.operator.as_deref() {
        Some("Exists") => true,
        None | Some("" | "Equal") => text(&toleration.value) == text(&taint.value),
        Some(_) => false,
    }
}
