//! [`Board`]: what the scheduler knows, and who is next. Changes come in, work goes out; a decision and what it changes
//! here are one step.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use reconcile::{Change, ObjectKey};
use supervise::panic_message;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::error;

use crate::advice::{Advice, Advise, Advisors, Council};
use crate::allocate::Allocated;
use crate::config::Config;
use crate::decide::{Decision, Nomination, Refusal, Rotation, candidates, decide, decide_advised};
use crate::metrics::SchedulerMetrics;
use crate::plugin::VolumePlan;
use crate::profile::Profile;
use crate::queue::hint::Event;
use crate::queue::{Queue, Turn};
use crate::snapshot::{Snapshot, Table, Tables};
use crate::view::{NodeView, PodView};

/// A handle; clones share what is known.
#[derive(Clone)]
pub(crate) struct Board(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
    profiles: Vec<Arc<Profile>>,
    percentage: i64,
    council: Council,
    decide: Decide,
    metrics: SchedulerMetrics,
}

/// Who decides: [`decide`], but for a test.
type Decide = fn(&PodView, &Profile, i64, &Snapshot, &mut Rotation) -> Decision;

struct State {
    snapshot: Snapshot,
    queue: Queue,
    rotation: Rotation,
}

/// What was decided and is to be carried out.
pub(crate) enum Work {
    Bind {
        turn: Turn,
        profile: Arc<Profile>,
        node: Box<str>,
        volumes: VolumePlan,
        devices: Vec<Allocated>,
    },
    /// Others are to be asked of these nodes, before it is decided.
    Ask {
        turn: Turn,
        profile: Arc<Profile>,
        advisors: Advisors,
        nodes: Vec<String>,
    },
    /// `demoted` waited for room that the pod gets now.
    Refuse {
        turn: Turn,
        profile: Arc<Profile>,
        refusal: Refusal,
        demoted: Vec<Arc<PodView>>,
    },
    /// Nothing could be decided.
    Fail {
        turn: Turn,
        profile: Arc<Profile>,
        message: String,
    },
}

pub(crate) enum Next {
    Work(Box<Work>),
    /// Nothing before then, unless something changes.
    At(Instant),
    Nothing,
}

/// How far the volumes of a pod are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Volumes {
    Ready,
    /// `all_asked`: every claim that a volume is made for was seen to ask for it.
    Awaited {
        all_asked: bool,
    },
    Lost(String),
}

impl Board {
    pub(crate) fn new(config: Config, metrics: SchedulerMetrics, council: Council) -> Self {
        Self::deciding(config, metrics, council, decide)
    }

