//! The one task that keeps all caches at the store's state. It reads the store's watch alone.

use std::sync::Arc;
use std::time::Duration;

use datastore::{Datastore, KeyRange, RangeRequest, Revision, StoreError, WatchError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Cache, Caches};

/// What the API server keeps lies below this key.
const ROOT: &str = "/registry/";
/// Between two attempts to read a store that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// A cache that is to be filled and followed from now on.
pub(super) struct Opening {
    pub(super) cache: Arc<Cache>,
    pub(super) opened: oneshot::Sender<()>,
}

/// Runs until `stop`, or until the store stops. Dropping `progress` tells waiting readers that nothing comes any more.
pub(super) async fn run(
    store: Datastore,
    caches: Caches,
    progress: watch::Sender<Revision>,
    mut openings: mpsc::Receiver<Opening>,
    stop: CancellationToken,
) {
    let follow = async {
        loop {
            match follow(&store, &caches, &progress, &mut openings).await {
                Ok(WatchError::Stopped) => break,
                Ok(WatchError::Compacted { requested, compacted }) => {
                    warn!(%requested, %compacted, "the caches fell behind the store and are read anew");
                }
                Err(StoreError::Stopped) => break,
                Err(error) => {
                    error!(%error, "cannot read the store to fill the caches; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}

async fn follow(
    store: &Datastore,
    caches: &Caches,
    progress: &watch::Sender<Revision>,
    openings: &mut mpsc::Receiver<Opening>,
) -> Result<WatchError, StoreError> {
    let (list, mut watch) = store.list_and_watch(KeyRange::prefix(ROOT)).await?;
    caches.reset(&list.kvs, list.revision);
    progress.send_replace(list.revision);
    let mut reached = list.revision;
    loop {
        tokio::select! {
            batch = watch.next() => match batch {
                Ok(batch) => {
                    caches.apply(&batch.events);
                    reached = batch.revision;
                    progress.send_replace(reached);
                }
                Err(error) => return Ok(error),
            },
            () = caches.wanted.notified() => watch.want_progress(),
            Some(opening) = openings.recv() => open(store, caches, opening, reached).await?,
        }
    }
}

/// Fills a cache with what the store had at the revision up to which the watch was read: what comes next fits to it.
async fn open(
    store: &Datastore,
    caches: &Caches,
    opening: Opening,
    reached: Revision,
) -> Result<(), StoreError> {
    let Opening { cache, opened } = opening;
    let range = RangeRequest::new(KeyRange::prefix(cache.prefix().to_owned())).at(reached);
    let found = store.range(range).await?;
    cache.fill(&found.kvs, reached);
    caches.replace(&cache.prefix, Some(Arc::clone(&cache)));
    // Whoever asked may have gone; the cache is there all the same.
    let _gone = opened.send(());
    Ok(())
}
