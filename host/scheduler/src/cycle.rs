//! [`Cycle`]: one look for a node for one pod. What the plugins found out about the cluster is in it; a copy can be
//! changed, to see how it would be with some pods more or less.

use crate::plugin::{
    AffinityState, DeviceState, NodeAffinityState, Objection, Plugin, Plugins, RestrictionState, SpreadState,
    Verdict, VolumeState, ZoneState,
};
use crate::profile::Profile;
use crate::snapshot::{NodeState, Snapshot};
use crate::trace::{Ending, Point, Trace};
use crate::view::PodView;

#[derive(Clone)]
pub(crate) struct Cycle<'a> {
    pub(crate) pod: &'a PodView,
    pub(crate) profile: &'a Profile,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) nodes: NodeAffinityState<'a>,
    pub(crate) restrictions: RestrictionState,
    pub(crate) volumes: VolumeState<'a>,
    pub(crate) zones: ZoneState<'a>,
    pub(crate) spread: SpreadState,
    pub(crate) affinity: AffinityState<'a>,
    pub(crate) devices: DeviceState<'a>,
    /// The plugins that narrowed the nodes that are looked at.
    pub(crate) narrowed: Plugins,
}

/// An objection and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) plugin: Plugin,
    pub(crate) objection: Objection,
}

fn by(plugin: Plugin, verdict: Verdict) -> Result<(), Refused> {
    verdict.map_err(|objection| Refused { plugin, objection })
}

impl<'a> Cycle<'a> {
    /// Looks at the cluster for a pod.
    ///
    /// # Errors
    /// What is in the way on every node.
    pub(crate) fn begin(
        pod: &'a PodView,
        profile: &'a Profile,
        snapshot: &'a Snapshot,
        trace: &mut Trace,
    ) -> Result<Self, (Box<Self>, Refused)> {
        let mut cycle = Self {
            pod,
            profile,
            snapshot,
            nodes: NodeAffinityState::default(),
            restrictions: RestrictionState::default(),
            volumes: VolumeState::default(),
            zones: ZoneState::default(),
            spread: SpreadState::default(),
            affinity: AffinityState::default(),
            devices: DeviceState::default(),
            narrowed: Plugins::default(),
        };
        for row in profile.filters() {
            let Some(prepare) = row.prepare else { continue };
            let ending = |verdict: &Verdict| Ending::of(verdict.as_ref().err());
            let verdict = trace.time((Point::PreFilter, row.plugin), ending, || prepare(&mut cycle));
            if let Err(refused) = by(row.plugin, verdict) {
                return Err((Box::new(cycle), refused));
            }
        }
        Ok(cycle)
    }

    /// What keeps the pod off a node as it is here, of the first plugin that objects.
    pub(crate) fn filter(&self, node: &NodeState) -> Result<(), Refused> {
        let Some(view) = node.view.as_deref() else { return Ok(()) };
        for row in self.profile.filters() {
            if let Some(filter) = row.filter {
                by(row.plugin, filter(self, node, view))?;
            }
        }
        Ok(())
    }

    /// Has each plugin filter a node once, for the time that it takes.
    pub(crate) fn time_filters(&self, node: &NodeState, trace: &mut Trace) {
        let Some(view) = node.view.as_deref() else { return };
        for row in self.profile.filters() {
            let Some(filter) = row.filter else { continue };
            let ending = |verdict: &Verdict| Ending::of(verdict.as_ref().err());
            let verdict = trace.time((Point::Filter, row.plugin), ending, || filter(self, node, view));
            if verdict.is_err() {
                return;
            }
        }
    }

    /// As [`filter`](Self::filter) where pods of no less priority wait for room on the node: the pod is to fit with them
    /// and without.
    pub(crate) fn filter_beside_nominated(&self, node: &NodeState) -> Result<(), Refused> {
        let Some(view) = &node.view else { return Ok(()) };
        let is_before = |other: &&std::sync::Arc<PodView>| {
            other.priority >= self.pod.priority && other.head.key != self.pod.head.key
        };
        let nominated: Vec<_> = self.snapshot.nominated_to(view.name()).iter().filter(is_before).collect();
        if !nominated.is_empty() {
            let (mut with, mut fuller) = (self.clone(), node.clone());
            for pod in nominated {
                fuller.add(pod.clone());
                with.shift(pod, self.snapshot.node(node.id), 1);
            }
            with.filter(&fuller)?;
        }
        self.filter(node)
    }

    /// Has the plugins know of a pod more or less on a node.
    pub(crate) fn shift(&mut self, pod: &'a PodView, node: &'a NodeState, by: i64) {
        let profile = self.profile;
        for row in profile.filters() {
            if let Some(shift) = row.shift {
                shift(self, pod, node, by);
            }
        }
    }

    /// The weighted scores of nodes, in their order.
    pub(crate) fn score(&self, nodes: &[&NodeState], trace: &mut Trace) -> Vec<i64> {
        let mut total = vec![0; nodes.len()];
        for (row, weight) in self.profile.scores() {
            let Some(score) = row.score else { continue };
            let scores = trace.time((Point::Score, row.plugin), |_| Ending::Success, || score(self, nodes));
            for (sum, one) in total.iter_mut().zip(scores) {
                *sum += one * weight;
            }
        }
        total
    }
}
