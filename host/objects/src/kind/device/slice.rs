//! Slices of a pool of devices: what a driver offers, where, with which attributes and capacities.

use super::{EFFECTS, at_most, binding_conditions, label, pool_name, qualified_name, unique_names};
use crate::kind::volume_source::driver_name;
use crate::kind::{Generation, Kind};
use crate::meta;
use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, dns1123_label, dns1123_subdomain, label_key, label_value, node_selector,
};

pub(in crate::kind) const KIND: Kind = Kind {
    generation: Generation::Counts,
    create: |slice| drop_gated(slice, None),
    update: |new, old| drop_gated(new, Some(old)),
    stamp: |slice, _, now| {
        for taint in
            devices_mut(slice).filter_map(|device| device.get_mut("taints")?.as_array_mut()).flatten()
        {
            if taint.get("timeAdded").is_none() {
                taint.insert("timeAdded", meta::rfc3339(now));
            }
        }
    },
    validate,
    validate_update: |new, old, errors| {
        let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
        spec.child("pool").child("name").stays(errors, &was.child("pool").child("name"));
        for field in ["driver", "nodeName"] {
            spec.child(field).stays(errors, &was.child(field));
        }
    },
    ..Kind::GENERIC
};

const DEVICES: &[&str] = &["spec", "devices"];
const DEVICES_MAX: usize = 128;
/// How many devices there can be where any has a taint or draws on shared counters.
const DETAILED_DEVICES_MAX: usize = 64;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;
const CONSUMPTIONS_MAX: usize = 2;
const ATTRIBUTES_MAX: usize = 32;
const TAINTS_MAX: usize = 16;
const VALUE_MAX: usize = 64;
const OPTIONS_MAX: usize = 10;

fn devices_mut(slice: &mut Tree) -> impl Iterator<Item = &mut Tree> {
    slice.at_mut(DEVICES).and_then(Tree::as_array_mut).into_iter().flatten()
}

/// Attributes that are lists, and what devices take of their node, are behind gates that are closed.
const LISTS: &[&str] = &["ints", "bools", "strings", "versions"];
const MAPPINGS: &str = "nodeAllocatableResourceMappings";

fn has_gated(device: &Tree) -> bool {
    let mut attributes = device.get("attributes").into_iter().flat_map(Tree::fields);
    device.get(MAPPINGS).is_some()
        || attributes.any(|(_, attribute)| LISTS.iter().any(|list| attribute.get(list).is_some()))
}

fn drop_gated(slice: &mut Tree, old: Option<&Tree>) {
    if old.is_some_and(|old| old.items_at(DEVICES).iter().any(has_gated)) {
        return;
    }
    for device in devices_mut(slice) {
        device.remove(MAPPINGS);
        let attributes = device.get_mut("attributes").and_then(Tree::as_object_mut);
        for attribute in attributes.into_iter().flat_map(|attributes| attributes.values_mut()) {
            LISTS.iter().for_each(|list| drop(attribute.remove(list)));
        }
    }
}

fn validate(slice: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(slice, "spec");
    driver_name(&spec.child("driver"), errors);
    pool(&spec.child("pool"), errors);
    place(&spec, errors);
    let (devices, counters) = (spec.child("devices"), spec.child("sharedCounters"));
    if devices.exists() && counters.exists() {
        errors.push(FieldError::invalid(
            &spec.path,
            "",
            "only one of `sharedCounters` or `devices` is allowed",
        ));
    }
    let is_detailed = |device: &Tree| {
        !device.items_at(&["taints"]).is_empty() || !device.items_at(&["consumesCounters"]).is_empty()
    };
    let max = if devices.tree.items().iter().any(is_detailed) { DETAILED_DEVICES_MAX } else { DEVICES_MAX };
    let each = spec.child("perDeviceNodeSelection").is_true();
    for device in at_most(&devices, max, errors) {
        self::device(&device, each, errors);
    }
    unique_names(&devices, errors);
    for set in at_most(&counters, COUNTER_SETS_MAX, errors) {
        set.child("name").name(errors, dns1123_label);
        self::counters(&set.child("counters"), errors);
    }
    unique_names(&counters, errors);
}

fn pool(pool: &At<'_>, errors: &mut Vec<FieldError>) {
    pool_name(&pool.child("name"), errors);
    let (count, generation) = (pool.child("resourceSliceCount"), pool.child("generation"));
    let number = count.number().unwrap_or(0);
    if number <= 0 {
        errors.push(FieldError::invalid(&count.path, number, "must be greater than zero"));
    }
    if generation.number().is_some_and(|number| number < 0) {
        generation.invalid(errors, "must be greater than or equal to zero");
    }
}

