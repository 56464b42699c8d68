//! What the collector watches: every resource that can be listed, watched and deleted.

use std::sync::Arc;
use std::time::Duration;

use client::Client;
use futures_util::future::join_all;
use objects::resource::Verb;
use observe::counter::Counter;
use reconcile::{Outcome, Reconcile, Store};
use tokio::sync::watch;
use tracing::debug;

use super::graph::Head;
use super::ledger::Ledger;
use crate::counts::counter;
use crate::discovery::{Served, discover};
use crate::monitors::{Definition, Monitors, feed_resources};
use crate::wiring::Wiring;

const VERBS: &[Verb] = &[Verb::Delete, Verb::List, Verb::Watch];
/// Nobody owns them, they own nothing, and there are many.
const IGNORED: &[(&str, &str)] = &[("", "events"), ("events.k8s.io", "events")];

/// When a group that could not be read is read again; upstream's.
const RETRY: Duration = Duration::from_secs(30);
/// A definition is served moments after it says so.
const SOON: Duration = Duration::from_millis(200);
/// Work begins then at the latest, whatever could not be read; upstream's.
const FIRST_SYNC: Duration = Duration::from_secs(30);

struct Resources {
    client: Client,
    ledger: Ledger,
    definitions: Store<Definition>,
    monitors: Monitors<Head>,
    failures: Counter,
    /// Whether the first resources are known.
    known: watch::Sender<bool>,
}

/// Wires what fills the ledger; the signal says when everything was read once.
pub(super) fn wire(wiring: &mut Wiring<'_>, ledger: Ledger) -> watch::Receiver<bool> {
    let queue = wiring.queue("garbage_collector_resources");
    let definitions = feed_resources(wiring, &queue);
    let reader = ledger.clone();
    let monitors = Monitors::new(wiring, move |resource, change| reader.change(resource, change));
    let (known, mut is_known) = watch::channel(false);
    let (synced, is_synced) = watch::channel(false);
    let all = monitors.clone();
    wiring.spawn("first sync", move |stop| async move {
        let sync = async {
            if is_known.wait_for(|known| *known).await.is_ok() {
                let stores = all.stores();
                let all = join_all(stores.iter().map(|(_, store)| store.synced()));
                if tokio::time::timeout(FIRST_SYNC, all).await.is_err() {
                    debug!("begin before everything was read");
                }
                synced.send_replace(true);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sync => {}
        }
    });
    let (name, help) =
        ("garbagecollector_controller_resources_sync_error", "Discoveries that lacked something");
    let failures = counter(wiring.metrics(), name, help);
    let resources = Resources { client: wiring.client(), ledger, definitions, monitors, failures, known };
    wiring.reconcile(resources, queue, std::num::NonZeroUsize::MIN);
    is_synced
}

impl Reconcile for Resources {
    type Key = &'static str;
    type Error = std::convert::Infallible;

    async fn reconcile(&self, _: &&'static str) -> Result<Outcome, Self::Error> {
        let discovered = discover(&self.client).await;
        self.ledger.discovered(&discovered);
        let is_ignored =
            |served: &Served| IGNORED.contains(&(&*served.resource.group, &*served.resource.plural));
        let mut wanted = discovered.with(VERBS);
        wanted.retain(|served| !is_ignored(served));
        for ended in self.monitors.follow(&wanted, &discovered) {
            self.ledger.forget(&ended.resource, &ended.store.all());
        }
        if !wanted.is_empty() {
            self.known.send_replace(true);
        }
        let is_missing = |definition: &Arc<Definition>| definition.is_missing(&discovered);
        if self.definitions.all().iter().any(is_missing) {
            return Ok(Outcome::After(SOON));
        }
        if !discovered.failures.is_empty() {
            self.failures.inc();
            debug!(failures = ?discovered.failures, "discover what is served");
            return Ok(Outcome::After(RETRY));
        }
        Ok(Outcome::Done)
    }
}
