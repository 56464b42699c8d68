use objects::tree::from_tree;
use objects::{Tree, meta, tree};

use super::*;

const NOW: i64 = 1000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// A job whose spec and status are completed by these.
pub(crate) fn job(spec: Tree, status: Tree) -> Job {
    let mut job = tree!({
        "metadata": { "name": "pi", "namespace": "web", "uid": "job" },
        "spec": { "parallelism": 2, "completions": 2, "backoffLimit": 6, "template": { "spec": { "containers": [] } } },
        "status": { "startTime": (meta::rfc3339(Timestamp::from_second(900).unwrap())) }
    });
    job.merge(&tree!({ "spec": spec, "status": status }));
    from_tree(&job).unwrap()
}

/// A tracked pod in a phase, of an index if that is not negative.
pub(crate) fn pod(uid: &str, phase: &str, index: i32, annotations: Tree) -> Arc<Pod> {
    let mut pod = tree!({
        "metadata": { "name": uid, "namespace": "web", "uid": uid, "finalizers": [TRACKING], "annotations": {} },
        "status": { "phase": phase }
    });
    if index >= 0 {
        pod.set_at(
            &["metadata", "annotations", "batch.kubernetes.io/job-completion-index"],
            index.to_string(),
        );
    }
    if matches!(phase, "Failed" | "Succeeded") {
        let ended = meta::rfc3339(Timestamp::from_second(NOW - 60).unwrap());
        let state = tree!({ "terminated": { "exitCode": 1, "finishedAt": ended } });
        pod.merge(&tree!({ "status": { "containerStatuses": [{ "name": "c", "state": state }] } }));
    }
    pod.merge(&tree!({ "metadata": { "annotations": annotations } }));
    Arc::new(from_tree(&pod).unwrap())
}

const TRACKING: &str = super::super::pods::TRACKING;

fn names(pods: &[Arc<Pod>]) -> String {
    pods.iter().map(|pod| uid(pod)).collect::<Vec<_>>().join(" ")
}

/// The action in words, and what is due later.
fn planned(job: &Job, pods: &[Arc<Pod>], is_settled: bool) -> String {
    let released = HashSet::new();
    let scene = Scene { job, pods, released: &released, is_settled, backoff: Backoff::default(), now: now() };
    let view = View::of(&scene);
    let plan = plan(&scene, &view);
    let action = match plan.action {
        Action::Nothing => "nothing".to_owned(),
        Action::End(pods) => {
            let ending = view.ending.map(|ending| ending.reason).unwrap_or_default();
            format!("end by {ending}: {}", names(&pods))
        }
        Action::Delete(pods) => format!("delete {}", names(&pods)),
        Action::Create(creations) => {
            let creations = creations.iter().map(|one| match (one.index, one.failures) {
                (None, _) => "pod".to_owned(),
                (Some(index), None) => index.to_string(),
                (Some(index), Some((counted, ignored))) => format!("{index}({counted},{ignored})"),
            });
            format!("create {}", creations.collect::<Vec<_>>().join(" "))
        }
    };
    plan.again.map_or(action.clone(), |again| format!("{action}, again in {again:?}"))
}

fn check(spec: Tree, status: Tree, pods: &[Arc<Pod>], expected: &str) {
    assert_eq!(planned(&job(spec, status), pods, true), expected);
}

fn plain(uid: &str, phase: &str) -> Arc<Pod> {
    pod(uid, phase, -1, tree!({}))
}

#[test]
fn as_many_run_as_may_and_as_are_still_needed() {
    check(tree!({}), tree!({}), &[], "create pod pod");
    check(tree!({ "parallelism": 5 }), tree!({}), &[plain("a", "Running")], "create pod");
    check(tree!({}), tree!({ "succeeded": 1 }), &[plain("a", "Running")], "nothing");
    check(
        tree!({ "parallelism": 1 }),
        tree!({}),
        &[plain("a", "Running"), plain("b", "Pending")],
        "delete b",
    );
    check(tree!({ "parallelism": 0 }), tree!({}), &[plain("a", "Running")], "delete a");
    let queue = || tree!({ "completions": null, "parallelism": 3 });
    check(queue(), tree!({}), &[plain("a", "Running")], "create pod pod");
    check(queue(), tree!({}), &[plain("a", "Running"), plain("b", "Succeeded")], "nothing");
}

#[test]
fn nothing_is_made_while_what_was_made_is_not_seen() {
    assert_eq!(planned(&job(tree!({}), tree!({})), &[], false), "nothing");
}

#[test]
fn a_suspended_job_runs_nothing() {
    let suspended = || tree!({ "suspend": true, "activeDeadlineSeconds": 10 });
    check(suspended(), tree!({}), &[], "nothing");
    check(suspended(), tree!({}), &[plain("a", "Running")], "delete a");
}

#[test]
fn a_job_ends_by_too_many_failures_and_after_its_time() {
    let limit = || tree!({ "backoffLimit": 1 });
    let pods = [plain("a", "Failed"), plain("b", "Running")];
    check(limit(), tree!({ "failed": 1 }), &pods, "end by BackoffLimitExceeded: b");
    check(limit(), tree!({}), &pods, "create pod");
    check(tree!({ "activeDeadlineSeconds": 100 }), tree!({}), &pods, "end by DeadlineExceeded: b");
    let later = "create pod, again in 50s";
    check(tree!({ "activeDeadlineSeconds": 150 }), tree!({}), &pods, later);
}

