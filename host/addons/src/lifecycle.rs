//! The instance of an addon that hears what happens and keeps what the addon keeps in order.

use std::sync::Arc;
use std::time::Duration;

use engine::{CallError, Event, Limits};
use supervise::{Backoff, Scope};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

use crate::active::Loaded;
use crate::pushed::{Fed, Pushed};

/// An addon may talk to the API for this long in one call.
const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// How the last reconcile ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Starting,
    Well,
    Failing(String),
}

/// A handle on the task.
pub(crate) struct Keeper {
    health: watch::Receiver<Health>,
    farewell: mpsc::Sender<oneshot::Sender<()>>,
}

impl Keeper {
    /// Tells the addon that it is enabled, and lets it reconcile when everything was pushed and whenever it asks to.
    pub(crate) fn start(loaded: Arc<Loaded>, pushed: Arc<Pushed>, scope: &Scope) -> Self {
        let (reported, health) = watch::channel(Health::Starting);
        let (farewell, farewells) = mpsc::channel(1);
        let guest = Guest { loaded, pushed, scope: scope.child("lifecycle"), fed: None };
        let closed = scope.token();
        scope.spawn("reconcile", async move {
            closed.run_until_cancelled(keep(guest, farewells, reported)).await;
        });
        Self { health, farewell }
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

    /// Tells the addon that it is disabled, after what is under way.
    pub(crate) async fn dismiss(&self) {
        let (told, done) = oneshot::channel();
        if self.farewell.send(told).await.is_ok() {
            // An error says that the task ended, which is as good.
            done.await.ok();
        }
    }
}

async fn keep(
    mut guest: Guest,
    mut farewells: mpsc::Receiver<oneshot::Sender<()>>,
    health: watch::Sender<Health>,
) {
    let mut complete = guest.pushed.complete();
    let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
    let farewell = loop {
        let complete = async { complete.wait_for(|complete| *complete).await.is_ok() };
        tokio::select! {
            biased;
            farewell = farewells.recv() => break farewell,
            _ = complete => {}
        }
        let pause = match guest.call(Call::Reconcile).await {
            Ok(again) => {
                backoff.reset();
                health.send_replace(Health::Well);
                again
            }
            Err(why) => {
                warn!(addon = guest.loaded.name(), %why, "an addon could not reconcile");
                health.send_replace(Health::Failing(why.to_string()));
                Some(backoff.next_delay())
            }
        };
        let pause = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            farewell = farewells.recv() => break farewell,
            () = pause => {}
        }
    };
    let Some(told) = farewell else { return };
    if let Err(why) = guest.call(Call::Farewell).await {
        warn!(addon = guest.loaded.name(), %why, "an addon failed while it was disabled");
    }
    // Whoever asked may have gone.
    told.send(()).ok();
}

#[derive(Clone, Copy)]
enum Call {
    Reconcile,
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
        let task = self.scope.spawn_blocking("call", move || {
            let work = tokio::time::timeout(DEADLINE, drive(loaded, pushed, fed, call));
            runtime.block_on(stop.run_until_cancelled(work))
        });
        let outcome = task.await.ok().flatten().ok_or(Trouble::Stopped)?.map_err(|_| Trouble::Slow)?;
        let (fed, again) = outcome?;
        self.fed = fed;
        again.map_err(Trouble::Call)
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
            let mut fed = Fed::new(loaded.instance(limits)?, pushed);
            fed.up_to_date()?.notify(Event::Enabled).await?;
            fed
        }
    };
    let outcome = match call {
        Call::Reconcile => match fed.up_to_date() {
            Ok(instance) => instance.reconcile().await,
            Err(why) => Err(why),
        },
        Call::Farewell => match fed.up_to_date() {
            Ok(instance) => instance.notify(Event::Disabled).await.map(|()| None),
            Err(why) => Err(why),
        },
    };
    let usable = !outcome.as_ref().is_err_and(CallError::is_fault);
    Ok((usable.then_some(fed), outcome))
}
