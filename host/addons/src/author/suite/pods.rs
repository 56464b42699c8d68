//! Claims of what is said of pods that are to be scheduled: `scheduling`.

use std::collections::BTreeSet;

use engine::{Candidates, Limits, NodeRating, NodeRefusal, Role};
use serde_json::{Value, json};

use super::{Broken, Claim, Run, Trial, answered, broken, inputs, pushes};

/// Nodes of a large cluster.
const MANY: usize = 5_000;
/// The highest score.
const BEST: u32 = 100;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Scheduling),
        text: "speaks of the nodes that it is asked about, with reasons and with scores of 0 to 100",
        holds: |trial| Box::pin(async { answers_are_usable(trial) }),
    },
    Claim {
        role: Some(Role::Scheduling),
        text: "says the same of a pod again",
        holds: |trial| Box::pin(async { answers_stay(trial) }),
    },
    Claim {
        role: Some(Role::Scheduling),
        text: "survives the worst pods and nodes, each within its time",
        holds: |trial| Box::pin(async { worst_pods(trial) }),
    },
    Claim {
        role: Some(Role::Scheduling),
        text: "answers about 5000 nodes within its time",
        holds: |trial| Box::pin(async { many_nodes(trial) }),
    },
];

type Answer = (Vec<NodeRefusal>, Vec<NodeRating>);

/// An instance that was told that there is nothing.
fn instance(trial: &Trial<'_>) -> Result<Run, Broken> {
    let mut run = trial.instance_on(trial.subject.stand_in(), Limits::SCHEDULING)?;
    pushes::nothing(trial, &mut run)?;
    Ok(run)
}

fn ask(run: &mut Run, what: &str, candidates: &Candidates) -> Result<Answer, Broken> {
    let refused = answered(what, run.instance.filter(candidates))?.unwrap_or_default();
    let ratings = answered(what, run.instance.score(candidates))?.unwrap_or_default();
    Ok((refused, ratings))
}

fn candidates(pod: &Value, nodes: &[&str]) -> Candidates {
    Candidates { pod: pod.to_string().into(), nodes: nodes.iter().map(|node| (*node).to_owned()).collect() }
}

/// A pod as there are many.
fn ordinary() -> Candidates {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "namespace": "default", "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "a", "image": "nginx", "resources": {"requests": {"cpu": "1"}}}]},
    });
    candidates(&pod, &["node-1", "node-2", "node-3"])
}

fn answers_are_usable(trial: &Trial<'_>) -> Result<(), Broken> {
    let asked = ordinary();
    let (refused, ratings) = ask(&mut instance(trial)?, "a pod and three nodes", &asked)?;
    let named = refused.iter().map(|one| &one.node).chain(ratings.iter().map(|one| &one.node));
    if let Some(stranger) = named.into_iter().find(|node| !asked.nodes.contains(*node)) {
        return broken(format!(
            "it speaks of the node {stranger:?}, which it was not asked about: name candidates alone"
        ));
    }
    if let Some(silent) = refused.iter().find(|one| one.reason.trim().is_empty()) {
        return broken(format!("it does not say why it refuses {:?}: give a reason", silent.node));
    }
    let nodes: BTreeSet<_> = refused.iter().map(|one| &one.node).collect();
    if nodes.len() != refused.len() {
        return broken("it refuses a node twice: give one reason for each");
    }
    match ratings.iter().find(|rating| rating.score > BEST) {
        Some(NodeRating { node, score }) => {
            broken(format!("it gives {node:?} a score of {score}: give one of 0 to {BEST}"))
        }
        None => Ok(()),
    }
}

fn answers_stay(trial: &Trial<'_>) -> Result<(), Broken> {
    let (what, asked) = ("a pod and three nodes", ordinary());
    let mut run = instance(trial)?;
    let first = ask(&mut run, what, &asked)?;
    if first != ask(&mut run, what, &asked)? || first != ask(&mut instance(trial)?, what, &asked)? {
        return broken("of a pod it says another thing: decide by the pod and what was pushed");
    }
    Ok(())
}

fn worst_pods(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = instance(trial)?;
    for (name, text) in inputs::texts() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": text, "namespace": text, "labels": {"app": text}, "annotations": {"note": text}},
            "spec": {"nodeSelector": {"zone": text}, "containers": [{"name": text, "image": text}]},
        });
        ask(&mut run, &format!("a pod and a node of {name}"), &candidates(&pod, &[&text]))?;
    }
    for (what, pod) in [
        ("an object that has nothing", json!({})),
        ("a pod without a spec", json!({"metadata": {"name": "a"}})),
        ("a pod whose lists are null", json!({"metadata": {"labels": null}, "spec": {"containers": null}})),
        ("a pod of empty containers", json!({"metadata": {}, "spec": {"containers": [{}, {}]}})),
    ] {
        ask(&mut run, what, &candidates(&pod, &["node-1"]))?;
        ask(&mut run, &format!("{what}, and no node"), &candidates(&pod, &[]))?;
    }
    let broken = Candidates { pod: "{".into(), nodes: vec!["node-1".to_owned(); 2] };
    ask(&mut run, "what is no JSON, and a node twice", &broken).map(drop)
}

fn many_nodes(trial: &Trial<'_>) -> Result<(), Broken> {
    let nodes = (0..MANY).map(|node| format!("node-{node}")).collect();
    let asked = Candidates { nodes, ..ordinary() };
    ask(&mut instance(trial)?, &format!("{MANY} nodes"), &asked).map(drop)
}
