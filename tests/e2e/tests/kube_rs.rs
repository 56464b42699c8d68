//! kube-rs against the node: caches by streaming lists, a controller with finalizers, apply, leases.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{self, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{reflector, watcher};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde_json::{Value, json};
use support::{LIMIT, Node};

const GROUP: &str = "kube-rs.example.com";
const MANAGER: &str = "kube-rs";

/// Runs with a client of the administrator, where the node is, for no longer than the tests' limit.
fn with_client<F: Future<Output = ()>>(run: impl FnOnce(Client) -> F + Send) {
    let mut node = Node::new();
    node.start();
    node.wait_ready();
    let kubeconfig = Kubeconfig::read_from(node.path("credentials/client.config")).unwrap();
    node.machine.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            run(Client::try_from(config).unwrap()).await;
        };
        runtime.block_on(async { tokio::time::timeout(LIMIT, work).await }).expect("it ends in time");
    });
}

fn config_map(name: &str, labels: &Value) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}

#[test]
fn a_reflector_follows_by_streaming_lists() {
    with_client(|client| async move {
        let api = Api::<ConfigMap>::default_namespaced(client);
        let create = async |name: &str, labels: Value| {
            api.create(&PostParams::default(), &config_map(name, &labels)).await.unwrap();
        };
        create("a", json!({"kept": "yes"})).await;
        create("b", json!({"kept": "yes"})).await;
        create("c", json!({})).await;

        let (store, writer) = reflector::store();
        let config = watcher::Config::default().streaming_lists().labels("kept=yes");
        let mut events = pin!(reflector(writer, watcher(api.clone(), config)));
        let mut until = async |names: &[&str]| loop {
            let mut held: Vec<_> = store.state().iter().map(|object| object.name_any()).collect();
            held.sort();
            if held == names {
                return;
            }
            events.next().await.unwrap().unwrap();
        };
        until(&["a", "b"]).await;
        create("d", json!({"kept": "yes"})).await;
        until(&["a", "b", "d"]).await;
        api.delete("a", &DeleteParams::default()).await.unwrap();
        until(&["b", "d"]).await;
        let labels = Patch::Merge(json!({"metadata": {"labels": {"kept": "no"}}}));
        api.patch("b", &PatchParams::default(), &labels).await.unwrap();
        until(&["d"]).await;
    });
}

/// The kind that the controller looks after.
fn definition() -> Value {
    let integer = json!({"type": "integer"});
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let schema =
        object(json!({"spec": object(json!({"size": integer})), "status": object(json!({"seen": integer}))}));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("boxes.{GROUP}")},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "boxes", "singular": "box", "kind": "Box"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// What a reconciler works with.
struct Context {
    boxes: Api<DynamicObject>,
    contents: Api<ConfigMap>,
    kind: ApiResource,
}

/// Gives every box a ConfigMap that holds its size, and takes it away before the box goes.
async fn reconcile(
    object: Arc<DynamicObject>,
    context: Arc<Context>,
) -> Result<Action, finalizer::Error<kube::Error>> {
    finalizer(&context.boxes, &format!("{GROUP}/contents"), object, |event| async {
        match event {
            finalizer::Event::Apply(object) => fill(&object, &context).await?,
            finalizer::Event::Cleanup(object) => {
                context.contents.delete(&object.name_any(), &DeleteParams::default()).await?;
            }
        }
        Ok(Action::await_change())
    })
    .await
}

async fn fill(object: &DynamicObject, context: &Context) -> Result<(), kube::Error> {
    let (name, size) = (object.name_any(), &object.data["spec"]["size"]);
    let contents = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": [object.controller_owner_ref(&context.kind)]},
        "data": {"size": size.to_string()},
    });
    let apply = PatchParams::apply(MANAGER).force();
    context.contents.patch(&name, &apply, &Patch::Apply(contents)).await?;
    let status = Patch::Merge(json!({"status": {"seen": size}}));
    context.boxes.patch_status(&name, &PatchParams::default(), &status).await?;
    Ok(())
}

