//! The table of plugins: under upstream's names, what each keeps off a node, how it ranks nodes, and which change may
//! help a pod that it refused.

mod affinity;
mod devices;
mod images;
mod limits;
mod node_affinity;
mod ports;
mod resources;
mod restrictions;
mod spread;
mod taints;
mod volumes;
mod zones;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::cycle::Cycle;
use crate::queue::hint;
use crate::snapshot::NodeState;
use crate::view::{NodeView, PodView};

pub(crate) use affinity::AffinityState;
pub(crate) use devices::{DeviceState, plan as plan_devices};
pub(crate) use node_affinity::NodeAffinityState;
pub(crate) use ports::conflict as ports_conflict;
pub(crate) use resources::{Ranked, Shape, Strategy};
pub(crate) use restrictions::RestrictionState;
pub(crate) use restrictions::disks_conflict;
pub(crate) use spread::{Defaults, SpreadState};
pub(crate) use taints::{are_stood, is_open_to};
pub(crate) use volumes::{VolumePlan, VolumeState, plan as plan_volumes};
pub(crate) use zones::ZoneState;

/// Highest score of a plugin.
pub(crate) const BEST: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plugin {
    SchedulingGates,
    PrioritySort,
    NodeUnschedulable,
    NodeName,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    VolumeRestrictions,
    NodeVolumeLimits,
    VolumeBinding,
    VolumeZone,
    PodTopologySpread,
    InterPodAffinity,
    DynamicResources,
    DefaultPreemption,
    NodeResourcesBalancedAllocation,
    ImageLocality,
    DefaultBinder,
}

/// Why a plugin refuses a node, or a pod altogether.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// Whether it may pass when other pods go.
    pub(crate) is_resolvable: bool,
    pub(crate) reasons: Vec<Cow<'static, str>>,
}

impl Objection {
    pub(crate) fn resolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { is_resolvable: true, reasons: vec![reason.into()] }
    }

    pub(crate) fn lasting(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { is_resolvable: false, reasons: vec![reason.into()] }
    }
}

pub(crate) type Verdict = Result<(), Objection>;

fn unless(holds: bool, objection: Objection) -> Verdict {
    if holds { Ok(()) } else { Err(objection) }
}

/// Looks at the cluster once for a pod; an objection is to every node.
type Prepare = for<'a> fn(&mut Cycle<'a>) -> Verdict;
/// Has what was prepared know of a pod more or less on a node.
type Shift = for<'a> fn(&mut Cycle<'a>, &'a PodView, &'a NodeState, i64);
type Filter = for<'a> fn(&Cycle<'a>, &NodeState, &NodeView) -> Verdict;
/// Ranks nodes from 0 to [`BEST`], in their order.
type Score = for<'a> fn(&Cycle<'a>, &[&NodeState]) -> Vec<i64>;

pub(crate) struct Row {
    pub(crate) plugin: Plugin,
    pub(crate) name: &'static str,
    pub(crate) prepare: Option<Prepare>,
    pub(crate) shift: Option<Shift>,
    pub(crate) filter: Option<Filter>,
    pub(crate) score: Option<Score>,
    pub(crate) weight: i64,
    /// Whether a change may help a pod that it refused.
    pub(crate) helps: Option<hint::Helps>,
}

const NOTHING: Row = Row {
    plugin: Plugin::DefaultBinder,
    name: "DefaultBinder",
    prepare: None,
    shift: None,
    filter: None,
    score: None,
    weight: 0,
    helps: None,
};

const fn named(plugin: Plugin, name: &'static str) -> Row {
    Row { plugin, name, ..NOTHING }
}

