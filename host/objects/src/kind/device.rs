//! Devices: classes of them, claims for them, and what became of a claim. Slices, which offer them, have a file of
//! their own.

mod claim_status;
mod slice;

use super::match_rules::says;
use super::volume_source::driver_name;
use super::{Generation, Kind, keep_all_metadata};
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, dns1123_label, dns1123_subdomain, is_extended_resource, label_key, label_value, labels,
};

pub(super) const CLASS: Kind = Kind { generation: Generation::Counts, validate: class, ..Kind::GENERIC };

pub(super) const CLAIM: Kind = Kind {
    defaults: |claim| default_counts(claim, &["spec", "devices", "requests"]),
    status: |new, old| {
        keep_all_metadata(new, old);
        claim_status::drop_deallocated(new, old);
    },
    validate: |claim, errors| devices(&At::top(claim, "spec").child("devices"), errors),
    validate_update: |new, old, errors| At::top(new, "spec").stays(errors, &At::top(old, "spec")),
    validate_status: claim_status::validate,
    ..Kind::GENERIC
};

pub(super) const TEMPLATE: Kind = Kind {
    defaults: |template| default_counts(template, &["spec", "spec", "devices", "requests"]),
    validate: |template, errors| {
        let spec = At::top(template, "spec");
        labels(&spec.child("metadata").child("labels"), errors);
        devices(&spec.child("spec").child("devices"), errors);
    },
    validate_update: |new, old, errors| At::top(new, "spec").stays(errors, &At::top(old, "spec")),
    ..Kind::GENERIC
};

pub(super) use slice::KIND as SLICE;

const REQUESTS_MAX: usize = 32;
const CONSTRAINTS_MAX: usize = 32;
const CONFIGS_MAX: usize = 32;
const SELECTORS_MAX: usize = 32;
const CHOICES_MAX: usize = 8;
const EXPRESSION_MAX: usize = 10 * 1024;
const PARAMETERS_MAX: usize = 10 * 1024;

/// A request for exactly some devices is for one that does not say how many.
fn default_counts(object: &mut Tree, path: &[&str]) {
    let default = |request: &mut Tree| {
        let exact = request.str_at(&["allocationMode"]) == Some("ExactCount");
        if exact && request.i64_at(&["count"]).unwrap_or(0) == 0 {
            request.insert("count", 1);
        }
    };
    for request in object.at_mut(path).and_then(Tree::as_array_mut).into_iter().flatten() {
        request.get_mut("exactly").into_iter().for_each(default);
        request
            .get_mut("firstAvailable")
            .and_then(Tree::as_array_mut)
            .into_iter()
            .flatten()
            .for_each(default);
    }
}

fn class(class: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(class, "spec");
    selectors(&spec, errors);
    configs(&spec, None, CONFIGS_MAX, errors);
    let resource = spec.child("extendedResourceName");
    if resource.exists() && !is_extended_resource(resource.text()) {
        resource.invalid(errors, "must be a valid extended resource name");
    }
}

/// The requests of a claim and what is said of them.
fn devices(devices: &At<'_>, errors: &mut Vec<FieldError>) {
    let requests = devices.child("requests");
    for request in at_most(&requests, REQUESTS_MAX, errors) {
        self::request(&request, errors);
    }
    unique_names(&requests, errors);
    for constraint in at_most(&devices.child("constraints"), CONSTRAINTS_MAX, errors) {
        references(&constraint, &requests, errors);
        let (same, distinct) = (constraint.child("matchAttribute"), constraint.child("distinctAttribute"));
        if same.exists() {
            full_name(&same, errors);
        } else if distinct.exists() {
            full_name(&distinct, errors);
        } else {
            let why = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            errors.push(FieldError::required(&constraint.path, why));
        }
    }
    configs(devices, Some(&requests), CONFIGS_MAX, errors);
}

/// The items of a list that is not too long; of one that is, none.
fn at_most<'a>(
    list: &At<'a>,
    max: usize,
    errors: &mut Vec<FieldError>,
) -> impl Iterator<Item = At<'a>> + use<'a> {
    list.at_most(errors, max);
    let fits = list.tree.items().len() <= max;
    list.items().filter(move |_| fits)
}

