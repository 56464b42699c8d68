//! How a pod looks in its status: a function of the pod, of what the runtime has of it and of why something waits.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cri::ContainerState;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    self as api, Container, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus, ResourceRequirements, VolumeMount,
    VolumeMountStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::{PodFacts, is_sidecar, plain};
use super::memory::{Look, Standing};
use super::plan::{Wait, has_completed, has_expired};
use super::resize;

const RUNTIME: &str = "containerd";

/// Conditions that this node speaks for, in the order in which upstream's kubelet writes them.
const OWN_CONDITIONS: [&str; 4] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"];

/// Whether this node speaks for a condition.
pub(crate) fn is_own(condition: &str) -> bool {
    OWN_CONDITIONS.contains(&condition) || [resize::PENDING, resize::IN_PROGRESS].contains(&condition)
}

/// Reason and message of a pod that was active for too long.
const EXPIRED: (&str, &str) =
    ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");

/// What the node adds to a status.
pub(crate) struct Ground<'a> {
    /// Why containers wait, by name.
    pub(crate) waits: &'a BTreeMap<String, Wait>,
    pub(crate) host_ips: &'a [IpAddr],
    /// Empty while there is no sandbox.
    pub(crate) pod_ips: &'a [IpAddr],
    /// The status that was reported last: times of what has not changed stay.
    pub(crate) last: &'a PodStatus,
}

/// The status of a container as the API server has it.
pub(crate) fn reported<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let lists =
        [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().find(|status| status.name == name)
}

pub(crate) fn status(look: Look<'_>, ground: &Ground<'_>) -> PodStatus {
    let pod = look.pod;
    if pod.is_terminal() {
        return pod.status.clone().unwrap_or_default();
    }
    let init: Vec<_> = pod.init_containers().iter().map(|each| container(look, ground, each)).collect();
    let initialized =
        pod.init_containers().iter().zip(&init).all(|(container, status)| has_passed(container, status));
    let main: Vec<_> = pod
        .containers()
        .iter()
        .map(|each| {
            let mut status = container(look, ground, each);
            // What waits for the init containers says so.
            if !initialized && let Some(waiting) = waiting_mut(&mut status, "ContainerCreating") {
                waiting.reason = Some("PodInitializing".to_owned());
            }
            status
        })
        .collect();
    // Nobody asks whether they are ready.
    let ephemeral = pod.ephemeral_containers().iter().map(|each| ContainerStatus {
        ready: false,
        started: None,
        ..container(look, ground, &plain(each))
    });
    let ephemeral: Vec<_> = ephemeral.collect();
    let phase = phase(look, &init, &main);
    let expired = phase == "Failed" && has_expired(look);
    let (reason, message) = if expired { EXPIRED } else { Default::default() };
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let last = ground.last;
    let host_ips: Vec<_> = ground.host_ips.iter().map(|ip| HostIP { ip: ip.to_string() }).collect();
    let pod_ips: Vec<_> = ground.pod_ips.iter().map(|ip| PodIP { ip: ip.to_string() }).collect();
    // A pod that has ended keeps its addresses.
    let pod_ips = if pod_ips.is_empty() { last.pod_ips.clone() } else { Some(pod_ips) };
    PodStatus {
        conditions: Some(conditions(look, ground, initialized, phase, &init, &main)),
        container_statuses: Some(main).filter(|list| !list.is_empty()),
        init_container_statuses: Some(init).filter(|list| !list.is_empty()),
        ephemeral_container_statuses: Some(ephemeral).filter(|list| !list.is_empty()),
        host_ip: host_ips.first().map(|host| host.ip.clone()),
        host_ips: Some(host_ips),
        pod_ip: pod_ips.as_ref().and_then(|ips| ips.first()).map(|pod| pod.ip.clone()),
        pod_ips,
        observed_generation: pod.metadata.generation,
        phase: Some(phase.to_owned()),
        qos_class: Some(pod.qos().as_str().to_owned()),
        reason: text(reason),
        message: text(message),
        start_time: ground.last.start_time.clone().or(Some(Time(look.now))),
        ..ground.last.clone()
    }
}

fn waiting_mut<'a>(status: &'a mut ContainerStatus, reason: &str) -> Option<&'a mut ContainerStateWaiting> {
    let waiting = status.state.as_mut()?.waiting.as_mut()?;
    (waiting.reason.as_deref() == Some(reason)).then_some(waiting)
}

/// Whether an init container lets the next one start.
fn has_passed(container: &Container, status: &ContainerStatus) -> bool {
    if is_sidecar(container) {
        return status.started == Some(true);
    }
    terminated(status).is_some_and(|state| state.exit_code == 0)
}

fn terminated(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.state.as_ref()?.terminated.as_ref()
}

