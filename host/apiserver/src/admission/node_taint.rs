//! TaintNodesByCondition: no pod goes to a node before somebody has seen that it is ready.

use objects::status::Status;
use objects::{Tree, tree};

use super::Write;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const NO_SCHEDULE: &str = "NoSchedule";

pub(super) fn complete(write: &mut Write<'_>) -> Result<(), Status> {
    let taints = write.object.make(&["spec", "taints"]);
    let is_there = |taint: &Tree| {
        taint.str_at(&["key"]) == Some(NOT_READY) && taint.str_at(&["effect"]) == Some(NO_SCHEDULE)
    };
    if taints.items().iter().any(is_there) {
        return Ok(());
    }
    let taint = tree!({ "key": NOT_READY, "effect": NO_SCHEDULE });
    match taints.as_array_mut() {
        Some(list) => list.push(taint),
        None => *taints = Tree::Array(vec![taint]),
    }
    Ok(())
}
