//! Volumes of a pod: one source each, and what a source of each type needs.

use super::{cloud, projected};
use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::amount::quantity;
use crate::validate::formats::csi_driver_name;
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, selector};

/// A type of volume: its field, what is required of it, and what else is refused, in upstream's order.
pub(super) struct Source {
    pub(super) field: &'static str,
    pub(super) required: &'static [&'static str],
    pub(super) check: fn(&At<'_>, &mut Vec<FieldError>),
}

/// A type of which nothing else is said.
pub(super) const fn source(field: &'static str, required: &'static [&'static str]) -> Source {
    Source { field, required, check: |_, _| {} }
}

static SOURCES: &[Source] = &[
    Source { check: empty_dir, ..source("emptyDir", &[]) },
    Source { check: host_path, ..source("hostPath", &[]) },
    Source { check: git_repo, ..source("gitRepo", &["repository"]) },
    Source { check: cloud::partition, ..source("gcePersistentDisk", &["pdName"]) },
    Source { check: cloud::partition, ..source("awsElasticBlockStore", &["volumeID"]) },
    Source { check: projected::files, ..source("secret", &["secretName"]) },
    Source { check: nfs, ..source("nfs", &["server", "path"]) },
    Source { check: cloud::iscsi, ..source("iscsi", &["targetPortal"]) },
    source("glusterfs", &["endpoints", "path"]),
    Source { check: cloud::flocker, ..source("flocker", &[]) },
    source("persistentVolumeClaim", &["claimName"]),
    source("rbd", &["monitors", "image"]),
    Source { check: cloud::secret_name, ..source("cinder", &["volumeID"]) },
    source("cephfs", &["monitors"]),
    Source { check: cloud::quobyte, ..source("quobyte", &[]) },
    Source { check: projected::downward, ..source("downwardAPI", &[]) },
    Source { check: cloud::fibre_channel, ..source("fc", &[]) },
    Source { check: cloud::flex, ..source("flexVolume", &["driver"]) },
    Source { check: projected::files, ..source("configMap", &["name"]) },
    source("azureFile", &["secretName", "shareName"]),
    source("vsphereVolume", &["volumePath"]),
    source("photonPersistentDisk", &["pdID"]),
    source("portworxVolume", &["volumeID"]),
    Source { check: cloud::azure_disk, ..source("azureDisk", &["diskName", "diskURI"]) },
    Source { check: cloud::storage_os, ..source("storageos", &[]) },
    Source { check: projected::projected, ..source("projected", &[]) },
    source("scaleIO", &["gateway", "system", "volumeName"]),
    Source { check: csi, ..source("csi", &[]) },
    Source { check: ephemeral, ..source("ephemeral", &[]) },
    Source { check: image, ..source("image", &["reference"]) },
];

/// The paths that upstream gives a source in errors, where they are not its field: of the source, and of a second
/// source.
const PATHS: &[(&str, &str, &str)] = &[
    ("gcePersistentDisk", "persistentDisk", "gcePersistentDisk"),
    ("cephfs", "cephfs", "cephFS"),
    ("downwardAPI", "downwardAPI", "downwarAPI"),
];

const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The fields of a volume that are sources.
pub(super) fn sources(volume: &Tree) -> impl Iterator<Item = &str> {
    volume.fields().filter(|(key, value)| *key != "name" && !value.is_null()).map(|(key, _)| key)
}

/// A volume that containers can mount.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volume<'a> {
    pub(super) name: &'a str,
    tree: &'a Tree,
}

impl Volume<'_> {
    /// Whether it comes from a claim, so that it can be a block device.
    pub(super) fn is_claimed(&self) -> bool {
        ["persistentVolumeClaim", "ephemeral"].iter().any(|source| self.tree.get(source).is_some())
    }

    pub(super) fn is_empty_dir(&self) -> bool {
        self.tree.get("emptyDir").is_some()
    }
}

/// The volumes of a specification that have nothing wrong with them. `pod` is the name of the pod, empty in a template.
pub(super) fn all<'a>(volumes: &At<'a>, pod: &str, errors: &mut Vec<FieldError>) -> Vec<Volume<'a>> {
    let mut good: Vec<Volume<'a>> = Vec::new();
    let is_created = |claim: &str| {
        let of = |volume: &Tree| volume.str_at(&["name"]).unwrap_or_default().to_owned();
        let ephemeral = volumes.tree.items().iter().filter(|volume| volume.get("ephemeral").is_some());
        !pod.is_empty() && ephemeral.map(of).any(|name| format!("{pod}-{name}") == claim)
    };
    for volume in volumes.items() {
        let mut own = Vec::new();
        one(&volume, pod, &mut own);
        let name = volume.child("name");
        name.name(&mut own, dns1123_label);
        if good.iter().any(|known| known.name == name.text()) {
            own.push(FieldError::duplicate(&name.path, name.text()));
        }
        if own.is_empty() {
            good.push(Volume { name: name.text(), tree: volume.tree });
        }
        errors.append(&mut own);
        let claim = volume.child("persistentVolumeClaim").child("claimName");
        if is_created(claim.text()) {
            claim.invalid(errors, "must not reference a PVC that gets created for an ephemeral volume");
        }
    }
    good
}

