//! Units: services and child processes alike, started when what they need is ready, restarted alone when they fail,
//! stopped in the reverse order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{Backoff, BoxError, Scope};

/// Delay before the first restart of a failed unit, doubled for each further one.
const FIRST_RESTART: Duration = Duration::from_millis(100);
/// Longest delay before a restart.
const LAST_RESTART: Duration = Duration::from_secs(30);
/// A unit that ran this long is taken to have been well: its backoff starts over.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// What the failure of a unit means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is started again after a backoff.
    Restart,
    /// Nothing can go on without it: the tree stops.
    Stop,
}

type Start = Box<dyn Fn(UnitContext) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// A unit: its name, the units that must be ready before it starts, and how it runs.
pub struct Unit {
    name: &'static str,
    needs: &'static [&'static str],
    on_failure: OnFailure,
    start: Start,
}

impl Unit {
    /// `run` is called at each start; its future runs until the context's stop signal and is to call
    /// [`UnitContext::ready`] once.
    pub fn new<F, R>(
        name: &'static str,
        needs: &'static [&'static str],
        on_failure: OnFailure,
        run: F,
    ) -> Self
    where
        F: Fn(UnitContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self { name, needs, on_failure, start: Box::new(move |context| Box::pin(run(context))) }
    }
}

/// What a running unit gets.
#[derive(Clone)]
pub struct UnitContext {
    /// Tasks of this run of the unit.
    pub scope: Scope,
    status: Arc<watch::Sender<TreeStatus>>,
    name: &'static str,
}

impl UnitContext {
    /// The unit does its job: those that need it may start.
    pub fn ready(&self) {
        self.set(UnitState::Ready, None);
    }

    /// The unit runs and cannot do its job, for a reason that the operator should see.
    pub fn degraded(&self, why: impl Into<String>) {
        self.set(UnitState::Starting, Some(why.into()));
    }

    /// The signal at which the unit is to end.
    pub fn stop(&self) -> CancellationToken {
        self.scope.token()
    }

    fn set(&self, state: UnitState, message: Option<String>) {
        self.status.send_if_modified(|status| status.set(self.name, state, message));
    }
}

/// Where a unit is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitState {
    Waiting,
    Starting,
    Ready,
    BackingOff,
    Failed,
    Stopped,
}

/// A unit as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitStatus {
    pub name: &'static str,
    pub state: UnitState,
    pub restarts: u32,
    pub message: Option<String>,
}

/// All units, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeStatus {
    pub units: Vec<UnitStatus>,
}

impl TreeStatus {
    /// Every unit is ready.
    pub fn is_ready(&self) -> bool {
        self.units.iter().all(|unit| unit.state == UnitState::Ready)
    }

    pub fn unit(&self, name: &str) -> Option<&UnitStatus> {
        self.units.iter().find(|unit| unit.name == name)
    }

    fn set(&mut self, name: &str, state: UnitState, message: Option<String>) -> bool {
        let Some(unit) = self.units.iter_mut().find(|unit| unit.name == name) else { return false };
        let changed = unit.state != state || unit.message != message;
        unit.state = state;
        unit.message = message;
        changed
    }

    fn are_ready(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.unit(name).is_some_and(|unit| unit.state == UnitState::Ready))
    }
}

/// How a tree ended.
#[derive(Debug)]
pub enum Ended {
    /// After the stop signal; `left` names the units that had to be aborted at the deadline.
    Stopped { left: Vec<String> },
    /// A unit failed that nothing can go on without.
    Failed { unit: &'static str, why: BoxError, left: Vec<String> },
}

/// Sees and restarts units.
#[derive(Clone)]
pub struct TreeHandle {
    status: watch::Receiver<TreeStatus>,
    restarts: mpsc::Sender<String>,
}

impl TreeHandle {
    pub fn status(&self) -> watch::Receiver<TreeStatus> {
        self.status.clone()
    }

