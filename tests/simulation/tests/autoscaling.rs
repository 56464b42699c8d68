//! Autoscalers follow what the metrics API says, which here is kept as custom resources.

use client::ApiResource;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use objects::{Tree, meta, tree};
use simulation::World;
use supervise::clock;

const METRICS: ApiResource = ApiResource::new("metrics.k8s.io", "v1beta1", "pods");

fn set(replicas: i32) -> Tree {
    let container = tree!({ "name": "c", "image": "i", "resources": { "requests": { "cpu": "100m" } } });
    tree!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [container] } }
        }
    })
}

async fn scaler(world: &World, most: i32) {
    let target = tree!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web" });
    let metric = tree!({
        "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } }
    });
    let spec =
        tree!({ "scaleTargetRef": target, "minReplicas": 1, "maxReplicas": most, "metrics": [metric] });
    world.create::<HorizontalPodAutoscaler>(tree!({ "metadata": { "name": "web" }, "spec": spec })).await;
}

async fn serve_metrics(world: &World) {
    let schema = tree!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = tree!({
        "metadata": {
            "name": "pods.metrics.k8s.io",
            "annotations": { "api-approved.kubernetes.io": "unapproved, a test" }
        },
        "spec": {
            "group": "metrics.k8s.io", "scope": "Namespaced",
            "names": { "plural": "pods", "singular": "pod", "kind": "PodMetrics", "listKind": "PodMetricsList" },
            "versions": [{ "name": "v1beta1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }]
        }
    });
    world.create_cluster::<CustomResourceDefinition>(definition).await;
    let api = world.client().dynamic(&METRICS, Some("default"));
    world.until("metrics are served", || async { api.list(&Default::default()).await.ok() }).await;
}

/// Every pod uses so much from now on.
async fn use_cpu(world: &World, amount: &str) {
    let api = world.client().dynamic(&METRICS, Some("default"));
    for pod in world.list::<Pod>("app=web").await {
        let name = meta::name(&pod).to_owned();
        let sample = tree!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": { "name": (name.clone()), "labels": { "app": "web" } },
            "timestamp": (meta::rfc3339(clock::now())), "window": "15s",
            "containers": [{ "name": "c", "usage": { "cpu": amount } }]
        });
        // It may be there from before.
        drop(api.delete(&name, &client::DeleteOptions::default()).await);
        drop(api.create(&sample).await);
    }
}

async fn sized(world: &World, replicas: i64, cpu: &str) {
    let look = || async {
        use_cpu(world, cpu).await;
        world.rest(std::time::Duration::from_secs(5)).await;
        let set = world.find::<ReplicaSet>("web").await?;
        (set.i64_at(&["status", "readyReplicas"]) == Some(replicas)).then_some(())
    };
    world.until(&format!("{replicas} replicas"), look).await;
}

fn condition(scaler: &Tree, kind: &str) -> String {
    let conditions = scaler.items_at(&["status", "conditions"]);
    let found = conditions.iter().find(|one| one.str_at(&["type"]) == Some(kind));
    found.and_then(|one| one.str_at(&["reason"])).unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_set_grows_with_its_use_and_shrinks_when_that_is_long_over() {
    let world = World::start().await;
    serve_metrics(&world).await;
    world.create::<ReplicaSet>(set(1)).await;
    scaler(&world, 4).await;
    sized(&world, 4, "100m").await;
    use_cpu(&world, "100m").await;
    let limited = |scaler: &Tree| condition(scaler, "ScalingLimited") == "TooManyReplicas";
    world.until_object::<HorizontalPodAutoscaler>("web", "it is at its bound", limited).await;
    let rescaled = |event: &Tree| {
        let message = "New size: 4; reason: cpu resource utilization (percentage of request) above target";
        event.str_at(&["message"]) == Some(message)
    };
    world.until_count::<Event>("", 1, "the event", rescaled).await;
    use_cpu(&world, "1m").await;
    let waits = |scaler: &Tree| condition(scaler, "AbleToScale") == "ScaleDownStabilized";
    world.until_object::<HorizontalPodAutoscaler>("web", "it waits", waits).await;
    sized(&world, 1, "1m").await;
}

#[tokio::test(start_paused = true)]
async fn without_metrics_a_set_is_only_kept_within_its_bounds() {
    let world = World::start().await;
    world.create::<ReplicaSet>(set(5)).await;
    scaler(&world, 3).await;
    let look = |set: &Tree| set.i64_at(&["spec", "replicas"]) == Some(3);
    world.until_object::<ReplicaSet>("web", "it is within its bounds", look).await;
    let blind = |scaler: &Tree| condition(scaler, "ScalingActive") == "FailedGetResourceMetric";
    world.until_object::<HorizontalPodAutoscaler>("web", "it says so", blind).await;
}
