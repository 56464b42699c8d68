//! Where the data of a persistent volume are: one source, each with what it cannot be without.

use super::pod::cloud;
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain};

/// A source, the field by which errors name it, and its rules.
struct Source {
    field: &'static str,
    /// As upstream spells it in the errors of a second source, and of what is in it.
    spelled: (&'static str, &'static str),
    required: &'static [&'static str],
    /// What else is to be said of it, in a volume of this name.
    rules: fn(&At<'_>, &str, &mut Vec<FieldError>),
}

const fn source(field: &'static str, required: &'static [&'static str]) -> Source {
    Source { field, spelled: (field, field), required, rules: |_, _, _| {} }
}

/// In the order in which upstream looks at them.
const SOURCES: &[Source] = &[
    Source { rules: no_way_up, ..source("hostPath", &["path"]) },
    Source {
        spelled: ("gcePersistentDisk", "persistentDisk"),
        rules: |it, _, errors| cloud::partition(it, errors),
        ..source("gcePersistentDisk", &["pdName"])
    },
    Source {
        rules: |it, _, errors| cloud::partition(it, errors),
        ..source("awsElasticBlockStore", &["volumeID"])
    },
    Source { rules: endpoints, ..source("glusterfs", &["endpoints", "path"]) },
    Source { rules: |it, _, errors| cloud::flocker(it, errors), ..source("flocker", &[]) },
    Source { rules: export, ..source("nfs", &["server", "path"]) },
    source("rbd", &["monitors", "image"]),
    Source { rules: |it, _, errors| cloud::quobyte(it, errors), ..source("quobyte", &[]) },
    Source { spelled: ("cephFS", "cephfs"), ..source("cephfs", &["monitors"]) },
    Source { rules: iscsi, ..source("iscsi", &["targetPortal"]) },
    Source {
        rules: |it, _, errors| secret(&it.child("secretRef"), errors),
        ..source("cinder", &["volumeID"])
    },
    Source { rules: |it, _, errors| cloud::fibre_channel(it, errors), ..source("fc", &[]) },
    Source { rules: |it, _, errors| cloud::flex(it, errors), ..source("flexVolume", &["driver"]) },
    Source { rules: azure_file, ..source("azureFile", &["secretName", "shareName"]) },
    source("vsphereVolume", &["volumePath"]),
    source("photonPersistentDisk", &["pdID"]),
    source("portworxVolume", &["volumeID"]),
    Source {
        rules: |it, _, errors| cloud::azure_disk(it, errors),
        ..source("azureDisk", &["diskName", "diskURI"])
    },
    source("scaleIO", &["gateway", "system", "volumeName"]),
    Source { rules: no_way_up, ..source("local", &["path"]) },
    Source { rules: storage_os, ..source("storageos", &["volumeName"]) },
    Source { rules: csi, ..source("csi", &[]) },
];

pub(super) fn is_persistent(field: &str) -> bool {
    SOURCES.iter().any(|source| source.field == field)
}

/// The sources of a specification, of which there is one.
pub(super) fn persistent(spec: &At<'_>, name: &str, errors: &mut Vec<FieldError>) {
    let mut found = false;
    for row in SOURCES.iter().filter(|row| spec.child(row.field).exists()) {
        if found {
            let path = spec.path.child(row.spelled.0);
            errors.push(FieldError::forbidden(&path, "may not specify more than 1 volume type"));
            continue;
        }
        found = true;
        let source = At { path: spec.path.child(row.spelled.1), tree: spec.child(row.field).tree };
        for field in row.required {
            source.child(field).required(errors, "");
        }
        (row.rules)(&source, name, errors);
        if row.field == "local" && !spec.child("nodeAffinity").exists() {
            let path = spec.path.child("nodeAffinity");
            errors.push(FieldError::required(&path, "Local volume requires node affinity"));
        }
    }
    if !found {
        errors.push(FieldError::required(&spec.path, "must specify a volume type"));
    }
}

const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

fn no_way_up(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let path = source.child("path");
    if path.text().split('/').any(|part| part == "..") {
        path.invalid(errors, "must not contain '..'");
    }
    if !path.is_empty() {
        source.child("type").one_of(errors, HOST_PATH_TYPES);
    }
}

fn endpoints(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let namespace = source.child("endpointsNamespace");
    if namespace.exists() && namespace.is_empty() {
        let why = "if the endpointnamespace is set, it must be a valid namespace name";
        namespace.invalid(errors, why);
    }
    namespace.follows(errors, dns1123_label);
}

fn export(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let path = source.child("path");
    if !path.text().starts_with('/') {
        errors.push(FieldError::invalid(&path.path, path.text(), "must be an absolute path"));
    }
}

const LUN_MAX: i64 = 255;

fn iscsi(source: &At<'_>, name: &str, errors: &mut Vec<FieldError>) {
    let initiator = source.child("initiatorName");
    let portal = source.child("targetPortal").text();
    if initiator.exists() && name.len() + 1 + portal.len() > 64 {
        let why = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
        errors.push(FieldError::invalid(&source.path.child("targetportal"), portal, why));
    }
    let qualified = source.child("iqn");
    if qualified.required(errors, "") && !cloud::is_iscsi_name(qualified.text()) {
        qualified.invalid(errors, "must be valid format");
    }
    source.child("lun").within(errors, 0, LUN_MAX);
    let secret = source.child("secretRef");
    if !secret.exists()
        && ["chapAuthDiscovery", "chapAuthSession"].iter().any(|field| source.child(field).is_true())
    {
        errors.push(FieldError::required(&secret.path, ""));
    }
    if secret.exists() {
        secret.child("name").required(errors, "");
    }
    if initiator.exists() && !cloud::is_iscsi_name(initiator.text()) {
        let path = source.path.child("initiatorname");
        errors.push(FieldError::invalid(&path, initiator.text(), "must be valid format"));
    }
}

fn azure_file(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let namespace = source.child("secretNamespace");
    if namespace.exists() {
        namespace.required(errors, "");
    }
}

fn storage_os(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    source.child("volumeName").follows(errors, dns1123_label);
    source.child("volumeNamespace").follows(errors, dns1123_label);
    secret(&source.child("secretRef"), errors);
}

/// A secret that may be missing has a name and a namespace.
fn secret(secret: &At<'_>, errors: &mut Vec<FieldError>) {
    if secret.exists() {
        secret.child("name").required(errors, "");
        secret.child("namespace").required(errors, "");
    }
}

fn csi(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    driver_name(&source.child("driver"), errors);
    source.child("volumeHandle").required(errors, "");
    for field in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let secret = source.child(field);
        if secret.exists() {
            secret.child("name").name(errors, dns1123_subdomain);
            secret.child("namespace").name(errors, dns1123_label);
        }
    }
}

const DRIVER_NAME_MAX: usize = 63;

pub(super) fn driver_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    if name.required(errors, "") {
        if name.text().len() > DRIVER_NAME_MAX {
            errors.push(FieldError::too_long(&name.path, DRIVER_NAME_MAX));
        }
        name.refuse(errors, dns1123_subdomain(&name.text().to_ascii_lowercase()));
    }
}
