//! A pod and the nodes that are left for it, and what an addon says of them.

use bytes::Bytes;

/// A pod that is to be scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// As JSON.
    pub pod: Bytes,
    /// The names of the nodes that are left.
    pub nodes: Vec<String>,
}

/// A node where the pod is not to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRefusal {
    pub node: String,
    pub reason: String,
    /// It might go there once less important pods have made room.
    pub is_resolvable: bool,
}

/// How well a node suits the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRating {
    pub node: String,
    /// Nobody looked whether it is within what a score may be.
    pub score: u32,
}
