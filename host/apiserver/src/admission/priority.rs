//! Priority: pods have the priority of their class, and one class alone is the default.

use objects::status::Status;
use objects::{Tree, meta};

use super::{Operation, Write};

const GROUP: (&str, &str, &str) = ("scheduling.k8s.io", "v1", "priorityclasses");
const PREEMPTS: &str = "PreemptLowerPriority";

/// What a pod gets of its class.
struct Class {
    name: String,
    value: i64,
    preemption: String,
}

pub(super) fn complete(write: &mut Write<'_>) -> Result<(), Status> {
    if write.operation == Operation::Update {
        // A client of before there was priority would take it away.
        for field in ["priority", "preemptionPolicy"] {
            let kept = write.old.and_then(|old| old.at(&["spec", field])).cloned();
            if let Some(kept) = kept.filter(|_| write.object.at(&["spec", field]).is_none()) {
                write.object.set_at(&["spec", field], kept);
            }
        }
        return Ok(());
    }
    let class = class(write)?;
    let pod = &write.object;
    if let Some(asked) = pod.i64_at(&["spec", "priority"]).filter(|asked| *asked != class.value) {
        return Err(write.forbidden(format!(
            "the integer value of priority ({asked}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
            class.value
        )));
    }
    let asked = pod.str_at(&["spec", "preemptionPolicy"]);
    if let Some(asked) = asked.filter(|asked| *asked != class.preemption) {
        return Err(write.forbidden(format!(
            "the string value of PreemptionPolicy ({asked}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
            class.preemption
        )));
    }
    let spec = write.object.make(&["spec"]);
    if !class.name.is_empty() {
        spec.insert("priorityClassName", class.name);
    }
    spec.insert("priority", class.value);
    spec.insert("preemptionPolicy", class.preemption);
    Ok(())
}

/// The class that a pod names, or the default one.
fn class(write: &Write<'_>) -> Result<Class, Status> {
    let (group, version, plural) = GROUP;
    let of = |class: &Tree| Class {
        name: meta::name(class).to_owned(),
        value: class.i64_at(&["value"]).unwrap_or(0),
        preemption: class.str_at(&["preemptionPolicy"]).unwrap_or(PREEMPTS).to_owned(),
    };
    match write.object.str_at(&["spec", "priorityClassName"]).unwrap_or_default() {
        "" => {
            let classes = write.all(group, version, plural);
            let defaults = classes.iter().filter(|class| is_default(class));
            // Of several, which only a race makes, the lowest.
            let least = defaults.min_by_key(|class| class.i64_at(&["value"]));
            let none = Class { name: String::new(), value: 0, preemption: PREEMPTS.to_owned() };
            Ok(least.map_or(none, of))
        }
        name => {
            let found = write.one(group, version, plural, name);
            found
                .as_ref()
                .map(of)
                .ok_or_else(|| write.forbidden(format!("no PriorityClass with name {name} was found")))
        }
    }
}

pub(super) fn one_default(write: &mut Write<'_>) -> Result<(), Status> {
    if !is_default(&write.object) {
        return Ok(());
    }
    let (group, version, plural) = GROUP;
    let me = meta::name(&write.object);
    let other = write
        .all(group, version, plural)
        .into_iter()
        .find(|class| is_default(class) && meta::name(class) != me);
    match other {
        None => Ok(()),
        Some(other) => Err(write.forbidden(format!(
            "PriorityClass {} is already marked as default. Only one default can exist",
            meta::name(&other)
        ))),
    }
}

fn is_default(class: &Tree) -> bool {
    class.bool_at(&["globalDefault"]) == Some(true)
}
