//! [`Trace`]: how long the steps of decisions take, for the metrics.

use std::time::Duration;

use tokio::time::Instant;

use crate::plugin::{Objection, Plugin};

/// Of so many decisions one has its plugins timed one by one, as upstream.
const SAMPLED: u32 = 10;

/// An extension point, as upstream calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    PreFilter,
    Filter,
    PostFilter,
    Score,
    PreBind,
    Bind,
}

impl Point {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PreFilter => "PreFilter",
            Self::Filter => "Filter",
            Self::PostFilter => "PostFilter",
            Self::Score => "Score",
            Self::PreBind => "PreBind",
            Self::Bind => "Bind",
        }
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Unschedulable,
    Unresolvable,
    Error,
}

impl Ending {
    /// Upstream's code of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Unschedulable => "Unschedulable",
            Self::Unresolvable => "UnschedulableAndUnresolvable",
            Self::Error => "Error",
        }
    }

    pub(crate) fn of(objection: Option<&Objection>) -> Self {
        match objection {
            None => Self::Success,
            Some(objection) if objection.is_resolvable => Self::Unschedulable,
            Some(_) => Self::Unresolvable,
        }
    }
}

/// A step that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lap {
    pub(crate) point: Point,
    /// `None`: all of them together.
    pub(crate) plugin: Option<Plugin>,
    pub(crate) ending: Ending,
    pub(crate) time: Duration,
}

/// The steps since they were last taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    laps: Vec<Lap>,
    decisions: u32,
}

impl Trace {
    /// The steps from here on are those of another decision.
    pub(crate) fn decide(&mut self) {
        self.decisions = self.decisions.wrapping_add(1);
    }

    pub(crate) fn is_sampled(&self) -> bool {
        self.decisions % SAMPLED == 1
    }

    /// All plugins are through with an extension point.
    pub(crate) fn passed(&mut self, point: Point, begun: Instant, ending: Ending) {
        self.laps.push(Lap { point, plugin: None, ending, time: begun.elapsed() });
    }

    /// Runs one plugin, and takes its time if it is to be known.
    pub(crate) fn time<T>(
        &mut self,
        (point, plugin): (Point, Plugin),
        ending: impl FnOnce(&T) -> Ending,
        run: impl FnOnce() -> T,
    ) -> T {
        if !self.is_sampled() {
            return run();
        }
        let begun = Instant::now();
        let result = run();
        let (time, ending) = (begun.elapsed(), ending(&result));
        self.laps.push(Lap { point, plugin: Some(plugin), ending, time });
        result
    }

    pub(crate) fn take(&mut self) -> Vec<Lap> {
        std::mem::take(&mut self.laps)
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use crate::fixture::{Cluster, node, pod};
    use crate::trace::{Ending, Lap, Point};

    fn laps(cluster: &mut Cluster) -> Vec<Lap> {
        cluster.decide(&pod("p", "web", tree!({ "nodeSelector": { "disk": "ssd" } })));
        cluster.rotation.trace.take()
    }

    fn points(laps: &[Lap]) -> Vec<(Point, Ending)> {
        let whole = laps.iter().filter(|lap| lap.plugin.is_none());
        whole.map(|lap| (lap.point, lap.ending)).collect()
    }

    #[test]
    fn every_decision_tells_of_its_steps_and_one_of_ten_of_its_plugins() {
        let mut cluster = Cluster::of(["a", "b"].map(|name| node(name, &[("disk", "ssd")])));
        let through = [Point::PreFilter, Point::Filter, Point::Score].map(|point| (point, Ending::Success));
        let mut timed = Vec::new();
        for _ in 0..20 {
            let laps = laps(&mut cluster);
            assert_eq!(points(&laps), through);
            timed.push(laps.iter().filter(|lap| lap.plugin.is_some()).count() > 10);
        }
        assert_eq!(timed.iter().filter(|is_timed| **is_timed).count(), 2);
    }

    #[test]
    fn a_refusal_ends_with_the_look_for_pods_that_could_go() {
        let mut cluster = Cluster::of([node("a", &[])]);
        let expected = [
            (Point::PreFilter, Ending::Success),
            (Point::Filter, Ending::Unschedulable),
            (Point::PostFilter, Ending::Unschedulable),
        ];
        assert_eq!(points(&laps(&mut cluster)), expected);
    }
}
