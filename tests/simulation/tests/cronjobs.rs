//! CronJobs start their jobs when they are due, and keep as few as they are told.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{CronJob, Job};
use objects::{Tree, meta, tree};
use simulation::{Rates, Script, Setup, World};

/// A cron job of every minute whose pods exit after so many seconds.
fn cron(name: &str, exit_after: &str, spec: Tree) -> Tree {
    let mut cron = tree!({
        "metadata": { "name": name },
        "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": { "template": {
            "metadata": { "annotations": {} },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] }
        } } } }
    });
    let annotations = ["spec", "jobTemplate", "spec", "template", "metadata", "annotations"];
    let annotations = cron.make(&annotations);
    annotations.insert(Script::EXIT, "0");
    annotations.insert(Script::EXIT_AFTER, exit_after);
    cron.merge(&tree!({ "spec": spec }));
    cron
}

async fn jobs(world: &World) -> Vec<Tree> {
    world.list::<Job>("").await
}

fn is_done(job: &Tree) -> bool {
    job.str_at(&["status", "completionTime"]).is_some()
}

#[tokio::test(start_paused = true)]
async fn a_job_is_started_every_minute_and_the_oldest_go() {
    let world = World::start().await;
    world.create::<CronJob>(cron("tick", "5", tree!({ "successfulJobsHistoryLimit": 2 }))).await;
    let told = |cron: &Tree| cron.str_at(&["status", "lastSuccessfulTime"]).is_some();
    world.until_object::<CronJob>("tick", "a job has succeeded", told).await;
    world.rest(Duration::from_secs(300)).await;
    let found = jobs(&world).await;
    assert!((2..=3).contains(&found.len()), "{} jobs", found.len());
    let first = &found[0];
    assert!(meta::name(first).starts_with("tick-"));
    assert!(meta::annotation(first, "batch.kubernetes.io/cronjob-scheduled-timestamp").is_some());
    assert_eq!(meta::controller_of(first).map(|owner| owner.kind), Some("CronJob"));
}

#[tokio::test(start_paused = true)]
async fn policies_say_whether_jobs_run_beside_each_other() {
    for (policy, running) in [("Allow", 3), ("Forbid", 1), ("Replace", 1)] {
        let world = World::start().await;
        let spec = tree!({ "concurrencyPolicy": policy });
        world.create::<CronJob>(cron("tick", "1000", spec)).await;
        world.until("the first job", || async { (!jobs(&world).await.is_empty()).then_some(()) }).await;
        let first = meta::name(&jobs(&world).await[0]).to_owned();
        world.rest(Duration::from_secs(125)).await;
        let found = jobs(&world).await;
        assert_eq!(found.iter().filter(|job| !is_done(job)).count(), running, "{policy}");
        let is_kept = found.iter().any(|job| meta::name(job) == first);
        assert_eq!(is_kept, policy != "Replace", "{policy}");
        let cron = world.find::<CronJob>("tick").await.unwrap();
        assert_eq!(cron.items_at(&["status", "active"]).len(), running, "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_cron_job_and_one_that_never_comes_start_nothing() {
    let world = World::start().await;
    world.create::<CronJob>(cron("asleep", "5", tree!({ "suspend": true }))).await;
    world.create::<CronJob>(cron("never", "5", tree!({ "schedule": "0 0 30 2 *" }))).await;
    world.rest(Duration::from_secs(600)).await;
    assert!(jobs(&world).await.is_empty());
    world.patch::<CronJob>("asleep", tree!({ "spec": { "suspend": false } })).await;
    world.until("it wakes", || async { (!jobs(&world).await.is_empty()).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_starts_one_job_though_requests_are_lost() {
    let faults = Rates { conflicts: 100, losses: 100, closed_watches: 200 };
    for seed in 1..=3 {
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        let spec = tree!({ "successfulJobsHistoryLimit": 100 });
        world.create::<CronJob>(cron("tick", "5", spec)).await;
        world.rest(Duration::from_secs(300)).await;
        let count = jobs(&world).await.len();
        assert!((4..=5).contains(&count), "seed {seed}: {count} jobs in five minutes");
    }
}
