//! Leader election: of several processes that do the same work the one works that holds a Lease. Who holds it renews it;
//! who does not takes it when it was not renewed for as long as it says. Times are taken from this process's own clock
//! alone: a record counts from the moment at which it was seen.

mod record;

#[cfg(test)]
mod tests;

use std::time::Duration;

use client::events::{EventType, Recorder, Source, recorder};
use client::{Api, ApiError, Client};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ObjectReference;
use observe::Metrics;
use observe::family::Family;
use observe::gauge::Gauge;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use record::Book;

/// How long what may take; upstream's flags `--leader-elect-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// After that others take a lease that is not renewed.
    pub lease: Duration,
    /// After that who did not get the lease renewed stops working.
    pub renew: Duration,
    /// From one attempt to the next.
    pub retry: Duration,
}

impl Times {
    /// Upstream's.
    pub const DEFAULT: Self = Self {
        lease: Duration::from_secs(15),
        renew: Duration::from_secs(10),
        retry: Duration::from_secs(2),
    };

    /// Whether two processes with these times never work at once.
    ///
    /// # Errors
    /// What is wrong, as upstream words it.
    pub fn checked(self) -> Result<Self, &'static str> {
        if self.retry.is_zero() {
            Err("retryPeriod must be greater than zero")
        } else if self.renew <= self.retry.mul_f64(1.2) {
            Err("renewDeadline must be greater than retryPeriod*JitterFactor")
        } else if self.lease <= self.renew {
            Err("leaseDuration must be greater than renewDeadline")
        } else {
            Ok(self)
        }
    }
}

/// Who wants to hold which lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// No two processes have the same, nor has a process that starts again.
    pub identity: String,
    pub namespace: String,
    pub name: String,
    pub times: Times,
}

