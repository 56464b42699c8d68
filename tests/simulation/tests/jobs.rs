//! Jobs run to their end, well or not, and what they count is right whatever is lost on the way.

use std::time::Duration;

use client::{DeleteOptions, Propagation};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use objects::{Tree, meta, tree};
use simulation::{Rates, Script, Setup, World};

/// A job whose pods exit by a code.
fn job(name: &str, exit: &str, spec: Tree) -> Tree {
    let mut job = tree!({
        "metadata": { "name": name },
        "spec": { "template": {
            "metadata": { "annotations": {} },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] }
        } }
    });
    if !exit.is_empty() {
        job.set_at(&["spec", "template", "metadata", "annotations", Script::EXIT], exit);
    }
    job.merge(&tree!({ "spec": spec }));
    job
}

fn condition(job: &Tree, kind: &str) -> Option<String> {
    let conditions = job.items_at(&["status", "conditions"]);
    let is_it = |one: &&Tree| one.str_at(&["type"]) == Some(kind) && one.str_at(&["status"]) == Some("True");
    conditions.iter().find(is_it).map(|one| one.str_at(&["reason"]).unwrap_or_default().to_owned())
}

async fn ended(world: &World, name: &str, kind: &str) -> Tree {
    world.until_object::<Job>(name, &format!("{name} is {kind}"), |job| condition(job, kind).is_some()).await
}

fn count(job: &Tree, name: &str) -> i64 {
    job.i64_at(&["status", name]).unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_and_its_pods_are_let_go() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "0", tree!({ "completions": 5, "parallelism": 2 }))).await;
    let done = ended(&world, "pi", "Complete").await;
    assert_eq!(condition(&done, "Complete").as_deref(), Some("CompletionsReached"));
    assert_eq!((count(&done, "succeeded"), count(&done, "failed"), count(&done, "active")), (5, 0, 0));
    assert!(done.str_at(&["status", "completionTime"]).is_some());
    let pods = world.list::<Pod>("batch.kubernetes.io/job-name=pi").await;
    assert_eq!(pods.len(), 5);
    assert!(pods.iter().all(|pod| meta::finalizers(pod).next().is_none()));
    let completed = |event: &Tree| event.str_at(&["reason"]) == Some("Completed");
    world.until_count::<Event>("", 1, "the event", completed).await;
}

#[tokio::test(start_paused = true)]
async fn an_indexed_job_runs_each_index_once() {
    let world = World::start().await;
    let spec = tree!({ "completions": 4, "parallelism": 3, "completionMode": "Indexed" });
    world.create::<Job>(job("pi", "0", spec)).await;
    let done = ended(&world, "pi", "Complete").await;
    assert_eq!(done.str_at(&["status", "completedIndexes"]), Some("0-3"));
    let pods = world.list::<Pod>("").await;
    let mut indexes: Vec<&str> =
        pods.iter().filter_map(|pod| meta::label(pod, "batch.kubernetes.io/job-completion-index")).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, ["0", "1", "2", "3"]);
    let first = pods.iter().find(|pod| meta::name(pod).starts_with("pi-0-")).expect("names have the index");
    assert_eq!(first.str_at(&["spec", "hostname"]), Some("pi-0"));
}

#[tokio::test(start_paused = true)]
async fn a_job_fails_after_its_backoff_limit() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "1", tree!({ "backoffLimit": 2 }))).await;
    let done = ended(&world, "pi", "Failed").await;
    assert_eq!(condition(&done, "Failed").as_deref(), Some("BackoffLimitExceeded"));
    assert_eq!(condition(&done, "FailureTarget").as_deref(), Some("BackoffLimitExceeded"));
    assert_eq!(count(&done, "failed"), 3);
}

