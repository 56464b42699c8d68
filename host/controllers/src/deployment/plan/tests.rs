use expect_test::{Expect, expect};
use objects::tree::from_tree;
use objects::{Tree, tree};

use super::super::sets::annotation;
use super::*;

fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

/// Of image `new`, observed, with no progress to tell of; `change` is merged into that.
fn deployment(replicas: i32, change: Tree) -> Deployment {
    let mut deployment = tree!({
        "metadata": { "name": "web", "namespace": "default", "uid": "d", "generation": 1 },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
            "revisionHistoryLimit": 1,
            "template": (template("new"))
        },
        "status": { "observedGeneration": 1 }
    });
    deployment.merge(&change);
    from_tree(&deployment).unwrap()
}

fn template(image: &str) -> Tree {
    tree!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "image": image }] }
    })
}

/// A set by its image: the replicas that it is to have, has, and has available; made in the order of `number`, which is
/// its revision too.
fn set(number: i64, image: &str, sizes: (i32, i32, i32), desired: i32, max: i32) -> Arc<ReplicaSet> {
    let mut set = tree!({
        "metadata": {
            "name": image, "uid": image, "generation": 1,
            "creationTimestamp": (format!("2026-01-01T00:00:{number:02}Z")),
            "annotations": { "deployment.kubernetes.io/revision": (number.to_string()) }
        },
        "spec": { "replicas": (sizes.0), "selector": {}, "template": (template(image)) },
        "status": { "observedGeneration": 1, "replicas": (sizes.1), "availableReplicas": (sizes.2) }
    });
    set.set_at(&["spec", "template", "metadata", "labels", TEMPLATE_HASH], image);
    set.set_at(&["metadata", "annotations", revision::DESIRED], desired.to_string());
    set.set_at(&["metadata", "annotations", revision::MAX], max.to_string());
    Arc::new(from_tree(&set).unwrap())
}

fn planned(deployment: &Deployment, sets: &[Arc<ReplicaSet>], busy: &[&str]) -> Plan {
    plan(&State {
        deployment,
        wish: Wish::of(deployment).unwrap(),
        sets: Sets::of(deployment, sets.to_vec()),
        busy: busy.iter().map(|uid| (*uid).to_owned()).collect(),
        now: now(),
    })
}

/// The step: sizes of sets, a set that is made, sets that are deleted.
fn check(deployment: &Deployment, sets: &[Arc<ReplicaSet>], busy: &[&str], expected: &str) {
    let plan = planned(deployment, sets, busy);
    let resized = plan.changes.iter().filter(|change| change.replicas != wanted(&change.set));
    let mut steps: Vec<_> =
        resized.map(|change| format!("{} to {}", name(&change.set), change.replicas)).collect();
    steps.extend(plan.create.iter().map(|set| format!("make {}", wanted(set))));
    steps.extend(plan.deletions.iter().map(|set| format!("delete {}", name(set))));
    assert_eq!(steps.join(", "), expected);
}

