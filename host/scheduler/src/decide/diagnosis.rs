//! [`Diagnosis`]: what is in the way of a pod, node by node, and how it is told.

use std::collections::{BTreeMap, HashMap};

use crate::cycle::Refused;
use crate::plugin::{Objection, Plugins};
use crate::snapshot::NodeId;

pub(super) struct Diagnosis {
    nodes: usize,
    refused: HashMap<NodeId, Objection>,
    /// Of nodes that were not looked at one by one.
    rest: Option<Objection>,
    /// An objection to the pod altogether.
    before: Option<Refused>,
    plugins: Plugins,
}

impl Diagnosis {
    pub(super) fn new(nodes: usize) -> Self {
        let (refused, plugins) = (HashMap::new(), Plugins::default());
        Self { nodes, refused, rest: None, before: None, plugins }
    }

    pub(super) fn refuse(&mut self, node: NodeId, refused: Refused) {
        self.plugins.insert(refused.plugin);
        self.refused.insert(node, refused.objection);
    }

    /// One that is none of the plugins refuses a node.
    pub(super) fn refuse_otherwise(&mut self, node: NodeId, objection: Objection) {
        self.refused.insert(node, objection);
    }

    pub(super) fn refuse_all(&mut self, refused: Refused) {
        self.plugins.insert(refused.plugin);
        self.rest = Some(refused.objection.clone());
        self.before = Some(refused);
    }

    /// The nodes that are not looked at are none of those that the plugins left.
    pub(super) fn skip_rest(&mut self, narrowed: Plugins) {
        let names: Vec<_> = narrowed.iter().map(|plugin| plugin.name()).collect();
        let reason = format!("node(s) didn't satisfy plugin(s) [{}]", names.join(" "));
        narrowed.iter().for_each(|plugin| self.plugins.insert(plugin));
        self.rest = Some(Objection::lasting(reason));
    }

    pub(super) fn plugins(&self) -> Plugins {
        self.plugins
    }

    /// What is in the way on a node; `None` for one that nobody objected to.
    pub(super) fn objection(&self, node: NodeId) -> Option<&Objection> {
        self.refused.get(&node).or(self.rest.as_ref())
    }

    /// `more` is what came of the look for pods that could go.
    pub(super) fn message(&self, more: Option<&str>) -> String {
        let reasons = match &self.before {
            Some(refused) => refused.objection.reasons.join(", "),
            None => histogram(self.nodes, self.refused.values(), self.refused.len(), self.rest.as_ref()),
        };
        tell(self.nodes, &reasons, more)
    }
}

pub(super) fn tell(nodes: usize, reasons: &str, more: Option<&str>) -> String {
    let mut message = format!("0/{nodes} nodes are available:");
    if !reasons.is_empty() {
        message += &format!(" {reasons}.");
    }
    if let Some(more) = more {
        message += &format!(" {more}");
    }
    message
}

/// How often each reason was given, of `known` nodes one by one and of the rest together.
pub(super) fn histogram<'o>(
    nodes: usize,
    objections: impl Iterator<Item = &'o Objection>,
    known: usize,
    rest: Option<&Objection>,
) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let all = objections.collect::<Vec<_>>();
    all.iter().flat_map(|one| &one.reasons).for_each(|reason| *counts.entry(reason).or_default() += 1);
    for reason in rest.into_iter().flat_map(|rest| &rest.reasons).filter(|_| nodes > known) {
        *counts.entry(reason).or_default() += nodes - known;
    }
    let mut told: Vec<_> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    told.sort();
    told.join(", ")
}
