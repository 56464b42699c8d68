//! Requests for certificates: who asks, who approves, who signs. What is in a request is not read here, only that it
//! is one; the server checks its signature.

mod pem;

use jiff::Timestamp;

use super::{Generation, Kind, Part};
use crate::meta;
use crate::tree::Tree;
use crate::validate::{At, FieldError, NameRule, dns1123_label, dns1123_subdomain};

pub(super) const KIND: Kind = Kind {
    name_rule: NameRule::PathSegment,
    create: |request| {
        ASKER.iter().for_each(|field| drop(request.remove_at(&["spec", field])));
    },
    update: |new, old| super::keep(new, old, "spec"),
    status: |new, old| {
        keep_conditions(new, old, APPROVED);
        keep_conditions(new, old, DENIED);
    },
    stamp,
    validate: |request, errors| validate(request, None, errors),
    validate_update: |new, old, errors| change(new, old, Write::Request, errors),
    validate_status: |new, old, errors| {
        validate(new, Some(old), errors);
        change(new, old, Write::Status, errors);
    },
    parts: &[("approval", APPROVAL)],
    ..Kind::GENERIC
};

const APPROVAL: Part = Part {
    generation: Generation::None,
    prepare: approve,
    validate: |new, old, errors| {
        validate(new, Some(old), errors);
        change(new, old, Write::Approval, errors);
    },
};

const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";
const CONDITIONS: &[&str] = &["status", "conditions"];
const CERTIFICATE: &[&str] = &["status", "certificate"];

/// What the server says of who asks.
const ASKER: &[&str] = &["username", "uid", "groups", "extra"];

/// What is written: the request, its status, or whether it is approved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Request,
    Status,
    Approval,
}

/// Who asks for a certificate.
#[derive(Clone, Debug, Default)]
pub struct Requester {
    pub username: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: Vec<(String, Vec<String>)>,
}

/// Says in a new request who asks. Between `prepare_create` and `validate`.
pub fn set_requester(request: &mut Tree, requester: &Requester) {
    let mut set = |field: &str, value: Tree| {
        if !value.is_empty_value() {
            request.set_at(&["spec", field], value);
        }
    };
    set("username", Tree::from(&requester.username));
    set("uid", Tree::from(&requester.uid));
    set("groups", Tree::from(requester.groups.clone()));
    let mut extra = Tree::object();
    for (key, values) in &requester.extra {
        extra.insert(key.as_str(), values.clone());
    }
    set("extra", extra);
}

fn of_type<'a>(request: &'a Tree, kind: &'a str) -> impl Iterator<Item = &'a Tree> {
    request
        .items_at(CONDITIONS)
        .iter()
        .filter(move |condition| condition.str_at(&["type"]).unwrap_or_default() == kind)
}

/// The conditions of a type as they were, where there are as many of them.
fn keep_conditions(new: &mut Tree, old: &Tree, kind: &str) {
    if of_type(new, kind).count() != of_type(old, kind).count() {
        return;
    }
    let mut kept = of_type(old, kind).cloned();
    for condition in new.at_mut(CONDITIONS).and_then(Tree::as_array_mut).into_iter().flatten() {
        if condition.str_at(&["type"]).unwrap_or_default() == kind
            && let Some(old) = kept.next()
        {
            *condition = old;
        }
    }
}

/// Nothing but the conditions is written by who approves.
fn approve(new: &mut Tree, old: &Tree) {
    let conditions = new.at(CONDITIONS).cloned();
    super::keep(new, old, "spec");
    super::keep(new, old, "status");
    match conditions {
        Some(conditions) => new.set_at(CONDITIONS, conditions),
        None => drop(new.remove_at(CONDITIONS)),
    }
}

/// When each condition came to be, and when it was last written.
fn stamp(new: &mut Tree, old: Option<&Tree>, now: Timestamp) {
    let Some(old) = old else { return };
    let now = meta::rfc3339(now);
    for condition in new.at_mut(CONDITIONS).and_then(Tree::as_array_mut).into_iter().flatten() {
        if condition.str_at(&["lastUpdateTime"]).is_none() {
            condition.insert("lastUpdateTime", now.as_str());
        }
        if condition.str_at(&["lastTransitionTime"]).is_none() {
            let same =
                |was: &&Tree| ["type", "status"].iter().all(|field| was.get(field) == condition.get(field));
            let before = old.items_at(CONDITIONS).iter().find(same);
            let time = before.and_then(|was| was.str_at(&["lastTransitionTime"])).unwrap_or(&now).to_owned();
            condition.insert("lastTransitionTime", time);
        }
    }
}

const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const SECONDS_MIN: i64 = 600;

