//! Who is next, and when.

use objects::{Tree, tree};

use super::*;
use crate::fixture::{node, pod as fixture_pod, with};
use crate::plugin::Plugin;
use crate::view::NodeView;

const FORGOTTEN: Duration = Duration::from_secs(300);
const BACKOFFS: Backoffs = Backoffs { first: Duration::from_secs(1), last: Duration::from_secs(10) };

/// A queue with its clock.
struct Line {
    queue: Queue,
    snapshot: Snapshot,
    now: Instant,
}

fn line() -> Line {
    Line { queue: Queue::new(BACKOFFS, FORGOTTEN), snapshot: Snapshot::default(), now: Instant::now() }
}

fn view(tree: &Tree) -> Arc<PodView> {
    Arc::new(PodView::read(tree))
}

fn ranked(name: &str, priority: i64) -> Tree {
    with(fixture_pod(name, "web", tree!({})), &["spec", "priority"], priority)
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn by(plugin: Plugin) -> Plugins {
    [plugin].into_iter().collect()
}

impl Line {
    fn put(&mut self, pod: &Tree) {
        self.queue.put(view(pod), &self.snapshot, self.now);
    }

    fn take(&mut self) -> Option<String> {
        self.queue.take(self.now).map(|turn| turn.pod.head.key.name.clone())
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn refuse(&mut self, name: &str, plugin: Plugin) {
        self.queue.refused(&key(name), by(plugin), self.now);
    }

    /// A node of many cores is new.
    fn grow(&mut self) {
        let node = NodeView::read(&node("n", &[]));
        self.queue.changed(&Event::Node { old: None, new: &node }, &self.snapshot, self.now);
    }
}

#[test]
fn the_more_important_pod_is_first_then_the_one_that_waits_longer() {
    let mut line = line();
    line.put(&ranked("b", 0));
    line.put(&ranked("a", 0));
    line.pass(1);
    line.put(&ranked("c", 10));
    assert_eq!(
        [line.take(), line.take(), line.take(), line.take()],
        [Some("c"), Some("b"), Some("a"), None].map(|name| name.map(str::to_owned))
    );
}

#[test]
fn a_refused_pod_waits_for_a_change_that_may_help_it() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.refuse("a", Plugin::NodeResourcesFit);
    line.pass(2);
    assert_eq!(line.take(), None);
    line.queue.changed(&Event::Namespace, &line.snapshot, line.now);
    assert_eq!(line.take(), None, "namespaces make no room");
    line.grow();
    assert_eq!(line.take().as_deref(), Some("a"));
}

#[test]
fn a_pod_that_nobody_objected_to_is_helped_by_any_change() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.queue.refused(&key("a"), Plugins::default(), line.now);
    line.pass(2);
    line.queue.changed(&Event::Namespace, &line.snapshot, line.now);
    assert_eq!(line.take().as_deref(), Some("a"));
}

#[test]
fn who_backs_off_lets_others_go_first_but_does_not_wait_for_nobody() {
    let mut line = line();
    line.put(&ranked("a", 10));
    line.take();
    line.refuse("a", Plugin::NodeResourcesFit);
    line.grow();
    assert_eq!(line.queue.pending(), Pending { backoff: 1, ..Pending::default() });
    line.put(&ranked("b", 0));
    assert_eq!(line.take().as_deref(), Some("b"));
    assert_eq!(line.take().as_deref(), Some("a"));
}

#[test]
fn errors_are_backed_off_from_doubling_up_to_the_last() {
    let mut line = line();
    line.put(&ranked("a", 0));
    for seconds in [1, 2, 4, 8, 10, 10] {
        assert_eq!(line.take().as_deref(), Some("a"));
        line.queue.failed(&key("a"), line.now);
        assert_eq!(line.queue.tick(line.now), Some(line.now + Duration::from_secs(seconds)));
        line.pass(seconds - 1);
        assert_eq!(line.take(), None);
        line.pass(1);
    }
    line.take();
    line.refuse("a", Plugin::NodeResourcesFit);
    line.pass(20);
    line.grow();
    line.take();
    line.queue.failed(&key("a"), line.now);
    assert_eq!(
        line.queue.tick(line.now),
        Some(line.now + Duration::from_secs(1)),
        "a refusal forgives errors"
    );
}

#[test]
fn a_pod_that_nothing_helps_is_looked_at_after_five_minutes() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.refuse("a", Plugin::NodeResourcesFit);
    assert_eq!(line.queue.tick(line.now), Some(line.now + FORGOTTEN));
    line.pass(299);
    assert_eq!(line.take(), None);
    line.pass(1);
    assert_eq!(line.take().as_deref(), Some("a"));
}

#[test]
fn a_gated_pod_waits_until_its_last_gate_is_gone() {
    let mut line = line();
    let gated = with(ranked("a", 0), &["spec", "schedulingGates"], tree!([{ "name": "x.example/wait" }]));
    line.put(&gated);
    line.pass(600);
    line.grow();
    assert_eq!((line.take(), line.queue.pending().gated), (None, 1));
    line.put(&ranked("a", 0));
    assert_eq!((line.take().as_deref(), line.queue.pending().gated), (Some("a"), 0));
}