/// Items that have names have names of their own.
fn unique_names(list: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut names = Vec::new();
    for item in list.items() {
        At { path: item.path.clone(), tree: item.child("name").tree }.unique(errors, &mut names);
    }
}

fn request(request: &At<'_>, errors: &mut Vec<FieldError>) {
    const ONE: &str = "exactly one of `exactly` or `firstAvailable` is required";
    label(&request.child("name"), errors);
    let (exactly, choices) = (request.child("exactly"), request.child("firstAvailable"));
    match (exactly.exists(), choices.is_empty()) {
        (true, true) => one_request(&exactly, errors),
        (false, false) => {
            for choice in at_most(&choices, CHOICES_MAX, errors) {
                label(&choice.child("name"), errors);
                one_request(&choice, errors);
            }
            unique_names(&choices, errors);
        }
        (false, true) => errors.push(FieldError::required(&request.path, ONE)),
        (true, false) => {
            let why = format!("{ONE}, but multiple fields are set");
            errors.push(FieldError::invalid(&request.path, Tree::Null, why));
        }
    }
}

fn one_request(request: &At<'_>, errors: &mut Vec<FieldError>) {
    request.child("deviceClassName").name(errors, dns1123_subdomain);
    selectors(request, errors);
    let (mode, count) = (request.child("allocationMode"), request.child("count"));
    let number = count.number().unwrap_or(0);
    let mut refuse = |why: &str| errors.push(FieldError::invalid(&count.path, number, why));
    match mode.text() {
        "All" if number != 0 => refuse("must not be specified when allocationMode is 'All'"),
        "ExactCount" if number <= 0 => refuse("must be greater than zero"),
        "All" | "ExactCount" => {}
        other => errors.push(FieldError::not_supported(&mode.path, other, &["All", "ExactCount"])),
    }
    request.child("tolerations").items().for_each(|toleration| self::toleration(&toleration, errors));
}

fn selectors(owner: &At<'_>, errors: &mut Vec<FieldError>) {
    for selector in at_most(&owner.child("selectors"), SELECTORS_MAX, errors) {
        let cel = selector.child("cel");
        if !cel.is_told(errors, "") {
            continue;
        }
        let expression = cel.child("expression");
        if expression.text().len() > EXPRESSION_MAX {
            errors.push(FieldError::too_long(&expression.path, EXPRESSION_MAX));
        } else {
            says(&expression, "", errors);
        }
    }
}

const EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "None"];

fn toleration(toleration: &At<'_>, errors: &mut Vec<FieldError>) {
    toleration.child("key").follows(errors, label_key);
    let (operator, value) = (toleration.child("operator"), toleration.child("value"));
    match operator.text() {
        "Exists" if !value.is_empty() => {
            value.invalid(errors, "must be empty for operator `Exists`");
        }
        "Equal" => value.follows(errors, label_value),
        _ => operator.exactly(errors, &["Equal", "Exists"]),
    }
    toleration.child("effect").one_of(errors, EFFECTS);
}

/// What is handed on to drivers, for all requests or for those that are named.
fn configs(owner: &At<'_>, requests: Option<&At<'_>>, max: usize, errors: &mut Vec<FieldError>) {
    for config in at_most(&owner.child("config"), max, errors) {
        if let Some(requests) = requests {
            references(&config, requests, errors);
        }
        let opaque = config.child("opaque");
        if opaque.is_told(errors, "") {
            driver_name(&opaque.child("driver"), errors);
            raw(&opaque.child("parameters"), PARAMETERS_MAX, errors);
        }
    }
}

/// Any JSON object that is not too long.
fn raw(data: &At<'_>, max: usize, errors: &mut Vec<FieldError>) {
    if !data.is_told(errors, "") {
        return;
    }
    if data.tree.to_json_string().len() > max {
        errors.push(FieldError::too_long(&data.path, max));
    } else if data.tree.as_object().is_none() {
        errors.push(FieldError::invalid(&data.path, "<value omitted>", "must be a valid JSON object"));
    }
}

fn references(owner: &At<'_>, requests: &At<'_>, errors: &mut Vec<FieldError>) {
    let names = owner.child("requests");
    for name in at_most(&names, REQUESTS_MAX, errors) {
        reference(&name, requests, errors);
    }
    let mut seen = Vec::new();
    names.items().for_each(|name| name.unique(errors, &mut seen));
}

