//! Tokens that secrets hold: bootstrap tokens vouch for the cluster while they are good, and what nobody uses goes.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::time::Duration;

use controllers::Selection;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use objects::{Tree, tree};
use simulation::{Setup, World};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn controllers() -> controllers::Config {
    controllers::Config {
        controllers: Selection::parse(["*", "bootstrapsigner", "tokencleaner"]).unwrap(),
        unused_tokens: 24 * HOUR,
        ..controllers::Config::default()
    }
}

async fn world() -> World {
    World::with(Setup { nodes: 0, controllers: controllers(), ..Setup::default() }).await
}

fn bootstrap_token(id: &str, expiration: &str) -> Tree {
    let data = tree!({
        "token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true",
        "expiration": expiration
    });
    tree!({
        "metadata": { "name": (format!("bootstrap-token-{id}")) },
        "type": "bootstrap.kubernetes.io/token", "stringData": data
    })
}

/// Waits until the public map holds just these keys.
async fn until_holds(world: &World, keys: &[&str]) {
    let maps = world.client().namespaced::<ConfigMap>("kube-public");
    let claim = format!("cluster-info holds {keys:?}");
    world
        .until(&claim, || async {
            let data = maps.get("cluster-info").await.unwrap().data.unwrap();
            data.keys().eq(keys).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_cluster_info_is_signed_by_every_bootstrap_token_until_the_token_ends() {
    let world = world().await;
    let ends = supervise::clock::now() + HOUR / 2;
    let never = supervise::clock::now() + 1000 * HOUR;
    world.create_in::<Secret>("kube-system", bootstrap_token("aaaaaa", &ends.to_string())).await;
    let info = tree!({ "metadata": { "name": "cluster-info" }, "data": { "kubeconfig": "k" } });
    world.create_in::<ConfigMap>("kube-public", info).await;
    until_holds(&world, &["jws-kubeconfig-aaaaaa", "kubeconfig"]).await;
    world.create_in::<Secret>("kube-system", bootstrap_token("bbbbbb", &never.to_string())).await;
    until_holds(&world, &["jws-kubeconfig-aaaaaa", "jws-kubeconfig-bbbbbb", "kubeconfig"]).await;
    until_holds(&world, &["jws-kubeconfig-bbbbbb", "kubeconfig"]).await;
    assert!(ends <= supervise::clock::now());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_an_older_release_made_goes_when_nobody_used_it_for_long_and_one_made_by_hand_stays() {
    let world = world().await;
    world
        .create::<ServiceAccount>(tree!({
            "metadata": { "name": "app" }, "secrets": [{ "name": "made" }]
        }))
        .await;
    for name in ["made", "by-hand"] {
        world
            .create::<Secret>(tree!({
                "metadata": { "name": name, "annotations": { "kubernetes.io/service-account.name": "app" } },
                "type": "kubernetes.io/service-account-token"
            }))
            .await;
    }
    let marked = "kubernetes.io/legacy-token-invalid-since";
    let is_marked = |secret: &Tree| secret.str_at(&["metadata", "labels", marked]).is_some();
    // The day on which uses began to be written down counts as none, and may have begun just before it ended.
    world.rest(24 * HOUR).await;
    assert!(!is_marked(&world.find::<Secret>("made").await.unwrap()));
    world.rest(25 * HOUR).await;
    world.until_object::<Secret>("made", "it is marked", is_marked).await;
    world.rest(48 * HOUR).await;
    world.until("it is gone", || async { world.find::<Secret>("made").await.is_none().then_some(()) }).await;
    assert!(!is_marked(&world.find::<Secret>("by-hand").await.unwrap()));
}
