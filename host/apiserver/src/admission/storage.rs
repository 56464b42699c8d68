//! PersistentVolumeClaimResize: a claim grows only where its class lets it. StorageObjectInUseProtection: what is used
//! stays, held by a finalizer that a controller takes away.

use objects::quantity::Quantity;
use objects::status::Status;
use objects::{Tree, meta};

use super::Write;

const REQUEST: &[&str] = &["spec", "resources", "requests", "storage"];

pub(super) fn protect(write: &mut Write<'_>) -> Result<(), Status> {
    let finalizer = match &*write.call.resource.plural {
        "persistentvolumes" => "kubernetes.io/pv-protection",
        "persistentvolumeclaims" => "kubernetes.io/pvc-protection",
        _ => "kubernetes.io/vac-protection",
    };
    meta::add_finalizer(&mut write.object, finalizer);
    Ok(())
}

pub(super) fn resize(write: &mut Write<'_>) -> Result<(), Status> {
    let size = |claim: &Tree| claim.str_at(REQUEST).and_then(|text| text.parse::<Quantity>().ok());
    let Some(old) = write.old else { return Ok(()) };
    let grows = matches!((size(&write.object), size(old)), (Some(new), Some(old)) if new > old);
    if !grows {
        return Ok(());
    }
    if old.str_at(&["status", "phase"]) != Some("Bound") {
        return Err(write.forbidden("Only bound persistent volume claims can be expanded"));
    }
    let class = write.object.str_at(&["spec", "storageClassName"]).unwrap_or_default();
    let class = write.one("storage.k8s.io", "v1", "storageclasses", class);
    if class.and_then(|class| class.bool_at(&["allowVolumeExpansion"])) == Some(true) {
        return Ok(());
    }
    Err(write.forbidden(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    ))
}