    /// Restarts a unit; what needs it is left running.
    pub async fn restart(&self, unit: &str) {
        if self.restarts.send(unit.to_owned()).await.is_err() {
            warn!(unit, "the units are stopping: not restarted");
        }
    }
}

/// Units that run until a stop signal.
pub struct Tree {
    units: Vec<Unit>,
    status: Arc<watch::Sender<TreeStatus>>,
    restarts: mpsc::Receiver<String>,
    handle: TreeHandle,
}

enum Event {
    Ended(&'static str, Result<(), BoxError>),
    Due(&'static str),
}

impl Tree {
    /// Units in their start order: each needs only units before it.
    ///
    /// # Panics
    /// When a unit needs one that is not before it: the order is written in the program.
    pub fn new(units: Vec<Unit>) -> Self {
        for (at, unit) in units.iter().enumerate() {
            for need in unit.needs {
                assert!(
                    units[..at].iter().any(|before| before.name == *need),
                    "{} needs {need} before it",
                    unit.name
                );
            }
        }
        let status = TreeStatus {
            units: units
                .iter()
                .map(|unit| UnitStatus {
                    name: unit.name,
                    state: UnitState::Waiting,
                    restarts: 0,
                    message: None,
                })
                .collect(),
        };
        let (status, receiver) = watch::channel(status);
        let (sender, restarts) = mpsc::channel(8);
        let handle = TreeHandle { status: receiver, restarts: sender };
        Self { units, status: Arc::new(status), restarts, handle }
    }

    pub fn handle(&self) -> TreeHandle {
        self.handle.clone()
    }

    /// Runs until `stop` or a failure that stops everything, and then drains within `deadline`.
    pub async fn run(mut self, stop: CancellationToken, deadline: Duration) -> Ended {
        let scope = Scope::root("units");
        let (sender, mut events) = mpsc::channel(self.units.len().max(1) * 2);
        let mut runs: BTreeMap<&'static str, Run> = BTreeMap::new();
        let mut status = self.handle.status();
        let failure = loop {
            self.start_due(&scope, &sender, &mut runs);
            tokio::select! {
                () = stop.cancelled() => break None,
                event = events.recv() => match event.expect("the sender is held above") {
                    Event::Due(name) => { runs.entry(name).and_modify(|run| run.due = true); }
                    Event::Ended(name, result) => {
                        if let Some(failure) = self.ended(name, result, &scope, &sender, &mut runs) {
                            break Some(failure);
                        }
                    }
                },
                name = self.restarts.recv() => if let Some(run) = name.and_then(|name| runs.get_mut(name.as_str())) {
                    run.asked = true;
                    run.scope.token().cancel();
                },
                changed = status.changed() => changed.expect("the sender is held by self"),
            }
        };
        let left = self.drain(&mut events, &mut runs, deadline).await;
        match failure {
            None => Ended::Stopped { left },
            Some((unit, why)) => Ended::Failed { unit, why, left },
        }
    }

    /// Starts every unit that is due and has what it needs.
    fn start_due(&self, scope: &Scope, events: &mpsc::Sender<Event>, runs: &mut BTreeMap<&'static str, Run>) {
        for unit in &self.units {
            let due = runs.get(unit.name).is_none_or(|run| run.due && !run.running);
            if !due || !self.status.borrow().are_ready(unit.needs) {
                continue;
            }
            let own = scope.child(unit.name);
            let context = UnitContext { scope: own.clone(), status: self.status.clone(), name: unit.name };
            self.set(unit.name, UnitState::Starting, None);
            let (running, name, events) = ((unit.start)(context), unit.name, events.clone());
            let task = own.spawn("run", running);
            scope.spawn(name, async move {
                let result = task.await.unwrap_or_else(|why| Err(why.into()));
                // Nobody listens any more once the tree was drained.
                events.send(Event::Ended(name, result)).await.ok();
            });
            let run = runs.entry(unit.name).or_insert_with(|| Run::new(own.clone()));
            run.scope = own;
            run.running = true;
            run.due = false;
            run.since = Instant::now();
        }
    }

    /// Notes the end of a unit and plans its restart; gives the failure that stops everything.
    fn ended(
        &self,
        name: &'static str,
        result: Result<(), BoxError>,
        scope: &Scope,
        events: &mpsc::Sender<Event>,
        runs: &mut BTreeMap<&'static str, Run>,
    ) -> Option<(&'static str, BoxError)> {
        let unit = self.units.iter().find(|unit| unit.name == name)?;
        let run = runs.get_mut(name)?;
        run.running = false;
        run.scope.token().cancel();
        let delay = if std::mem::take(&mut run.asked) {
            info!(unit = name, "restarting as asked");
            self.set(name, UnitState::Starting, None);
            Duration::ZERO
        } else {
            let why = result.err().unwrap_or_else(|| "it ended by itself".into());
            let message = chain(why.as_ref());
            if unit.on_failure == OnFailure::Stop {
                error!(unit = name, "failed, and nothing can go on without it: {message}");
                self.set(name, UnitState::Failed, Some(message));
                return Some((name, why));
            }
            if run.since.elapsed() > WELL_AFTER {
                run.backoff.reset();
            }
            let delay = run.backoff.next_delay();
            warn!(unit = name, ?delay, "failed, starting again: {message}");
            self.set(name, UnitState::BackingOff, Some(message));
            delay
        };
        self.status.send_modify(|status| {
            if let Some(unit) = status.units.iter_mut().find(|unit| unit.name == name) {
                unit.restarts += 1;
            }
        });
        let events = events.clone();
        scope.spawn("backoff", async move {
            tokio::time::sleep(delay).await;
            // Nobody listens any more once the tree was drained.
            events.send(Event::Due(name)).await.ok();
        });
        None
    }

    /// Stops the units one after the other, the last first; one deadline is for all of them.
    async fn drain(
        &self,
        events: &mut mpsc::Receiver<Event>,
        runs: &mut BTreeMap<&'static str, Run>,
        deadline: Duration,
    ) -> Vec<String> {
        let end = tokio::time::Instant::now() + deadline;
        let mut left = Vec::new();
        for unit in self.units.iter().rev() {
            let Some(run) = runs.get_mut(unit.name) else { continue };
            run.scope.token().cancel();
            while runs.get(unit.name).is_some_and(|run| run.running) {
                match tokio::time::timeout_at(end, events.recv()).await {
                    Ok(Some(Event::Ended(name, _))) => {
                        if let Some(run) = runs.get_mut(name) {
                            run.running = false;
                        }
                    }
                    Ok(Some(Event::Due(_))) => {}
                    Ok(None) | Err(_) => break,
                }
            }
            let Some(run) = runs.get(unit.name) else { continue };
            if run.running {
                left.push(unit.name.to_owned());
            }
            left.extend(run.scope.close(end.saturating_duration_since(tokio::time::Instant::now())).await);
            self.set(unit.name, UnitState::Stopped, None);
        }
        left.sort();
        left.dedup();
        left
    }

    fn set(&self, name: &str, state: UnitState, message: Option<String>) {
        self.status.send_if_modified(|status| status.set(name, state, message));
    }
}

/// One unit's runs so far.
struct Run {
    scope: Scope,
    running: bool,
    due: bool,
    asked: bool,
    since: Instant,
    backoff: Backoff,
}

impl Run {
    fn new(scope: Scope) -> Self {
        let backoff = Backoff::new(FIRST_RESTART, LAST_RESTART);
        Self { scope, running: false, due: false, asked: false, since: Instant::now(), backoff }
    }
}

/// An error with its causes, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn recorder() -> (Arc<Mutex<Vec<String>>>, impl Fn(&str) + Clone) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        (seen, move |text: &str| log.lock().unwrap().push(text.to_owned()))
    }

