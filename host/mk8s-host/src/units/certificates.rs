//! Keeps the certificates valid, and refreshes them on request.

use std::sync::Arc;

use args::Effective;
use pki::Pki;
use supervise::{OnFailure, Unit};
use tokio::sync::watch;

use crate::certificates::{self, CertificatesHandle, Tls};
use crate::data_dir::DataDir;
use crate::facts::facts;
use crate::slot::Slot;
use crate::units::name;

/// `ca_bundle` is told the CAs of this node's servers, in PEM, whenever they change.
pub(crate) fn unit(
    data_dir: DataDir,
    effective: Arc<Effective>,
    tls: Tls,
    ca_bundle: watch::Sender<String>,
    slot: Slot<CertificatesHandle>,
) -> Unit {
    Unit::new(name::CERTIFICATES, &[], OnFailure::Restart, move |context| {
        let (data_dir, effective, tls) = (data_dir.clone(), effective.clone(), tls.clone());
        let (ca_bundle, slot) = (ca_bundle.clone(), slot.clone());
        async move {
            let facts = facts(&data_dir, &effective)?;
            let (handle, task) = certificates::build(Pki::new(data_dir.root()), facts, tls, ca_bundle)?;
            let _filled = slot.fill(handle);
            context.ready();
            task.run(context.stop()).await;
            Ok(())
        }
    })
}