/// One way to say where the devices are.
fn place(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    const ONE: &str =
        "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let mut told = Vec::new();
    let node = spec.child("nodeName");
    if node.exists() {
        if node.is_empty() {
            node.invalid(errors, "must be either unset or set to a non-empty string");
        } else {
            told.push("`nodeName`");
            node.follows(errors, dns1123_subdomain);
        }
    }
    let selector = spec.child("nodeSelector");
    if selector.exists() {
        told.push("`nodeSelector`");
        node_selector(&selector, errors);
        let terms = selector.child("nodeSelectorTerms");
        if terms.tree.items().len() != 1 {
            terms.invalid(errors, "must have exactly one node selector term");
        }
    }
    for (field, name) in [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")]
    {
        told.extend(unset_or_true(&spec.child(field), errors).then_some(name));
    }
    match told.as_slice() {
        [_] => {}
        [] => errors.push(FieldError::required(&spec.path, ONE)),
        several => {
            let (shown, why) =
                (format!("{{{}}}", several.join(", ")), format!("{ONE}, but multiple fields are set"));
            errors.push(FieldError::invalid(&spec.path, shown, why));
        }
    }
}

fn unset_or_true(flag: &At<'_>, errors: &mut Vec<FieldError>) -> bool {
    if flag.exists() && !flag.is_true() {
        flag.invalid(errors, "must be either unset or set to true");
    }
    flag.is_true()
}

fn device(device: &At<'_>, says_where: bool, errors: &mut Vec<FieldError>) {
    label(&device.child("name"), errors);
    let (attributes, capacity) = (device.child("attributes"), device.child("capacity"));
    let count = attributes.tree.fields().count() + capacity.tree.fields().count();
    if count > ATTRIBUTES_MAX {
        let why = format!("the total number of attributes and capacities must not exceed {ATTRIBUTES_MAX}");
        errors.push(FieldError::invalid(&device.path, Tree::Int(count as i64), why));
    }
    for (name, attribute) in attributes.entries() {
        qualified_name(name, &attributes, errors);
        self::attribute(&attribute, errors);
    }
    let shared = device.child("allowMultipleAllocations").is_true();
    for (name, amount) in capacity.entries() {
        qualified_name(name, &capacity, errors);
        let policy = amount.child("requestPolicy");
        if policy.exists() && !shared {
            errors.push(FieldError::forbidden(&policy.path, "allowMultipleAllocations must be true"));
        } else if policy.exists() {
            request_policy(&policy, amount.child("value").quantity().unwrap_or(Quantity::ZERO), errors);
        }
    }
    for taint in at_most(&device.child("taints"), TAINTS_MAX, errors) {
        let key = taint.child("key");
        errors.extend(
            label_key(key.text()).into_iter().map(|why| FieldError::invalid(&key.path, key.text(), why)),
        );
        taint.child("value").follows(errors, label_value);
        taint.child("effect").exactly(errors, EFFECTS);
    }
    let mut sets = Vec::new();
    for consumption in at_most(&device.child("consumesCounters"), CONSUMPTIONS_MAX, errors) {
        let set = consumption.child("counterSet");
        set.name(errors, dns1123_label);
        counters(&consumption.child("counters"), errors);
        At { path: consumption.path.clone(), tree: set.tree }.unique(errors, &mut sets);
    }
    device_place(device, says_where, errors);
    binding_conditions(device, errors);
}

fn counters(counters: &At<'_>, errors: &mut Vec<FieldError>) {
    if counters.required(errors, "") {
        counters.at_most(errors, COUNTERS_MAX);
        for (name, _) in counters.entries() {
            let refuse = |why| FieldError::invalid(&counters.path, name, why);
            errors.extend(dns1123_label(name).into_iter().map(refuse));
        }
    }
}

/// A device says where it is just where its slice says that it does.
fn device_place(device: &At<'_>, says_where: bool, errors: &mut Vec<FieldError>) {
    let [node, selector, all] = ["nodeName", "nodeSelector", "allNodes"].map(|field| device.child(field));
    if !says_where {
        if [&node, &selector, &all].iter().any(|field| field.exists()) {
            let why = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            errors.push(FieldError::invalid(&device.path, Tree::Null, why));
        }
        return;
    }
    let mut told = Vec::new();
    if node.exists() && node.is_empty() {
        node.invalid(errors, "must not be empty");
    } else if node.exists() {
        told.push("`nodeName`");
        node.follows(errors, dns1123_subdomain);
    }
    if selector.exists() {
        told.push("`nodeSelector`");
        node_selector(&selector, errors);
    }
    told.extend(unset_or_true(&all, errors).then_some("`allNodes`"));
    let one = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    match told.as_slice() {
        [_] => {}
        [] => errors.push(FieldError::required(&device.path, one)),
        several => {
            errors.push(FieldError::invalid(&device.path, format!("{{{}}}", several.join(", ")), one));
        }
    }
}

fn attribute(attribute: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["string", "version"].map(|field| attribute.child(field)) {
        if field.text().len() > VALUE_MAX {
            errors.push(FieldError::too_long(&field.path, VALUE_MAX));
        }
    }
    let version = attribute.child("version");
    if version.exists() && !is_semantic_version(version.text()) {
        version.invalid(errors, "must be a string compatible with semver.org spec 2.0.0");
    }
    let told = ["bool", "int", "string", "version"]
        .iter()
        .chain(LISTS)
        .filter(|field| attribute.child(field).exists());
    let shown = match told.count() {
        1 => return,
        0 => Tree::from(""),
        _ => attribute.tree.clone(),
    };
    errors.push(FieldError::invalid(&attribute.path, shown, "exactly one value must be specified"));
}

/// `1.2.3-rc.1+build`
fn is_semantic_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
    };
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = |word: &str| is_digits(word) && (word == "0" || !word.starts_with('0'));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| {
            pre.split('.').all(|word| is_word(word) && (!is_digits(word) || is_number(word)))
        })
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// How much of a capacity may be asked for at a time.
fn request_policy(policy: &At<'_>, capacity: Quantity, errors: &mut Vec<FieldError>) {
    let [default, values, range] = ["default", "validValues", "validRange"].map(|field| policy.child(field));
    let needed_by = match (values.is_empty(), range.exists()) {
        (false, true) => {
            let why = "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time";
            errors.push(FieldError::forbidden(&policy.path, why));
            return;
        }
        (false, false) => "validValues",
        (true, true) => "validRange",
        (true, false) => return,
    };
    let Some(amount) = default.quantity() else {
        errors.push(FieldError::required(&default.path, format!("required when {needed_by} is defined")));
        return;
    };
    if needed_by == "validValues" {
        valid_values(&values, amount, capacity, errors);
    } else {
        valid_range(&range, amount, capacity, errors);
    }
}

