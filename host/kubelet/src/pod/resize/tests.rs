//! What is given, how it is had, and what is told of it.

use cri::SandboxState;
use expect_test::expect;

use super::*;
use crate::pod::fixture::{at, pod, running, sandbox};
use crate::pod::memory::{Memory, Standing};
use crate::pod::observed::Observed;

fn amounts(text: &str) -> ResourceRequirements {
    serde_json::from_str(text).unwrap()
}

fn spec(resources: &str, policy: &str) -> String {
    format!(r#"{{"containers":[{{"name":"c","resources":{resources},"resizePolicy":{policy}}}]}}"#)
}

/// How a container that was told of `told` gets what the pod was given.
fn way(told: &str, given: &str, policy: &str) -> Option<Way> {
    let (pod, mut memory) = (pod(&spec(given, policy)), Memory::default());
    let life = running("c", 0);
    memory.resize.told.insert(life.id.clone(), amounts(told));
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], vec![life.clone()]);
    let look =
        Look { pod: &pod, standing: Standing::Wanted, observed: &observed, memory: &memory, now: at(3) };
    due(look, &pod.containers()[0], &life)
}

#[test]
fn amounts_change_in_place_unless_their_policy_says_otherwise() {
    const MEMORY: &str = r#"[{"resourceName":"memory","restartPolicy":"RestartContainer"},
        {"resourceName":"cpu","restartPolicy":"NotRequired"}]"#;
    let cpu = r#"{"limits":{"cpu":"1"}}"#;
    assert_eq!(way(cpu, r#"{"limits":{"cpu":"1000m"}}"#, "[]"), None);
    assert_eq!(way(cpu, r#"{"limits":{"cpu":"2"}}"#, MEMORY), Some(Way::InPlace));
    assert_eq!(way(cpu, r#"{"limits":{"cpu":"2","memory":"1Gi"}}"#, MEMORY), Some(Way::Restart));
    assert_eq!(way(cpu, r#"{"limits":{"cpu":"1"},"requests":{"cpu":"500m"}}"#, "[]"), Some(Way::InPlace));
}

#[test]
fn what_the_node_has_not_is_refused_or_waited_for() {
    let of = |wanted: &str, used: &str| {
        let read = |text: &str| Amounts::read(Some(&Tree::from_json(text.as_bytes()).unwrap()));
        let node = BTreeMap::from([("cpu", "2".parse().unwrap()), ("memory", "1Ki".parse().unwrap())]);
        obstacle(&read(wanted), &read(used), &node).map(|why| format!("{}: {}", why.reason, why.message))
    };
    assert_eq!(of(r#"{"cpu":"2","memory":"1Ki"}"#, "{}"), None);
    expect!["Infeasible: Node didn't have enough capacity: cpu, requested: 2500, capacity: 2000"]
        .assert_eq(&of(r#"{"cpu":"2500m"}"#, "{}").unwrap());
    expect!["Infeasible: Node didn't have enough capacity: memory, requested: 2048, capacity: 1024"]
        .assert_eq(&of(r#"{"cpu":"9","memory":"2Ki"}"#, "{}").unwrap());
    expect!["Deferred: Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000"]
        .assert_eq(&of(r#"{"cpu":"1500m"}"#, r#"{"cpu":"600m"}"#).unwrap());
}

#[test]
fn a_later_kubelet_knows_what_was_given() {
    let mut pod = pod(&spec(r#"{"limits":{"cpu":"2"},"requests":{"cpu":"2"}}"#, "[]"));
    assert_eq!(given_before(&pod), asked(&pod));
    let status = r#"{"containerStatuses":[{"name":"c","image":"","imageID":"","ready":true,"restartCount":0,
        "containerID":"containerd://c0","allocatedResources":{"cpu":"1"},
        "resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}}}]}"#;
    pod.status = Some(serde_json::from_str(status).unwrap());
    let one = amounts(r#"{"limits":{"cpu":"1"},"requests":{"cpu":"1"}}"#);
    assert_eq!(given_before(&pod), Given::from([("c".to_owned(), one.clone())]));
    let given = with_given(&pod, &given_before(&pod));
    assert_eq!(given.containers()[0].resources, Some(one.clone()));
    assert_eq!(had(&pod, &pod.containers()[0], &running("c", 0).id), one);
    assert_eq!(had(&pod, &pod.containers()[0], &running("c", 1).id), asked(&pod)["c"]);
}

#[test]
fn an_event_tells_of_all_amounts() {
    let pod = pod(&spec(r#"{"limits":{"cpu":"2"}}"#, "[]"));
    expect![[
        r#"Pod resize error: {"containers":[{"name":"c","resources":{"limits":{"cpu":"2"}}}],"generation":1,"error":"no"}"#
    ]]
    .assert_eq(&summary("Pod resize error", &pod, "no"));
}
