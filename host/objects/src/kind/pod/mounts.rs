//! Where containers mount volumes, and find them as devices.

use super::volume::{Volume, local};
use crate::validate::{At, FieldError};

const PROPAGATIONS: &[&str] = &["Bidirectional", "HostToContainer", "None"];
const RECURSIVE: &[&str] = &["Disabled", "Enabled", "IfPossible"];

/// Upstream names the list alone in errors of some fields of its items.
pub(super) fn mounts(container: &At<'_>, volumes: &[Volume<'_>], errors: &mut Vec<FieldError>) {
    let mounts = container.child("volumeMounts");
    let of_list = |field: &str| mounts.path.child(field);
    let mut paths = Vec::new();
    for mount in mounts.items() {
        let (name, path) = (mount.child("name"), mount.child("mountPath"));
        name.required(errors, "");
        if !volumes.iter().any(|volume| volume.name == name.text()) {
            errors.push(FieldError::not_found(&name.path, name.text()));
        }
        path.required(errors, "");
        if paths.contains(&path.text()) {
            path.invalid(errors, "must be unique");
        }
        paths.push(path.text());
        let devices = container.child("volumeDevices");
        if devices.items().any(|device| device.child("name").text() == name.text()) {
            name.invalid(errors, "must not already exist in volumeDevices");
        }
        if devices.items().any(|device| device.child("devicePath").text() == path.text()) {
            path.invalid(errors, "must not already exist as a path in volumeDevices");
        }
        for field in ["subPath", "subPathExpr"] {
            let sub = At { path: of_list(field), ..mount.child(field) };
            if sub.is_empty() {
                continue;
            }
            if field == "subPathExpr" && !mount.child("subPath").is_empty() {
                mount.child(field).invalid(errors, "subPathExpr and subPath are mutually exclusive");
            }
            local(&sub, errors);
        }
        let propagation = At { path: of_list("mountPropagation"), ..mount.child("mountPropagation") };
        propagation.if_set_one_of(errors, PROPAGATIONS);
        let privileged = container.children(&["securityContext", "privileged"]).is_true();
        if propagation.text() == "Bidirectional" && !privileged {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            propagation.forbidden(errors, why);
        }
        let recursive = At { path: of_list("recursiveReadOnly"), ..mount.child("recursiveReadOnly") };
        recursive.if_set_one_of(errors, RECURSIVE);
        if ["Enabled", "IfPossible"].contains(&recursive.text()) {
            if !mount.child("readOnly").is_true() {
                recursive.forbidden(errors, "may only be specified when readOnly is true");
            }
            if !["", "None"].contains(&propagation.text()) {
                let why = "may only be specified when mountPropagation is None or not specified";
                recursive.forbidden(errors, why);
            }
        }
    }
}

pub(super) fn devices(container: &At<'_>, volumes: &[Volume<'_>], errors: &mut Vec<FieldError>) {
    let (mut names, mut paths) = (Vec::new(), Vec::new());
    let mounts = container.child("volumeMounts");
    for device in container.child("volumeDevices").items() {
        let (name, path) = (device.child("name"), device.child("devicePath"));
        name.required(errors, "");
        if names.contains(&name.text()) {
            name.invalid(errors, "must be unique");
        }
        match volumes.iter().find(|volume| volume.name == name.text()) {
            None => errors.push(FieldError::not_found(&name.path, name.text())),
            Some(volume) if !volume.is_claimed() => name.invalid(
                errors,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
            ),
            Some(_) => {}
        }
        path.required(errors, "");
        if paths.contains(&path.text()) {
            path.invalid(errors, "must be unique");
        }
        if path.text().split('/').any(|part| part == "..") {
            path.invalid(errors, "can not contain backsteps ('..')");
        } else {
            paths.push(path.text());
        }
        if mounts.items().any(|mount| mount.child("name").text() == name.text()) {
            name.invalid(errors, "must not already exist in volumeMounts");
        }
        if mounts.items().any(|mount| mount.child("mountPath").text() == path.text()) {
            path.invalid(errors, "must not already exist as a path in volumeMounts");
        }
        if !name.is_empty() {
            names.push(name.text());
        }
    }
}
