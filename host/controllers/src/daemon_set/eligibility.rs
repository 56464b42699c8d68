//! Which nodes the pods of a DaemonSet go to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PodTemplateSpec};
use objects::placement::{Effect, NodeSelector, Taint, Toleration};
use objects::tree;
use objects::tree::to_tree;

use super::template::AFFINITY;

/// What a template says of nodes.
pub(super) struct Eligibility {
    node: Option<String>,
    labels: BTreeMap<String, String>,
    affinity: Option<NodeSelector>,
    tolerations: Vec<Toleration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A pod runs there.
    Runs,
    /// None is begun there; what runs may stay.
    Stays,
    No,
}

impl Eligibility {
    /// Of a template that has the tolerations of all DaemonSets.
    pub(super) fn of(template: &PodTemplateSpec) -> Self {
        let spec = template.spec.clone().unwrap_or_default();
        let pod = tree!({ "spec": (to_tree(&spec).expect("a template is JSON")) });
        Self {
            affinity: pod.at(&["spec"]).and_then(|spec| spec.at(AFFINITY)).map(NodeSelector::read),
            tolerations: Toleration::of_pod(&pod),
            node: spec.node_name.filter(|name| !name.is_empty()),
            labels: spec.node_selector.unwrap_or_default(),
        }
    }

    pub(super) fn judge(&self, node: &Node) -> Place {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let label = |key: &str| node.metadata.labels.as_ref()?.get(key).map(String::as_str);
        let is_named = self.node.as_deref().is_none_or(|named| named == name);
        let is_labelled = self.labels.iter().all(|(key, value)| label(key) == Some(value));
        let is_selected = self.affinity.as_ref().is_none_or(|selector| selector.matches(name, label));
        if !is_named || !is_labelled || !is_selected {
            return Place::No;
        }
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        let taints = tree!({ "spec": { "taints": (to_tree(&taints).expect("taints are JSON")) } });
        let taints = Taint::of_node(&taints);
        let is_stood = |taint: &&Taint| self.tolerations.iter().any(|toleration| toleration.stands(taint));
        let mut against =
            taints.iter().filter(|taint| taint.effect.keeps_away()).filter(|taint| !is_stood(taint));
        match (against.clone().next(), against.any(|taint| taint.effect == Effect::NoExecute)) {
            (None, _) => Place::Runs,
            (Some(_), false) => Place::Stays,
            (Some(_), true) => Place::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use objects::Tree;
    use objects::tree::from_tree;

    use super::*;

    /// Where a pod of a spec runs, on a node of the name `n` with the label `disk=ssd` and a taint.
    fn check(spec: Tree, taint: Option<(&str, &str)>, expected: Place) {
        let shown = spec.to_json_string();
        let mut spec = spec;
        spec.insert("containers", Tree::Array(vec![]));
        let template: PodTemplateSpec = from_tree(&tree!({ "spec": spec })).unwrap();
        let mut node = tree!({ "metadata": { "name": "n", "labels": { "disk": "ssd" } } });
        if let Some((key, effect)) = taint {
            node.set_at(&["spec", "taints"], tree!([{ "key": key, "effect": effect }]));
        }
        let place = Eligibility::of(&template).judge(&from_tree(&node).unwrap());
        assert_eq!(place, expected, "{shown} {taint:?}");
    }

    fn affinity(operator: &str) -> Tree {
        tree!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{
                "key": "disk", "operator": operator, "values": ["ssd"]
            }] }]
        } } } })
    }

    #[test]
    fn names_labels_and_affinity_choose_nodes() {
        check(tree!({}), None, Place::Runs);
        check(tree!({ "nodeName": "n" }), None, Place::Runs);
        check(tree!({ "nodeName": "m" }), None, Place::No);
        check(tree!({ "nodeSelector": { "disk": "ssd" } }), None, Place::Runs);
        check(tree!({ "nodeSelector": { "disk": "hdd" } }), None, Place::No);
        check(affinity("In"), None, Place::Runs);
        check(affinity("NotIn"), None, Place::No);
    }

    #[test]
    fn a_taint_keeps_new_pods_away_and_drives_others_off_if_it_says_so() {
        check(tree!({}), Some(("k", "PreferNoSchedule")), Place::Runs);
        check(tree!({}), Some(("k", "NoSchedule")), Place::Stays);
        check(tree!({}), Some(("k", "NoExecute")), Place::No);
        let stands = tree!({ "tolerations": [{ "key": "k", "operator": "Exists" }] });
        check(stands, Some(("k", "NoExecute")), Place::Runs);
    }
}
