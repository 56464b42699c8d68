//! Volumes of files that the kubelet writes: of ConfigMaps, Secrets, the pod itself, tokens and certificates.

use super::env;
use super::volume::local_not_reserved;
use crate::validate::{At, FieldError, dns1123_subdomain, selector, token_seconds};

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const CONFLICT: &str = "conflicting duplicate paths";
const KEY_TYPES: &[&str] = &["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];

/// What of the pod a file can show.
const FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

fn mode(mode: &At<'_>, errors: &mut Vec<FieldError>) {
    if mode.number().is_some_and(|bits| !(0..=0o777).contains(&bits)) {
        mode.invalid(errors, MODE);
    }
}

/// The keys of a ConfigMap or Secret and their files.
pub(super) fn files(source: &At<'_>, errors: &mut Vec<FieldError>) {
    mode(&source.child("defaultMode"), errors);
    for item in source.child("items").items() {
        key_to_path(&item, errors);
    }
}

fn key_to_path(item: &At<'_>, errors: &mut Vec<FieldError>) {
    item.child("key").required(errors, "");
    item.child("path").required(errors, "");
    local_not_reserved(&item.child("path"), errors);
    mode(&item.child("mode"), errors);
}

/// Upstream names the volume alone in errors of its files.
pub(super) fn downward(source: &At<'_>, errors: &mut Vec<FieldError>) {
    mode(&source.child("defaultMode"), errors);
    downward_files(source, errors);
}

fn downward_files(source: &At<'_>, errors: &mut Vec<FieldError>) {
    for item in source.child("items").items() {
        downward_file(&At { path: source.path.clone(), tree: item.tree }, errors);
    }
}

fn downward_file(file: &At<'_>, errors: &mut Vec<FieldError>) {
    file.child("path").required(errors, "");
    local_not_reserved(&file.child("path"), errors);
    let (field, resource) = (file.child("fieldRef"), file.child("resourceFieldRef"));
    match (field.exists(), resource.exists()) {
        (true, both) => {
            env::object_field(&field, FIELDS, errors);
            if both {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(FieldError::invalid(&file.path, "resource", why));
            }
        }
        (false, true) => env::container_resource(&resource, env::Container::Named, errors),
        (false, false) => {
            let why = "one of fieldRef and resourceFieldRef is required";
            errors.push(FieldError::required(&file.path, why));
        }
    }
    mode(&file.child("mode"), errors);
}

/// The paths of a projected volume, none of which two sources may have.
struct Paths<'a, 'e> {
    volume: &'e At<'a>,
    taken: Vec<&'a str>,
}

impl<'a> Paths<'a, '_> {
    /// Takes a path; where it is taken the volume is refused, with `shown`.
    fn take(&mut self, path: &'a str, shown: &str, errors: &mut Vec<FieldError>) {
        if self.taken.contains(&path) {
            errors.push(FieldError::invalid(&self.volume.path, shown, CONFLICT));
        } else {
            self.taken.push(path);
        }
    }
}

pub(super) fn projected(volume: &At<'_>, errors: &mut Vec<FieldError>) {
    mode(&volume.child("defaultMode"), errors);
    let mut paths = Paths { volume, taken: Vec::new() };
    for source in volume.child("sources").items() {
        for kind in ["secret", "configMap"].map(|kind| source.child(kind)).iter().filter(|at| at.exists()) {
            let name = kind.child("name");
            name.required(errors, "");
            for item in kind.child("items").items() {
                key_to_path(&item, errors);
                let path = item.child("path").text();
                if !path.is_empty() {
                    paths.take(path, name.text(), errors);
                }
            }
        }
        let downward = source.child("downwardAPI");
        downward_files(&downward, errors);
        for path in downward.child("items").items().map(|item| item.child("path").text()) {
            if !path.is_empty() {
                paths.take(path, path, errors);
            }
        }
        if source.child("serviceAccountToken").exists() {
            token(volume, &source.child("serviceAccountToken"), errors);
        }
        if source.child("clusterTrustBundle").exists() {
            trust_bundle(&source.child("clusterTrustBundle"), &mut paths, errors);
        }
        if source.child("podCertificate").exists() {
            certificate(&source.child("podCertificate"), &mut paths, errors);
        }
        if source.tree.fields().filter(|(_, value)| !value.is_null()).count() > 1 {
            source.forbidden(errors, "may not specify more than 1 volume type per source");
        }
    }
}

fn token(volume: &At<'_>, token: &At<'_>, errors: &mut Vec<FieldError>) {
    let expires = token.child("expirationSeconds");
    expires.refuse(errors, token_seconds(expires.number().unwrap_or(0)));
    let path = At { path: volume.path.child("path"), tree: token.child("path").tree };
    if path.required(errors, "") {
        local_not_reserved(&path, errors);
    }
}

fn trust_bundle<'a>(bundle: &At<'a>, paths: &mut Paths<'a, '_>, errors: &mut Vec<FieldError>) {
    let (name, signer, labels) =
        (bundle.child("name"), bundle.child("signerName"), bundle.child("labelSelector"));
    match (name.exists(), signer.exists()) {
        (true, true) => bundle.invalid(errors, "only one of name and signerName may be used"),
        (true, false) => {
            name.required(errors, "must be a valid object name");
            let last = name.text().rsplit(':').next().unwrap_or_default();
            for message in dns1123_subdomain(last) {
                name.invalid(errors, format!("not a valid clustertrustbundlename: {message}"));
            }
            if labels.exists() {
                labels.invalid(errors, "labelSelector must be unset if name is specified");
            }
        }
        (false, true) => {
            signer.required(errors, "must be a valid signer name");
            selector::label_selector(&labels, errors);
        }
        (false, false) => {
            errors.push(FieldError::required(&bundle.path, "either name or signerName must be specified"));
        }
    }
    let path = bundle.child("path");
    path.required(errors, "");
    local_not_reserved(&path, errors);
    paths.take(path.text(), path.text(), errors);
}

fn certificate<'a>(source: &At<'a>, paths: &mut Paths<'a, '_>, errors: &mut Vec<FieldError>) {
    source.child("signerName").required(errors, "");
    let key = source.child("keyType");
    if !KEY_TYPES.contains(&key.text()) {
        errors.push(FieldError::not_supported(&key.path, key.text(), KEY_TYPES));
    }
    let expires = source.child("maxExpirationSeconds");
    if expires.number().is_some_and(|seconds| seconds < 3600) {
        expires.invalid(errors, "if provided, maxExpirationSeconds must be >= 3600");
    }
    let mut any = false;
    for field in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let path = source.child(field);
        if !path.is_empty() {
            any = true;
            local_not_reserved(&path, errors);
            paths.take(path.text(), path.text(), errors);
        }
    }
    if !any {
        let why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        errors.push(FieldError::required(&source.path, why));
    }
}
