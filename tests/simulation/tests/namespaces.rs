//! Namespaces keep what every namespace has, and empty themselves.

use client::DeleteOptions;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use objects::tree;
use simulation::World;

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_deleted_takes_its_pods_with_it() {
    let world = World::start().await;
    world.create_cluster::<Namespace>(tree!({ "metadata": { "name": "web" } })).await;
    let accounts = world.client().namespaced::<ServiceAccount>("web");
    world.until("the default account", || async { accounts.find("default").await.unwrap() }).await;
    let maps = world.client().namespaced::<ConfigMap>("web");
    world.until("the root CA", || async { maps.find("kube-root-ca.crt").await.unwrap() }).await;
    let pod =
        tree!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    world.create_in::<Pod>("web", pod).await;
    let pods = world.client().namespaced::<Pod>("web");
    world
        .until("the pod runs", || async {
            let pod = pods.get("a").await.unwrap();
            (pod.status?.phase? == "Running").then_some(())
        })
        .await;
    let namespaces = world.client().cluster::<Namespace>();
    namespaces.delete("web", &DeleteOptions::default()).await.unwrap();
    world
        .until("the namespace is gone", || async {
            namespaces.find("web").await.unwrap().is_none().then_some(())
        })
        .await;
    assert!(pods.find("a").await.unwrap().is_none());
}
