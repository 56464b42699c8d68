//! The store: nothing can go on without it.

use std::path::PathBuf;

use datastore::{Config, Datastore, Embedded};
use supervise::{OnFailure, Unit};

use crate::slot::Slot;
use crate::units::name;

pub(crate) fn unit(directory: PathBuf, slot: Slot<Datastore>) -> Unit {
    Unit::new(name::DATASTORE, &[], OnFailure::Stop, move |context| {
        let (config, slot) = (Config::new(directory.clone()), slot.clone());
        async move {
            let opening = context.scope.spawn_blocking("open", move || Embedded::open(config));
            let (store, task) = opening.await??;
            let _filled = slot.fill(store.into());
            context.ready();
            Ok(task.run(context.stop()).await?)
        }
    })
}