#[tokio::test(start_paused = true)]
async fn indexes_fail_alone_until_all_are_over() {
    let world = World::start().await;
    let spec = tree!({
        "completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1
    });
    world.create::<Job>(job("pi", "1", spec)).await;
    let done = ended(&world, "pi", "Failed").await;
    assert_eq!(condition(&done, "Failed").as_deref(), Some("FailedIndexes"));
    assert_eq!(done.str_at(&["status", "failedIndexes"]), Some("0,1"));
    assert_eq!(count(&done, "failed"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_job_past_its_deadline_ends_what_runs() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "", tree!({ "activeDeadlineSeconds": 30, "parallelism": 2 }))).await;
    let done = ended(&world, "pi", "Failed").await;
    assert_eq!(condition(&done, "Failed").as_deref(), Some("DeadlineExceeded"));
    world.until_count::<Pod>("", 0, "the pods are gone", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_fails_the_job_at_once() {
    let world = World::start().await;
    let rule = tree!({ "action": "FailJob", "onExitCodes": { "operator": "In", "values": [42] } });
    world.create::<Job>(job("pi", "42", tree!({ "podFailurePolicy": { "rules": [rule] } }))).await;
    let done = ended(&world, "pi", "Failed").await;
    assert_eq!(condition(&done, "Failed").as_deref(), Some("PodFailurePolicy"));
    assert_eq!(count(&done, "failed"), 1);
}

#[tokio::test(start_paused = true)]
async fn enough_successes_end_the_others() {
    let world = World::start().await;
    let spec = tree!({
        "completions": 3, "parallelism": 3, "completionMode": "Indexed",
        "successPolicy": { "rules": [{ "succeededCount": 1 }] }
    });
    let mut job = job("pi", "0", spec);
    job.set_at(&["spec", "template", "metadata", "annotations", Script::EXIT_AFTER], "60");
    world.create::<Job>(job).await;
    let done = ended(&world, "pi", "Complete").await;
    assert_eq!(condition(&done, "SuccessCriteriaMet").as_deref(), Some("SuccessPolicy"));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_suspended_and_resumed() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "", tree!({ "parallelism": 2, "completions": 2 }))).await;
    world.until_count::<Pod>("", 2, "the pods run", |_| true).await;
    world.patch::<Job>("pi", tree!({ "spec": { "suspend": true } })).await;
    world.until_count::<Pod>("", 0, "the pods are gone", |_| true).await;
    let is_suspended = |job: &Tree| condition(job, "Suspended").is_some();
    let job = world.until_object::<Job>("pi", "it says so", is_suspended).await;
    assert_eq!((count(&job, "failed"), count(&job, "active")), (0, 0));
    world.patch::<Job>("pi", tree!({ "spec": { "suspend": false } })).await;
    world.until_count::<Pod>("", 2, "the pods run again", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn another_controllers_job_is_left_alone() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "0", tree!({ "managedBy": "example.com/mine" }))).await;
    world.rest(Duration::from_secs(60)).await;
    assert!(world.list::<Pod>("").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_deleted_job_go_though_nobody_counts_them() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "", tree!({ "parallelism": 2, "completions": 2 }))).await;
    world.until_count::<Pod>("", 2, "the pods run", |_| true).await;
    let background =
        DeleteOptions { propagation_policy: Some(Propagation::Background), ..DeleteOptions::default() };
    world.delete::<Job>("pi", &background).await;
    world.until_count::<Pod>("", 0, "the pods are gone", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_goes_with_its_pods_when_its_time_is_over() {
    let world = World::start().await;
    world.create::<Job>(job("pi", "0", tree!({ "ttlSecondsAfterFinished": 100 }))).await;
    ended(&world, "pi", "Complete").await;
    world.rest(Duration::from_secs(50)).await;
    assert!(world.find::<Job>("pi").await.is_some());
    let gone = || async { world.find::<Job>("pi").await.is_none().then_some(()) };
    world.until("the job is gone", gone).await;
    world.until_count::<Pod>("", 0, "its pods are gone", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn every_pod_is_counted_once_though_requests_are_lost() {
    let faults = Rates { conflicts: 100, losses: 100, closed_watches: 200 };
    for seed in 1..=3 {
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        let spec = tree!({ "completions": 6, "parallelism": 3 });
        world.create::<Job>(job("good", "0", spec)).await;
        world.create::<Job>(job("bad", "1", tree!({ "backoffLimit": 2 }))).await;
        let good = ended(&world, "good", "Complete").await;
        let bad = ended(&world, "bad", "Failed").await;
        // An answer that is lost may have made a pod that nobody waits for.
        assert!(count(&good, "succeeded") >= 6, "seed {seed}");
        assert!(count(&bad, "failed") >= 3, "seed {seed}");
        let pods = world.list::<Pod>("batch.kubernetes.io/job-name=good").await;
        let ended = pods.iter().filter(|pod| pod.str_at(&["status", "phase"]) == Some("Succeeded")).count();
        assert_eq!(count(&good, "succeeded"), i64::try_from(ended).unwrap(), "seed {seed}");
    }
}
