//! How long a pod stands the taints of its node.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::node::NO_EXECUTE;
use crate::toleration::Wish;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// After so long on such a node.
    Goes(Duration),
}

pub(super) fn fate(taints: &[Taint], tolerations: &[Toleration]) -> Fate {
    let mut limit: Option<Duration> = None;
    for taint in taints.iter().filter(|taint| taint.effect == NO_EXECUTE) {
        let Some(toleration) = tolerations.iter().find(|toleration| tolerates(toleration, taint)) else {
            return Fate::Goes(Duration::ZERO);
        };
        if let Some(seconds) = toleration.toleration_seconds {
            let time = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            limit = Some(limit.map_or(time, |limit| limit.min(time)));
        }
    }
    limit.map_or(Fate::Stays, Fate::Goes)
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let wish = Wish {
        key: toleration.key.as_deref(),
        operator: toleration.operator.as_deref(),
        value: toleration.value.as_deref(),
        effect: toleration.effect.as_deref(),
    };
    wish.stands(&taint.key, taint.value.as_deref(), &taint.effect)
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    fn fate_of(taints: Tree, tolerations: Tree) -> Fate {
        let taints: Vec<Taint> = from_tree(&taints).unwrap();
        fate(&taints, &from_tree::<Vec<Toleration>>(&tolerations).unwrap())
    }

    #[test]
    fn a_taint_that_is_not_tolerated_sends_away_at_once() {
        let taints = || tree!([{ "key": "a", "value": "1", "effect": "NoExecute" }]);
        let now = Fate::Goes(Duration::ZERO);
        assert_eq!(fate_of(taints(), tree!([])), now);
        assert_eq!(fate_of(taints(), tree!([{ "key": "a", "value": "2" }])), now);
        assert_eq!(
            fate_of(taints(), tree!([{ "key": "a", "operator": "Exists", "effect": "NoSchedule" }])),
            now
        );
        assert_eq!(fate_of(taints(), tree!([{ "key": "a", "value": "1" }])), Fate::Stays);
        assert_eq!(fate_of(taints(), tree!([{ "operator": "Exists" }])), Fate::Stays);
        assert_eq!(fate_of(tree!([{ "key": "a", "effect": "NoSchedule" }]), tree!([])), Fate::Stays);
    }

    #[test]
    fn of_several_tolerations_the_shortest_counts() {
        let taints = tree!([{ "key": "a", "effect": "NoExecute" }, { "key": "b", "effect": "NoExecute" }]);
        let tolerations = tree!([
            { "key": "a", "operator": "Exists", "tolerationSeconds": 30 },
            { "key": "b", "operator": "Exists", "tolerationSeconds": 10 }
        ]);
        assert_eq!(fate_of(taints, tolerations), Fate::Goes(Duration::from_secs(10)));
        let negative = tree!([{ "operator": "Exists", "tolerationSeconds": (-1) }]);
        assert_eq!(
            fate_of(tree!([{ "key": "a", "effect": "NoExecute" }]), negative),
            Fate::Goes(Duration::ZERO)
        );
    }
}
