//! One pod on this node: looks at it, plans, acts, reports, and waits for the next reason to look.

mod act;
mod image;
mod jobs;
mod message;
mod notice;
mod probe;
pub(crate) mod report;
mod resize;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cri::{ContainerId, NamespaceMode, SandboxId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use supervise::Backoff;
use tokio::sync::watch;

use crate::handle::{ContainerView, PodView};
use crate::kubelet::Context;
use crate::node::allocatable;
use crate::pod::backoff::later;
use crate::pod::container::{log_file, log_folder, network};
use crate::pod::facts::{PodFacts, PodUid};
use crate::pod::fields::Place;
use crate::pod::memory::{Look, Memory, Standing};
use crate::pod::observed::{Observed, is_alive, label};
use crate::pod::plan::{Plan, plan};
use crate::pod::status::{Ground, is_own, status};
use crate::volumes::Volumes;
use jobs::{Done, Job};
use report::Report;

/// How soon to look again for an exit that was told and is not yet in the runtime's books; each time twice as late.
const FIRST_LAG: Duration = Duration::from_millis(5);
const LAST_LAG: Duration = Duration::from_secs(5);
/// How often volumes are brought up to date: upstream's sync period.
const RESYNC: Duration = Duration::from_secs(60);
/// How soon to try again what failed without a period of its own.
const RETRY: Duration = Duration::from_secs(1);

/// What is asked of a worker; every change is a reason to look.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) pod: Arc<Pod>,
    pub(crate) standing: Standing,
    /// Processes whose exit the runtime has told of.
    pub(crate) exited: BTreeSet<ContainerId>,
}

pub(crate) struct Worker {
    context: Arc<Context>,
    uid: PodUid,
    wishes: watch::Receiver<Wish>,
    reports: watch::Sender<Option<Report>>,
    memory: Memory,
    /// The status as it was computed last.
    last: PodStatus,
    volumes: Volumes,
    volumes_at: Timestamp,
    pod_ips: (Option<SandboxId>, Vec<IpAddr>),
    lag: Backoff,
    jobs: FuturesUnordered<Job>,
}

/// What to do after a look.
enum Step {
    /// Something was done: look at once.
    Again,
    Wait(Timestamp),
    /// Nothing is left of the pod.
    Over,
}

/// Whether volumes are to be brought up to date now, and when to look for that again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resync {
    due: bool,
    next: Timestamp,
}

impl Resync {
    /// Those of a pod that does not run stay as they are.
    fn of(last: Timestamp, now: Timestamp, runs: bool) -> Self {
        let due = later(last, RESYNC) <= now;
        let next = if due { later(now, RESYNC) } else { later(last, RESYNC) };
        Self { due: due && runs, next }
    }
}

fn has_not_begun(container: &ContainerStatus) -> bool {
    container.container_id.is_none()
}

impl Wish {
    pub(crate) fn new(pod: Arc<Pod>, standing: Standing) -> Self {
        Self { pod, standing, exited: BTreeSet::new() }
    }
}

impl Worker {
    /// A worker, and the reports that are to be written for it.
    pub(crate) fn new(
        context: Arc<Context>,
        wishes: watch::Receiver<Wish>,
    ) -> (Self, watch::Receiver<Option<Report>>) {
        let pod = wishes.borrow().pod.clone();
        let (reports, written) = watch::channel(None);
        let worker = Self {
            context,
            uid: pod.uid(),
            wishes,
            reports,
            memory: Memory::default(),
            last: pod.status.clone().unwrap_or_default(),
            volumes: Volumes::default(),
            volumes_at: Timestamp::now(),
            pod_ips: (None, Vec::new()),
            lag: Backoff::new(FIRST_LAG, LAST_LAG),
            jobs: FuturesUnordered::new(),
        };
        (worker, written)
    }

