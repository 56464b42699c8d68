//! What became of a claim: the devices that it was given, who uses them, and what their drivers say of them.

use super::{at_most, binding_conditions, configs, label, pool_name, raw, reference};
use crate::kind::volume_source::driver_name;
use crate::meta;
use crate::tree::Tree;
use crate::validate::{At, FieldError, conditions, node_selector};

const RESERVED_MAX: usize = 256;
const RESULTS_MAX: usize = 32;
/// Those of the class and those of the claim.
const CONFIGS_MAX: usize = 64;
const CONDITIONS_MAX: usize = 8;
const DATA_MAX: usize = 10 * 1024;
const ADDRESSES_MAX: usize = 16;
const INTERFACE_NAME_MAX: usize = 256;
const HARDWARE_ADDRESS_MAX: usize = 128;

/// Which device, and which share of it.
fn device_id(device: &Tree) -> [&str; 4] {
    ["driver", "pool", "device", "shareID"].map(|field| device.str_at(&[field]).unwrap_or_default())
}

const RESULTS: &[&str] = &["status", "allocation", "devices", "results"];

/// What drivers say of devices goes with the devices.
pub(super) fn drop_deallocated(new: &mut Tree, old: &Tree) {
    let kept: Vec<Tree> = new.items_at(RESULTS).to_vec();
    let is_gone = |device: &Tree| {
        let id = device_id(device);
        old.items_at(RESULTS).iter().any(|result| device_id(result) == id)
            && !kept.iter().any(|result| device_id(result) == id)
    };
    if let Some(devices) = new.at_mut(&["status", "devices"]).and_then(Tree::as_array_mut) {
        devices.retain(|device| !is_gone(device));
        if devices.is_empty() {
            new.remove_at(&["status", "devices"]);
        }
    }
}

pub(super) fn validate(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    let [reserved, allocation, devices] =
        ["reservedFor", "allocation", "devices"].map(|field| status.child(field));
    let mut users = Vec::new();
    for user in at_most(&reserved, RESERVED_MAX, errors) {
        for field in ["resource", "name", "uid"] {
            user.child(field).required(errors, "");
        }
        At { path: user.path.clone(), tree: user.child("uid").tree }.unique(errors, &mut users);
    }
    let mut seen = Vec::new();
    for device in devices.items() {
        self::device(&device, new.items_at(RESULTS), errors);
        let id = device_id(device.tree);
        if seen.contains(&id) {
            errors.push(FieldError::duplicate(&device.path, id.join("/").trim_end_matches('/')));
        } else {
            seen.push(id);
        }
    }
    if !reserved.is_empty() {
        if !allocation.exists() {
            errors.push(FieldError::forbidden(
                &reserved.path,
                "may not be specified when `allocated` is not set",
            ));
        } else if meta::is_deleting(new) {
            let before = old.items_at(&["status", "reservedFor"]);
            if reserved.tree.items().iter().any(|user| !before.contains(user)) {
                let why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
                errors.push(FieldError::forbidden(&reserved.path, why));
            }
        }
    }
    let before = At::top(old, "status").child("allocation");
    if allocation.exists() && before.exists() {
        allocation.stays(errors, &before);
    } else if allocation.exists() {
        self::allocation(&allocation, &At::top(new, "spec").child("devices").child("requests"), errors);
    }
}

fn allocation(allocation: &At<'_>, requests: &At<'_>, errors: &mut Vec<FieldError>) {
    let devices = allocation.child("devices");
    for result in at_most(&devices.child("results"), RESULTS_MAX, errors) {
        reference(&result.child("request"), requests, errors);
        driver_name(&result.child("driver"), errors);
        pool_name(&result.child("pool"), errors);
        label(&result.child("device"), errors);
        binding_conditions(&result, errors);
        share_id(&result.child("shareID"), errors);
    }
    for config in devices.child("config").items() {
        config.child("source").exactly(errors, &["FromClaim", "FromClass"]);
    }
    configs(&devices, Some(requests), CONFIGS_MAX, errors);
    let selector = allocation.child("nodeSelector");
    if selector.exists() {
        node_selector(&selector, errors);
    }
}

/// A UUID in lower case.
fn share_id(id: &At<'_>, errors: &mut Vec<FieldError>) {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let lengths = id.text().split('-').map(str::len);
    let is_uuid = lengths.eq([8, 4, 4, 4, 12]) && id.text().bytes().all(|byte| byte == b'-' || is_hex(byte));
    if id.exists() && !is_uuid {
        let why = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
        id.invalid(errors, why);
    }
}

fn device(device: &At<'_>, allocated: &[Tree], errors: &mut Vec<FieldError>) {
    driver_name(&device.child("driver"), errors);
    pool_name(&device.child("pool"), errors);
    label(&device.child("device"), errors);
    share_id(&device.child("shareID"), errors);
    let id = device_id(device.tree);
    if !allocated.iter().any(|result| device_id(result) == id) {
        let why = "must be an allocated device in the claim";
        errors.push(FieldError::invalid(&device.path, id.join("/").trim_end_matches('/'), why));
    }
    device.child("conditions").at_most(errors, CONDITIONS_MAX);
    conditions(&device.child("conditions"), errors);
    let data = device.child("data");
    if data.exists() {
        raw(&data, DATA_MAX, errors);
    }
    let network = device.child("networkData");
    for (field, max) in [("interfaceName", INTERFACE_NAME_MAX), ("hardwareAddress", HARDWARE_ADDRESS_MAX)] {
        if network.child(field).text().len() > max {
            errors.push(FieldError::too_long(&network.path.child(field), max));
        }
    }
    let addresses = network.child("ips");
    addresses.at_most(errors, ADDRESSES_MAX);
    let mut seen = Vec::new();
    addresses.items().for_each(|address| address.unique(errors, &mut seen));
}
