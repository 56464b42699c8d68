//! [`Domains`]: the nodes that have the same value of a label.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::NodeId;
use crate::view::NodeView;

/// A value of the label; they are numbered from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Domain(pub(crate) usize);

#[derive(Debug, Default)]
pub(crate) struct Domains {
    /// By the number of the node.
    of: Vec<Option<Domain>>,
    count: usize,
}

impl Domains {
    fn read<'n>(key: &str, nodes: impl Iterator<Item = (NodeId, &'n NodeView)>) -> Self {
        let mut domains = Self::default();
        let mut known: HashMap<&str, Domain> = HashMap::new();
        for (node, view) in nodes {
            let Some(value) = view.labels.get(key) else { continue };
            let next = Domain(known.len());
            let domain = *known.entry(value).or_insert(next);
            if domains.of.len() <= node.0 {
                domains.of.resize(node.0 + 1, None);
            }
            domains.of[node.0] = Some(domain);
        }
        domains.count = known.len();
        domains
    }

    /// `None` for a node without the label.
    pub(crate) fn of(&self, node: NodeId) -> Option<Domain> {
        *self.of.get(node.0)?
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Every node with the label has a smaller number.
    pub(crate) fn end(&self) -> usize {
        self.of.len()
    }
}

/// The domains of each label that was asked for, until the labels of a node change.
#[derive(Clone, Debug, Default)]
pub(super) struct DomainsByKey(RefCell<HashMap<Box<str>, Arc<Domains>>>);

impl DomainsByKey {
    pub(super) fn get<'n>(
        &self,
        key: &str,
        nodes: impl Iterator<Item = (NodeId, &'n NodeView)>,
    ) -> Arc<Domains> {
        if let Some(known) = self.0.borrow().get(key) {
            return known.clone();
        }
        let domains = Arc::new(Domains::read(key, nodes));
        self.0.borrow_mut().insert(key.into(), domains.clone());
        domains
    }

    pub(super) fn forget(&mut self) {
        self.0.get_mut().clear();
    }
}
