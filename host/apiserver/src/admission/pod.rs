//! DefaultTolerationSeconds and Priority of new pods. PriorityClasses are not served: only the system's are known.

use objects::resource::GroupResource;
use objects::status::Status;
use objects::{Tree, meta, tree};

const SYSTEM_CLASSES: &[(&str, i64)] =
    &[("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// Taints of a node that is away, which a pod stands for some time.
const AWAY: &[&str] = &["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const TOLERATION_SECONDS: i64 = 300;

pub(super) fn admit(pod: &mut Tree) -> Result<(), Status> {
    priority(pod)?;
    for taint in AWAY {
        tolerate(pod, taint);
    }
    Ok(())
}

fn priority(pod: &mut Tree) -> Result<(), Status> {
    let class = pod.str_at(&["spec", "priorityClassName"]).unwrap_or_default();
    let row = SYSTEM_CLASSES.iter().find(|(name, _)| *name == class);
    let refused = |why: String| Err(Status::forbidden(&GroupResource::new("", "pods"), meta::name(pod), why));
    let priority = match row {
        Some((_, priority)) => *priority,
        None if class.is_empty() => 0,
        None => return refused(format!("no PriorityClass with name {class} was found")),
    };
    let asked = pod.i64_at(&["spec", "priority"]);
    if asked.is_some_and(|asked| asked != priority) {
        let asked = asked.unwrap_or_default();
        return refused(format!(
            "the integer value of priority ({asked}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        ));
    }
    pod.set_at(&["spec", "priority"], priority);
    if pod.at(&["spec", "preemptionPolicy"]).is_none() {
        pod.set_at(&["spec", "preemptionPolicy"], "PreemptLowerPriority");
    }
    Ok(())
}

fn tolerate(pod: &mut Tree, taint: &str) {
    let tolerations = pod.make(&["spec", "tolerations"]);
    let stands = |toleration: &Tree| {
        let text = |key: &str| toleration.str_at(&[key]).unwrap_or_default();
        [taint, ""].contains(&text("key")) && ["NoExecute", ""].contains(&text("effect"))
    };
    if tolerations.items().iter().any(stands) {
        return;
    }
    let toleration = tree!({
        "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS
    });
    match tolerations.as_array_mut() {
        Some(list) => list.push(toleration),
        None => *tolerations = Tree::Array(vec![toleration]),
    }
}