fn has_ended(status: &ContainerStatus) -> bool {
    terminated(status).is_some() || status.last_state.as_ref().is_some_and(|state| state.terminated.is_some())
}

fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn container(look: Look<'_>, ground: &Ground<'_>, container: &Container) -> ContainerStatus {
    let name = &container.name;
    let mut lives = look.observed.lives(name).filter(|life| life.state != ContainerState::Created);
    let Some(life) = lives.next() else {
        return never_begun(look, ground, container);
    };
    let ended =
        |life: &cri::ContainerStatus| (life.state == ContainerState::Exited).then(|| end_of(look, life));
    let previous = lives.next().and_then(ended);
    let (state, last) = match (ended(life), ground.waits.get(name)) {
        (Some(end), Some(wait)) => (waiting(wait.reason, Some(wait.message.clone())), Some(end)),
        (Some(end), None) => (api::ContainerState { terminated: Some(end), ..Default::default() }, previous),
        (None, _) => {
            let running = ContainerStateRunning { started_at: life.started_at.map(Time) };
            (api::ContainerState { running: Some(running), ..Default::default() }, previous)
        }
    };
    let alive = state.running.is_some();
    let init = !is_sidecar(container) && look.pod.init_containers().iter().any(|init| init.name == *name);
    let done = state.terminated.as_ref().is_some_and(|end| end.exit_code == 0);
    ContainerStatus {
        name: name.clone(),
        container_id: Some(format!("{RUNTIME}://{}", life.id.0)),
        image: life.image.clone(),
        image_id: life.image_ref.clone(),
        ready: if init { done } else { alive && look.memory.probes.is_ready(container, &life.id) },
        started: Some(alive && look.memory.probes.has_started(container, &life.id)),
        restart_count: i32::try_from(life.metadata.attempt).unwrap_or(i32::MAX),
        last_state: Some(last.map_or_else(Default::default, |end| api::ContainerState {
            terminated: Some(end),
            ..Default::default()
        })),
        state: Some(state),
        allocated_resources: container.resources.as_ref().and_then(|given| given.requests.clone()),
        resources: Some(resources(look, container, life)),
        volume_mounts: mounts(container),
        ..ContainerStatus::default()
    }
}

/// What of volumes a container sees; what is below a mount that is only read is not made so too.
fn mounts(container: &Container) -> Option<Vec<VolumeMountStatus>> {
    let status = |mount: &VolumeMount| VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: mount.read_only.filter(|only| *only),
        recursive_read_only: mount.read_only.filter(|only| *only).map(|_| "Disabled".to_owned()),
        ..VolumeMountStatus::default()
    };
    container.volume_mounts.as_ref().map(|mounts| mounts.iter().map(status).collect())
}

/// What a container has, or was given where it does not run.
fn resources(look: Look<'_>, container: &Container, life: &cri::ContainerStatus) -> ResourceRequirements {
    let told = look.memory.resize.told.get(&life.id);
    told.cloned().unwrap_or_else(|| container.resources.clone().unwrap_or_default())
}

fn never_begun(look: Look<'_>, ground: &Ground<'_>, container: &Container) -> ContainerStatus {
    let state = match ground.waits.get(&container.name) {
        Some(wait) => waiting(wait.reason, Some(wait.message.clone())),
        None if look.pod.init_containers().iter().any(|init| init.name == container.name) => {
            waiting("PodInitializing", None)
        }
        None => waiting("ContainerCreating", None),
    };
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(state),
        last_state: Some(api::ContainerState::default()),
        started: Some(false),
        restart_count: reported(look.pod, &container.name).map_or(0, |status| status.restart_count),
        volume_mounts: mounts(container),
        ..ContainerStatus::default()
    }
}

fn waiting(reason: &str, message: Option<String>) -> api::ContainerState {
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    api::ContainerState { waiting: Some(waiting), ..Default::default() }
}

fn end_of(look: Look<'_>, life: &cri::ContainerStatus) -> ContainerStateTerminated {
    let reason = match (life.reason.as_str(), life.exit_code) {
        ("", 0) => "Completed",
        ("", _) => "Error",
        (reason, _) => reason,
    };
    let message = look.observed.message(&life.id).map(str::to_owned);
    ContainerStateTerminated {
        container_id: Some(format!("{RUNTIME}://{}", life.id.0)),
        exit_code: life.exit_code,
        reason: Some(reason.to_owned()),
        message: message.or_else(|| Some(life.message.clone()).filter(|text| !text.is_empty())),
        started_at: life.started_at.map(Time),
        finished_at: life.finished_at.map(Time),
        signal: None,
    }
}