    /// Runs until nothing is left of the pod.
    pub(crate) async fn run(mut self) {
        loop {
            let wish = self.wishes.borrow_and_update().clone();
            let until = match self.step(&wish).await {
                Step::Again => continue,
                Step::Over => return,
                Step::Wait(until) => until,
            };
            let pause = until.duration_since(Timestamp::now());
            let pause = Duration::try_from(pause).unwrap_or_default();
            tokio::select! {
                changed = self.wishes.changed() => if changed.is_err() { return },
                Some(done) = self.jobs.next() => self.note(&wish.pod, done),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn step(&mut self, wish: &Wish) -> Step {
        let observed = match self.observe(&wish.pod).await {
            Ok(observed) => observed,
            Err(error) => return self.is_out_of_reach(wish, &error),
        };
        let now = Timestamp::now();
        self.forget(&observed);
        let wish = &self.allotted(wish, &observed);
        let look =
            Look { pod: &wish.pod, standing: wish.standing, observed: &observed, memory: &self.memory, now };
        let Plan { actions, waits, wake } = plan(look);
        let ground = Ground {
            waits: &waits,
            host_ips: &self.context.config.addresses,
            pod_ips: &self.pod_ips.1,
            last: &self.last_with_foreign(&wish.pod),
        };
        let status = status(look, &ground);
        self.announce_waits(&wish.pod, &waits);
        self.publish(wish, &observed, status);
        if let Some(step) = self.act(wish, &observed, actions).await {
            return step;
        }
        let lags = wish.exited.iter().any(|id| observed.running().any(|life| life.id == *id));
        let runs = observed.ready_sandbox().is_some() && wish.standing == Standing::Wanted;
        let Resync { due, next } = Resync::of(self.volumes_at, now, runs);
        if due {
            self.resync_volumes(&wish.pod, now).await;
        }
        if !lags {
            self.lag.reset();
        }
        let lag = lags.then(|| later(now, self.lag.next_delay()));
        Step::Wait([wake, lag].into_iter().flatten().fold(next, Timestamp::min))
    }

    async fn observe(&mut self, pod: &Pod) -> Result<Observed, cri::Error> {
        let labels = BTreeMap::from([(label::POD_UID.to_owned(), self.uid.0.clone())]);
        let runtime = &self.context.runtime;
        let (sandboxes, containers) =
            tokio::try_join!(runtime.sandboxes(labels.clone()), runtime.containers(labels))?;
        let observed = Observed::new(sandboxes, containers);
        let ended = observed.containers().iter().filter(|life| !is_alive(life.state));
        let messages = ended.filter_map(|life| {
            let message = message::of(&self.context.config, pod, life)?;
            Some((life.id.clone(), message))
        });
        let messages = messages.collect();
        self.learn_addresses(pod, &observed).await?;
        Ok(observed.with_messages(messages))
    }

    /// Asks once a sandbox for its addresses.
    async fn learn_addresses(&mut self, pod: &Pod, observed: &Observed) -> Result<(), cri::Error> {
        let sandbox = observed.ready_sandbox().map(|sandbox| sandbox.id.clone());
        if sandbox.is_none() || self.pod_ips.0 == sandbox {
            return Ok(());
        }
        let addresses = match (network(pod), &sandbox) {
            (NamespaceMode::Node, _) | (_, None) => self.context.config.addresses.clone(),
            (_, Some(id)) => {
                let told = self.context.runtime.sandbox_addresses(id).await?;
                told.iter().filter_map(|address| address.parse().ok()).collect()
            }
        };
        self.pod_ips = (sandbox, addresses);
        Ok(())
    }

    fn place(&self) -> Place {
        Place {
            node_name: self.context.config.node_name.clone(),
            host_ips: self.context.config.addresses.clone(),
            pod_ips: self.pod_ips.1.clone(),
            allocatable: allocatable(&self.context.config, &self.context.machine),
        }
    }

    /// Forgets what belongs to lives that have ended.
    fn forget(&mut self, observed: &Observed) {
        let alive = |id: &ContainerId| observed.running().any(|life| life.id == *id);
        self.memory.stopping.retain(|id, _| alive(id));
        self.memory.probes.keep(alive);
    }

    /// What was reported last, with the conditions that others have written since.
    fn last_with_foreign(&self, pod: &Pod) -> PodStatus {
        let mut last = self.last.clone();
        let theirs = pod.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        let conditions = last.conditions.get_or_insert_default();
        for condition in theirs.into_iter().filter(|each| !is_own(&each.type_)) {
            match conditions.iter_mut().find(|each| each.type_ == condition.type_) {
                Some(known) => *known = condition,
                None => conditions.push(condition),
            }
        }
        last
    }

    /// Shows the pod to the kubelet's handle and sends its status to be written.
    fn publish(&mut self, wish: &Wish, observed: &Observed, status: PodStatus) {
        let Wish { pod, standing, .. } = wish;
        let logs = self.context.config.pod_logs.join(log_folder(pod));
        let containers = observed.containers().iter().map(|life| ContainerView {
            name: life.metadata.name.clone(),
            id: life.id.clone(),
            attempt: life.metadata.attempt,
            state: life.state,
            log_path: logs.join(log_file(&life.metadata.name, life.metadata.attempt)),
        });
        let view = PodView {
            pod: Arc::new(Pod { status: Some(status.clone()), ..Pod::clone(pod) }),
            sandbox: observed.ready_sandbox().map(|sandbox| sandbox.id.clone()),
            containers: containers.collect(),
        };
        self.show(view);
        self.last = status.clone();
        // A pod that is gone has nobody to be reported to; its name may be another's by now.
        if *standing == Standing::Wanted {
            self.report(Report { pod: pod.clone(), status, release: false });
        }
    }

    fn show(&self, view: PodView) {
        self.context.status.send_if_modified(|kubelet| {
            let changed = kubelet.pods.get(&self.uid).is_none_or(|known| **known != view);
            if changed {
                kubelet.pods.insert(self.uid.clone(), Arc::new(view));
            }
            changed
        });
    }

    fn report(&self, report: Report) {
        self.reports.send_if_modified(|last| {
            let said = last.as_ref();
            // What was released is not taken back by a report of the same state.
            let is_over = said.is_some_and(|last| last.release && last.status == report.status);
            let differs =
                said.is_none_or(|last| last.status != report.status || last.release != report.release);
            let news = !is_over && (differs || report::is_contradicted(&report.pod, &report.status));
            if news {
                *last = Some(report);
            }
            news
        });
    }

    /// Without the runtime nothing is known: a new pod is reported as waiting, any other stays as it was.
    fn is_out_of_reach(&mut self, wish: &Wish, error: &cri::Error) -> Step {
        let missing = self.context.runtime_missing.borrow().clone();
        let why = missing.unwrap_or_else(|| error.to_string());
        let is_new =
            self.last.container_statuses.as_ref().is_none_or(|known| known.iter().all(has_not_begun));
        if is_new && wish.standing == Standing::Wanted && !wish.pod.is_being_deleted() {
            self.notice_sandbox_failure(&wish.pod, &why);
            let look = Look {
                pod: &wish.pod,
                standing: wish.standing,
                observed: &Observed::default(),
                memory: &self.memory,
                now: Timestamp::now(),
            };
            let ground = Ground {
                waits: &BTreeMap::new(),
                host_ips: &self.context.config.addresses,
                pod_ips: &[],
                last: &self.last_with_foreign(&wish.pod),
            };
            let status = status(look, &ground);
            self.publish(wish, &Observed::default(), status);
        }
        // The runtime's return is a reason to look; this is for errors of another kind.
        let pause = if error.is_unreachable() { RESYNC } else { RETRY };
        Step::Wait(later(Timestamp::now(), pause))
    }

    fn note(&mut self, pod: &Pod, done: Done) {
        match done {
            Done::Stopped { id, name, result } => {
                if let Err(error) = result {
                    self.notice_warning(
                        pod,
                        Some(&name),
                        "FailedKillPod",
                        format!("error killing container: {error}"),
                    );
                    self.memory.stopping.remove(&id);
                }
            }
            Done::Pulled { name, image, took, result } => self.note_pull(pod, name, &image, took, result),
            Done::Probed { id, name, kind, result } => self.note_probe(pod, &id, &name, kind, result),
            Done::Hooked { id, name, result } => self.note_hook(pod, id, &name, result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_brought_up_to_date_where_the_pod_runs_and_the_next_look_is_never_past() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |seconds: u64| later(start, Duration::from_secs(seconds));
        assert_eq!(Resync::of(start, at(59), true), Resync { due: false, next: at(60) });
        assert_eq!(Resync::of(start, at(60), true), Resync { due: true, next: at(120) });
        assert_eq!(Resync::of(start, at(500), false), Resync { due: false, next: at(560) });
    }
}
