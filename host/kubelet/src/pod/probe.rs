//! Probes as a model: which are due, what their results add up to. Probing itself is done elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use cri::{ContainerId, ContainerStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Probe};

use super::backoff::later;

/// What a probe that says nothing gets: upstream's defaults.
const PERIOD: i32 = 10;
const FAILURES: i32 = 3;
const SUCCESSES: i32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProbeKind {
    Startup,
    Liveness,
    Readiness,
}

const KINDS: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    At(Timestamp),
}

/// The results of the probes of one pod's containers, by the life that was probed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    entries: BTreeMap<(ContainerId, ProbeKind), Entry>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// What enough results in a row have agreed on.
    verdict: Option<bool>,
    /// The last result that counts.
    last: Option<bool>,
    tried: Option<Timestamp>,
    in_a_row: i32,
    running: bool,
}

impl ProbeKind {
    pub(crate) fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
        }
    }
}

fn seconds(said: Option<i32>, default: i32) -> Duration {
    Duration::from_secs(said.filter(|said| *said > 0).unwrap_or(default).unsigned_abs().into())
}

impl Probes {
    fn verdict(&self, id: &ContainerId, kind: ProbeKind) -> Option<bool> {
        self.entries.get(&(id.clone(), kind))?.verdict
    }

    /// The probe whose verdict ends the container.
    pub(crate) fn fatal(&self, id: &ContainerId) -> Option<ProbeKind> {
        let fatal = [ProbeKind::Startup, ProbeKind::Liveness];
        fatal.into_iter().find(|kind| self.verdict(id, *kind) == Some(false))
    }

    /// The grace that the failed probe itself asks for.
    pub(crate) fn grace(&self, container: &Container, id: &ContainerId) -> Option<Duration> {
        let grace = self.fatal(id)?.of(container)?.termination_grace_period_seconds?;
        Some(Duration::from_secs(grace.max(0).unsigned_abs()))
    }

    pub(crate) fn has_started(&self, container: &Container, id: &ContainerId) -> bool {
        container.startup_probe.is_none() || self.verdict(id, ProbeKind::Startup) == Some(true)
    }

    pub(crate) fn is_ready(&self, container: &Container, id: &ContainerId) -> bool {
        let probed =
            container.readiness_probe.is_none() || self.verdict(id, ProbeKind::Readiness) == Some(true);
        probed && self.has_started(container, id)
    }

    /// The probes of a running container that have a next time, and when that is.
    pub(crate) fn due(
        &self,
        container: &Container,
        life: &ContainerStatus,
        now: Timestamp,
    ) -> Vec<(ProbeKind, Due)> {
        let started = self.has_started(container, &life.id);
        let applies = |kind: &ProbeKind| (*kind == ProbeKind::Startup) != started;
        let due = |kind: ProbeKind| {
            let probe = kind.of(container)?;
            let entry = self.entries.get(&(life.id.clone(), kind)).copied().unwrap_or_default();
            let time = match entry.tried {
                Some(last) => later(last, seconds(probe.period_seconds, PERIOD)),
                None => later(life.started_at.unwrap_or(now), seconds(probe.initial_delay_seconds, 0)),
            };
            (!entry.running).then_some((kind, if time <= now { Due::Now } else { Due::At(time) }))
        };
        KINDS.into_iter().filter(applies).filter_map(due).collect()
    }

    pub(crate) fn begin(&mut self, id: &ContainerId, kind: ProbeKind) {
        self.entries.entry((id.clone(), kind)).or_default().running = true;
    }

    pub(crate) fn record(
        &mut self,
        id: &ContainerId,
        kind: ProbeKind,
        probe: &Probe,
        passed: bool,
        now: Timestamp,
    ) {
        let entry = self.entries.entry((id.clone(), kind)).or_default();
        entry.running = false;
        entry.in_a_row = match entry.last {
            Some(last) if last == passed => entry.in_a_row.saturating_add(1),
            _ => 1,
        };
        entry.last = Some(passed);
        entry.tried = Some(now);
        let (said, default) = match passed {
            true => (probe.success_threshold, SUCCESSES),
            false => (probe.failure_threshold, FAILURES),
        };
        if entry.in_a_row >= said.unwrap_or(default) {
            entry.verdict = Some(passed);
        }
    }

    /// Notes a probe that says nothing.
    pub(crate) fn discard(&mut self, id: &ContainerId, kind: ProbeKind, now: Timestamp) {
        let entry = self.entries.entry((id.clone(), kind)).or_default();
        entry.running = false;
        entry.tried = Some(now);
    }

    /// Forgets lives that have ended.
    pub(crate) fn keep(&mut self, alive: impl Fn(&ContainerId) -> bool) {
        self.entries.retain(|(id, _), _| alive(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::fixture;

    fn container(probes: &str) -> Container {
        serde_json::from_str(&format!(r#"{{"name":"c",{probes}}}"#)).unwrap()
    }

    #[test]
    fn liveness_fails_after_as_many_failures_in_a_row_as_it_says() {
        let container = container(r#""livenessProbe":{"failureThreshold":2}"#);
        let (id, now) = (ContainerId("1".to_owned()), fixture::at(0));
        let mut probes = Probes::default();
        let mut record = |passed| {
            let probe = ProbeKind::Liveness.of(&container).unwrap();
            probes.record(&id, ProbeKind::Liveness, probe, passed, now);
            probes.fatal(&id)
        };
        assert_eq!([record(false), record(true), record(false)], [None; 3]);
        assert_eq!(record(false), Some(ProbeKind::Liveness));
    }

    #[test]
    fn other_probes_wait_for_the_startup_probe() {
        let container =
            container(r#""startupProbe":{"periodSeconds":1},"readinessProbe":{"periodSeconds":5}"#);
        let life = fixture::running("c", 0);
        let mut probes = Probes::default();
        assert_eq!(probes.due(&container, &life, fixture::at(9)), [(ProbeKind::Startup, Due::Now)]);
        let startup = ProbeKind::Startup.of(&container).unwrap();
        probes.record(&life.id, ProbeKind::Startup, startup, true, fixture::at(9));
        assert_eq!(probes.due(&container, &life, fixture::at(9)), [(ProbeKind::Readiness, Due::Now)]);
        assert!(!probes.is_ready(&container, &life.id), "no readiness result yet");
        let readiness = ProbeKind::Readiness.of(&container).unwrap();
        probes.record(&life.id, ProbeKind::Readiness, readiness, true, fixture::at(9));
        assert!(probes.is_ready(&container, &life.id));
        assert_eq!(
            probes.due(&container, &life, fixture::at(10)),
            [(ProbeKind::Readiness, Due::At(fixture::at(14)))]
        );
    }
}