    fn deciding(config: Config, metrics: SchedulerMetrics, council: Council, decide: Decide) -> Self {
        let Config { profiles, percentage, backoffs, forgotten, .. } = config;
        let state = State {
            snapshot: Snapshot::default(),
            queue: Queue::new(backoffs, forgotten),
            rotation: Rotation::default(),
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            changed: Notify::new(),
            profiles: profiles.into_iter().map(Arc::new).collect(),
            percentage,
            council,
            decide,
            metrics,
        }))
    }

    /// Wakes one that waits when something changed.
    pub(crate) fn changed(&self) -> &Notify {
        &self.0.changed
    }

    fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A change from outside, which may make a pod's turn come.
    fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let result = self.step(change);
        self.0.changed.notify_one();
        result
    }

    fn step<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = Instant::now();
        let (result, pending, told, sizes) = self.look(|state| {
            let result = change(state, now);
            (result, state.queue.pending(), state.queue.take_told(), state.snapshot.sizes())
        });
        self.0.metrics.pending(pending);
        self.0.metrics.known(sizes);
        for ((queue, event), pods) in told.incoming {
            self.0.metrics.incoming(queue, event, pods);
        }
        for ((plugin, profile), pods) in told.refused {
            self.0.metrics.refused(plugin, &profile, pods);
        }
        result
    }

    fn profile_of(&self, pod: &PodView) -> Option<&Arc<Profile>> {
        self.0.profiles.iter().find(|profile| *profile.scheduler_name() == *pod.scheduler)
    }

    pub(crate) fn node_changed(&self, change: &Change<'_, NodeView>) {
        self.change(|state, now| match (change.old, change.new) {
            (_, None) => state.snapshot.remove_node(&change.key.name),
            (old, Some(new)) => {
                state.snapshot.set_node(new.clone());
                if old.is_none_or(|old| new.differs(old)) {
                    state.tell(&Event::Node { old: old.map(|old| &**old), new }, now);
                }
            }
        });
    }

    pub(crate) fn pod_changed(&self, change: &Change<'_, PodView>) {
        let is_ours = change.new.is_some_and(|pod| self.profile_of(pod).is_some());
        self.change(|state, now| match change.new.filter(|pod| !pod.has_ended) {
            None => state.gone(change.key, now),
            Some(pod) => match &pod.node {
                Some(node) => state.assigned(pod, node, now),
                None => state.unassigned(pod, is_ours, now),
            },
        });
    }

    /// A hook that keeps a table, and tells the pods that wait what `event` makes of a change.
    pub(crate) fn keeps<V: Send + Sync + 'static>(
        &self,
        table: fn(&mut Tables) -> &mut Table<V>,
        event: for<'e> fn(&'e Change<'e, V>) -> Option<Event<'e>>,
    ) -> impl Fn(&Change<'_, V>) + Send + Sync + 'static {
        let board = self.clone();
        move |change| {
            board.change(|state, now| {
                let table = table(&mut state.snapshot.tables);
                match change.new {
                    Some(new) => drop(table.insert(change.key.clone(), new.clone())),
                    None => drop(table.remove(change.key)),
                }
                let shorter = Change { key: change.key, old: change.old, new: change.new };
                if let Some(event) = event(&shorter) {
                    state.tell(&event, now);
                }
            });
        }
    }

    /// One of those who have a say may say another thing.
    pub(crate) fn advice_changed(&self) {
        self.change(|state, now| state.tell(&Event::Advice, now));
    }

    /// The API server told who has a volume: it needs no promise.
    pub(crate) fn volume_settled(&self, volume: &str) {
        self.look(|state| drop(state.snapshot.promised.remove(volume)));
    }

    /// The API server told of a claim's devices: they need not be kept for it.
    pub(crate) fn devices_settled(&self, claim: &ObjectKey) {
        self.look(|state| state.snapshot.allocating.settle(claim));
    }

    /// Decides on the next pod.
    pub(crate) fn next(&self) -> Next {
        self.step(|state, now| {
            while let Some(turn) = state.queue.take(now) {
                let key = &turn.pod.head.key;
                let Some(profile) =
                    self.profile_of(&turn.pod).filter(|_| state.snapshot.placed(key).is_none())
                else {
                    state.queue.remove(key);
                    continue;
                };
                return Next::Work(Box::new(self.decide(state, turn, profile, now)));
            }
            state.queue.tick(now).map_or(Next::Nothing, Next::At)
        })
    }

    fn decide(&self, state: &mut State, turn: Turn, profile: &Arc<Profile>, now: Instant) -> Work {
        let (pod, profile) = (turn.pod.clone(), profile.clone());
        let advisors = self.0.council.concerned(&pod);
        let mut asked = Vec::new();
        let decision = catch_unwind(AssertUnwindSafe(|| {
            let (snapshot, rotation) = (&state.snapshot, &mut state.rotation);
            if advisors.is_empty() {
                return Some((self.0.decide)(&pod, &profile, self.0.percentage, snapshot, rotation));
            }
            let found = candidates(&pod, &profile, self.0.percentage, snapshot, rotation);
            found.map(|nodes| asked = nodes).err()
        }));
        self.0.metrics.decided(now.elapsed().as_secs_f64());
        self.0.metrics.took(&state.rotation.trace.take(), profile.scheduler_name());
        match decision.transpose() {
            Some(decision) => state.settle(turn, profile, decision, now),
            None => Work::Ask { turn, profile, advisors, nodes: asked },
        }
    }

    /// Decides on a pod of which others were asked; nothing if it is gone meanwhile.
    pub(crate) fn advised(
        &self,
        turn: Turn,
        profile: Arc<Profile>,
        advice: Result<Advice, String>,
    ) -> Option<Work> {
        self.change(|state, now| {
            let (pod, key) = (turn.pod.clone(), &turn.pod.head.key);
            if !state.is_known(&pod) || state.snapshot.placed(key).is_some() {
                return None;
            }
            let advice = match advice {
                Ok(advice) => advice,
                Err(message) => {
                    state.queue.failed(key, now);
                    return Some(Work::Fail { turn, profile, message });
                }
            };
            let decision = catch_unwind(AssertUnwindSafe(|| {
                decide_advised(&pod, &profile, &state.snapshot, &mut state.rotation, &advice)
            }));
            self.0.metrics.took(&state.rotation.trace.take(), profile.scheduler_name());
            Some(state.settle(turn, profile, decision, now))
        })
    }

    /// Who binds the pod in the scheduler's place.
    pub(crate) fn binder(&self, pod: &PodView) -> Option<Arc<dyn Advise>> {
        self.0.council.concerned(pod).into_iter().find(|advisor| advisor.binder().is_some())
    }

    /// The API server has the pod on its node.
    pub(crate) fn bound(&self, pod: &PodView) {
        self.change(|state, _| {
            if state.is_known(pod) {
                state.queue.remove(&pod.head.key);
            }
        });
    }

    /// A pod was not bound after all; it is tried again later.
    pub(crate) fn not_bound(&self, pod: &PodView, volumes: &VolumePlan) {
        self.change(|state, now| {
            state.release(pod, volumes, now);
            if state.is_known(pod) {
                state.queue.failed(&pod.head.key, now);
            }
        });
    }

    /// A pod turned out to be gone while it was bound.
    pub(crate) fn vanished(&self, pod: &PodView, volumes: &VolumePlan) {
        self.change(|state, now| {
            state.release(pod, volumes, now);
            if state.is_known(pod) {
                state.queue.remove(&pod.head.key);
            }
        });
    }

    /// The victims of a pod were told to go; not `all` of them where some could not be told.
    pub(crate) fn preempted(&self, pod: &PodView, all: bool) {
        self.change(|state, now| state.queue.preempted(&pod.head.key, all, now));
    }

    /// The pod as it is known now, while it waits.
    pub(crate) fn waiting(&self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.look(|state| state.queue.get(key).cloned())
    }

    /// How far the volumes of a pod are that is to be on a node. Where claims were seen to ask for theirs (`asked`),
    /// one that no longer does has been given up.
    pub(crate) fn volumes(&self, pod: &PodView, plan: &VolumePlan, asked: bool) -> Volumes {
        self.look(|state| {
            let claims = &state.snapshot.tables.claims;
            let (mut are_ready, mut all_asked) = (true, true);
            let keys = plan.bind.iter().map(|(key, _)| (key, false));
            for (key, is_made) in keys.chain(plan.provision.iter().map(|key| (key, true))) {
                let Some(claim) = claims.get(key) else {
                    return Volumes::Lost(format!("persistentvolumeclaim {:?} not found", key.name));
                };
                let is_unasked = is_made && !claim.is_bound && claim.selected_node.is_none();
                all_asked &= !is_unasked;
                if is_unasked && asked {
                    return Volumes::Lost(format!("provisioning failed for PVC {:?}", key.name));
                }
                are_ready &= claim.is_bound;
            }
            let is_there = state.snapshot.is_assumed(&pod.head.key);
            match (is_there, are_ready) {
                (false, _) => Volumes::Lost(format!("pod {} is gone", pod.head.key)),
                (true, true) => Volumes::Ready,
                (true, false) => Volumes::Awaited { all_asked },
            }
        })
    }
}

