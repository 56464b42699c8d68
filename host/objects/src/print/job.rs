//! Jobs and what makes them.

use super::workload::{CONTAINERS, IMAGES, SELECTOR, template_cells};
use super::{
    AGE, Column, NAME, NONE, Printer, age_cell, count_at, count_cell, human_duration, int_at, integer,
    name_cell, selector_at, since, text, text_or, time_at,
};
use crate::meta;
use crate::tree::Tree;

pub(super) const JOB: Printer = Printer {
    columns: &[
        NAME,
        text("Status", "Where in its life the job is."),
        text("Completions", "How many pods succeeded, of how many have to."),
        text("Duration", "How long the job ran."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |job, now| {
        let end = time_at(job, &["status", "completionTime"]).unwrap_or(now);
        let duration = time_at(job, &["status", "startTime"])
            .map_or_else(String::new, |start| human_duration(end.duration_since(start)));
        let [containers, images] = template_cells(job, &["spec", "template"]);
        vec![
            name_cell(job),
            status(job).into(),
            completions(job).into(),
            duration.into(),
            age_cell(job, now),
            containers,
            images,
            selector_at(job, &["spec", "selector"]).into(),
        ]
    },
};

fn status(job: &Tree) -> &'static str {
    let is = |kind: &str| {
        let conditions = job.items_at(&["status", "conditions"]);
        let condition = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some(kind));
        condition.and_then(|condition| condition.str_at(&["status"])) == Some("True")
    };
    let first = |kinds: &[&'static str]| kinds.iter().find(|kind| is(kind)).copied();
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if meta::is_deleting(job) => "Terminating",
        () => first(&["Suspended", "FailureTarget", "SuccessCriteriaMet"]).unwrap_or("Running"),
    }
}

fn completions(job: &Tree) -> String {
    let succeeded = int_at(job, &["status", "succeeded"]);
    match (job.i64_at(&["spec", "completions"]), int_at(job, &["spec", "parallelism"])) {
        (Some(all), _) => format!("{succeeded}/{all}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

pub(super) const CRON_JOB: Printer = Printer {
    columns: &[
        NAME,
        text("Schedule", "When jobs are made."),
        text("Timezone", "Where the schedule is read."),
        Column { kind: "boolean", ..text("Suspend", "Whether no jobs are made.") },
        integer("Active", "How many of its jobs run."),
        text("Last Schedule", "How long ago the last job was made."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |cron, now| {
        let suspended = match cron.bool_at(&["spec", "suspend"]) {
            Some(true) => "True",
            Some(false) => "False",
            None => "<unset>",
        };
        let last = time_at(cron, &["status", "lastScheduleTime"]);
        let [containers, images] = template_cells(cron, &["spec", "jobTemplate", "spec", "template"]);
        vec![
            name_cell(cron),
            text_or(cron, &["spec", "schedule"], "").into(),
            text_or(cron, &["spec", "timeZone"], NONE).into(),
            suspended.into(),
            count_cell(count_at(cron, &["status", "active"])),
            last.map_or_else(|| NONE.to_owned(), |last| since(Some(last), now)).into(),
            age_cell(cron, now),
            containers,
            images,
            selector_at(cron, &["spec", "jobTemplate", "spec", "selector"]).into(),
        ]
    },
};
