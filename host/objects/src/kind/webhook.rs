//! Configurations of admission webhooks, validating and mutating alike.

use super::match_rules::{failure_policy, match_conditions, match_policy, rule, selectors};
use super::{Generation, Kind};
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1035_label, dns1123_subdomain, port_number};

pub(super) const KIND: Kind =
    Kind { unconditional_update: false, generation: Generation::Counts, validate, ..Kind::GENERIC };

const SIDE_EFFECTS: &[&str] = &["None", "NoneOnDryRun"];
const REVIEW_VERSIONS: &[&str] = &["v1", "v1beta1"];

fn validate(configuration: &Tree, errors: &mut Vec<FieldError>) {
    let mut names = Vec::new();
    for hook in At::top(configuration, "webhooks").items() {
        webhook(&hook, errors);
        review_versions(&hook.child("admissionReviewVersions"), errors);
        hook.child("name").unique(errors, &mut names);
    }
}

fn webhook(hook: &At<'_>, errors: &mut Vec<FieldError>) {
    qualified_name(&hook.child("name"), errors);
    hook.child("rules").items().for_each(|item| rule(&item, errors));
    failure_policy(hook, errors);
    match_policy(hook, errors);
    let effects = hook.child("sideEffects");
    if effects.is_told(errors, &format!("must specify one of {}", SIDE_EFFECTS.join(", "))) {
        effects.one_of(errors, SIDE_EFFECTS);
    }
    let timeout = hook.child("timeoutSeconds");
    if timeout.number().is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        timeout.invalid(errors, "the timeout value must be between 1 and 30 seconds");
    }
    selectors(hook, errors);
    hook.child("reinvocationPolicy").one_of(errors, &["IfNeeded", "Never"]);
    let client = hook.child("clientConfig");
    let (address, service) = (client.child("url"), client.child("service"));
    match (address.exists(), service.exists()) {
        (true, false) => url(&address, errors),
        (false, true) => self::service(&service, errors),
        _ => errors.push(FieldError::required(&client.path, "exactly one of url or service is required")),
    }
    match_conditions(&hook.child("matchConditions"), errors);
}

/// A domain of at least three parts.
fn qualified_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    if !name.required(errors, "") {
        return;
    }
    let refused = dns1123_subdomain(name.text());
    if !refused.is_empty() {
        name.invalid(errors, refused.join(","));
    } else if name.text().split('.').count() < 3 {
        let why = "should be a domain with at least three segments separated by dots";
        name.invalid(errors, why);
    }
}

fn review_versions(versions: &At<'_>, errors: &mut Vec<FieldError>) {
    let known = REVIEW_VERSIONS.join(", ");
    if !versions.required(errors, &format!("must specify one of {known}")) {
        return;
    }
    let mut seen = Vec::new();
    for version in versions.items() {
        if seen.contains(&version.text()) {
            version.invalid(errors, "duplicate version");
            continue;
        }
        seen.push(version.text());
        version.refuse(errors, dns1035_label(version.text()));
    }
    if !seen.iter().any(|version| REVIEW_VERSIONS.contains(version)) {
        versions.invalid(errors, format!("must include at least one of {known}"));
    }
}

/// `https://host[/path]`
fn url(url: &At<'_>, errors: &mut Vec<FieldError>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (rest, fragment) = url.text().split_once('#').unwrap_or((url.text(), ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once(':').unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").map_or("", |rest| rest.split('/').next().unwrap_or_default());
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut refuse = |part: &str, why: String| errors.push(FieldError::invalid(&url.path, part, why));
    if !scheme.eq_ignore_ascii_case("https") {
        refuse(&scheme.to_ascii_lowercase(), format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if host.is_empty() {
        refuse(host, format!("host must be specified{FORM}"));
    }
    for (part, what) in
        [(user, "user information is"), (fragment, "fragments are"), (query, "query parameters are")]
    {
        if !part.is_empty() {
            refuse(part, format!("{what} not permitted in the URL"));
        }
    }
}

fn service(service: &At<'_>, errors: &mut Vec<FieldError>) {
    service.child("name").required(errors, "");
    service.child("namespace").required(errors, "");
    service_port(&service.child("port"), errors);
    let path = service.child("path");
    let text = path.text();
    if ["", "/"].contains(&text) {
        return;
    }
    if text == "//" {
        path.invalid(errors, "segment[0] may not be empty");
        return;
    }
    if !text.starts_with('/') {
        path.invalid(errors, "must start with a '/'");
    }
    let inner = text.get(1..).unwrap_or_default();
    for (index, step) in inner.strip_suffix('/').unwrap_or(inner).split('/').enumerate() {
        if step.is_empty() {
            path.invalid(errors, format!("segment[{index}] may not be empty"));
        } else {
            let refused = dns1123_subdomain(step).into_iter();
            path.refuse(errors, refused.map(|why| format!("segment[{index}]: {why}")).collect());
        }
    }
}

/// The port of a service that the server calls.
pub(super) fn service_port(port: &At<'_>, errors: &mut Vec<FieldError>) {
    let refused = port_number(port.number().unwrap_or(0));
    if !refused.is_empty() {
        port.invalid(errors, format!("port is not valid: {}", refused.join(", ")));
    }
}
