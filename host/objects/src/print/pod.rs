//! Pods: one status out of phase, reasons and the states of all containers.

use jiff::Timestamp;

use super::{AGE, NAME, NONE, Printer, age_cell, int_at, name_cell, since, text, text_or, time_at, wide};
use crate::meta;
use crate::tree;
use crate::tree::Tree;

pub(super) const POD: Printer = Printer {
    columns: &[
        NAME,
        text("Ready", "How many of its containers are ready."),
        text("Status", "The state of the pod, drawn from those of its containers."),
        text("Restarts", "How often containers were restarted, and when the last time was."),
        AGE,
        wide(text("IP", "The first address of the pod.")),
        wide(text("Node", "The node that it runs on.")),
        wide(text("Nominated Node", "The node where room is being made for it.")),
        wide(text("Readiness Gates", "How many of its readiness gates are open.")),
    ],
    cells,
};

const PHASES: &[(&str, &str)] =
    &[("Succeeded", "The pod has completed successfully."), ("Failed", "The pod failed.")];

pub(super) fn conditions(pod: &Tree) -> Vec<Tree> {
    let phase = text_or(pod, &["status", "phase"], "");
    let row = |(reason, message): &(&str, &str)| tree!({ "type": "Completed", "status": "True", "reason": (*reason), "message": (*message) });
    PHASES.iter().filter(|(name, _)| *name == phase).map(row).collect()
}

fn cells(pod: &Tree, now: Timestamp) -> Vec<Tree> {
    let summary = summarize(pod);
    let restarts = match summary.last_restart {
        Some(time) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, since(Some(time), now))
        }
        _ => summary.restarts.to_string(),
    };
    vec![
        name_cell(pod),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.into(),
        restarts.into(),
        age_cell(pod, now),
        text_or(pod, &["status", "podIPs", "0", "ip"], NONE).into(),
        text_or(pod, &["spec", "nodeName"], NONE).into(),
        text_or(pod, &["status", "nominatedNodeName"], NONE).into(),
        readiness_gates(pod).into(),
    ]
}

#[derive(Default)]
struct Summary {
    reason: String,
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Summary {
    fn restarted(&mut self, status: &Tree) {
        self.restarts += int_at(status, &["restartCount"]);
        self.last_restart =
            self.last_restart.max(time_at(status, &["lastState", "terminated", "finishedAt"]));
    }
}

fn summarize(pod: &Tree) -> Summary {
    let init_containers = pod.items_at(&["spec", "initContainers"]);
    let is_sidecar = |name: Option<&str>| {
        init_containers.iter().any(|container| {
            container.str_at(&["name"]) == name && container.str_at(&["restartPolicy"]) == Some("Always")
        })
    };
    let sidecars = init_containers.iter().filter(|container| is_sidecar(container.str_at(&["name"]))).count();
    let phase = text_or(pod, &["status", "phase"], "");
    let gated = pod.items_at(&["status", "conditions"]).iter().any(|condition| {
        condition.str_at(&["type"]) == Some("PodScheduled")
            && condition.str_at(&["reason"]) == Some("SchedulingGated")
    });
    let mut all = Summary {
        reason: if gated { "SchedulingGated" } else { text_or(pod, &["status", "reason"], phase) }.to_owned(),
        total: pod.items_at(&["spec", "containers"]).len() + sidecars,
        ..Summary::default()
    };
    // Once initialized, only the restarts of what still runs count.
    let mut running = Summary::default();
    let mut initializing = false;
    for (index, status) in pod.items_at(&["status", "initContainerStatuses"]).iter().enumerate() {
        let sidecar = is_sidecar(status.str_at(&["name"]));
        all.restarted(status);
        if sidecar {
            running.restarted(status);
        }
        let terminated = status.at(&["state", "terminated"]);
        let waiting = text_or(status, &["state", "waiting", "reason"], "");
        if terminated.is_some_and(|state| int_at(state, &["exitCode"]) == 0) {
            continue;
        }
        if sidecar && status.bool_at(&["started"]) == Some(true) {
            all.ready += usize::from(status.bool_at(&["ready"]) == Some(true));
            continue;
        }
        all.reason = match terminated {
            Some(state) => format!("Init:{}", exit_reason(state)),
            None if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}"),
            None => format!("Init:{index}/{}", init_containers.len()),
        };
        initializing = true;
        break;
    }
    if !initializing || has_true_condition(pod, "Initialized") {
        (all.restarts, all.last_restart) = (running.restarts, running.last_restart);
        containers(pod, &mut all);
    }
    if meta::is_deleting(pod) {
        if pod.str_at(&["status", "reason"]) == Some("NodeLost") {
            all.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            all.reason = "Terminating".to_owned();
        }
    }
    all
}

fn containers(pod: &Tree, all: &mut Summary) {
    let mut has_running = false;
    for status in pod.items_at(&["status", "containerStatuses"]).iter().rev() {
        all.restarted(status);
        let waiting = text_or(status, &["state", "waiting", "reason"], "");
        if !waiting.is_empty() {
            all.reason = waiting.to_owned();
        } else if let Some(state) = status.at(&["state", "terminated"]) {
            all.reason = exit_reason(state);
        } else if status.bool_at(&["ready"]) == Some(true) && status.at(&["state", "running"]).is_some() {
            has_running = true;
            all.ready += 1;
        }
    }
    // One container that is done does not make the pod done.
    if all.reason == "Completed" && has_running {
        let ready = has_true_condition(pod, "Ready");
        all.reason = if ready { "Running" } else { "NotReady" }.to_owned();
    }
}

fn exit_reason(terminated: &Tree) -> String {
    match (text_or(terminated, &["reason"], ""), int_at(terminated, &["signal"])) {
        ("", 0) => format!("ExitCode:{}", int_at(terminated, &["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn has_true_condition(pod: &Tree, kind: &str) -> bool {
    pod.items_at(&["status", "conditions"]).iter().any(|condition| {
        condition.str_at(&["type"]) == Some(kind) && condition.str_at(&["status"]) == Some("True")
    })
}

fn readiness_gates(pod: &Tree) -> String {
    let gates = pod.items_at(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open =
        gates.iter().filter(|gate| has_true_condition(pod, text_or(gate, &["conditionType"], ""))).count();
    format!("{open}/{}", gates.len())
}
