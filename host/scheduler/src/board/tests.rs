//! A decision that goes wrong, beside others.

use objects::tree;
use observe::Metrics;

use super::*;
use crate::fixture::{node, pod as fixture_pod, with};

/// A decision in which a plugin panics over pods of one name.
fn stumbling(
    pod: &PodView,
    profile: &Profile,
    percentage: i64,
    snapshot: &Snapshot,
    rotation: &mut Rotation,
) -> Decision {
    assert_ne!(pod.head.key.name, "cursed", "on purpose");
    decide(pod, profile, percentage, snapshot, rotation)
}

fn pod(name: &str) -> Arc<PodView> {
    let tree = fixture_pod(name, "web", tree!({}));
    Arc::new(PodView::read(&with(tree, &["spec", "schedulerName"], Config::SCHEDULER_NAME)))
}

fn put(board: &Board, pod: &Arc<PodView>) {
    board.pod_changed(&Change { key: &pod.head.key, old: None, new: Some(pod) });
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_panics_over_a_pod_has_it_back_off_and_harms_no_other() {
    let board = Board::deciding(
        Config::default(),
        SchedulerMetrics::new(&Metrics::new()),
        Council::default(),
        stumbling,
    );
    let node = Arc::new(NodeView::read(&node("n", &[])));
    board.node_changed(&Change { key: &node.head.key, old: None, new: Some(&node) });
    put(&board, &pod("cursed"));
    put(&board, &pod("web"));
    let Next::Work(work) = board.next() else { panic!("a pod waits") };
    let Work::Fail { message, .. } = *work else { panic!("the first pod is cursed") };
    assert!(message.starts_with("a plugin panicked: ") && message.contains("on purpose"), "{message}");
    let Next::Work(work) = board.next() else { panic!("the other pod waits") };
    assert!(matches!(*work, Work::Bind { turn, .. } if turn.pod.head.key.name == "web"));
    let Next::At(due) = board.next() else { panic!("the cursed pod backs off") };
    assert_eq!(due, Instant::now() + std::time::Duration::from_secs(1));
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let Next::Work(work) = board.next() else { panic!("its time is over") };
    assert!(matches!(*work, Work::Fail { turn, .. } if turn.attempts == 2));
}
