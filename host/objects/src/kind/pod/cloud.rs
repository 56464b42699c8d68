//! Volumes of machines and providers outside of the cluster, most of them of long ago. Persistent volumes have them
//! too.

use crate::validate::{At, FieldError, dns1123_label, in_range};

pub(in crate::kind) fn partition(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let partition = source.child("partition");
    if partition.number().is_some_and(|number| !(0..=255).contains(&number)) {
        partition.invalid(errors, in_range(1, 255));
    }
}

pub(super) fn secret_name(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let secret = source.child("secretRef");
    if secret.exists() {
        secret.child("name").required(errors, "");
    }
}

/// Names of iSCSI: `iqn.2001-04.com.example:storage`, `eui.` and 16 or `naa.` and 32 characters.
pub(in crate::kind) fn is_iscsi_name(name: &str) -> bool {
    let alphanumeric = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_alphanumeric());
    match name.get(..3) {
        Some("eui") => name.get(4..).is_some_and(|rest| alphanumeric(rest, 16)),
        Some("naa") => name.get(4..).is_some_and(|rest| alphanumeric(rest, 32)),
        _ => is_iqn(name.strip_prefix("iqn.").unwrap_or_default()),
    }
}

/// `2001-04.com.example:storage`
fn is_iqn(rest: &str) -> bool {
    let Some((date, rest)) = rest.split_once('.') else { return false };
    let is_date = date.len() == 7
        && date.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
    let Some((authority, unique)) = rest.split_once(':') else { return false };
    let is_authority = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
    let is_unique = |c: char| !",;*&$|".contains(c) && !c.is_whitespace();
    is_date
        && !authority.is_empty()
        && authority.bytes().all(is_authority)
        && !unique.is_empty()
        && unique.chars().all(is_unique)
}

fn iscsi_name(name: &At<'_>, path: &At<'_>, errors: &mut Vec<FieldError>) {
    let refuse = |why: &str| FieldError::invalid(&path.path, name.text(), why);
    if !["iqn", "eui", "naa"].iter().any(|prefix| name.text().starts_with(prefix)) {
        errors.push(refuse("must be valid format starting with iqn, eui, or naa"));
    } else if !is_iscsi_name(name.text()) {
        errors.push(refuse("must be valid format"));
    }
}

pub(super) fn iscsi(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let name = source.child("iqn");
    if name.required(errors, "") {
        iscsi_name(&name, &name, errors);
    }
    source.child("lun").within(errors, 0, 255);
    let authenticates = ["chapAuthDiscovery", "chapAuthSession"];
    if authenticates.iter().any(|field| source.child(field).is_true()) && !source.child("secretRef").exists()
    {
        errors.push(FieldError::required(&source.path.child("secretRef"), ""));
    }
    let initiator = source.child("initiatorName");
    if initiator.exists() {
        iscsi_name(&initiator, &source.child("initiatorname"), errors);
    }
}

pub(in crate::kind) fn fibre_channel(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let (targets, ids, lun) = (source.child("targetWWNs"), source.child("wwids"), source.child("lun"));
    match (targets.is_empty(), ids.is_empty()) {
        (true, true) => {
            let why = "must specify either targetWWNs or wwids, but not both";
            errors.push(FieldError::required(&targets.path, why));
        }
        (false, false) => {
            targets.invalid(errors, "targetWWNs and wwids can not be specified simultaneously");
        }
        _ => {}
    }
    if !targets.is_empty() {
        match lun.number() {
            None => {
                errors.push(FieldError::required(&lun.path, "lun is required if targetWWNs is specified"));
            }
            Some(_) => lun.within(errors, 0, 255),
        }
    }
}

pub(in crate::kind) fn flocker(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let (name, id) = (source.child("datasetName"), source.child("datasetUUID"));
    match (name.is_empty(), id.is_empty()) {
        (true, true) => {
            let why = "one of datasetName and datasetUUID is required";
            errors.push(FieldError::required(&source.path, why));
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

pub(in crate::kind) fn quobyte(source: &At<'_>, errors: &mut Vec<FieldError>) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (source.child("registry"), source.child("tenant"));
    let is_pair = |text: &str| {
        text.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'))
    };
    if registry.required(errors, PAIRS) {
        if tenant.text().len() >= 65 {
            let why = "must be a UUID and may not exceed a length of 64 characters";
            errors.push(FieldError::required(&tenant.path, why));
        } else {
            for _ in registry.text().split(',').filter(|pair| !is_pair(pair)) {
                registry.invalid(errors, PAIRS);
            }
        }
    }
    source.child("volume").required(errors, "");
}

pub(in crate::kind) fn flex(source: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, option) in source.child("options").entries() {
        let namespace = key.split_once('/').map_or(key, |(namespace, _)| namespace).to_ascii_lowercase();
        let dotted = format!(".{namespace}");
        if dotted.ends_with(".kubernetes.io") || dotted.ends_with(".k8s.io") {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(FieldError::invalid(&option.path, key, why));
        }
    }
}

pub(in crate::kind) fn azure_disk(source: &At<'_>, errors: &mut Vec<FieldError>) {
    const MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    source.child("cachingMode").if_set_one_of(errors, &["None", "ReadOnly", "ReadWrite"]);
    let (kind, uri) = (source.child("kind"), source.child("diskURI"));
    kind.if_set_one_of(errors, &["Dedicated", "Managed", "Shared"]);
    let (begins, supported) =
        if kind.text() == "Managed" { ("/subscriptions/", MANAGED) } else { ("https://", BLOB) };
    if kind.exists() && !uri.text().starts_with(begins) {
        errors.push(FieldError::not_supported(&uri.path, uri.text(), &[supported]));
    }
}

pub(super) fn storage_os(source: &At<'_>, errors: &mut Vec<FieldError>) {
    source.child("volumeName").name(errors, dns1123_label);
    source.child("volumeNamespace").follows(errors, dns1123_label);
    secret_name(source, errors);
}
