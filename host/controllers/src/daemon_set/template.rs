//! The pods of DaemonSets: what each stands, and how it is bound to its node.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{PodTemplateSpec, Toleration};
use objects::{Tree, tree};

use crate::revisions::REVISION_LABEL;

/// From the spec of a pod to the nodes that it must go to.
pub(super) const AFFINITY: &[&str] =
    &["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];

/// The API server counts templates there.
const GENERATION: &str = "deprecated.daemonset.template.generation";
const GENERATION_LABEL: &str = "pod-template-generation";

/// What every pod stands: it belongs to its node, whatever is wrong with that.
const TOLERATIONS: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// And what those stand that have the node's network.
const HOST_NETWORK: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// The template of the pods of a revision.
pub(super) fn template(set: &DaemonSet, hash: &str) -> PodTemplateSpec {
    let mut template = set.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(REVISION_LABEL.to_owned(), hash.to_owned());
    let generation = set.metadata.annotations.as_ref().and_then(|all| all.get(GENERATION));
    if let Some(generation) = generation.filter(|text| text.parse::<i64>().is_ok()) {
        labels.insert(GENERATION_LABEL.to_owned(), generation.clone());
    }
    tolerate(&mut template);
    template
}

fn tolerate(template: &mut PodTemplateSpec) {
    let spec = template.spec.get_or_insert_default();
    let host = spec.host_network.unwrap_or(false).then_some(HOST_NETWORK);
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in TOLERATIONS.iter().copied().chain(host) {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        // One for a time only is for ever.
        tolerations.retain(|old| Toleration { toleration_seconds: None, ..old.clone() } != toleration);
        tolerations.push(toleration);
    }
}

/// Binds a pod to a node: the scheduler puts it there and nowhere else.
pub(super) fn bind(pod: &mut Tree, node: &str) {
    let path: Vec<&str> = ["spec"].iter().chain(AFFINITY).copied().collect();
    let field = tree!({ "key": "metadata.name", "operator": "In", "values": [node] });
    pod.set_at(&path, tree!({ "nodeSelectorTerms": [{ "matchFields": [field] }] }));
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree::{from_tree, to_tree};

    use super::*;

    #[test]
    fn a_pod_has_the_revision_and_stands_what_may_be_wrong_with_its_node() {
        let set: DaemonSet = from_tree(&tree!({
            "metadata": { "annotations": { "deprecated.daemonset.template.generation": "3" } },
            "spec": { "selector": {}, "template": {
                "metadata": { "labels": { "app": "agent" } },
                "spec": { "containers": [], "hostNetwork": true, "tolerations": [
                    { "key": "own", "operator": "Exists" },
                    {
                        "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                        "tolerationSeconds": 3
                    }
                ] }
            } }
        }))
        .unwrap();
        let template = template(&set, "abc");
        expect![[
            r#"{"labels":{"app":"agent","controller-revision-hash":"abc","pod-template-generation":"3"}}"#
        ]]
        .assert_eq(&to_tree(&template.metadata).unwrap().to_json_string());
        let tolerations = template.spec.unwrap().tolerations.unwrap();
        let shown: Vec<_> = tolerations
            .iter()
            .map(|one| {
                format!("{} {:?} {:?}", one.key.as_deref().unwrap(), one.effect, one.toleration_seconds)
            })
            .collect();
        expect![[r#"
            own None None
            node.kubernetes.io/not-ready Some("NoExecute") None
            node.kubernetes.io/unreachable Some("NoExecute") None
            node.kubernetes.io/disk-pressure Some("NoSchedule") None
            node.kubernetes.io/memory-pressure Some("NoSchedule") None
            node.kubernetes.io/pid-pressure Some("NoSchedule") None
            node.kubernetes.io/unschedulable Some("NoSchedule") None
            node.kubernetes.io/network-unavailable Some("NoSchedule") None"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn a_pod_is_bound_by_its_affinity_which_keeps_what_else_it_says() {
        let mut pod = tree!({ "spec": { "affinity": {
            "podAffinity": {}, "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "a": 1 } }
        } } });
        bind(&mut pod, "n");
        expect![[r#"{"spec":{"affinity":{"podAffinity":{},"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}}}}}"#]]
        .assert_eq(&pod.to_json_string());
    }
}
