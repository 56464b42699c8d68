//! DefaultTolerationSeconds: a pod stands a node that is away for some time.

use objects::status::Status;
use objects::{Tree, tree};

use super::Write;

/// Taints of a node that is away.
const AWAY: &[&str] = &["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: i64 = 300;

pub(super) fn complete(write: &mut Write<'_>) -> Result<(), Status> {
    for taint in AWAY {
        tolerate(&mut write.object, taint);
    }
    Ok(())
}

fn tolerate(pod: &mut Tree, taint: &str) {
    let tolerations = pod.make(&["spec", "tolerations"]);
    let stands = |toleration: &Tree| {
        let text = |key: &str| toleration.str_at(&[key]).unwrap_or_default();
        [taint, ""].contains(&text("key")) && ["NoExecute", ""].contains(&text("effect"))
    };
    if tolerations.items().iter().any(stands) {
        return;
    }
    let toleration =
        tree!({ "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS });
    match tolerations.as_array_mut() {
        Some(list) => list.push(toleration),
        None => *tolerations = Tree::Array(vec![toleration]),
    }
}
