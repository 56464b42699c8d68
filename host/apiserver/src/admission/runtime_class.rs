//! RuntimeClass: a pod has the overhead and the place of its runtime class.

use objects::status::Status;
use objects::{Tree, meta};

use super::Write;

const OVERHEAD: &[&str] = &["spec", "overhead"];

pub(super) fn complete(write: &mut Write<'_>) -> Result<(), Status> {
    let Some(class) = class(write)? else { return Ok(()) };
    if let Some(fixed) = class.at(&["overhead", "podFixed"]) {
        let own = write.object.at(OVERHEAD);
        if own.is_some_and(|own| own != fixed) {
            return Err(
                write.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            );
        }
        write.object.set_at(OVERHEAD, fixed.clone());
    }
    select(write, &class)?;
    for toleration in class.items_at(&["scheduling", "tolerations"]) {
        let tolerations = write.object.make(&["spec", "tolerations"]);
        if tolerations.items().contains(toleration) {
            continue;
        }
        match tolerations.as_array_mut() {
            Some(list) => list.push(toleration.clone()),
            None => *tolerations = Tree::Array(vec![toleration.clone()]),
        }
    }
    Ok(())
}

/// The class's node selector, which the pod's own must not contradict.
fn select(write: &mut Write<'_>, class: &Tree) -> Result<(), Status> {
    let Some(selector) = class.at(&["scheduling", "nodeSelector"]) else { return Ok(()) };
    for (key, value) in selector.fields() {
        let wanted = value.as_str().unwrap_or_default();
        let own = write.object.str_at(&["spec", "nodeSelector", key]);
        if let Some(own) = own.filter(|own| *own != wanted) {
            return Err(write.forbidden(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {own}"
            )));
        }
        write.object.set_at(&["spec", "nodeSelector", key], wanted);
    }
    Ok(())
}

pub(super) fn check(write: &mut Write<'_>) -> Result<(), Status> {
    let defined = class(write)?.is_some_and(|class| class.at(&["overhead", "podFixed"]).is_some());
    if write.object.at(OVERHEAD).is_some_and(|own| !own.is_empty_value()) && !defined {
        return Err(write.forbidden(
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ));
    }
    Ok(())
}

fn class(write: &Write<'_>) -> Result<Option<Tree>, Status> {
    let Some(name) = write.object.str_at(&["spec", "runtimeClassName"]).filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    let class = write.one("node.k8s.io", "v1", "runtimeclasses", name);
    match class {
        Some(class) => Ok(Some(class)),
        None => {
            let why = format!("pod rejected: RuntimeClass {name:?} not found");
            Err(Status::forbidden(&write.call.resource.group_resource(), meta::name(&write.object), why))
        }
    }
}