    fn obedient(
        name: &'static str,
        needs: &'static [&'static str],
        log: impl Fn(&str) + Clone + Send + Sync + 'static,
    ) -> Unit {
        Unit::new(name, needs, OnFailure::Restart, move |context| {
            let log = log.clone();
            async move {
                log(&format!("start {name}"));
                context.ready();
                context.stop().cancelled().await;
                log(&format!("stop {name}"));
                Ok(())
            }
        })
    }

    async fn ready(handle: &TreeHandle) {
        handle.status().wait_for(TreeStatus::is_ready).await.unwrap();
    }

    #[tokio::test]
    async fn units_start_after_what_they_need_and_stop_in_reverse() {
        let (seen, log) = recorder();
        let tree = Tree::new(vec![obedient("store", &[], log.clone()), obedient("server", &["store"], log)]);
        let (handle, stop) = (tree.handle(), CancellationToken::new());
        let scope = Scope::root("test");
        let running = scope.spawn("tree", tree.run(stop.clone(), Duration::from_secs(5)));
        ready(&handle).await;
        stop.cancel();
        assert!(matches!(running.await.unwrap(), Ended::Stopped { left } if left.is_empty()));
        assert_eq!(*seen.lock().unwrap(), ["start store", "start server", "stop server", "stop store"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_unit_that_panics_is_restarted_alone() {
        let (seen, log) = recorder();
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        let shaky = Unit::new("shaky", &[], OnFailure::Restart, move |context| {
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(attempt > 1, "broken on purpose");
                context.ready();
                context.stop().cancelled().await;
                Ok(())
            }
        });
        let tree = Tree::new(vec![obedient("steady", &[], log), shaky]);
        let (handle, stop) = (tree.handle(), CancellationToken::new());
        let scope = Scope::root("test");
        let running = scope.spawn("tree", tree.run(stop.clone(), Duration::from_secs(5)));
        ready(&handle).await;
        assert_eq!(handle.status().borrow().unit("shaky").unwrap().restarts, 2);
        assert_eq!(*seen.lock().unwrap(), ["start steady"]);
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_that_stops_everything_names_its_unit() {
        let (_, log) = recorder();
        let store = Unit::new("store", &[], OnFailure::Stop, |_| async { Err("the disk is gone".into()) });
        let tree = Tree::new(vec![obedient("other", &[], log), store]);
        match tree.run(CancellationToken::new(), Duration::from_secs(5)).await {
            Ended::Failed { unit, why, .. } => {
                assert_eq!((unit, why.to_string()), ("store", "the disk is gone".to_owned()))
            }
            Ended::Stopped { .. } => panic!("the tree went on without its store"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_names_the_unit_that_was_left_at_the_deadline() {
        let deaf = Unit::new("deaf", &[], OnFailure::Restart, |context| async move {
            context.ready();
            std::future::pending().await
        });
        let tree = Tree::new(vec![deaf]);
        let (handle, stop) = (tree.handle(), CancellationToken::new());
        let scope = Scope::root("test");
        let running = scope.spawn("tree", tree.run(stop.clone(), Duration::from_secs(1)));
        ready(&handle).await;
        stop.cancel();
        match running.await.unwrap() {
            Ended::Stopped { left } => assert!(left.contains(&"deaf".to_owned()), "{left:?}"),
            Ended::Failed { why, .. } => panic!("{why}"),
        }
    }
}