fn valid_values(values: &At<'_>, default: Quantity, capacity: Quantity, errors: &mut Vec<FieldError>) {
    let amounts: Vec<Quantity> = values.items().filter_map(|value| value.quantity()).collect();
    for (index, pair) in amounts.windows(2).enumerate().filter(|(_, pair)| pair[0] > pair[1]) {
        let path = values.path.index(index + 1);
        errors.push(FieldError::invalid(
            &path,
            pair[1].to_string(),
            "values must be sorted in ascending order",
        ));
    }
    let mut seen = Vec::new();
    for value in at_most(values, OPTIONS_MAX, errors) {
        let amount = value.quantity().unwrap_or(Quantity::ZERO);
        if amount > capacity {
            value.invalid(errors, format!("option is larger than capacity value: {capacity}"));
        }
        if seen.contains(&amount) {
            errors.push(FieldError::duplicate(&value.path, amount.value().to_string()));
        }
        seen.push(amount);
    }
    if !amounts.contains(&default) {
        let why = "default value is not valid according to the requestPolicy";
        errors.push(FieldError::invalid(&values.path, default.to_string(), why));
    }
}

fn valid_range(range: &At<'_>, default: Quantity, capacity: Quantity, errors: &mut Vec<FieldError>) {
    let [min, max, step] = ["min", "max", "step"].map(|field| range.child(field).quantity());
    let mut refuse = |field: &str, shown: Quantity, why: String| {
        errors.push(FieldError::invalid(&range.path.child(field), shown.to_string(), why));
    };
    let Some(min) = min else {
        errors.push(FieldError::required(&range.path.child("min"), "required when validRange is defined"));
        return;
    };
    if min > capacity {
        refuse("min", min, format!("min is larger than capacity value: {capacity}"));
    }
    if default < min {
        refuse("min", default, format!("default is less than min: {min}"));
    }
    if let Some(max) = max {
        if min > max {
            refuse("max", min, format!("min is larger than max: {max}"));
        }
        if max > capacity {
            refuse("max", max, format!("max is larger than capacity value: {capacity}"));
        }
        if default > max {
            refuse("max", default, format!("default is more than max: {max}"));
        }
    }
    if let Some(step) = step {
        if min + step > capacity {
            refuse(
                "step",
                step,
                format!("one step {} is larger than capacity value: {capacity}", min + step),
            );
        }
        for value in [Some(default), max].into_iter().flatten() {
            let is_multiple = step.value() != 0 && (value.value() - min.value()) % step.value() == 0;
            if !is_multiple {
                refuse(
                    "step",
                    value,
                    format!("value is not a multiple of a given step ({step}) from ({min})"),
                );
            }
        }
    }
}