#[test]
fn a_change_of_the_pod_itself_may_help_it() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.refuse("a", Plugin::TaintToleration);
    line.pass(5);
    line.put(&with(ranked("a", 0), &["status", "phase"], "Pending"));
    assert_eq!(line.take(), None);
    line.put(&with(ranked("a", 0), &["spec", "tolerations"], tree!([{ "operator": "Exists" }])));
    assert_eq!(line.take().as_deref(), Some("a"));
}

#[test]
fn a_pod_made_anew_starts_over_and_what_comes_of_the_old_one_is_none_of_its() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.put(&with(ranked("a", 0), &["metadata", "uid"], "anew"));
    line.refuse("a", Plugin::NodeResourcesFit);
    let turn = line.queue.take(line.now).unwrap();
    assert_eq!((&*turn.pod.head.uid, turn.attempts), ("anew", 1));
}

#[test]
fn while_others_go_for_a_pod_it_waits_and_remembers_what_helped() {
    let mut line = line();
    line.put(&ranked("a", 0));
    line.take();
    line.refuse("a", Plugin::NodeResourcesFit);
    line.queue.preempting(&key("a"));
    line.pass(5);
    line.grow();
    assert_eq!(line.take(), None);
    line.queue.preempted(&key("a"), true, line.now);
    assert_eq!(line.take().as_deref(), Some("a"));
    line.refuse("a", Plugin::NodeResourcesFit);
    line.queue.preempting(&key("a"));
    line.pass(5);
    line.queue.preempted(&key("a"), true, line.now);
    assert_eq!(line.take(), None, "its victims are yet to go");
    line.queue.remove(&key("a"));
    assert_eq!(line.queue.pending(), Pending::default());
}

#[test]
fn each_plugin_is_helped_by_the_changes_that_concern_it() {
    let pod = fixture_pod(
        "p",
        "web",
        tree!({
            "containers": [{ "name": "c", "ports": [{ "hostPort": 80 }] }],
            "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }],
            "nodeSelector": { "zone": "x" }
        }),
    );
    let pod = with(
        pod,
        &["spec", "affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
        tree!([{ "topologyKey": "zone", "labelSelector": { "matchLabels": { "app": "db" } } }]),
    );
    let pod = PodView::read(&pod);
    let tree = |labels: &[(&str, &str)]| node("n", labels);
    let plain = NodeView::read(&tree(&[]));
    let zoned = NodeView::read(&tree(&[("zone", "x")]));
    let taint = tree!([{ "key": "k", "effect": "NoSchedule" }]);
    let tainted = NodeView::read(&with(tree(&[]), &["spec", "taints"], taint));
    let cordoned = NodeView::read(&with(tree(&[]), &["spec", "unschedulable"], true));
    let larger = NodeView::read(&with(tree(&[]), &["status", "allocatable", "pods"], "20"));
    let other = PodView::read(&fixture_pod(
        "o",
        "db",
        tree!({
            "containers": [{ "name": "c", "ports": [{ "hostPort": 80 }] }],
            "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }]
        }),
    ));
    let stranger = PodView::read(&fixture_pod("s", "other", tree!({})));
    let changed = |old, new| Event::Node { old: Some(old), new };
    let gone = |pod| Event::Assigned { old: Some(pod), new: None };
    let came = |pod| Event::Assigned { old: None, new: Some(pod) };
    let claim = |name| Event::Claim { namespace: "default", name };
    let cases = [
        (Plugin::NodeUnschedulable, changed(&cordoned, &plain), true),
        (Plugin::NodeUnschedulable, changed(&plain, &larger), false),
        (Plugin::TaintToleration, changed(&tainted, &plain), true),
        (Plugin::TaintToleration, changed(&plain, &tainted), false),
        (Plugin::NodeAffinity, changed(&plain, &zoned), true),
        (Plugin::NodeAffinity, changed(&plain, &larger), false),
        (Plugin::NodePorts, gone(&other), true),
        (Plugin::NodePorts, gone(&stranger), false),
        (Plugin::NodeResourcesFit, changed(&plain, &larger), true),
        (Plugin::NodeResourcesFit, changed(&plain, &zoned), false),
        (Plugin::NodeResourcesFit, gone(&stranger), true),
        (Plugin::NodeResourcesFit, came(&stranger), false),
        (Plugin::VolumeRestrictions, gone(&other), true),
        (Plugin::VolumeRestrictions, gone(&stranger), false),
        (Plugin::NodeVolumeLimits, gone(&other), true),
        (Plugin::NodeVolumeLimits, gone(&stranger), false),
        (Plugin::VolumeBinding, claim("data"), true),
        (Plugin::VolumeBinding, claim("other"), false),
        (Plugin::VolumeBinding, Event::Volume, true),
        (Plugin::VolumeZone, changed(&plain, &zoned), true),
        (Plugin::VolumeZone, changed(&plain, &larger), false),
        (Plugin::PodTopologySpread, changed(&plain, &zoned), true),
        (Plugin::PodTopologySpread, changed(&plain, &larger), false),
        (Plugin::InterPodAffinity, came(&other), true),
        (Plugin::InterPodAffinity, came(&stranger), false),
        (Plugin::InterPodAffinity, gone(&other), false),
    ];
    for (plugin, event, expected) in cases {
        let helps = hint::helps(&pod, by(plugin), &event, &Snapshot::default());
        assert_eq!(helps, expected, "{} by {}", plugin.name(), event.name());
    }
}