/// What is counted of elections.
#[derive(Clone)]
pub struct ElectionMetrics(Family<[(&'static str, String); 1], Gauge>);

impl ElectionMetrics {
    /// Registers them; once for each registry.
    pub fn new(metrics: &Metrics) -> Self {
        let family = Family::default();
        let help = "Whether this process holds the lease";
        metrics.register("leader_election_master_status", help, family.clone());
        Self(family)
    }

    fn gauge(&self, lease: &str) -> Gauge {
        self.0.get_or_create_owned(&[("name", lease.to_owned())])
    }
}

impl Candidate {
    /// Works once the lease is held and as long as it is, or until `stop`; the lease is given back after that. What the
    /// work came to; `None` where there was none, or where it was broken off because the lease was not renewed in time.
    ///
    /// The work is to end soon after the signal that it is given. It is dropped when the lease is lost.
    pub async fn lead<T, F: Future<Output = T>>(
        self,
        client: &Client,
        metrics: &ElectionMetrics,
        stop: CancellationToken,
        work: impl FnOnce(CancellationToken) -> F,
    ) -> Option<T> {
        let source = Source { component: self.name.clone(), host: String::new() };
        let (events, task) = recorder(client.clone(), source);
        let leading = metrics.gauge(&self.name);
        leading.set(0);
        let mut term = Term::new(self, client, events);
        let led = async {
            let ended = term.hold(stop, &leading, work).await;
            leading.set(0);
            ended
        };
        tokio::select! {
            ended = led => ended,
            () = task.run() => None,
        }
    }
}

/// What a candidate does.
struct Term {
    leases: Api<Lease>,
    book: Book,
    name: String,
    times: Times,
    events: Recorder,
}

impl Term {
    fn new(candidate: Candidate, client: &Client, events: Recorder) -> Self {
        let Candidate { identity, namespace, name, times } = candidate;
        let leases = client.namespaced(&namespace);
        Self { leases, book: Book::new(identity, namespace, name.clone(), times.lease), name, times, events }
    }

    async fn hold<T, F: Future<Output = T>>(
        &mut self,
        stop: CancellationToken,
        leading: &Gauge,
        work: impl FnOnce(CancellationToken) -> F,
    ) -> Option<T> {
        let mut until = tokio::select! {
            () = stop.cancelled() => return None,
            until = self.acquire() => until,
        };
        leading.set(1);
        self.say("became leader");
        let work = work(stop);
        tokio::pin!(work);
        let ended = tokio::select! {
            ended = &mut work => Some(ended),
            () = self.keep(&mut until) => None,
        };
        self.say("stopped leading");
        match &ended {
            Some(_) => self.release(until).await,
            None => warn!(lease = self.name, "a lease was lost: it could not be renewed in time"),
        }
        ended
    }

    /// Gets the lease, sooner or later; when it is to be given up again.
    async fn acquire(&mut self) -> Instant {
        loop {
            match self.attempt().await {
                Ok(Some(until)) => {
                    info!(lease = self.name, identity = self.book.identity(), "a lease is held");
                    return until;
                }
                Ok(None) => {}
                Err(error) => debug!(lease = self.name, %error, "acquire a lease"),
            }
            sleep(self.times.retry).await;
        }
    }

    /// Renews the lease until that fails for too long.
    async fn keep(&mut self, until: &mut Instant) {
        loop {
            sleep(self.times.retry.min(until.saturating_duration_since(Instant::now()))).await;
            if *until <= Instant::now() {
                return;
            }
            match timeout_at(*until, self.attempt()).await {
                Err(_) => return,
                Ok(Ok(Some(next))) => *until = next,
                // Another has it: it was given up by hand.
                Ok(Ok(None)) => return,
                Ok(Err(error)) => debug!(lease = self.name, %error, "renew a lease"),
            }
        }
    }

    /// Takes or renews the lease if it is free to be; when it is to be given up then. That counts from before the
    /// request: who sees the new record sees it later.
    async fn attempt(&mut self) -> Result<Option<Instant>, ApiError> {
        if let Some(known) = self.book.take_known() {
            let begun = Instant::now();
            let renewed = self.book.renewed(&known, supervise::clock::now());
            match self.leases.update(&self.name, &renewed).await {
                Ok(written) => return Ok(Some(self.held(written, begun))),
                Err(error) => debug!(lease = self.name, %error, "renew a lease as it was known"),
            }
        }
        let found = self.leases.find(&self.name).await?;
        let (begun, now) = (Instant::now(), supervise::clock::now());
        let written = match found {
            None => self.leases.create(&self.book.first(now)).await?,
            Some(found) => {
                self.book.saw(&found, begun);
                let Some(mine) = self.book.taken(&found, begun, now) else { return Ok(None) };
                self.leases.update(&self.name, &mine).await?
            }
        };
        Ok(Some(self.held(written, begun)))
    }

    fn held(&mut self, written: Lease, begun: Instant) -> Instant {
        self.book.saw(&written, begun);
        self.book.know(written);
        begun + self.times.renew
    }

    /// Gives the lease back, so that another need not wait for its end.
    async fn release(&mut self, until: Instant) {
        let Some(known) = self.book.take_known() else { return };
        let given = self.book.released(&known, supervise::clock::now());
        match timeout_at(until, self.leases.update(&self.name, &given)).await {
            Ok(Ok(_)) => info!(lease = self.name, "a lease is given back"),
            Ok(Err(error)) => debug!(lease = self.name, %error, "give a lease back"),
            Err(_) => debug!(lease = self.name, "give a lease back: no answer in time"),
        }
    }

    fn say(&self, what: &str) {
        let lease = ObjectReference {
            api_version: Some("coordination.k8s.io/v1".to_owned()),
            kind: Some("Lease".to_owned()),
            namespace: Some(self.book.namespace().to_owned()),
            name: Some(self.name.clone()),
            ..ObjectReference::default()
        };
        let message = format!("{} {what}", self.book.identity());
        self.events.record(lease, EventType::Normal, "LeaderElection", message);
    }
}
