//! CronJobs start jobs at the times of their schedule. A job is named after its time: however often that is tried, it is
//! started once.

mod history;
mod schedule;

use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions, Propagation};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use observe::histogram::Histogram;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::counts::{Bounds, spread};
use crate::dependents::{Owner, owner_key};
use crate::reference::versioned_reference;
use crate::wiring::Wiring;
use history::{follow, remove, surplus};
use schedule::Due;

const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("cronjob");
    let recorder = wiring.recorder("cronjob-controller");
    let crons = wiring.feed_own::<CronJob>(&queue);
    let jobs = wiring.feed(&queue, |job: &Job| owner_key::<CronJob>(&job.metadata));
    let (client, local) = (wiring.client(), wiring.config().time_zone.clone());
    let name = "cronjob_controller_job_creation_skew_duration_seconds";
    let skew =
        spread(wiring.metrics(), name, "Seconds by which a job was made too late", Bounds(1.0, 2.0, 10));
    let workers = wiring.config().cron_job_syncs;
    wiring.reconcile(CronJobs { client, recorder, skew, crons, jobs, local }, queue, workers);
}

struct CronJobs {
    client: Client,
    recorder: Recorder,
    skew: Histogram,
    crons: Store<CronJob>,
    jobs: Store<Job>,
    /// Of schedules that name no zone.
    local: TimeZone,
}

impl Reconcile for CronJobs {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        if self.crons.get(&key.namespace, &key.name).is_none() {
            return Ok(Outcome::Done);
        }
        // What was started last is in the status: an old one would start it twice.
        let found = self.client.namespaced::<CronJob>(&key.namespace).find(&key.name).await?;
        let Some(cron) = found else { return Ok(Outcome::Done) };
        let owner = Owner::of(&cron);
        let jobs = self.jobs.in_namespace(&key.namespace);
        let jobs: Vec<Arc<Job>> = jobs.into_iter().filter(|job| owner.controls(&job.metadata)).collect();
        let old = cron.status.clone().unwrap_or_default();
        let mut status = old.clone();
        let worked = self.work(&cron, &owner, &jobs, &mut status).await;
        if status != old {
            let cron = CronJob { status: Some(status), ..cron };
            let crons = self.client.namespaced::<CronJob>(&key.namespace);
            match crons.update_status(&key.name, &cron).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        worked
    }
}

impl CronJobs {
    fn tell(&self, owner: &Owner, kind: EventType, reason: &str, message: impl Into<String>) {
        self.recorder.record(owner.object(), kind, reason, message);
    }

    async fn work(
        &self,
        cron: &CronJob,
        owner: &Owner,
        jobs: &[Arc<Job>],
        status: &mut CronJobStatus,
    ) -> Result<Outcome, ApiError> {
        for (kind, reason, message) in follow(status, jobs) {
            self.tell(owner, kind, reason, message);
        }
        self.drop_missing(owner, jobs, status).await?;
        for job in surplus(cron, jobs) {
            self.delete(owner, &job.metadata, status).await?;
        }
        let is_suspended = cron.spec.suspend == Some(true);
        if cron.metadata.deletion_timestamp.is_some() || is_suspended {
            return Ok(Outcome::Done);
        }
        let now = supervise::clock::now();
        let due =
            schedule::read(cron, &self.local).and_then(|(read, zone)| schedule::due(cron, &read, &zone, now));
        let due = match due {
            Ok(due) => due,
            Err(unusable) => {
                self.tell(owner, EventType::Warning, unusable.reason, unusable.message);
                return Ok(Outcome::Done);
            }
        };
        self.start(cron, owner, &due, status, now).await?;
        Ok(due.again.map_or(Outcome::Done, Outcome::After))
    }

    /// Jobs of the list that are no longer there, which the API server is asked for.
    async fn drop_missing(
        &self,
        owner: &Owner,
        jobs: &[Arc<Job>],
        status: &mut CronJobStatus,
    ) -> Result<(), ApiError> {
        for active in status.active.clone().into_iter().flatten() {
            if jobs.iter().any(|job| job.metadata.uid == active.uid) {
                continue;
            }
            let name = active.name.unwrap_or_default();
            let found = self.client.namespaced::<Job>(&owner.namespace).find(&name).await?;
            if found.is_none_or(|job| job.metadata.uid != active.uid) {
                self.tell(owner, EventType::Normal, "MissingJob", format!("Active job went missing: {name}"));
                remove(status, active.uid.as_deref().unwrap_or_default());
            }
        }
        Ok(())
    }

