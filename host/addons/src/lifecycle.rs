//! The instance of an addon that hears what happens and keeps what the addon keeps in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::{CallError, Event, Limits, Role};
use supervise::{Backoff, Scope};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::warn;

use crate::active::Loaded;
use crate::pushed::{Fed, Pushed};

/// An addon may talk to the API for this long in one call.
const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// Faults in a row after which it is given up, and refusals.
const FAULTS: u32 = 3;
const REFUSALS: u32 = 20;
/// Events that wait to be told; what is lost beyond is made up by a reconcile.
const WAITING: usize = 64;

/// How the last reconcile ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Starting,
    Well,
    Failing(String),
    /// It failed too often and is not called any more.
    GivenUp(String),
}

/// What happened on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    UnitStarting(String),
    UnitReady(String),
    UnitStopping(String),
    /// The name of the node.
    NodeJoined(String),
    /// The file names of the certificates.
    CertsRenewed(Vec<String>),
}

enum Order {
    Tell(NodeEvent),
    /// Begin again after all was given up.
    Pardon,
    Farewell(oneshot::Sender<()>),
}

/// A handle on the task.
pub(crate) struct Keeper {
    health: watch::Receiver<Health>,
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Tells the addon that it is enabled, and lets it reconcile when everything was pushed and whenever it asks to.
    pub(crate) fn start(loaded: Arc<Loaded>, pushed: Arc<Pushed>, scope: &Scope) -> Self {
        let (reported, health) = watch::channel(Health::Starting);
        let (orders, received) = mpsc::channel(WAITING);
        let guest = Guest { loaded, pushed, scope: scope.child("lifecycle"), fed: None };
        let closed = scope.token();
        let keeping = Keeping {
            guest,
            reported,
            backoff: Backoff::new(FIRST_RETRY, LAST_RETRY),
            failures: Failures::default(),
        };
        scope.spawn("reconcile", async move {
            closed.run_until_cancelled(keeping.run(received)).await;
        });
        Self { health, orders }
    }

    pub(crate) fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// How the first reconcile ended.
    pub(crate) async fn first(&self) -> Health {
        let mut health = self.health.clone();
        let first = health.wait_for(|health| *health != Health::Starting).await.map(|health| health.clone());
        first.unwrap_or_else(|_| Health::Failing("it was stopped".to_owned()))
    }

    /// Tells the addon what happened, when it is its turn.
    pub(crate) fn tell(&self, event: NodeEvent) {
        if let Err(why) = self.orders.try_send(Order::Tell(event)) {
            warn!(%why, "an addon is not told what happened");
        }
    }

    pub(crate) fn pardon(&self) {
        if let Err(why) = self.orders.try_send(Order::Pardon) {
            warn!(%why, "an addon is not called again");
        }
    }

    /// Tells the addon that it is disabled, after what is under way.
    pub(crate) async fn dismiss(&self) {
        let (told, done) = oneshot::channel();
        if self.orders.send(Order::Farewell(told)).await.is_ok() {
            // An error says that the task ended, which is as good.
            done.await.ok();
        }
    }
}

/// Failures in a row.
#[derive(Default)]
struct Failures {
    faults: u32,
    refusals: u32,
}

impl Failures {
    fn add(&mut self, why: &Trouble) {
        match why.is_fault() {
            true => self.faults += 1,
            false => self.refusals += 1,
        }
    }

    fn are_too_many(&self) -> bool {
        self.faults >= FAULTS || self.refusals >= REFUSALS
    }
}

struct Keeping {
    guest: Guest,
    reported: watch::Sender<Health>,
    backoff: Backoff,
    failures: Failures,
}