fn phase(look: Look<'_>, init: &[ContainerStatus], main: &[ContainerStatus]) -> &'static str {
    let succeeded = main.iter().all(|status| terminated(status).is_some_and(|end| end.exit_code == 0));
    let ended = || if succeeded { "Succeeded" } else { "Failed" };
    let deleted = look.standing == Standing::Gone || look.pod.is_being_deleted();
    let idle = look.observed.running().next().is_none() && look.observed.ready_sandbox().is_none();
    if has_completed(look) || (deleted && idle && main.iter().any(has_ended)) || (idle && has_expired(look)) {
        return if main.iter().chain(init).any(is_running) { "Running" } else { ended() };
    }
    let begun = |status: &ContainerStatus| is_running(status) || has_ended(status);
    let pending_init = look.pod.init_containers().iter().zip(init).any(|(container, status)| {
        let passed = has_passed(container, status) || (is_sidecar(container) && begun(status));
        !passed
    });
    let any_main = main.iter().any(begun);
    match (pending_init && !any_main, main.iter().all(begun)) {
        (false, true) if !main.is_empty() => "Running",
        _ => "Pending",
    }
}

fn conditions(
    look: Look<'_>,
    ground: &Ground<'_>,
    initialized: bool,
    phase: &str,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> Vec<PodCondition> {
    let over = matches!(phase, "Succeeded" | "Failed");
    let sidecars = look.pod.init_containers().iter().zip(init).filter(|(container, _)| is_sidecar(container));
    let judged = sidecars.map(|(_, status)| status).chain(main);
    let unready: Vec<&str> =
        judged.filter(|status| !status.ready).map(|status| status.name.as_str()).collect();
    let incomplete: Vec<&str> = look
        .pod
        .init_containers()
        .iter()
        .zip(init)
        .filter(|(container, status)| !has_passed(container, status))
        .map(|(_, status)| status.name.as_str())
        .collect();
    let listed =
        |what: &str, names: &[&str]| Some(format!("containers with {what} status: [{}]", names.join(" ")));
    let completed = phase == "Succeeded";
    let ready = |list: &[&str]| match (completed, over, list.is_empty()) {
        (true, ..) => (false, Some("PodCompleted"), None),
        (_, true, _) => (false, Some("PodFailed"), None),
        (_, _, true) => (true, None, None),
        _ => (false, Some("ContainersNotReady"), listed("unready", list)),
    };
    let containers = ready(&unready);
    let gates = look.pod.spec().and_then(|spec| spec.readiness_gates.as_deref()).unwrap_or_default();
    let missing = gates.iter().find(|gate| !holds(ground.last, &gate.condition_type));
    let whole = match missing {
        Some(gate) if containers.0 => {
            let message = format!(
                "corresponding condition of pod readiness gate \"{}\" does not exist or is not \"True\".",
                gate.condition_type
            );
            (false, Some("ReadinessGatesNotReady"), Some(message))
        }
        _ => containers.clone(),
    };
    let init = match (completed, initialized || incomplete.is_empty()) {
        (true, _) => (true, Some("PodCompleted"), None),
        (_, true) => (true, None, None),
        _ => (false, Some("ContainersNotInitialized"), listed("incomplete", &incomplete)),
    };
    let sandbox = (look.observed.ready_sandbox().is_some(), None, None);
    let own = OWN_CONDITIONS.into_iter().zip([sandbox, init, whole, containers]);
    let resizing = resize::conditions(look).into_iter();
    let own = own.chain(resizing.map(|(kind, reason, message)| (kind, (true, reason, message))));
    let own = own.map(|(kind, (status, reason, message))| {
        let last = ground.last.conditions.iter().flatten().find(|last| last.type_ == kind);
        let status = if status { "True" } else { "False" };
        let since =
            last.filter(|last| last.status == status).and_then(|last| last.last_transition_time.clone());
        PodCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            message,
            last_transition_time: since.or(Some(Time(look.now))),
            observed_generation: look.pod.metadata.generation,
            ..PodCondition::default()
        }
    });
    let scheduled = |since: Timestamp| PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "True".to_owned(),
        last_transition_time: Some(Time(since)),
        observed_generation: look.pod.metadata.generation,
        ..PodCondition::default()
    };
    let foreign = ground.last.conditions.iter().flatten().filter(|each| !is_own(&each.type_));
    let foreign: Vec<_> = foreign.cloned().collect();
    let scheduled = (!foreign.iter().any(|each| each.type_ == "PodScheduled")).then(|| scheduled(look.now));
    own.chain(foreign).chain(scheduled).collect()
}

fn holds(status: &PodStatus, condition: &str) -> bool {
    status.conditions.iter().flatten().any(|each| each.type_ == condition && each.status == "True")
}

#[cfg(test)]
mod tests;