impl State {
    fn tell(&mut self, event: &Event<'_>, now: Instant) {
        self.queue.changed(event, &self.snapshot, now);
    }

    /// Takes note of a decision, and says what is to be done.
    fn settle(
        &mut self,
        turn: Turn,
        profile: Arc<Profile>,
        decision: std::thread::Result<Decision>,
        now: Instant,
    ) -> Work {
        let pod = turn.pod.clone();
        let key = &pod.head.key;
        let decision = match decision {
            Ok(decision) => decision,
            // A pod that no plugin can stand is in nobody else's way: it backs off alone.
            Err(panic) => {
                let message = panic_message(panic.as_ref());
                error!(pod = %key, "a plugin panicked: {message}");
                self.queue.failed(key, now);
                return Work::Fail { turn, profile, message: format!("a plugin panicked: {message}") };
            }
        };
        match decision {
            Decision::Bind { node, volumes, devices } => {
                self.snapshot.unnominate(key);
                self.snapshot.assume(pod.clone(), &node);
                for (claim, volume) in &volumes.bind {
                    self.snapshot.promised.insert(volume.clone(), claim.clone());
                }
                self.snapshot.allocating.begin(&pod.head.uid, &devices);
                // Who waits to be beside it need not wait for the API server.
                self.tell(&Event::Assigned { old: None, new: Some(&pod) }, now);
                Work::Bind { turn, profile, node, volumes, devices }
            }
            Decision::Refuse(refusal) => {
                self.queue.refused(key, refusal.plugins, now);
                let demoted = self.nominate(&pod, &refusal);
                if !refusal.victims.is_empty() {
                    self.queue.preempting(key);
                }
                Work::Refuse { turn, profile, refusal, demoted }
            }
        }
    }