fn one(volume: &At<'_>, pod: &str, errors: &mut Vec<FieldError>) {
    let mut seen = false;
    for source in SOURCES.iter().filter(|source| volume.child(source.field).exists()) {
        let paths = PATHS.iter().find(|(field, ..)| *field == source.field);
        let (path, second) = paths.map_or((source.field, source.field), |(_, path, second)| (*path, *second));
        if seen {
            let path = volume.path.child(second);
            errors.push(FieldError::forbidden(&path, "may not specify more than 1 volume type"));
            continue;
        }
        seen = true;
        let at = At { path: volume.path.child(path), tree: volume.child(source.field).tree };
        for field in source.required {
            at.child(field).required(errors, "");
        }
        (source.check)(&at, errors);
    }
    if !seen {
        errors.push(FieldError::required(&volume.path, "must specify a volume type"));
    }
    let name = volume.child("name");
    if volume.child("ephemeral").exists() && !pod.is_empty() && !name.is_empty() {
        let claim = format!("{pod}-{}", name.text());
        for message in dns1123_subdomain(&claim) {
            name.invalid(errors, format!("PVC name {claim:?}: {message}"));
        }
    }
    let portal = volume.child("iscsi").child("targetPortal");
    let length = name.text().len() + 1 + portal.text().len();
    if volume.child("iscsi").child("initiatorName").exists() && length > 64 {
        name.invalid(errors, "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.");
    }
}

fn empty_dir(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let limit = source.child("sizeLimit");
    if quantity(limit.tree).is_some_and(|limit| limit < Quantity::ZERO) {
        limit.forbidden(errors, "SizeLimit field must be a valid resource quantity");
    }
}

fn host_path(source: &At<'_>, errors: &mut Vec<FieldError>) {
    if source.child("path").required(errors, "") {
        no_backsteps(&source.child("path"), errors);
        source.child("type").if_set_one_of(errors, HOST_PATH_TYPES);
    }
}

fn git_repo(source: &At<'_>, errors: &mut Vec<FieldError>) {
    local(&source.child("directory"), errors);
}

fn nfs(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let path = source.child("path");
    if !path.text().starts_with('/') {
        errors.push(FieldError::invalid(&path.path, path.text(), "must be an absolute path"));
    }
}

fn csi(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let driver = source.child("driver");
    errors.extend(csi_driver_name(&driver.path, driver.text()));
    let secret = source.child("nodePublishSecretRef");
    if secret.exists() {
        secret.child("name").name(errors, dns1123_subdomain);
    }
}

fn ephemeral(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let template = source.child("volumeClaimTemplate");
    if !template.exists() {
        errors.push(FieldError::required(&template.path, ""));
        return;
    }
    let metadata = template.child("metadata");
    selector::annotations(&metadata.child("annotations"), errors);
    selector::labels(&metadata.child("labels"), errors);
    for (field, value) in metadata.tree.fields() {
        if !["labels", "annotations", "creationTimestamp"].contains(&field) && !value.is_empty_value() {
            errors.push(FieldError::forbidden(&metadata.path.child(field), "cannot be set"));
        }
    }
    let spec = template.child("spec");
    spec.child("accessModes").required(errors, "at least 1 access mode is required");
    if !spec.children(&["resources", "requests", "storage"]).exists() {
        errors.push(FieldError::required(&spec.path.child("resources").key("storage"), ""));
    }
}

fn image(source: &At<'_>, errors: &mut Vec<FieldError>) {
    source.child("pullPolicy").exactly(errors, super::container::PULL_POLICIES);
}

/// A relative path that does not lead up.
pub(super) fn local(path: &At<'_>, errors: &mut Vec<FieldError>) {
    if path.text().starts_with('/') {
        path.invalid(errors, "must be a relative path");
    }
    no_backsteps(path, errors);
}

pub(super) fn no_backsteps(path: &At<'_>, errors: &mut Vec<FieldError>) {
    if path.text().split('/').any(|part| part == "..") {
        path.invalid(errors, "must not contain '..'");
    }
}

/// A relative path within a volume, none of those that the kubelet writes for itself.
pub(super) fn local_not_reserved(path: &At<'_>, errors: &mut Vec<FieldError>) {
    local(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        path.invalid(errors, "must not start with '..'");
    }
}
