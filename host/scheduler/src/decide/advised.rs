//! Decisions in which others than the plugins have a say: first the nodes that fit, then the best of those that are left.

use std::collections::{HashMap, HashSet};

use super::{Decision, Rotation, begin, best, bind, fitting, refuse};
use crate::advice::{Advice, Refused};
use crate::plugin::{Objection, Plugins};
use crate::profile::Profile;
use crate::snapshot::{NodeState, Snapshot};
use crate::view::PodView;

/// The names of nodes that fit.
///
/// # Errors
/// The refusal, where there are none.
pub(crate) fn candidates(
    pod: &PodView,
    profile: &Profile,
    percentage: i64,
    snapshot: &Snapshot,
    rotation: &mut Rotation,
) -> Result<Vec<String>, Decision> {
    let (_, fitting) = fitting(pod, profile, percentage, snapshot, rotation).map_err(Decision::Refuse)?;
    let name = |node: &NodeState| node.view.as_ref().map(|view| view.name().to_owned());
    Ok(fitting.into_iter().filter_map(name).collect())
}

/// The node of the highest score of those that are left and fit still.
pub(crate) fn decide_advised(
    pod: &PodView,
    profile: &Profile,
    snapshot: &Snapshot,
    rotation: &mut Rotation,
    advice: &Advice,
) -> Decision {
    let (cycle, mut diagnosis) = match begin(pod, profile, snapshot, rotation) {
        Ok(begun) => begun,
        Err(refusal) => return Decision::Refuse(refusal),
    };
    let against: HashMap<&str, &Refused> =
        advice.refused.iter().rev().map(|refused| (refused.node.as_str(), refused)).collect();
    let kept: HashSet<&str> = advice.kept.iter().map(String::as_str).collect();
    let mut fitting = Vec::new();
    for (node, view) in snapshot.nodes() {
        if let Some(refused) = against.get(view.name()) {
            let reasons = vec![refused.reason.clone().into()];
            diagnosis.refuse_otherwise(node.id, Objection { is_resolvable: refused.is_resolvable, reasons });
            continue;
        }
        match cycle.filter_beside_nominated(node) {
            Ok(()) if kept.contains(view.name()) => fitting.push(node),
            // Nobody looked at it, or nobody said why not.
            Ok(()) => {}
            Err(refused) => diagnosis.refuse(node.id, refused),
        }
    }
    match best(&cycle, &fitting, &advice.scores, rotation) {
        Some(node) => bind(&cycle, node),
        None => {
            let refusal = refuse(&cycle, diagnosis, rotation);
            // Of what others say nobody knows what helps.
            Decision::Refuse(super::Refusal { plugins: Plugins::default(), ..refusal })
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree;

    use super::*;
    use crate::fixture::{Cluster, node, pod};

    fn advice(kept: &[&str], scores: &[(&str, i64)]) -> Advice {
        let scores = scores.iter().map(|(node, score)| ((*node).to_owned(), *score)).collect();
        Advice { kept: kept.iter().map(|node| (*node).to_owned()).collect(), refused: Vec::new(), scores }
    }

    fn decided(cluster: &mut Cluster, advice: &Advice) -> String {
        let pod = PodView::read(&pod("p", "web", tree!({})));
        match decide_advised(&pod, &cluster.profile, &cluster.snapshot, &mut cluster.rotation, advice) {
            Decision::Bind { node, .. } => node.into(),
            Decision::Refuse(refusal) => refusal.message,
        }
    }

    #[test]
    fn others_choose_among_the_nodes_that_fit_and_outweigh_the_plugins() {
        let mut cluster = Cluster::of(["a", "b", "c"].map(|name| node(name, &[])));
        assert_eq!(decided(&mut cluster, &advice(&["b"], &[])), "b");
        assert_eq!(decided(&mut cluster, &advice(&["a", "b", "c"], &[("c", 1000), ("b", 10)])), "c");
        let view = PodView::read(&pod("p", "web", tree!({})));
        let names = candidates(&view, &cluster.profile, 0, &cluster.snapshot, &mut cluster.rotation).unwrap();
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn what_others_say_against_nodes_is_told_and_any_change_may_help() {
        let mut cluster = Cluster::of(["a", "b"].map(|name| node(name, &[])));
        let refused = ["a", "b"].map(|node| Refused {
            node: node.to_owned(),
            reason: "no licence".to_owned(),
            is_resolvable: false,
        });
        let refused = Advice { refused: refused.to_vec(), ..Advice::default() };
        expect!["0/2 nodes are available: 2 no licence. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."]
            .assert_eq(&decided(&mut cluster, &refused));
    }
}
