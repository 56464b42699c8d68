//! The store: nothing can go on without it.

use std::sync::Arc;
use std::time::Duration;

use datastore::{Datastore, Embedded};
use supervise::{BoxError, OnFailure, Unit, UnitContext};

use crate::slot::Slot;
use crate::store::{External, StoreChoice};
use crate::units::name;

/// Between two attempts to reach an etcd that does not answer yet.
const PAUSE: Duration = Duration::from_millis(500);

/// The store's handle, and where it is embedded what serves etcd's clients.
#[derive(Clone)]
pub(crate) struct Slots {
    pub(crate) datastore: Slot<Datastore>,
    pub(crate) embedded: Slot<Embedded>,
}

pub(crate) fn unit(choice: StoreChoice, slots: Slots) -> Unit {
    Unit::new(name::DATASTORE, &[], OnFailure::Stop, move |context| {
        run(choice.clone(), slots.clone(), context)
    })
}

async fn run(choice: StoreChoice, slots: Slots, context: UnitContext) -> Result<(), BoxError> {
    match choice {
        StoreChoice::Embedded(config) => {
            let opening = context.scope.spawn_blocking("open", move || Embedded::open(config));
            let (store, task) = opening.await??;
            let _filled = (slots.datastore.fill(store.clone().into()), slots.embedded.fill(store));
            context.ready();
            Ok(task.run(context.stop()).await?)
        }
        StoreChoice::External(External { endpoints, store, compaction_interval }) => {
            let (handle, stop) = (Datastore::Remote(Arc::new(store.clone())), context.stop());
            let reached = async {
                while let Err(error) = handle.revision().await {
                    tracing::warn!(%error, ?endpoints, "the store does not answer yet");
                    tokio::time::sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = reached => {}
            }
            let _filled = slots.datastore.fill(handle);
            context.ready();
            store.keep_compacted(compaction_interval, stop).await;
            Ok(())
        }
    }
}
