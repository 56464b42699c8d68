//! Others than the scheduler's plugins have a say in where pods go: what they say is followed and told, and however they
//! fail, other pods get their nodes.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::{Event, Pod};
use objects::{Tree, tree};
use scheduler::{Advise, Advisors, Case, Counsel, Judged, Refused, Sought};
use simulation::{Setup, World};
use tokio::sync::watch;

/// What an advisor makes of pods that have the label `advised`.
#[derive(Clone)]
enum Mood {
    /// It is not there.
    Gone,
    Refuses(&'static [&'static str]),
    Prefers(&'static str),
    Fails,
    /// It fails, and need not answer.
    IsIgnored,
    Hangs,
}

/// Changes its mood when it is told to.
#[derive(Clone)]
struct Moody(Arc<watch::Sender<Mood>>);

impl Moody {
    fn new(mood: Mood) -> Self {
        Self(Arc::new(watch::Sender::new(mood)))
    }

    fn becomes(&self, mood: Mood) {
        self.0.send_replace(mood);
    }

    fn mood(&self) -> Mood {
        self.0.borrow().clone()
    }
}

impl Counsel for Moody {
    fn concerned(&self, pod: &Sought<'_>) -> Advisors {
        match (pod.label("advised"), self.mood()) {
            (None, _) | (_, Mood::Gone) => Vec::new(),
            _ => vec![Arc::new(self.clone())],
        }
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let next = |mut moods: watch::Receiver<Mood>| async move {
            moods.changed().await.ok()?;
            Some(((), moods))
        };
        stream::unfold(self.0.subscribe(), next).boxed()
    }
}

impl Advise for Moody {
    fn name(&self) -> String {
        "addon moody".to_owned()
    }

    fn is_ignorable(&self) -> bool {
        matches!(self.mood(), Mood::IsIgnored)
    }

    fn filter<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Judged, String>> {
        Box::pin(async move {
            let against = match self.mood() {
                Mood::Refuses(nodes) => nodes,
                Mood::Fails | Mood::IsIgnored => return Err("it trapped".to_owned()),
                Mood::Hangs => {
                    let mut moods = self.0.subscribe();
                    moods.wait_for(|mood| !matches!(mood, Mood::Hangs)).await.unwrap();
                    &[]
                }
                Mood::Gone | Mood::Prefers(_) => &[],
            };
            let (refused, kept) =
                case.nodes.iter().cloned().partition(|node| against.contains(&node.as_str()));
            let refused: Vec<String> = refused;
            let refused = refused.into_iter().map(|node| Refused {
                node,
                reason: "node(s) were about to be serviced".to_owned(),
                is_resolvable: false,
            });
            Ok(Judged { kept, refused: refused.collect() })
        })
    }

    fn rank<'a>(&'a self, _: &'a Case) -> BoxFuture<'a, Result<Vec<(String, i64)>, String>> {
        let ranks = match self.mood() {
            Mood::Prefers(node) => vec![(node.to_owned(), 10_000)],
            _ => Vec::new(),
        };
        Box::pin(std::future::ready(Ok(ranks)))
    }
}

fn pod(name: &str, labels: Tree, cpu: &str) -> Tree {
    let containers = tree!([{ "name": "c", "image": "i", "resources": { "requests": { "cpu": cpu } } }]);
    tree!({ "metadata": { "name": name, "labels": labels }, "spec": { "containers": containers } })
}

async fn create(world: &World, names: impl Iterator<Item = String>, labels: Tree) {
    for name in names {
        world.create::<Pod>(pod(&name, labels.clone(), "50m")).await;
    }
}

fn node_of(pod: &Tree) -> Option<&str> {
    pod.str_at(&["spec", "nodeName"]).filter(|node| !node.is_empty())
}

/// The nodes of so many pods with these labels, once they have some.
async fn nodes_of(world: &World, labels: &str, count: usize) -> BTreeSet<String> {
    let claim = format!("{count} pods of {labels} have a node");
    let bound = world.until_count::<Pod>(labels, count, &claim, |pod| node_of(pod).is_some()).await;
    bound.iter().filter_map(node_of).map(str::to_owned).collect()
}

