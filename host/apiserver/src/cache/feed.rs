//! The one task that keeps all caches at the store's state. It reads the store's watch alone.

use std::time::Duration;

use datastore::{Datastore, KeyRange, Revision, StoreError, WatchError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Caches;

/// What the API server keeps lies below this key.
const ROOT: &str = "/registry/";
/// Between two attempts to read a store that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs until `stop`, or until the store stops. Dropping `progress` tells waiting readers that nothing comes any more.
pub(super) async fn run(
    store: Datastore,
    caches: Caches,
    progress: watch::Sender<Revision>,
    stop: CancellationToken,
) {
    let follow = async {
        loop {
            match follow(&store, &caches, &progress).await {
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
) -> Result<WatchError, StoreError> {
    let (list, mut watch) = store.list_and_watch(KeyRange::prefix(ROOT)).await?;
    caches.reset(&list.kvs, list.revision);
    progress.send_replace(list.revision);
    loop {
        match watch.next().await {
            Ok(batch) => {
                caches.apply(&batch.events);
                progress.send_replace(batch.revision);
            }
            Err(error) => return Ok(error),
        }
    }
}
