//! When each node gave a sign of life, by the clock of this machine: clocks of nodes are not compared with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use tokio::time::Instant;

use crate::node::{READY, condition, is_ready};

#[derive(Default)]
pub(super) struct Signs(Mutex<HashMap<String, Life>>);

struct Life {
    last_sign: Instant,
    /// What the node's lease and its condition said, by its own clock.
    renewed: Option<Timestamp>,
    heartbeat: Option<Timestamp>,
    /// The node as it was seen first; `None` before that.
    node: Option<Arc<Node>>,
    was_ready: bool,
}

impl Default for Life {
    fn default() -> Self {
        Self { last_sign: Instant::now(), renewed: None, heartbeat: None, node: None, was_ready: false }
    }
}

impl Signs {
    /// The node's lease says so. Any other time than before is a sign: the node's clock may have been set back.
    pub(super) fn renewed(&self, name: &str, time: Timestamp) {
        let mut lives = self.lives();
        let life = lives.entry(name.to_owned()).or_default();
        if life.renewed != Some(time) {
            life.renewed = Some(time);
            life.last_sign = Instant::now();
        }
    }

    /// Whether the node is seen for the first time.
    pub(super) fn is_new(&self, name: &str, node: &Arc<Node>) -> bool {
        let mut lives = self.lives();
        let life = lives.entry(name.to_owned()).or_default();
        let is_new = life.node.as_ref().is_none_or(|known| known.metadata.uid != node.metadata.uid);
        if is_new {
            *life = Life {
                node: Some(node.clone()),
                was_ready: is_ready(node),
                last_sign: Instant::now(),
                renewed: life.renewed,
                heartbeat: None,
            };
        }
        is_new
    }

    /// For how long the node has given no sign of life, its status counted.
    pub(super) fn silence(&self, name: &str, node: &Node) -> Duration {
        let mut lives = self.lives();
        let life = lives.entry(name.to_owned()).or_default();
        let heartbeat =
            condition(node, READY).and_then(|ready| ready.last_heartbeat_time.as_ref()).map(|time| time.0);
        if heartbeat.is_some() && heartbeat != life.heartbeat {
            life.heartbeat = heartbeat;
            life.last_sign = Instant::now();
        }
        life.last_sign.elapsed()
    }

    /// Whether it is not ready, and its pods were not told.
    pub(super) fn has_failed(&self, name: &str, node: &Node) -> bool {
        let mut lives = self.lives();
        let life = lives.entry(name.to_owned()).or_default();
        life.was_ready |= is_ready(node);
        life.was_ready && !is_ready(node)
    }

    pub(super) fn told_pods(&self, name: &str) {
        self.lives().entry(name.to_owned()).or_default().was_ready = false;
    }

    /// The node as it was known.
    pub(super) fn forget(&self, name: &str) -> Option<Arc<Node>> {
        self.lives().remove(name)?.node
    }

    fn lives(&self) -> MutexGuard<'_, HashMap<String, Life>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
