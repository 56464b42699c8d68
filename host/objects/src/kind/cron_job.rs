//! CronJobs: a schedule, a time zone, and the Job that is made of the template.

use super::{job, template};
use crate::cron::{Schedule, time_zone};
use crate::meta;
use crate::tree::Tree;
use crate::validate::{At, FieldError};

/// A Job's name is the CronJob's with the minute behind it, and has to be a label.
const NAME_MAX: usize = 63 - 11;
const POLICIES: &[&str] = &["Allow", "Forbid", "Replace"];

pub(super) fn validate(job: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(job, "spec");
    let (schedule, zone) = (spec.child("schedule"), spec.child("timeZone"));
    if schedule.required(errors, "") {
        if let Err(why) = Schedule::parse(schedule.text()) {
            schedule.invalid(errors, why);
        }
        if schedule.text().contains("TZ") && zone.exists() {
            schedule.invalid(errors, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
        }
    }
    spec.child("startingDeadlineSeconds").not_negative(errors);
    if zone.exists() {
        time_zone_name(&zone, errors);
    }
    spec.child("concurrencyPolicy").exactly(errors, POLICIES);
    let template = spec.children(&["jobTemplate", "spec"]);
    job::specification(&template, errors);
    if template.child("selector").exists() {
        template.child("selector").invalid(errors, "`selector` will be auto-generated");
    }
    let manual = template.child("manualSelector");
    if manual.is_true() {
        errors.push(FieldError::not_supported(&manual.path, true, &["nil", "false"]));
    }
    template::not_negative(&spec, &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], errors);
}

/// A name that a zone can have at all, and that one has.
fn time_zone_name(zone: &At<'_>, errors: &mut Vec<FieldError>) {
    let name = zone.text();
    if name.is_empty() {
        return zone.invalid(errors, "timeZone must be nil or non-empty string");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && ![".", ".."].contains(&part)
            && !part.starts_with('-')
            && part.bytes().all(allowed)
    };
    if !name.split('/').all(is_part) {
        return zone.invalid(errors, format!("unknown time zone {name}"));
    }
    if name.eq_ignore_ascii_case("Local") {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        zone.invalid(errors, why);
    } else if let Err(why) = time_zone(name) {
        zone.invalid(errors, why);
    }
}

pub(super) fn validate_new(job: &Tree, errors: &mut Vec<FieldError>) {
    if meta::name(job).len() > NAME_MAX {
        let name = At::top(job, "metadata").child("name");
        name.invalid(errors, format!("must be no more than {NAME_MAX} characters"));
    }
    let spec = At::top(job, "spec");
    if spec.child("schedule").text().contains("TZ") && !spec.child("timeZone").exists() {
        let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        spec.child("schedule").invalid(errors, why);
    }
}

/// A zone within the schedule is only for CronJobs that always had one there.
pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    if !old.str_at(&["spec", "schedule"]).unwrap_or_default().contains("TZ") {
        let mut of_new = Vec::new();
        validate_new(new, &mut of_new);
        let schedule = At::top(new, "spec").child("schedule").path;
        errors.extend(of_new.into_iter().filter(|error| error.field == schedule));
    }
}