/// Waits until the condition of a pod says so, with this reason, and an event too.
async fn says(world: &World, name: &str, reason: &str, message: &str) {
    let told = |pod: &Tree| {
        let mut conditions = pod.items_at(&["status", "conditions"]).iter();
        conditions.any(|one| {
            (one.str_at(&["reason"]), one.str_at(&["message"])) == (Some(reason), Some(message))
                && one.str_at(&["type"]) == Some("PodScheduled")
        })
    };
    world.until_object::<Pod>(name, &format!("{name} says: {reason}: {message}"), told).await;
    world
        .until("an event says so", || async {
            let events = world.list::<Event>("").await;
            events.iter().any(|event| event.str_at(&["message"]) == Some(message)).then_some(())
        })
        .await;
}

async fn world(moody: &Moody) -> World {
    World::advised(Setup { nodes: 3, ..Setup::default() }, Some(Arc::new(moody.clone()))).await
}

#[tokio::test(start_paused = true)]
async fn pods_go_where_they_are_sent_and_those_of_nobodys_business_everywhere() {
    let moody = Moody::new(Mood::Prefers("node-1"));
    let world = world(&moody).await;
    let (advised, plain) = (tree!({ "advised": "" }), tree!({ "plain": "" }));
    create(&world, (0..6).map(|number| format!("advised-{number}")), advised.clone()).await;
    assert_eq!(nodes_of(&world, "advised", 6).await, BTreeSet::from(["node-1".to_owned()]));
    create(&world, (0..6).map(|number| format!("plain-{number}")), plain).await;
    assert!(nodes_of(&world, "plain", 6).await.len() > 1, "nobody sends them anywhere");
    moody.becomes(Mood::Refuses(&["node-0", "node-1"]));
    create(&world, (0..2).map(|number| format!("late-{number}")), tree!({ "advised": "", "late": "" })).await;
    assert_eq!(nodes_of(&world, "late", 2).await, BTreeSet::from(["node-2".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_refused_everywhere_says_why_and_goes_on_once_that_changes() {
    let moody = Moody::new(Mood::Refuses(&["node-0", "node-1"]));
    let world = world(&moody).await;
    create(&world, std::iter::once("filler".to_owned()), tree!({})).await;
    let mut full = pod("full", tree!({ "full": "" }), "7900m");
    full.set_at(&["spec", "nodeSelector"], tree!({ "kubernetes.io/hostname": "node-2" }));
    world.create::<Pod>(full).await;
    nodes_of(&world, "full", 1).await;
    world.create::<Pod>(pod("large", tree!({ "advised": "" }), "4")).await;
    let message = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were about to be serviced. no new claims to \
        deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption \
        is not helpful for scheduling.";
    says(&world, "large", "Unschedulable", message).await;
    moody.becomes(Mood::Refuses(&["node-0"]));
    assert_eq!(nodes_of(&world, "advised", 1).await, BTreeSet::from(["node-1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_named_and_holds_up_nobody_else_and_its_pods_until_it_goes() {
    let moody = Moody::new(Mood::Fails);
    let world = world(&moody).await;
    create(&world, std::iter::once("waits".to_owned()), tree!({ "advised": "" })).await;
    says(&world, "waits", "SchedulerError", "addon moody: it trapped").await;
    create(&world, std::iter::once("plain".to_owned()), tree!({ "plain": "" })).await;
    nodes_of(&world, "plain", 1).await;
    assert_eq!(node_of(&world.find::<Pod>("waits").await.unwrap()), None);
    moody.becomes(Mood::Gone);
    nodes_of(&world, "advised", 1).await;
    moody.becomes(Mood::IsIgnored);
    create(&world, std::iter::once("ignores".to_owned()), tree!({ "ignores": "", "advised": "" })).await;
    nodes_of(&world, "ignores", 1).await;
}

#[tokio::test(start_paused = true)]
async fn however_many_pods_wait_for_an_answer_the_others_get_their_nodes() {
    let moody = Moody::new(Mood::Hangs);
    let world = world(&moody).await;
    create(&world, (0..70).map(|number| format!("advised-{number}")), tree!({ "advised": "" })).await;
    create(&world, (0..10).map(|number| format!("plain-{number}")), tree!({ "plain": "" })).await;
    nodes_of(&world, "plain", 10).await;
    let waiting = world.list::<Pod>("advised").await;
    assert_eq!(waiting.iter().filter_map(node_of).count(), 0);
    moody.becomes(Mood::Prefers("node-0"));
    nodes_of(&world, "advised", 70).await;
}