/// `request` or `request/subrequest`, which is there.
fn reference(name: &At<'_>, requests: &At<'_>, errors: &mut Vec<FieldError>) {
    const WHY: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    let segments: Vec<&str> = name.text().split('/').collect();
    if segments.len() <= 2 {
        segments.iter().for_each(|segment| {
            let refuse = |why| FieldError::invalid(&name.path, *segment, why);
            errors.extend(dns1123_label(segment).into_iter().map(refuse));
        });
    }
    let named = |list: &At<'_>, wanted: &str| {
        list.tree.items().iter().position(|item| item.str_at(&["name"]).unwrap_or_default() == wanted)
    };
    let found = match segments.as_slice() {
        [request] => named(requests, request).is_some(),
        [request, choice] => requests
            .items()
            .nth(named(requests, request).unwrap_or(usize::MAX))
            .is_some_and(|request| named(&request.child("firstAvailable"), choice).is_some()),
        _ => false,
    };
    if !found {
        name.invalid(errors, WHY);
    }
}

/// A name that must be a label, told as such also where there is none.
fn label(name: &At<'_>, errors: &mut Vec<FieldError>) {
    let refuse = |why| FieldError::invalid(&name.path, name.text(), why);
    errors.extend(dns1123_label(name.text()).into_iter().map(refuse));
}

const POOL_NAME_MAX: usize = 253;

fn pool_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    if !name.required(errors, "") {
        return;
    }
    if name.text().len() > POOL_NAME_MAX {
        errors.push(FieldError::too_long(&name.path, POOL_NAME_MAX));
    }
    for part in name.text().split('/') {
        let refuse = |why| FieldError::invalid(&name.path, part, why);
        errors.extend(dns1123_subdomain(part).into_iter().map(refuse));
    }
}

const ID_MAX: usize = 32;

/// The name of an attribute or a capacity, with a domain or without.
fn qualified_name(name: &str, at: &At<'_>, errors: &mut Vec<FieldError>) {
    let identifier = |id: &str, errors: &mut Vec<FieldError>| {
        if id.len() > ID_MAX {
            errors.push(FieldError::too_long(&at.path, ID_MAX));
        }
        let is_start = id.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
        if !is_start || !id.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
            let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
            errors.push(FieldError::invalid(&at.path, id, why));
        }
    };
    let Some((domain, id)) = name.split_once('/') else { return identifier(name, errors) };
    if id.contains('/') {
        return;
    }
    if domain.is_empty() {
        errors.push(FieldError::invalid(&at.path, "", "the domain must not be empty"));
    } else {
        driver_name(&At { path: at.path.clone(), tree: &Tree::from(domain) }, errors);
    }
    if id.is_empty() {
        errors.push(FieldError::invalid(&at.path, "", "the name must not be empty"));
    } else {
        identifier(id, errors);
    }
}

fn full_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    qualified_name(name.text(), name, errors);
    if !name.text().contains('/') {
        let why = "a fully qualified name must be a domain and a name separated by a slash";
        name.invalid(errors, why);
    }
}

const BINDING_CONDITIONS_MAX: usize = 4;

/// Conditions that a binding waits for, and those that it fails by.
fn binding_conditions(device: &At<'_>, errors: &mut Vec<FieldError>) {
    let (wanted, failing) = (device.child("bindingConditions"), device.child("bindingFailureConditions"));
    for list in [&wanted, &failing] {
        at_most(list, BINDING_CONDITIONS_MAX, errors)
            .for_each(|name| name.refuse(errors, label_key(name.text())));
        let mut seen = Vec::new();
        list.items().for_each(|name| name.unique(errors, &mut seen));
    }
    for name in failing.items().filter(|name| wanted.tree.items().contains(name.tree)) {
        let why = "bindingFailureConditions must not overlap with bindingConditions";
        name.invalid(errors, why);
    }
    for (list, other, name, needed_by) in [
        (&wanted, &failing, "bindingConditions", "bindingFailureConditions"),
        (&failing, &wanted, "bindingFailureConditions", "bindingConditions"),
    ] {
        if list.is_empty() && !other.is_empty() {
            list.invalid(errors, format!("{name} are required to use {needed_by}"));
        }
    }
}