    async fn delete(
        &self,
        owner: &Owner,
        job: &ObjectMeta,
        status: &mut CronJobStatus,
    ) -> Result<(), ApiError> {
        let (name, uid) = (job.name.as_deref().unwrap_or_default(), job.uid.clone().unwrap_or_default());
        let background =
            DeleteOptions { propagation_policy: Some(Propagation::Background), ..DeleteOptions::default() };
        let jobs = self.client.namespaced::<Job>(&owner.namespace);
        match jobs.delete(name, &background.of_uid(uid.clone())).await {
            Err(error) if !error.is_not_found() && !error.is_conflict() => {
                self.tell(owner, EventType::Warning, "FailedDelete", format!("Deleted job: {error}"));
                return Err(error);
            }
            Err(_) => {}
            Ok(_) => self.tell(owner, EventType::Normal, "SuccessfulDelete", format!("Deleted job {name}")),
        }
        remove(status, &uid);
        Ok(())
    }

    /// Starts what is due, if it is not too late, was not started before, and may run beside what runs.
    async fn start(
        &self,
        cron: &CronJob,
        owner: &Owner,
        due: &Due,
        status: &mut CronJobStatus,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(at) = &due.at else { return Ok(()) };
        let spec = &cron.spec;
        if due.missed_many {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.tell(owner, EventType::Warning, "TooManyMissedTimes", message);
        }
        let deadline = spec.starting_deadline_seconds.map(SignedDuration::from_secs);
        if deadline.is_some_and(|deadline| now.duration_since(at.timestamp()) > deadline) {
            let at = at.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000");
            let message = format!("Missed scheduled time to start a job: {at}");
            self.tell(owner, EventType::Warning, "MissSchedule", message);
            return Ok(());
        }
        let name = format!("{}-{}", owner.name, at.timestamp().as_second() / 60);
        let active = status.active.clone().unwrap_or_default();
        let is_started = active.iter().any(|job| job.name.as_ref() == Some(&name))
            || status.last_schedule_time.as_ref().is_some_and(|last| last.0 == at.timestamp());
        if is_started {
            return Ok(());
        }
        match spec.concurrency_policy.as_deref() {
            Some("Forbid") if !active.is_empty() => {
                let message =
                    "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.tell(owner, EventType::Normal, "JobAlreadyActive", message);
                return Ok(());
            }
            Some("Replace") => {
                for job in active {
                    let job = ObjectMeta { name: job.name, uid: job.uid, ..ObjectMeta::default() };
                    self.delete(owner, &job, status).await?;
                }
            }
            _ => {}
        }
        let Some(job) = self.create(owner, &job_of(cron, owner, name, at)).await? else { return Ok(()) };
        if let Some(made) = &job.metadata.creation_timestamp {
            self.skew.observe(made.0.duration_since(at.timestamp()).as_secs_f64());
        }
        status.active.get_or_insert_default().push(versioned_reference(&job));
        status.last_schedule_time = Some(Time(at.timestamp()));
        Ok(())
    }

    /// Creates the job, or finds the one that was created before; nothing where the name is another's.
    async fn create(&self, owner: &Owner, job: &Job) -> Result<Option<Job>, ApiError> {
        let jobs = self.client.namespaced::<Job>(&owner.namespace);
        match jobs.create(job).await {
            Ok(job) => {
                let name = job.metadata.name.as_deref().unwrap_or_default();
                self.tell(owner, EventType::Normal, "SuccessfulCreate", format!("Created job {name}"));
                Ok(Some(job))
            }
            Err(error) if error.is_already_exists() => {
                let found = jobs.find(job.metadata.name.as_deref().unwrap_or_default()).await?;
                Ok(found.filter(|job| owner.controls(&job.metadata)))
            }
            Err(error) if error.is_namespace_terminating() => Ok(None),
            Err(error) => {
                self.tell(owner, EventType::Warning, "FailedCreate", format!("Error creating job: {error}"));
                Err(error)
            }
        }
    }
}

fn job_of(cron: &CronJob, owner: &Owner, name: String, at: &Zoned) -> Job {
    let template = cron.spec.job_template.clone();
    let given = template.metadata.unwrap_or_default();
    let mut annotations = given.annotations.unwrap_or_default();
    // A time that is in no zone that was named is told as everybody reads it.
    let at = if cron.spec.time_zone.is_some() { at.clone() } else { at.with_time_zone(TimeZone::UTC) };
    let format = if at.offset().seconds() == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" };
    annotations.insert(SCHEDULED_AT.to_owned(), at.strftime(format).to_string());
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: Some(owner.namespace.clone()),
        labels: given.labels,
        annotations: Some(annotations),
        owner_references: Some(vec![owner.reference()]),
        ..ObjectMeta::default()
    };
    Job { metadata, spec: template.spec, status: None }
}