#[test]
fn a_pod_after_a_failed_one_waits() {
    let recent = tree!({ "status": { "containerStatuses": [{ "name": "c", "state": { "terminated": {
        "exitCode": 1, "finishedAt": (meta::rfc3339(Timestamp::from_second(NOW - 4).unwrap()))
    } } }] } });
    let mut failed = objects::tree::to_tree(&tree!({
        "metadata": { "name": "a", "uid": "a", "finalizers": [TRACKING] }, "status": { "phase": "Failed" }
    }))
    .unwrap();
    failed.merge(&recent);
    let failed: Arc<Pod> = Arc::new(from_tree(&failed).unwrap());
    check(tree!({}), tree!({}), &[failed], "nothing, again in 6s");
}

#[test]
fn restarts_in_place_count_as_failures() {
    let running: Arc<Pod> = Arc::new(
        from_tree(&tree!({
            "metadata": { "name": "a", "uid": "a" },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "c", "restartCount": 3 }] }
        }))
        .unwrap(),
    );
    let spec = |limit: i32| tree!({ "backoffLimit": limit, "template": { "spec": { "restartPolicy": "OnFailure" } } });
    check(spec(3), tree!({}), std::slice::from_ref(&running), "end by BackoffLimitExceeded: a");
    check(spec(4), tree!({}), &[running], "create pod");
}

#[test]
fn a_policy_may_end_a_job_or_forgive_a_failure() {
    let policy = |action: &str| {
        let rule = tree!({ "action": action, "onExitCodes": { "operator": "In", "values": [1] } });
        tree!({ "backoffLimit": 0, "podFailurePolicy": { "rules": [rule] } })
    };
    let pods = [plain("a", "Failed"), plain("b", "Running")];
    check(policy("FailJob"), tree!({}), &pods, "end by PodFailurePolicy: b");
    check(policy("Ignore"), tree!({}), &pods, "create pod");
    check(policy("Count"), tree!({}), &pods, "end by BackoffLimitExceeded: b");
}

#[test]
fn what_was_told_is_how_it_ends() {
    let told = |kind: &str, reason: &str| tree!({ "conditions": [{ "type": kind, "status": "True", "reason": reason }] });
    let pods = [plain("a", "Running")];
    check(tree!({}), told(FAILURE_TARGET, "Because"), &pods, "end by Because: a");
    check(tree!({}), told(SUCCESS_CRITERIA_MET, "Enough"), &pods, "end by Enough: a");
}

fn indexed(change: Tree) -> Tree {
    let mut spec = tree!({ "completionMode": "Indexed", "completions": 4, "parallelism": 3 });
    spec.merge(&change);
    spec
}

fn at(uid: &str, phase: &str, index: i32) -> Arc<Pod> {
    pod(uid, phase, index, tree!({}))
}

#[test]
fn indexes_that_neither_run_nor_are_done_get_pods() {
    check(indexed(tree!({})), tree!({}), &[], "create 0 1 2");
    check(indexed(tree!({})), tree!({ "completedIndexes": "0,2" }), &[at("a", "Running", 1)], "create 3");
    let twice = [at("a", "Running", 0), at("b", "Pending", 0), at("c", "Running", 9)];
    check(indexed(tree!({})), tree!({}), &twice, "delete c b");
}

#[test]
fn an_index_fails_alone() {
    let limit = |limit: i32| indexed(tree!({ "backoffLimitPerIndex": limit, "backoffLimit": 100 }));
    let failed = [at("a", "Failed", 0), at("b", "Running", 1)];
    check(limit(0), tree!({}), &failed, "create 2(0,0) 3(0,0)");
    check(limit(1), tree!({}), &failed, "create 0(1,0) 2(0,0)");
    let over = tree!({ "completedIndexes": "2,3", "failedIndexes": "1" });
    check(limit(0), over, &[at("a", "Failed", 0)], "end by FailedIndexes: ");
    let most = indexed(tree!({ "backoffLimitPerIndex": 0, "backoffLimit": 100, "maxFailedIndexes": 0 }));
    check(most, tree!({}), &failed, "end by MaxFailedIndexesExceeded: b");
}

#[test]
fn the_failures_of_an_index_are_handed_on() {
    let spec = indexed(tree!({ "backoffLimitPerIndex": 9, "backoffLimit": 100, "parallelism": 1 }));
    let before = tree!({ "batch.kubernetes.io/job-index-failure-count": "2" });
    // After three failures the next pod waits forty seconds; these are over.
    check(spec, tree!({}), &[pod("a", "Failed", 0, before)], "create 0(3,0)");
}

#[test]
fn enough_successes_are_enough() {
    let spec = indexed(tree!({ "successPolicy": { "rules": [{ "succeededIndexes": "1" }] } }));
    check(spec, tree!({ "completedIndexes": "1" }), &[at("a", "Running", 0)], "end by SuccessPolicy: a");
}

#[test]
fn a_pod_that_goes_is_replaced_at_once_or_once_it_is_gone() {
    let going = |uid: &str| -> Arc<Pod> {
        let mut pod = (*plain(uid, "Running")).clone();
        pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            Timestamp::from_second(NOW - 60).unwrap(),
        ));
        Arc::new(pod)
    };
    let pods = [going("a"), plain("b", "Running")];
    check(tree!({}), tree!({}), &pods, "create pod");
    check(tree!({ "podReplacementPolicy": "Failed" }), tree!({}), &pods, "nothing");
}
