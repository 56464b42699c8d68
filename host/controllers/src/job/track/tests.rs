use expect_test::{Expect, expect};
use objects::tree::to_tree;
use objects::{Tree, tree};

use super::super::plan::plan;
use super::super::pods::Backoff;
use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1000).unwrap()
}

/// The status after the pods were looked at, in which nothing of the plan failed, and whose finalizers go.
fn check(spec: Tree, status: Tree, pods: &[Arc<Pod>], expected: &Expect) {
    let job = super::super::plan::tests::job(spec, status);
    let released = HashSet::new();
    let scene = Scene {
        job: &job,
        pods,
        released: &released,
        is_settled: true,
        backoff: Backoff::default(),
        now: now(),
    };
    let view = View::of(&scene);
    let plan = plan(&scene, &view);
    let done = Done {
        active: if view.ending.is_some() { 0 } else { view.active.len() },
        ready: 0,
        terminating: view.terminating,
        is_managed: plan.is_managed,
        is_ended: true,
    };
    let tracked = track(&scene, &view, done);
    let mut status = tracked.status.clone();
    status.start_time = None;
    for condition in status.conditions.iter_mut().flatten() {
        (condition.last_probe_time, condition.last_transition_time) = (None, None);
    }
    let release: Vec<&str> = tracked.release.iter().map(|pod| uid(pod)).collect();
    let events: String = tracked.events.iter().map(|(reason, _)| format!(" {reason}")).collect();
    let shown = format!("{} release {release:?}{events}", to_tree(&status).unwrap().to_json_string());
    expected.assert_eq(&shown);
}

fn pod(uid: &str, phase: &str) -> Arc<Pod> {
    super::super::plan::tests::pod(uid, phase, -1, tree!({}))
}

fn at(uid: &str, phase: &str, index: i32) -> Arc<Pod> {
    super::super::plan::tests::pod(uid, phase, index, tree!({}))
}

#[test]
fn the_uids_of_finished_pods_are_written_before_they_are_counted() {
    let pods = [pod("a", "Succeeded"), pod("b", "Failed"), pod("c", "Running")];
    check(
        tree!({ "completions": 3 }),
        tree!({}),
        &pods,
        &expect![[
            r#"{"active":1,"ready":0,"terminating":0,"uncountedTerminatedPods":{"failed":["b"],"succeeded":["a"]}} release ["a", "b"]"#
        ]],
    );
}

#[test]
fn those_whose_finalizer_is_gone_are_counted() {
    let uncounted = tree!({ "succeeded": ["a", "x"], "failed": ["y"] });
    let status = tree!({ "succeeded": 1, "uncountedTerminatedPods": uncounted });
    check(
        tree!({ "completions": 9 }),
        status,
        &[pod("a", "Succeeded")],
        &expect![[
            r#"{"failed":1,"ready":0,"succeeded":2,"terminating":0,"uncountedTerminatedPods":{"succeeded":["a"]}} release ["a"]"#
        ]],
    );
}

#[test]
fn a_success_of_an_index_counts_once_by_its_index() {
    let spec = tree!({ "completionMode": "Indexed", "completions": 4 });
    let pods =
        [at("a", "Succeeded", 1), at("b", "Succeeded", 1), at("c", "Succeeded", 3), at("d", "Failed", 9)];
    check(
        spec,
        tree!({ "completedIndexes": "0" }),
        &pods,
        &expect![[
            r#"{"completedIndexes":"0,1,3","ready":0,"succeeded":3,"terminating":0,"uncountedTerminatedPods":{}} release ["d", "a", "b", "c"]"#
        ]],
    );
}

#[test]
fn a_failed_pod_of_an_index_is_held_for_the_next_one() {
    let spec = tree!({ "completionMode": "Indexed", "backoffLimitPerIndex": 3, "backoffLimit": 100 });
    check(
        spec,
        tree!({}),
        &[at("a", "Failed", 0), at("b", "Running", 1)],
        &expect![[
            r#"{"active":1,"failedIndexes":"","ready":0,"terminating":0,"uncountedTerminatedPods":{}} release []"#
        ]],
    );
}

#[test]
fn a_job_that_fails_counts_what_it_ends_as_failed() {
    let pods = [pod("a", "Failed"), pod("b", "Running")];
    check(
        tree!({ "backoffLimit": 0 }),
        tree!({}),
        &pods,
        &expect![[
            r#"{"conditions":[{"message":"Job has reached the specified backoff limit","reason":"BackoffLimitExceeded","status":"True","type":"FailureTarget"}],"ready":0,"terminating":0,"uncountedTerminatedPods":{"failed":["a","b"]}} release ["a", "b"]"#
        ]],
    );
}

#[test]
fn a_job_with_enough_successes_says_so_first() {
    check(
        tree!({}),
        tree!({ "succeeded": 1 }),
        &[pod("a", "Succeeded")],
        &expect![[
            r#"{"conditions":[{"message":"Reached expected number of succeeded pods","reason":"CompletionsReached","status":"True","type":"SuccessCriteriaMet"}],"ready":0,"succeeded":1,"terminating":0,"uncountedTerminatedPods":{"succeeded":["a"]}} release ["a"]"#
        ]],
    );
}

#[test]
fn a_job_that_is_suspended_and_resumed_says_so() {
    check(
        tree!({ "suspend": true }),
        tree!({}),
        &[],
        &expect![[
            r#"{"conditions":[{"message":"Job suspended","reason":"JobSuspended","status":"True","type":"Suspended"}],"ready":0,"terminating":0,"uncountedTerminatedPods":{}} release [] Suspended"#
        ]],
    );
    let suspended = tree!({ "conditions": [{ "type": "Suspended", "status": "True" }] });
    check(
        tree!({}),
        suspended,
        &[],
        &expect![[
            r#"{"conditions":[{"message":"Job resumed","reason":"JobResumed","status":"False","type":"Suspended"}],"ready":0,"terminating":0,"uncountedTerminatedPods":{}} release [] Resumed"#
        ]],
    );
}

#[test]
fn a_job_is_finished_when_all_is_counted_and_nothing_terminates() {
    let ending = Ending { succeeded: true, reason: "r".to_owned(), message: "m".to_owned() };
    let mut status = JobStatus { terminating: Some(1), ..JobStatus::default() };
    assert!(!finish(&mut status, &ending, now()));
    status.terminating = Some(0);
    let uncounted = UncountedTerminatedPods { failed: Some(vec!["a".to_owned()]), succeeded: None };
    status.uncounted_terminated_pods = Some(uncounted);
    assert!(!finish(&mut status, &ending, now()));
    assert!(count_released(&mut status, &HashSet::new()));
    assert!(finish(&mut status, &ending, now()));
    assert_eq!((status.failed, status.completion_time.is_some()), (Some(1), true));
    assert_eq!(status.conditions.unwrap()[0].type_, COMPLETE);
}
