//! What to do next with a pod: from its spec and what the runtime has of it to a list of actions. Nothing is done here.

use std::collections::BTreeMap;
use std::time::Duration;

use cri::{ContainerId, ContainerState, ContainerStatus, Sandbox, SandboxId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Container;

use super::backoff::later;
use super::container::hash;
use super::facts::{PodFacts, RestartPolicy, is_sidecar, plain};
use super::memory::{Look, Standing};
use super::observed::{is_alive, label};
use super::probe::{Due, ProbeKind};
use super::resize::{self, Way};

/// The least grace of a pod whose object is gone: its containers see their signal before they are killed.
const LEAST_GRACE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    CreateSandbox {
        attempt: u32,
    },
    /// Ends the sandbox's processes and network; its record stays.
    StopSandbox(SandboxId),
    StartContainer {
        name: String,
        attempt: u32,
    },
    StopContainer {
        id: ContainerId,
        name: String,
        grace: Duration,
        why: String,
    },
    Probe {
        id: ContainerId,
        name: String,
        kind: ProbeKind,
    },
    /// Gives a running container the amounts that it was given anew.
    Resize {
        id: ContainerId,
        name: String,
    },
    /// Everything of a deleted pod has ended: its object may go.
    Release,
    /// Nothing may be left of the pod on this node.
    Remove,
}

/// Why a container waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) actions: Vec<Action>,
    /// By the name of the container.
    pub(crate) waits: BTreeMap<String, Wait>,
    /// When to look again, if nothing happens before.
    pub(crate) wake: Option<Timestamp>,
}

/// What is next for one container.
enum Next {
    Start,
    Wait,
    Alive { started: bool },
    Ended { ok: bool },
    Stop(String),
}

pub(crate) fn plan(look: Look<'_>) -> Plan {
    let mut plan = Plan::default();
    if look.standing == Standing::Gone || look.pod.is_being_deleted() {
        end(look, &mut plan);
    } else if look.pod.is_terminal() || has_completed(look) || has_expired(look) {
        wind_down(look, &mut plan);
    } else if let Some(sandbox) = look.observed.ready_sandbox() {
        containers(look, sandbox, &mut plan);
    } else {
        sandbox(look, &mut plan);
    }
    if let Some(deadline) = deadline(look).filter(|deadline| *deadline > look.now) {
        wake(&mut plan, deadline);
    }
    plan
}

/// Until when the pod may be active.
fn deadline(look: Look<'_>) -> Option<Timestamp> {
    let seconds = look.pod.spec()?.active_deadline_seconds?;
    let start = look.pod.status.as_ref()?.start_time.as_ref()?;
    Some(later(start.0, Duration::from_secs(seconds.max(0).unsigned_abs())))
}

/// Whether the pod was active for longer than it may be.
pub(crate) fn has_expired(look: Look<'_>) -> bool {
    deadline(look).is_some_and(|deadline| deadline <= look.now)
}

/// Whether the pod has run to its end: no container of it is ever to be started again.
pub(crate) fn has_completed(look: Look<'_>) -> bool {
    let ended = |container: &Container| match look.observed.latest(&container.name) {
        Some(life) => life.state == ContainerState::Exited && !restarts(look, container, life),
        None => false,
    };
    let failed = |container: &Container| {
        let latest = look.observed.latest(&container.name);
        !is_sidecar(container) && ended(container) && latest.is_some_and(|life| life.exit_code != 0)
    };
    let containers = look.pod.containers();
    look.pod.init_containers().iter().any(failed) || (!containers.is_empty() && containers.iter().all(ended))
}

fn is_init(look: Look<'_>, container: &Container) -> bool {
    look.pod.init_containers().iter().any(|init| init.name == container.name)
}

/// Whether an exited container is to be started again, by the policies.
fn restarts(look: Look<'_>, container: &Container, life: &ContainerStatus) -> bool {
    if is_sidecar(container) {
        return true;
    }
    match look.pod.restart_policy() {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure => life.exit_code != 0,
        RestartPolicy::Always => life.exit_code != 0 || !is_init(look, container),
    }
}

