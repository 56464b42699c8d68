//! Where the data of a persistent volume are: one source, each with what it cannot be without.

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
        rules: partition,
        ..source("gcePersistentDisk", &["pdName"])
    },
    Source { rules: partition, ..source("awsElasticBlockStore", &["volumeID"]) },
    Source { rules: endpoints, ..source("glusterfs", &["endpoints", "path"]) },
    Source { rules: dataset, ..source("flocker", &[]) },
    Source { rules: export, ..source("nfs", &["server", "path"]) },
    source("rbd", &["monitors", "image"]),
    Source { rules: registry, ..source("quobyte", &[]) },
    Source { spelled: ("cephFS", "cephfs"), ..source("cephfs", &["monitors"]) },
    Source { rules: iscsi, ..source("iscsi", &["targetPortal"]) },
    Source {
        rules: |it, _, errors| secret(&it.child("secretRef"), errors),
        ..source("cinder", &["volumeID"])
    },
    Source { rules: fibre_channel, ..source("fc", &[]) },
    Source { rules: flex, ..source("flexVolume", &["driver"]) },
    Source { rules: azure_file, ..source("azureFile", &["secretName", "shareName"]) },
    source("vsphereVolume", &["volumePath"]),
    source("photonPersistentDisk", &["pdID"]),
    source("portworxVolume", &["volumeID"]),
    Source { rules: azure_disk, ..source("azureDisk", &["diskName", "diskURI"]) },
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

fn partition(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let partition = source.child("partition");
    if partition.number().is_some_and(|number| !(0..=255).contains(&number)) {
        partition.invalid(errors, "must be between 1 and 255, inclusive");
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

fn dataset(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let (name, uuid) = (source.child("datasetName"), source.child("datasetUUID"));
    match (name.is_empty(), uuid.is_empty()) {
        (true, true) => {
            errors.push(FieldError::required(&source.path, "one of datasetName and datasetUUID is required"));
        }
        (false, false) => {
            let why = "datasetName and datasetUUID can not be specified simultaneously";
            errors.push(FieldError::invalid(&source.path, "resource", why));
        }
        _ => {}
    }
    if name.text().contains('/') {
        name.invalid(errors, "must not contain '/'");
    }
}

fn export(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let path = source.child("path");
    if !path.text().starts_with('/') {
        errors.push(FieldError::invalid(&path.path, path.text(), "must be an absolute path"));
    }
}

fn registry(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    const WHY: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (source.child("registry"), source.child("tenant"));
    if registry.required(errors, WHY) {
        if tenant.text().len() >= 65 {
            let why = "must be a UUID and may not exceed a length of 64 characters";
            errors.push(FieldError::required(&tenant.path, why));
        } else {
            let pairs = registry.text().split(',');
            pairs.filter(|pair| !pair.contains(':')).for_each(|_| registry.invalid(errors, WHY));
        }
    }
    source.child("volume").required(errors, "");
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
    if qualified.required(errors, "") && !is_iscsi_name(qualified.text()) {
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
    if initiator.exists() && !is_iscsi_name(initiator.text()) {
        let path = source.path.child("initiatorname");
        errors.push(FieldError::invalid(&path, initiator.text(), "must be valid format"));
    }
}

/// `iqn.2001-04.com.example:storage.kube.sys1`, or sixteen or thirty-two characters after `eui.` or `naa.`.
fn is_iscsi_name(name: &str) -> bool {
    let word =
        |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if let Some(rest) = name.strip_prefix("iqn.") {
        let Some((authority, unit)) = rest.split_once(':') else { return false };
        let Some((month, domain)) = authority.split_once('.') else { return false };
        let digits =
            |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_month = month.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2));
        let in_domain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let in_unit = |c: char| !",;*&$|".contains(c) && !c.is_whitespace();
        return is_month
            && !domain.is_empty()
            && domain.bytes().all(in_domain)
            && !unit.is_empty()
            && unit.chars().all(in_unit);
    }
    let after = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.get(1..));
    after("eui").is_some_and(|rest| word(rest, 16)) || after("naa").is_some_and(|rest| word(rest, 32))
}

fn fibre_channel(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let (targets, wwids, lun) = (source.child("targetWWNs"), source.child("wwids"), source.child("lun"));
    match (targets.is_empty(), wwids.is_empty()) {
        (true, true) => targets.required(errors, "must specify either targetWWNs or wwids, but not both"),
        (false, false) => {
            targets.invalid(errors, "targetWWNs and wwids can not be specified simultaneously");
            false
        }
        _ => true,
    };
    if !targets.is_empty() && lun.is_told(errors, "lun is required if targetWWNs is specified") {
        lun.within(errors, 0, LUN_MAX);
    }
}

fn flex(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    for (key, option) in source.child("options").entries() {
        let namespace = format!(".{}", key.split('/').next().unwrap_or(key).to_ascii_lowercase());
        if [".kubernetes.io", ".k8s.io"].iter().any(|reserved| namespace.ends_with(reserved)) {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(FieldError::invalid(&option.path, key, why));
        }
    }
}

fn azure_file(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    let namespace = source.child("secretNamespace");
    if namespace.exists() {
        namespace.required(errors, "");
    }
}

fn azure_disk(source: &At<'_>, _: &str, errors: &mut Vec<FieldError>) {
    const MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    let (kind, uri) = (source.child("kind"), source.child("diskURI"));
    source.child("cachingMode").one_of(errors, &["None", "ReadOnly", "ReadWrite"]);
    kind.one_of(errors, &["Dedicated", "Managed", "Shared"]);
    let (start, form) =
        if kind.text() == "Managed" { ("/subscriptions/", MANAGED) } else { ("https://", BLOB) };
    if kind.exists() && !uri.text().starts_with(start) {
        errors.push(FieldError::not_supported(&uri.path, uri.text(), &[form]));
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
