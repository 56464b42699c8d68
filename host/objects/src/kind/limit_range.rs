//! Limit ranges: the defaults that follow from their bounds, and bounds that fit one another.

use super::Kind;
use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, container_resource_name, is_overcommit_allowed, label_key, resource_name,
};

pub(super) const KIND: Kind = Kind { create_on_update: true, defaults, validate, ..Kind::GENERIC };

const TYPES: &[&str] = &["Pod", "Container", "PersistentVolumeClaim"];

/// What a container gets follows from what it may have: the limit from the most, the request from the limit or
/// from the least.
fn defaults(range: &mut Tree) {
    let items = range.at_mut(&["spec", "limits"]).and_then(Tree::as_array_mut);
    for item in items.into_iter().flatten().filter(|item| item.str_at(&["type"]) == Some("Container")) {
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let source = item.get(from).cloned().unwrap_or_default();
            let target = item.make(&[to]).object_mut();
            for (name, amount) in
                source.fields().filter(|(name, _)| !target.contains_key(name)).collect::<Vec<_>>()
            {
                target.insert(name, amount.clone());
            }
        }
    }
}

fn validate(range: &Tree, errors: &mut Vec<FieldError>) {
    let mut types = Vec::new();
    for item in At::top(range, "spec").child("limits").items() {
        let kind = item.child("type");
        limit_type(&kind, errors);
        kind.unique(errors, &mut types);
        names(&item, errors);
        if kind.text() == "Pod" {
            for field in ["default", "defaultRequest"].map(|field| item.child(field)) {
                if !field.is_empty() {
                    let why = "may not be specified when `type` is 'Pod'";
                    errors.push(FieldError::forbidden(&field.path, why));
                }
            }
        }
        let bounded = ["min", "max"].iter().any(|field| item.child(field).child("storage").exists());
        if kind.text() == "PersistentVolumeClaim" && !bounded {
            let why = "either minimum or maximum storage value is required, but neither was provided";
            errors.push(FieldError::required(&item.path.child("limits"), why));
        }
        for name in resources(&item) {
            bounds(&item, name, errors);
        }
    }
}

fn limit_type(kind: &At<'_>, errors: &mut Vec<FieldError>) {
    let refused = label_key(kind.text());
    if refused.is_empty() && !kind.text().contains('/') && !TYPES.contains(&kind.text()) {
        kind.invalid(errors, "must be a standard limit type or fully qualified");
    }
    errors.extend(refused.into_iter().map(|message| FieldError::invalid(&kind.path, kind.text(), message)));
}

/// The fields of an item that count for its type.
fn fields(item: &At<'_>) -> &'static [&'static str] {
    const ALL: &[&str] = &["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
    if item.child("type").text() == "Pod" { &["max", "min", "maxLimitRequestRatio"] } else { ALL }
}

fn names(item: &At<'_>, errors: &mut Vec<FieldError>) {
    let of_pods = matches!(item.child("type").text(), "Pod" | "Container");
    for (name, amount) in fields(item).iter().flat_map(|field| item.child(field).entries()) {
        if of_pods {
            container_resource_name(name, &amount.path, errors);
        } else {
            resource_name(name, &amount.path, errors);
        }
    }
}

/// Every resource that an item speaks of.
fn resources<'a>(item: &At<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> =
        fields(item).iter().flat_map(|field| item.child(field).entries()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The bounds and defaults of one resource, which fit one another.
fn bounds(item: &At<'_>, name: &str, errors: &mut Vec<FieldError>) {
    let amount = |field: &str| {
        let told = fields(item).contains(&field);
        item.child(field).child(name).quantity().filter(|_| told)
    };
    let [min, max, default, request, ratio] =
        ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"].map(amount);
    let mut refuse = |field: &str, value: Quantity, why: String| {
        errors.push(FieldError::invalid(&item.path.child(field).key(name), value.to_string(), why));
    };
    let above =
        |one: Option<Quantity>, other: Option<Quantity>| one.zip(other).filter(|(one, other)| one > other);
    if let Some((min, max)) = above(min, max) {
        refuse("min", min, format!("min value {min} is greater than max value {max}"));
    }
    if let Some((min, request)) = above(min, request) {
        refuse(
            "defaultRequest",
            request,
            format!("min value {min} is greater than default request value {request}"),
        );
    }
    if let Some((request, max)) = above(request, max) {
        refuse(
            "defaultRequest",
            request,
            format!("default request value {request} is greater than max value {max}"),
        );
    }
    if let Some((request, default)) = above(request, default) {
        let why = format!("default request value {request} is greater than default limit value {default}");
        refuse("defaultRequest", request, why);
    }
    if let Some((min, default)) = above(min, default) {
        refuse("default", min, format!("min value {min} is greater than default value {default}"));
    }
    if let Some((default, max)) = above(default, max) {
        refuse("default", max, format!("default value {default} is greater than max value {max}"));
    }
    if let Some(ratio) = ratio {
        if ratio.milli_value() < 1000 {
            refuse("maxLimitRequestRatio", ratio, format!("ratio {ratio} is less than 1"));
        }
        let most = min.zip(max).map(|(min, max)| max.as_f64() / min.as_f64());
        if let Some(most) = most.filter(|most| ratio.as_f64() > *most) {
            let why = format!("ratio {ratio} is greater than max/min = {most:.6}");
            refuse("maxLimitRequestRatio", ratio, why);
        }
    }
    if let Some((default, request)) = default.zip(request)
        && default != request
        && !is_overcommit_allowed(name)
    {
        let why = format!("default value {default} must equal to defaultRequest value {request} in {name}");
        refuse("defaultRequest", request, why);
    }
}