fn end(look: Look<'_>, plan: &mut Plan) {
    if wind_down(look, plan) {
        plan.actions.push(match look.standing {
            Standing::Gone => Action::Remove,
            Standing::Wanted => Action::Release,
        });
    }
}

/// Stops the containers, the sidecars last, then the sandboxes; says whether nothing was left to stop.
fn wind_down(look: Look<'_>, plan: &mut Plan) -> bool {
    let grace = match look.standing {
        Standing::Gone => look.pod.grace().max(LEAST_GRACE),
        Standing::Wanted => look.pod.grace(),
    };
    let sidecar = |life: &&ContainerStatus| {
        look.pod.container(&life.metadata.name).is_some_and(|each| is_sidecar(&each))
    };
    let (sidecars, others): (Vec<_>, Vec<_>) = look.observed.running().partition(sidecar);
    let first = if others.is_empty() { &sidecars } else { &others };
    for life in first {
        stop(look, life, grace, format!("Stopping container {}", life.metadata.name), plan);
    }
    if !first.is_empty() {
        return false;
    }
    let ready: Vec<_> = look.observed.ready_sandboxes().map(|sandbox| sandbox.id.clone()).collect();
    let stopped = ready.is_empty();
    plan.actions.extend(ready.into_iter().map(Action::StopSandbox));
    stopped
}

/// Stops a container, unless it was already told so with as little grace.
fn stop(look: Look<'_>, life: &ContainerStatus, grace: Duration, why: String, plan: &mut Plan) {
    if look.memory.stopping.get(&life.id).is_none_or(|given| grace < *given) {
        let (id, name) = (life.id.clone(), life.metadata.name.clone());
        plan.actions.push(Action::StopContainer { id, name, grace, why });
    }
}

fn sandbox(look: Look<'_>, plan: &mut Plan) {
    let orphans: Vec<_> = look.observed.running().collect();
    for life in &orphans {
        stop(
            look,
            life,
            look.pod.grace(),
            "Pod sandbox changed, it will be killed and re-created.".to_owned(),
            plan,
        );
    }
    if !orphans.is_empty() {
        return;
    }
    if let Some(failure) = look.memory.pod_failure.as_ref().filter(|failure| failure.retry_at > look.now) {
        plan.wake = Some(failure.retry_at);
        return;
    }
    let newest = look.observed.sandboxes().first();
    plan.actions.extend(newest.map(|sandbox| Action::StopSandbox(sandbox.id.clone())));
    plan.actions.push(Action::CreateSandbox { attempt: look.observed.next_sandbox_attempt() });
}

fn containers(look: Look<'_>, sandbox: &Sandbox, plan: &mut Plan) {
    // Before all others, so that what keeps these from starting can be looked at. None is ever started again.
    for container in look.pod.ephemeral_containers().iter().map(plain) {
        if look.observed.latest(&container.name).is_none()
            && matches!(start(look, &container, plan), Next::Start)
        {
            plan.actions.push(Action::StartContainer { name: container.name, attempt: 0 });
        }
    }
    let has_life = |container: &Container| look.observed.latest_in(&container.name, &sandbox.id).is_some();
    let begun = look.pod.containers().iter().any(has_life);
    for container in look.pod.init_containers() {
        if begun && !is_sidecar(container) {
            continue;
        }
        let passed = match advance(look, sandbox, container, plan) {
            Next::Alive { started } => is_sidecar(container) && started,
            Next::Ended { ok } => ok,
            Next::Start | Next::Wait | Next::Stop(_) => false,
        };
        if !passed && !begun {
            return;
        }
    }
    for container in look.pod.containers() {
        advance(look, sandbox, container, plan);
    }
}

/// Judges one container and plans what follows from it.
fn advance(look: Look<'_>, sandbox: &Sandbox, container: &Container, plan: &mut Plan) -> Next {
    let life = look.observed.latest_in(&container.name, &sandbox.id);
    let next = judge(look, container, life, plan);
    match (&next, life) {
        (Next::Start, _) => {
            let (name, attempt) = (container.name.clone(), next_attempt(look, &container.name));
            plan.actions.push(Action::StartContainer { name, attempt });
        }
        (Next::Stop(why), Some(life)) => {
            let grace = look.memory.probes.grace(container, &life.id).unwrap_or_else(|| look.pod.grace());
            stop(look, life, grace, why.clone(), plan);
        }
        _ => {}
    }
    next
}

