//! Whatever the cluster looks like.

use objects::{Tree, tree};
use proptest::prelude::*;

use crate::decide::Decision;
use crate::fixture::{Cluster, asking, node, pod, with};
use crate::view::PodView;

const ZONE: &str = "topology.kubernetes.io/zone";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// What a pod may ask for.
#[derive(Clone, Debug)]
struct Shape {
    priority: i64,
    cores: i64,
    app: u8,
    shuns: Option<u8>,
    wants: Option<u8>,
    spreads: bool,
    tolerates: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let few = || proptest::option::weighted(0.2, 0..3_u8);
    (0..3_i64, 1..4_i64, 0..3_u8, few(), few(), any::<bool>(), any::<bool>()).prop_map(
        |(priority, cores, app, shuns, wants, spreads, tolerates)| Shape {
            priority,
            cores,
            app,
            shuns,
            wants,
            spreads,
            tolerates,
        },
    )
}

fn read(name: &str, shape: &Shape) -> Tree {
    let of = |app: u8| {
        let selector = tree!({ "matchLabels": { "app": (format!("app{app}")) } });
        tree!([{ "topologyKey": ZONE, "labelSelector": selector }])
    };
    let app = format!("app{}", shape.app);
    let mut pod = pod(name, &app, tree!({ "containers": (asking(&shape.cores.to_string(), "1Gi")) }));
    pod.set_at(&["spec", "priority"], shape.priority);
    if let Some(app) = shape.shuns {
        pod.set_at(&["spec", "affinity", "podAntiAffinity", REQUIRED], of(app));
    }
    if let Some(app) = shape.wants {
        pod.set_at(&["spec", "affinity", "podAffinity", REQUIRED], of(app));
    }
    if shape.spreads {
        let constraint = tree!({
            "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": { "matchLabels": { "app": app } }
        });
        pod.set_at(&["spec", "topologySpreadConstraints"], vec![constraint]);
    }
    if shape.tolerates {
        pod.set_at(&["spec", "tolerations"], tree!([{ "operator": "Exists" }]));
    }
    pod
}

/// Nodes of three zones, some with a taint.
fn nodes(tainted: &[bool]) -> Cluster {
    Cluster::of(tainted.iter().enumerate().map(|(number, tainted)| {
        let node = node(&format!("n{number}"), &[(ZONE, &format!("z{}", number % 3))]);
        match tainted {
            true => with(node, &["spec", "taints"], tree!([{ "key": "k", "effect": "NoSchedule" }])),
            false => node,
        }
    }))
}

proptest! {
    #[test]
    fn a_decision_passes_every_filter_and_nobody_goes_for_a_less_important_pod(
        tainted in proptest::collection::vec(any::<bool>(), 1..7),
        shapes in proptest::collection::vec(shape(), 1..40),
    ) {
        let mut cluster = nodes(&tainted);
        for (number, shape) in shapes.iter().enumerate() {
            let tree = read(&format!("p{number}"), shape);
            let pod = PodView::read(&tree);
            match cluster.decide(&tree) {
                Decision::Bind { node, .. } => {
                    let cycle = cluster.look(&pod);
                    let (state, _) = cluster.snapshot.node_named(&node).unwrap();
                    prop_assert_eq!(cycle.filter(state), Ok(()));
                    drop(cycle);
                    cluster.place(&tree, &node);
                }
                Decision::Refuse(refusal) => {
                    for victim in &refusal.victims {
                        prop_assert!(victim.priority < pod.priority);
                    }
                    if !refusal.victims.is_empty() {
                        // Once they are gone the pod fits where it was promised room.
                        for victim in &refusal.victims {
                            cluster.snapshot.remove(&victim.head.key);
                        }
                        let crate::decide::Nomination::Set(promised) = &refusal.nomination else {
                            panic!("victims without a node");
                        };
                        let cycle = cluster.look(&pod);
                        let (state, _) = cluster.snapshot.node_named(promised).unwrap();
                        prop_assert_eq!(cycle.filter(state), Ok(()));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_placed_and_removed_leaves_nothing(
        shapes in proptest::collection::vec(shape(), 1..30),
    ) {
        let mut cluster = nodes(&[false, false, false]);
        let empty = format!("{:?}", cluster.snapshot.nodes().map(|(node, _)| (node.scored, node.pods.len())).collect::<Vec<_>>());
        let pods: Vec<Tree> = shapes.iter().enumerate().map(|(number, shape)| read(&format!("p{number}"), shape)).collect();
        for (number, pod) in pods.iter().enumerate() {
            cluster.place(pod, &format!("n{}", number % 3));
            cluster.place(pod, &format!("n{}", (number + 1) % 3));
        }
        for pod in &pods {
            cluster.snapshot.remove(&PodView::read(pod).head.key);
        }
        let left = format!("{:?}", cluster.snapshot.nodes().map(|(node, _)| (node.scored, node.pods.len())).collect::<Vec<_>>());
        prop_assert_eq!(left, empty);
        prop_assert_eq!(cluster.snapshot.groups.all().count(), 0);
        for (node, _) in cluster.snapshot.nodes() {
            prop_assert!(node.requested.iter().all(|(_, amount)| amount == 0));
        }
    }
}