impl Keeping {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut complete = self.guest.pushed.complete();
        let mut early = VecDeque::new();
        loop {
            let told = async { complete.wait_for(|complete| *complete).await.is_ok() };
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Tell(event)) if early.len() < WAITING => early.push_back(event),
                    Some(Order::Tell(_) | Order::Pardon) => {}
                    Some(Order::Farewell(told)) => return self.part(told).await,
                    None => return,
                },
                _ = told => break,
            }
        }
        for event in early {
            self.hear(event).await;
        }
        let mut due = Some(Instant::now());
        loop {
            let pause = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Tell(event)) if self.is_given_up() => drop(event),
                    Some(Order::Tell(event)) => {
                        let heard = self.hear(event).await;
                        due = if heard { Some(Instant::now()) } else { due };
                    }
                    Some(Order::Pardon) => {
                        self.failures = Failures::default();
                        self.backoff.reset();
                        due = Some(Instant::now());
                    }
                    Some(Order::Farewell(told)) => return self.part(told).await,
                    None => return,
                },
                () = pause => due = self.reconcile().await.map(|pause| Instant::now() + pause),
            }
        }
    }

    fn is_given_up(&self) -> bool {
        self.failures.are_too_many()
    }

    /// Whether the addon took the event.
    async fn hear(&mut self, event: NodeEvent) -> bool {
        let told = self.guest.call(Call::Hear(event)).await;
        if let Err(why) = &told {
            let addon = self.guest.loaded.name();
            warn!(addon, %why, "an addon failed when it was told what happened");
            // A reconcile sees whether that goes on.
            return !why.is_fault();
        }
        true
    }

    /// The time after which the next one is due; none where the addon wants none, or is given up.
    async fn reconcile(&mut self) -> Option<Duration> {
        match self.guest.call(Call::Reconcile).await {
            Ok(again) => {
                self.backoff.reset();
                self.failures = Failures::default();
                self.reported.send_replace(Health::Well);
                again
            }
            Err(why) => {
                self.failures.add(&why);
                warn!(addon = self.guest.loaded.name(), %why, "an addon could not reconcile");
                let given_up = self.is_given_up();
                let told = if given_up { Health::GivenUp } else { Health::Failing };
                self.reported.send_replace(told(why.to_string()));
                self.guest.loaded.services.ledger.changed();
                (!given_up).then(|| self.backoff.next_delay())
            }
        }
    }

    /// One that was given up is not even told that it is disabled.
    async fn part(mut self, told: oneshot::Sender<()>) {
        if !self.is_given_up()
            && let Err(why) = self.guest.call(Call::Farewell).await
        {
            warn!(addon = self.guest.loaded.name(), %why, "an addon failed while it was disabled");
        }
        // Whoever asked may have gone.
        told.send(()).ok();
    }
}

#[derive(Clone)]
enum Call {
    Reconcile,
    Hear(NodeEvent),
    Farewell,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the addon did not end its work within {DEADLINE:?}")]
    Slow,
    #[error("it was stopped")]
    Stopped,
}

impl Trouble {
    fn is_fault(&self) -> bool {
        match self {
            Self::Call(why) => why.is_fault(),
            Self::Slow => true,
            Self::Stopped => false,
        }
    }
}

struct Guest {
    loaded: Arc<Loaded>,
    pushed: Arc<Pushed>,
    scope: Scope,
    /// An instance that knows that it is enabled.
    fed: Option<Fed>,
}

impl Guest {
    /// Calls the instance on a thread of its own; a new one is told first that it is enabled.
    async fn call(&mut self, call: Call) -> Result<Option<Duration>, Trouble> {
        let (loaded, pushed, fed) = (self.loaded.clone(), self.pushed.clone(), self.fed.take());
        let (runtime, stop) = (Handle::current(), self.scope.token());
        let ledger = self.loaded.services.ledger.clone();
        let task = self.scope.spawn_blocking("call", move || {
            let work = tokio::time::timeout(DEADLINE, drive(loaded, pushed, fed, call));
            runtime.block_on(stop.run_until_cancelled(work))
        });
        let outcome = async {
            let outcome = task.await.ok().flatten().ok_or(Trouble::Stopped)?.map_err(|_| Trouble::Slow)?;
            let (fed, again) = outcome?;
            self.fed = fed;
            again.map_err(Trouble::Call)
        };
        ledger.timed_later(Role::Lifecycle, outcome).await
    }
}

/// The instance, where it can still be used, and what the call gave.
type Driven = (Option<Fed>, Result<Option<Duration>, CallError>);

async fn drive(
    loaded: Arc<Loaded>,
    pushed: Arc<Pushed>,
    fed: Option<Fed>,
    call: Call,
) -> Result<Driven, CallError> {
    let mut fed = match fed {
        Some(fed) => fed,
        None => {
            let limits = Limits { deadline: DEADLINE, ..Limits::COLD };
            let mut fed = Fed::new(loaded.instance_with_folders(limits)?, pushed);
            fed.up_to_date()?.notify(Event::Enabled).await?;
            fed
        }
    };
    let outcome = match fed.up_to_date() {
        Ok(instance) => match call {
            Call::Reconcile => instance.reconcile().await,
            Call::Farewell => instance.notify(Event::Disabled).await.map(|()| None),
            Call::Hear(event) => hear(instance, &event).await.map(|()| None),
        },
        Err(why) => Err(why),
    };
    loaded.services.ledger.memory(fed.memory());
    let usable = !outcome.as_ref().is_err_and(CallError::is_fault);
    Ok((usable.then_some(fed), outcome))
}

async fn hear(instance: &mut engine::Instance, event: &NodeEvent) -> Result<(), CallError> {
    match event {
        NodeEvent::UnitStarting(unit) => instance.notify(Event::UnitStarting(unit)).await,
        NodeEvent::UnitReady(unit) => instance.notify(Event::UnitReady(unit)).await,
        NodeEvent::UnitStopping(unit) => instance.notify(Event::UnitStopping(unit)).await,
        NodeEvent::NodeJoined(node) => instance.notify(Event::NodeJoined(node)).await,
        NodeEvent::CertsRenewed(files) => {
            let files: Vec<_> = files.iter().map(String::as_str).collect();
            instance.notify(Event::CertsRenewed(&files)).await
        }
    }
}