/// A request by itself; what an old one had already is borne.
fn validate(request: &Tree, old: Option<&Tree>, errors: &mut Vec<FieldError>) {
    let spec = At::top(request, "spec");
    let body = spec.child("request");
    if !pem::is_request(body.text()) {
        let why = "PEM block type must be CERTIFICATE REQUEST";
        errors.push(FieldError::invalid(&body.path, body.text(), why));
    }
    let usages = spec.child("usages");
    usages.required(errors, "");
    for usage in usages.items().filter(|usage| !USAGES.contains(&usage.text())) {
        errors.push(FieldError::not_supported(&usage.path, usage.text(), USAGES));
    }
    let mut seen = Vec::new();
    usages.items().for_each(|usage| usage.unique(errors, &mut seen));
    let signer = spec.child("signerName");
    if signer.text() == LEGACY_SIGNER {
        signer.invalid(errors, "the legacy signerName is not allowed via this API version");
    } else {
        signer_name(&signer, errors);
    }
    let seconds = spec.child("expirationSeconds");
    if seconds.number().is_some_and(|seconds| seconds < SECONDS_MIN) {
        let why = "may not specify a duration less than 600 seconds (10 minutes)";
        seconds.invalid(errors, why);
    }
    let status = At::top(request, "status");
    conditions(&status.child("conditions"), errors);
    let certificate = status.child("certificate");
    if old.is_none_or(|old| old.at(CERTIFICATE) != request.at(CERTIFICATE))
        && let Some(why) = pem::is_no_certificate(certificate.text())
    {
        errors.push(FieldError::invalid(&certificate.path, "<certificate data>", why));
    }
}

fn conditions(conditions: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut types = Vec::new();
    for condition in conditions.items() {
        let kind = condition.child("type");
        kind.required(errors, "");
        let supported: &[&str] = if [APPROVED, DENIED, FAILED].contains(&kind.text()) {
            &["True"]
        } else {
            &["False", "True", "Unknown"]
        };
        condition.child("status").exactly(errors, supported);
        let excluded = [(APPROVED, DENIED), (DENIED, APPROVED)]
            .iter()
            .any(|(one, other)| kind.text() == *one && types.contains(other));
        if excluded {
            let why = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid(&conditions.path, kind.text(), why));
        }
        kind.unique(errors, &mut types);
    }
}

/// `example.com/signer-name`
pub(super) fn signer_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    const SUBDOMAIN_MAX: usize = 253;
    const NAME_MAX: usize = SUBDOMAIN_MAX + 1 + SUBDOMAIN_MAX + 1 + 63;
    if !name.required(errors, "") {
        return;
    }
    let segments: Vec<&str> = name.text().split('/').collect();
    let [domain, path] = segments.as_slice() else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        name.invalid(errors, why);
        return;
    };
    if domain.len() > SUBDOMAIN_MAX {
        errors.push(FieldError::too_long(&name.path, SUBDOMAIN_MAX));
    }
    let mut labels = |text: &str, rule: fn(&str) -> Vec<String>| {
        let refused =
            text.split('.').map(|label| (label, rule(label))).find(|(_, refused)| !refused.is_empty());
        for (label, why) in
            refused.iter().flat_map(|(label, refused)| refused.iter().map(move |why| (label, why)))
        {
            errors.push(FieldError::invalid(&name.path, text, format!("validating label {label:?}: {why}")));
        }
    };
    labels(domain, dns1123_label);
    labels(path, dns1123_subdomain);
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(&name.path, *domain, why));
    }
    if name.text().len() > NAME_MAX {
        errors.push(FieldError::too_long(&name.path, NAME_MAX));
    }
}

/// What a write may change of conditions and certificate.
fn change(new: &Tree, old: &Tree, write: Write, errors: &mut Vec<FieldError>) {
    let path = At::top(new, "status").path;
    let count = |request: &Tree, kind: &str| of_type(request, kind).count();
    let mut forbid = |field: &str, why: String| errors.push(FieldError::forbidden(&path.child(field), why));
    for kind in [APPROVED, DENIED, FAILED].into_iter().filter(|kind| count(new, kind) < count(old, kind)) {
        forbid("conditions", format!("updates may not remove a condition of type {kind:?}"));
    }
    for kind in [APPROVED, DENIED].into_iter().filter(|_| write != Write::Approval) {
        if count(new, kind) > count(old, kind) {
            forbid("conditions", format!("updates may not add a condition of type {kind:?}"));
        } else if count(new, kind) == count(old, kind) && !of_type(new, kind).eq(of_type(old, kind)) {
            forbid("conditions", format!("updates may not modify a condition of type {kind:?}"));
        }
    }
    let certificate = |request: &Tree| request.str_at(CERTIFICATE).unwrap_or_default().to_owned();
    if certificate(new) != certificate(old) {
        if write != Write::Status {
            forbid("certificate", "updates may not set certificate content".to_owned());
        } else if !certificate(old).is_empty() {
            forbid("certificate", "updates may not modify existing certificate content".to_owned());
        }
    }
}
