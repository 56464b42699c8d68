//! How long a kubelet may believe what it read of secrets and config maps: the more nodes there are, the longer.

use std::sync::{Arc, Mutex, PoisonError};

use client::{ApiError, Client, Patch};
use k8s_openapi::api::core::v1::Node;
use objects::tree;
use reconcile::{Outcome, Reconcile, Store};

use crate::wiring::Wiring;

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";
const WORKERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(5).expect("five is not zero");

/// From how many nodes, up to how many, and the seconds. They overlap, so that one node more or less is not a change of
/// all of them.
const STEPS: &[(usize, usize, u32)] = &[
    (0, 100, 0),
    (90, 500, 15),
    (450, 1000, 30),
    (900, 2000, 60),
    (1800, 10_000, 300),
    (9000, usize::MAX, 600),
];

/// How many nodes there are, and the step that they are on.
#[derive(Default)]
struct Size {
    nodes: usize,
    step: usize,
}

impl Size {
    /// Whether it is another step.
    fn set(&mut self, nodes: usize) -> bool {
        let before = self.step;
        self.nodes = nodes;
        while nodes > STEPS[self.step].1 {
            self.step += 1;
        }
        while nodes < STEPS[self.step].0 {
            self.step -= 1;
        }
        self.step != before
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("ttlcontroller");
    let size: Arc<Mutex<Size>> = Arc::default();
    let nodes = wiring.feed(&queue, |node: &Node| node.metadata.name.clone());
    let (all, waiting, counted) = (nodes.clone(), queue.clone(), size.clone());
    wiring.on_change::<Node>(move |change| {
        let mut size = counted.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match (change.old, change.new) {
            (None, Some(_)) => size.nodes + 1,
            (Some(_), None) => size.nodes.saturating_sub(1),
            _ => return,
        };
        if size.set(count) {
            let names = all.all().into_iter().filter_map(|node| node.metadata.name.clone());
            names.for_each(|name| waiting.add(name));
        }
    });
    let client = wiring.client();
    wiring.reconcile(Ttl { client, nodes, size }, queue, WORKERS);
}

struct Ttl {
    client: Client,
    nodes: Store<Node>,
    size: Arc<Mutex<Size>>,
}

impl Reconcile for Ttl {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(node) = self.nodes.get("", name) else { return Ok(Outcome::Done) };
        let step = self.size.lock().unwrap_or_else(PoisonError::into_inner).step;
        let seconds = STEPS[step].2.to_string();
        let annotations = node.metadata.annotations.as_ref();
        if annotations.and_then(|annotations| annotations.get(ANNOTATION)) == Some(&seconds) {
            return Ok(Outcome::Done);
        }
        let mut patch = tree!({ "metadata": { "annotations": {} } });
        patch.set_at(&["metadata", "annotations", ANNOTATION], seconds);
        match self.client.cluster::<Node>().patch(name, &Patch::Merge(patch)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_left_later_than_it_was_entered() {
        let mut size = Size::default();
        let mut seconds = |nodes| {
            size.set(nodes);
            STEPS[size.step].2
        };
        assert_eq!([1, 100, 101, 95, 89].map(&mut seconds), [0, 0, 15, 15, 0]);
        assert_eq!([6000, 20_000, 9500, 8999].map(&mut seconds), [300, 600, 600, 300]);
    }
}
