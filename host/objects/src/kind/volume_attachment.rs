//! Attachments of volumes to nodes, whose specification stays.

use super::persistent_volume::{self, Place};
use super::volume_source::driver_name;
use super::{Kind, keep_all_metadata};
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path, dns1123_subdomain};

pub(super) const KIND: Kind = Kind {
    unconditional_update: false,
    status: keep_all_metadata,
    validate,
    validate_update: |new, old, errors| At::top(new, "spec").stays(errors, &At::top(old, "spec")),
    validate_status: |new, _, errors| status(&At::top(new, "status"), errors),
    ..Kind::GENERIC
};

fn validate(attachment: &Tree, errors: &mut Vec<FieldError>) {
    const ONE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    let spec = At::top(attachment, "spec");
    driver_name(&spec.child("attacher"), errors);
    let source = spec.child("source");
    let (inline, name) = (source.child("inlineVolumeSpec"), source.child("persistentVolumeName"));
    match (inline.exists(), name.exists()) {
        (false, false) => errors.push(FieldError::required(&source.path, ONE)),
        (true, true) => errors.push(FieldError::forbidden(&source.path, ONE)),
        (false, true) => {
            name.required(errors, "must specify non empty persistentVolumeName");
        }
        (true, false) => persistent_volume::spec(&inline, "", Place::Inline, errors),
    }
    let node = spec.child("nodeName");
    let refuse = |path: &Path, text: &str, errors: &mut Vec<FieldError>| {
        let messages = dns1123_subdomain(text).into_iter();
        errors.extend(messages.map(|message| FieldError::invalid(path, text, message)));
    };
    refuse(&node.path, node.text(), errors);
    status(&At::top(attachment, "status"), errors);
    if name.exists() {
        refuse(&name.path, name.text(), errors);
    }
}

const METADATA_SIZE_MAX: usize = 256 * 1024;
const MESSAGE_MAX: usize = 1024;

fn status(status: &At<'_>, errors: &mut Vec<FieldError>) {
    let metadata = status.child("attachmentMetadata");
    let size: usize = metadata.entries().map(|(key, value)| key.len() + value.text().len()).sum();
    if size > METADATA_SIZE_MAX {
        errors.push(FieldError::too_long(&metadata.path, METADATA_SIZE_MAX));
    }
    for error in ["attachError", "detachError"].map(|field| status.child(field)) {
        let message = error.child("message");
        if message.text().len() > MESSAGE_MAX {
            errors.push(FieldError::too_long(&message.path, METADATA_SIZE_MAX));
        }
        error.child("errorCode").within(errors, 0, i64::from(i32::MAX));
    }
}