#[test]
fn a_controller_reconciles_a_kind_of_its_own_and_cleans_up() {
    with_client(|client| async move {
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        let name = format!("boxes.{GROUP}");
        let apply = PatchParams::apply(MANAGER);
        definitions.patch(&name, &apply, &Patch::Apply(definition())).await.unwrap();
        await_condition(definitions, &name, conditions::is_crd_established()).await.unwrap();

        let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1", "Box"), "boxes");
        let boxes = Api::<DynamicObject>::default_namespaced_with(client.clone(), &kind);
        let contents = Api::<ConfigMap>::default_namespaced(client);
        let context = Context { boxes: boxes.clone(), contents: contents.clone(), kind: kind.clone() };
        let controller = Controller::new_with(boxes.clone(), watcher::Config::default(), kind.clone())
            .owns(contents.clone(), watcher::Config::default())
            .run(reconcile, |_, why, _| panic!("{why}"), Arc::new(context))
            .for_each(async |_| {});
        tokio::select! {
            () = controller => panic!("the controller ended"),
            () = use_a_box(&boxes, &contents, &kind) => {}
        }
    });
}

async fn use_a_box(boxes: &Api<DynamicObject>, contents: &Api<ConfigMap>, kind: &ApiResource) {
    let holds = |size: &'static str| {
        move |found: Option<&ConfigMap>| {
            found.and_then(|found| found.data.as_ref()).is_some_and(|data| data["size"] == size)
        }
    };
    let made = DynamicObject::new("a", kind).data(json!({"spec": {"size": 3}}));
    let made = boxes.create(&PostParams::default(), &made).await.unwrap();
    await_condition(contents.clone(), "a", holds("3")).await.unwrap();
    let larger = Patch::Merge(json!({"spec": {"size": 5}}));
    boxes.patch("a", &PatchParams::default(), &larger).await.unwrap();
    await_condition(contents.clone(), "a", holds("5")).await.unwrap();
    let spoiled = Patch::Merge(json!({"data": {"size": "9"}}));
    contents.patch("a", &PatchParams::default(), &spoiled).await.unwrap();
    await_condition(contents.clone(), "a", holds("5")).await.unwrap();
    let seen = |found: Option<&DynamicObject>| found.is_some_and(|found| found.data["status"]["seen"] == 5);
    await_condition(boxes.clone(), "a", seen).await.unwrap();

    boxes.delete("a", &DeleteParams::default()).await.unwrap();
    await_condition(boxes.clone(), "a", conditions::is_deleted(&made.uid().unwrap())).await.unwrap();
    assert!(contents.get_opt("a").await.unwrap().is_none(), "it was not cleaned up");
}

#[test]
fn a_lease_is_held_by_one() {
    with_client(|client| async move {
        let leases = Api::<Lease>::default_namespaced(client);
        let lease = |holder: &str| {
            Patch::Apply(json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "lead"},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
            }))
        };
        let held = leases.patch("lead", &PatchParams::apply("one"), &lease("one")).await.unwrap();
        let refused = leases.patch("lead", &PatchParams::apply("two"), &lease("two")).await.unwrap_err();
        let kube::Error::Api(status) = refused else { panic!("{refused}") };
        assert_eq!(
            (status.code, status.message.as_str()),
            (409, "Apply failed with 1 conflict: conflict with \"one\": .spec.holderIdentity")
        );
        let taken = leases.patch("lead", &PatchParams::apply("two").force(), &lease("two")).await.unwrap();
        assert_eq!(taken.spec.unwrap().holder_identity.as_deref(), Some("two"));
        let stale = leases.replace("lead", &PostParams::default(), &held).await.unwrap_err();
        assert!(matches!(&stale, kube::Error::Api(status) if status.is_conflict()), "{stale}");
    });
}