fn rolling(surge: impl Into<Tree>, unavailable: impl Into<Tree>) -> Tree {
    let (surge, unavailable) = (surge.into(), unavailable.into());
    tree!({ "spec": { "strategy": { "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } } } })
}

#[test]
fn the_new_set_has_no_more_than_the_surge_beside_the_old() {
    check(&deployment(10, rolling("25%", 0)), &[], &[], "make 10");
    let old = set(1, "old", (10, 10, 10), 10, 13);
    check(&deployment(10, rolling("25%", 0)), &[old.clone()], &[], "make 3");
    check(&deployment(10, rolling(0, 1)), &[old], &[], "make 0");
}

#[test]
fn old_pods_go_as_new_ones_are_available() {
    let sets = |old, new| [set(1, "old", old, 10, 12), set(2, "new", new, 10, 12)];
    let by_two = deployment(10, rolling(2, 2));
    check(&by_two, &sets((10, 10, 10), (2, 2, 0)), &[], "old to 8");
    check(&by_two, &sets((8, 8, 8), (2, 2, 2)), &[], "new to 4");
    check(&by_two, &sets((8, 8, 8), (4, 4, 2)), &[], "old to 6");
    check(&by_two, &sets((8, 8, 8), (4, 4, 0)), &[], "");
    check(&by_two, &sets((0, 0, 0), (10, 10, 10)), &[], "");
}

#[test]
fn old_pods_that_are_not_available_go_first() {
    let sets = [
        set(1, "old", (5, 5, 5), 10, 12),
        set(2, "broken", (4, 4, 0), 10, 12),
        set(3, "new", (3, 3, 3), 10, 12),
    ];
    check(&deployment(10, rolling(2, 2)), &sets, &[], "broken to 0");
}

#[test]
fn without_any_leeway_one_pod_may_be_missing() {
    let sets = [set(1, "old", (3, 3, 3), 3, 3), set(2, "new", (0, 0, 0), 3, 3)];
    check(&deployment(3, rolling(0, "1%")), &sets, &[], "old to 2");
}

#[test]
fn recreating_waits_for_the_last_old_pod() {
    let recreate =
        deployment(3, tree!({ "spec": { "strategy": { "type": "Recreate", "rollingUpdate": null } } }));
    check(&recreate, &[set(1, "old", (3, 3, 3), 3, 3)], &["old"], "old to 0");
    check(&recreate, &[set(1, "old", (0, 1, 1), 3, 3)], &[], "");
    check(&recreate, &[set(1, "old", (0, 0, 0), 3, 3)], &["old"], "");
    check(&recreate, &[set(1, "old", (0, 0, 0), 3, 3)], &[], "make 3");
    let new = set(2, "new", (0, 0, 0), 3, 3);
    check(&recreate, &[set(1, "old", (0, 0, 0), 3, 3), new], &["new"], "new to 3");
}

#[test]
fn a_scaling_amid_a_rollout_goes_to_all_sets_in_proportion() {
    let sets = [set(1, "old", (8, 8, 8), 10, 12), set(2, "new", (4, 4, 2), 10, 12)];
    check(&deployment(20, rolling(2, 2)), &sets, &[], "old to 15, new to 7");
    check(&deployment(5, rolling(2, 2)), &sets, &[], "old to 5, new to 2");
    check(&deployment(0, rolling(2, 2)), &sets, &[], "old to 0, new to 0");
    check(&deployment(20, rolling(2, 2)), &[set(1, "new", (10, 10, 10), 10, 12)], &[], "new to 20");
}

#[test]
fn a_paused_deployment_is_scaled_and_not_rolled() {
    let paused =
        |replicas| deployment(replicas, tree!({ "spec": { "paused": true, "progressDeadlineSeconds": 60 } }));
    check(&paused(3), &[set(1, "old", (3, 3, 3), 3, 4)], &[], "");
    check(&paused(5), &[set(1, "old", (3, 3, 3), 3, 4)], &[], "old to 5");
    let status = planned(&paused(3), &[], &[]).status;
    let condition = conditions::find(status.conditions.as_deref().unwrap(), PROGRESSING).cloned().unwrap();
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_deref()),
        ("Unknown", Some("DeploymentPaused"))
    );
}

#[test]
fn sets_beyond_the_history_are_deleted_once_the_rollout_is_over() {
    let sets = [
        set(1, "a", (0, 0, 0), 2, 3),
        set(2, "b", (0, 0, 0), 2, 3),
        set(3, "c", (0, 1, 0), 2, 3),
        set(4, "new", (2, 2, 2), 2, 3),
    ];
    let done = tree!({ "status": { "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 } });
    check(&deployment(2, done.clone()), &sets, &[], "delete a, delete b");
    check(&deployment(2, tree!({})), &sets, &[], "");
    let mut unlimited = done;
    unlimited.set_at(&["spec", "revisionHistoryLimit"], i32::MAX);
    check(&deployment(2, unlimited), &sets, &[], "");
}

#[test]
fn going_back_to_a_set_makes_it_the_newest_revision_and_remembers_the_old_one() {
    let sets = [set(1, "new", (0, 0, 0), 1, 2), set(4, "old", (1, 1, 1), 1, 2)];
    let given = tree!({ "metadata": { "annotations": {
        "kubernetes.io/change-cause": "undo", "deployment.kubernetes.io/revision": "4"
    } } });
    let plan = planned(&deployment(1, given), &sets, &[]);
    let change = plan.changes.iter().find(|change| name(&change.set) == "new").unwrap();
    let annotations: Vec<_> =
        change.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    expect![[r#"
        deployment.kubernetes.io/revision=5
        deployment.kubernetes.io/revision-history=1
        kubernetes.io/change-cause=undo"#]]
    .assert_eq(&annotations.join("\n"));
    assert_eq!(plan.revision.as_deref(), Some("5"));
}

#[test]
fn a_set_is_made_of_the_template_with_a_hash_of_its_own() {
    let given = tree!({ "spec": { "minReadySeconds": 5 }, "status": { "collisionCount": 1 } });
    let set = planned(&deployment(3, given), &[set(4, "old", (0, 0, 0), 3, 4)], &[]).create.unwrap();
    let hash = set.metadata.labels.as_ref().unwrap()[TEMPLATE_HASH].clone();
    assert_eq!(name(&set), format!("web-{hash}"));
    let spec = set.spec.as_ref().unwrap();
    assert_eq!(spec.min_ready_seconds, Some(5));
    assert_eq!(spec.selector.match_labels.as_ref().unwrap()[TEMPLATE_HASH], hash);
    assert_eq!(spec.template.as_ref().unwrap().metadata.as_ref().unwrap().labels, set.metadata.labels);
    assert_eq!(annotation(&set, revision::REVISION), Some("5"));
    assert_eq!(
        (annotation(&set, revision::DESIRED), annotation(&set, revision::MAX)),
        (Some("3"), Some("4"))
    );
    let other = planned(&deployment(3, tree!({})), &[], &[]).create.unwrap();
    assert_ne!(name(&set), name(&other));
}

/// The conditions of a Deployment of two replicas with a deadline of a minute, whose progress was last told so many
/// seconds ago for a reason, and when it is to be looked at.
fn check_progress(reason: &str, ago: i64, status: Tree, new: (i32, i32, i32), expected: &Expect) {
    let told = Timestamp::from_second(now().as_second() - ago).unwrap().to_string();
    let progressing = tree!([{
        "type": "Progressing", "status": "True", "reason": reason,
        "lastUpdateTime": (told.clone()), "lastTransitionTime": (told)
    }]);
    let mut given = tree!({
        "spec": { "progressDeadlineSeconds": 60 },
        "status": { "conditions": progressing }
    });
    given.merge(&tree!({ "status": status }));
    let deployment = deployment(2, given);
    let status = planned(&deployment, &[set(1, "new", new, 2, 3)], &[]).status;
    let rows = status.conditions.iter().flatten().map(|condition| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (reason, message) = (text(&condition.reason), text(&condition.message));
        format!("{} {} {reason}: {message}\n", condition.type_, condition.status)
    });
    let rows: String = rows.collect();
    let look = progress::next_look(&Wish::of(&deployment).unwrap(), &status, now());
    expected.assert_eq(&format!("{rows}look: {look:?}"));
}

#[test]
fn a_rollout_is_progressing_until_it_is_complete_or_its_deadline_passes() {
    check_progress(
        "NewReplicaSetCreated",
        30,
        tree!({}),
        (2, 1, 0),
        &expect![[r#"
        Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.
        Progressing True ReplicaSetUpdated: ReplicaSet "new" is progressing.
        look: Some(61s)"#]],
    );
    let told = tree!({ "replicas": 2, "updatedReplicas": 2 });
    check_progress(
        "ReplicaSetUpdated",
        30,
        told.clone(),
        (2, 2, 0),
        &expect![[r#"
        Progressing True ReplicaSetUpdated: 
        Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.
        look: Some(31s)"#]],
    );
    check_progress(
        "ReplicaSetUpdated",
        61,
        told.clone(),
        (2, 2, 0),
        &expect![[r#"
        Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.
        Progressing False ProgressDeadlineExceeded: ReplicaSet "new" has timed out progressing.
        look: None"#]],
    );
    check_progress(
        "ReplicaSetUpdated",
        61,
        told.clone(),
        (2, 2, 2),
        &expect![[r#"
        Available True MinimumReplicasAvailable: Deployment has minimum availability.
        Progressing True NewReplicaSetAvailable: ReplicaSet "new" has successfully progressed.
        look: None"#]],
    );
    // A pod that is lost later is no rollout.
    check_progress(
        "NewReplicaSetAvailable",
        3600,
        told,
        (2, 2, 1),
        &expect![[r#"
        Progressing True NewReplicaSetAvailable: 
        Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.
        look: None"#]],
    );
}