    /// Whether what is queued under the pod's name is the pod.
    fn is_known(&self, pod: &PodView) -> bool {
        self.queue.get(&pod.head.key).is_some_and(|known| known.head.uid == pod.head.uid)
    }

    fn gone(&mut self, key: &ObjectKey, now: Instant) {
        let waited = self.queue.remove(key);
        let kept_room = self.snapshot.nomination(key).is_some();
        self.snapshot.unnominate(key);
        let placed = self.snapshot.remove(key);
        if let Some(pod) = waited.as_ref().or(placed.as_ref()) {
            self.snapshot.allocating.forget(&pod.head.uid);
        }
        let left = placed.or(waited.filter(|_| kept_room));
        if let Some(pod) = left {
            self.tell(&Event::Assigned { old: Some(&pod), new: None }, now);
        }
    }

    fn assigned(&mut self, pod: &Arc<PodView>, node: &str, now: Instant) {
        self.queue.remove(&pod.head.key);
        self.snapshot.unnominate(&pod.head.key);
        let old = self.snapshot.place(pod.clone(), node);
        let is_alike = old.as_ref().is_some_and(|old| {
            (&old.labels, old.is_deleting, &old.requests) == (&pod.labels, pod.is_deleting, &pod.requests)
        });
        if !is_alike {
            self.tell(&Event::Assigned { old: old.as_deref(), new: Some(pod) }, now);
        }
    }

    fn unassigned(&mut self, pod: &Arc<PodView>, is_ours: bool, now: Instant) {
        let key = &pod.head.key;
        match self.snapshot.placed(key) {
            // Its binding is under way.
            Some(placed) if placed.head.uid == pod.head.uid => return,
            Some(_) => self.gone(key, now),
            None => {}
        }
        if !is_ours || pod.is_deleting {
            return self.gone(key, now);
        }
        if let Some(node) = &pod.nominated {
            self.snapshot.nominate(pod.clone(), node);
        }
        self.queue.put(pod.clone(), &self.snapshot, now);
    }

    /// Keeps room for the pod as the refusal says; gives the pods of less priority that must look elsewhere.
    fn nominate(&mut self, pod: &Arc<PodView>, refusal: &Refusal) -> Vec<Arc<PodView>> {
        match &refusal.nomination {
            Nomination::Keep => Vec::new(),
            Nomination::Clear => {
                self.snapshot.unnominate(&pod.head.key);
                Vec::new()
            }
            Nomination::Set(node) => {
                let before = self.snapshot.nominated_to(node).iter();
                let demoted: Vec<_> = before.filter(|other| other.priority < pod.priority).cloned().collect();
                demoted.iter().for_each(|other| self.snapshot.unnominate(&other.head.key));
                self.snapshot.nominate(pod.clone(), node);
                demoted
            }
        }
    }

    /// Gives back what a pod was to take.
    fn release(&mut self, pod: &PodView, volumes: &VolumePlan, now: Instant) {
        for (claim, volume) in &volumes.bind {
            if self.snapshot.promised.get(volume) == Some(claim) {
                self.snapshot.promised.remove(volume);
            }
        }
        let is_same =
            self.snapshot.placed(&pod.head.key).is_some_and(|placed| placed.head.uid == pod.head.uid);
        if is_same && self.snapshot.forget(&pod.head.key) {
            self.tell(&Event::Assigned { old: Some(pod), new: None }, now);
        }
    }
}