fn judge(look: Look<'_>, container: &Container, life: Option<&ContainerStatus>, plan: &mut Plan) -> Next {
    let Some(life) = life.filter(|life| life.state != ContainerState::Created) else {
        return start(look, container, plan);
    };
    if life.state == ContainerState::Exited {
        if !restarts(look, container, life) {
            return Next::Ended { ok: life.exit_code == 0 };
        }
        let ended = life.finished_at.unwrap_or(look.now);
        let Some((until, delay)) = look.memory.restarts.until(&container.name, ended, look.now) else {
            return start(look, container, plan);
        };
        let (delay, name, pod) = (go_duration(delay), &container.name, look.pod.full_name());
        let message = format!("back-off {delay} restarting failed container={name} pod={pod}");
        return wait(container, "CrashLoopBackOff", message, until, plan);
    }
    debug_assert!(is_alive(life.state), "created and exited containers were seen to");
    let name = &container.name;
    if life.state == ContainerState::Unknown {
        return Next::Stop(format!("Container {name} is in unknown state, try killing it before restart"));
    }
    if life.annotations.get(label::HASH).is_some_and(|made_of| *made_of != hash(container)) {
        return Next::Stop(format!("Container {name} definition changed, will be restarted"));
    }
    match resize::due(look, container, life) {
        Some(Way::Restart) => return Next::Stop(format!("Container {name} resize requires restart")),
        Some(Way::InPlace) => match &look.memory.resize.failure {
            Some(failure) if failure.retry_at > look.now => wake(plan, failure.retry_at),
            _ => plan.actions.push(Action::Resize { id: life.id.clone(), name: name.clone() }),
        },
        None => {}
    }
    if let Some(kind) = look.memory.probes.fatal(&life.id) {
        return Next::Stop(format!("Container {name} failed {} probe, will be restarted", kind.word()));
    }
    for (kind, due) in look.memory.probes.due(container, life, look.now) {
        match due {
            Due::Now => plan.actions.push(Action::Probe { id: life.id.clone(), name: name.clone(), kind }),
            Due::At(time) => wake(plan, time),
        }
    }
    Next::Alive { started: look.memory.probes.has_started(container, &life.id) }
}

fn start(look: Look<'_>, container: &Container, plan: &mut Plan) -> Next {
    if look.memory.pulling.contains(&container.name) {
        return Next::Wait;
    }
    let failure = look.memory.failures.get(&container.name).filter(|failure| failure.retry_at > look.now);
    let Some(failure) = failure else { return Next::Start };
    if let Some((from, later)) = &failure.then {
        if *from <= look.now {
            return wait(container, later.reason, later.message.clone(), failure.retry_at, plan);
        }
        wake(plan, *from);
    }
    wait(container, failure.reason, failure.message.clone(), failure.retry_at, plan)
}

fn wait(
    container: &Container,
    reason: &'static str,
    message: String,
    until: Timestamp,
    plan: &mut Plan,
) -> Next {
    plan.waits.insert(container.name.clone(), Wait { reason, message });
    wake(plan, until);
    Next::Wait
}

fn wake(plan: &mut Plan, at: Timestamp) {
    plan.wake = Some(plan.wake.map_or(at, |earlier| earlier.min(at)));
}

/// How often the container was started before: by what the runtime has, and by what was reported of lives that it
/// has forgotten.
fn next_attempt(look: Look<'_>, name: &str) -> u32 {
    let lives = look.observed.latest(name).map_or(0, |life| life.metadata.attempt + 1);
    let reported = super::status::reported(look.pod, name).filter(|status| status.container_id.is_some());
    let reported = reported.and_then(|status| u32::try_from(status.restart_count + 1).ok());
    lives.max(reported.unwrap_or_default())
}

/// `1m20s`, as upstream's messages have durations.
fn go_duration(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