/// In the order in which upstream's default profile runs them.
pub(crate) const ROWS: &[Row] = &[
    named(Plugin::SchedulingGates, "SchedulingGates"),
    named(Plugin::PrioritySort, "PrioritySort"),
    Row {
        filter: Some(taints::stands_cordon),
        helps: Some(hint::node_opened),
        ..named(Plugin::NodeUnschedulable, "NodeUnschedulable")
    },
    Row {
        // No pod that waits has the name of a node.
        helps: Some(hint::node_added),
        ..named(Plugin::NodeName, "NodeName")
    },
    Row {
        filter: Some(taints::stands_taints),
        score: Some(taints::score),
        weight: 3,
        helps: Some(hint::taints_lifted),
        ..named(Plugin::TaintToleration, "TaintToleration")
    },
    Row {
        prepare: Some(node_affinity::prepare),
        filter: Some(node_affinity::filter),
        score: Some(node_affinity::score),
        weight: 2,
        helps: Some(hint::node_matches),
        ..named(Plugin::NodeAffinity, "NodeAffinity")
    },
    Row {
        filter: Some(ports::filter),
        helps: Some(hint::ports_freed),
        ..named(Plugin::NodePorts, "NodePorts")
    },
    Row {
        filter: Some(resources::filter),
        score: Some(resources::score),
        weight: 1,
        helps: Some(hint::room_made),
        ..named(Plugin::NodeResourcesFit, "NodeResourcesFit")
    },
    Row {
        prepare: Some(restrictions::prepare),
        shift: Some(restrictions::shift),
        filter: Some(restrictions::filter),
        helps: Some(hint::volume_freed),
        ..named(Plugin::VolumeRestrictions, "VolumeRestrictions")
    },
    Row {
        filter: Some(limits::filter),
        helps: Some(hint::volume_detached),
        ..named(Plugin::NodeVolumeLimits, "NodeVolumeLimits")
    },
    Row {
        prepare: Some(volumes::prepare),
        filter: Some(volumes::filter),
        helps: Some(hint::volume_changed),
        ..named(Plugin::VolumeBinding, "VolumeBinding")
    },
    Row {
        prepare: Some(zones::prepare),
        filter: Some(zones::filter),
        helps: Some(hint::volume_changed),
        ..named(Plugin::VolumeZone, "VolumeZone")
    },
    Row {
        prepare: Some(spread::prepare),
        shift: Some(spread::shift),
        filter: Some(spread::filter),
        score: Some(spread::score),
        weight: 2,
        helps: Some(hint::spread_changed),
        ..named(Plugin::PodTopologySpread, "PodTopologySpread")
    },
    Row {
        prepare: Some(affinity::prepare),
        shift: Some(affinity::shift),
        filter: Some(affinity::filter),
        score: Some(affinity::score),
        weight: 2,
        helps: Some(hint::neighbours_changed),
        ..named(Plugin::InterPodAffinity, "InterPodAffinity")
    },
    Row {
        prepare: Some(devices::prepare),
        filter: Some(devices::filter),
        helps: Some(hint::devices_changed),
        ..named(Plugin::DynamicResources, "DynamicResources")
    },
    named(Plugin::DefaultPreemption, "DefaultPreemption"),
    Row {
        score: Some(resources::balance),
        weight: 1,
        ..named(Plugin::NodeResourcesBalancedAllocation, "NodeResourcesBalancedAllocation")
    },
    Row { score: Some(images::score), weight: 1, ..named(Plugin::ImageLocality, "ImageLocality") },
    named(Plugin::DefaultBinder, "DefaultBinder"),
];

impl Plugin {
    pub(crate) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }
}

/// Some of the plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plugins(u32);

impl Plugins {
    pub(crate) fn insert(&mut self, plugin: Plugin) {
        self.0 |= 1 << plugin as u32;
    }

    pub(crate) fn remove(&mut self, plugin: Plugin) {
        self.0 &= !(1 << plugin as u32);
    }

    pub(crate) fn contains(self, plugin: Plugin) -> bool {
        self.0 & (1 << plugin as u32) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Plugin> {
        ROWS.iter().map(|row| row.plugin).filter(move |plugin| self.contains(*plugin))
    }
}

impl FromIterator<Plugin> for Plugins {
    fn from_iter<I: IntoIterator<Item = Plugin>>(plugins: I) -> Self {
        let mut set = Self::default();
        plugins.into_iter().for_each(|plugin| set.insert(plugin));
        set
    }
}

/// Scores as shares of the highest; `reverse` has the highest become the lowest.
fn normal(mut scores: Vec<i64>, order: Order) -> Vec<i64> {
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in &mut scores {
        let share = if highest == 0 { 0 } else { *score * BEST / highest };
        *score = match order {
            Order::MoreIsBetter => share,
            Order::LessIsBetter => BEST - share,
        };
    }
    scores
}

#[derive(Clone, Copy)]
enum Order {
    MoreIsBetter,
    LessIsBetter,
}

/// The nodes that are there, for a score.
fn views<'n>(nodes: &'n [&NodeState]) -> impl Iterator<Item = (&'n NodeState, &'n NodeView)> {
    nodes.iter().filter_map(|node| Some((*node, node.view.as_deref()?)))
}
