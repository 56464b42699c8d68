use datastore::{Op, Txn};
use expect_test::expect;
use objects::resource::Verb;
use objects::{Tree, meta, tree};

use super::fixture::Fixture;
use crate::call::{Call, Place};

const MERGE: &str = "application/merge-patch+json";

/// The names of the addresses that are taken, each with the Service that has it.
async fn taken(fixture: &Fixture) -> Vec<String> {
    let row = fixture.rest.registry().find("networking.k8s.io", "v1", "ipaddresses").unwrap();
    let all = fixture.rest.list_trees(&row);
    let shown = |tree: &Tree| {
        let parent = tree.str_at(&["spec", "parentRef", "name"]).unwrap();
        format!("{} of {parent}", meta::name(tree))
    };
    all.iter().map(shown).collect()
}

fn service(name: &str, address: &str) -> Tree {
    tree!({ "metadata": { "name": name }, "spec": { "clusterIP": address, "ports": [{ "port": 80 }] } })
}

#[tokio::test]
async fn an_address_is_an_object_as_long_as_a_service_has_it() {
    let fixture = Fixture::new().await;
    let dry = fixture.call(Verb::Create, "services", "").body(&service("s", "10.152.183.9"));
    fixture.tree(dry.query_of(&[("dryRun", "All")])).await.unwrap();
    assert!(taken(&fixture).await.is_empty());
    fixture.create("services", service("s", "10.152.183.9")).await.unwrap();
    fixture.create("services", service("headless", "None")).await.unwrap();
    assert_eq!(taken(&fixture).await, ["10.152.183.9 of s"]);
    // Neither the name nor the address is given twice, and who is refused takes nothing.
    fixture.create("services", service("s", "10.152.183.10")).await.unwrap_err();
    let refused = fixture.create("services", service("t", "10.152.183.9")).await.unwrap_err();
    expect![[
        r#"Service "t" is invalid: spec.clusterIPs: Invalid value: ["10.152.183.9"]: failed to allocate IP 10.152.183.9: provided IP is already allocated"#
    ]]
    .assert_eq(&refused.message);
    assert_eq!(taken(&fixture).await, ["10.152.183.9 of s"]);

    let external = tree!({ "spec": { "type": "ExternalName", "externalName": "example.com" } });
    let patch = |tree: &Tree| fixture.call(Verb::Patch, "services", "s").patch_of(MERGE, tree);
    fixture.tree(patch(&external)).await.unwrap();
    assert!(taken(&fixture).await.is_empty());
    let back = tree!({ "spec": { "type": "ClusterIP", "externalName": null, "clusterIP": "10.152.183.11" } });
    fixture.tree(patch(&back)).await.unwrap();
    assert_eq!(taken(&fixture).await, ["10.152.183.11 of s"]);
    let gone = fixture.tree(fixture.call(Verb::Delete, "services", "s")).await.unwrap();
    assert_eq!(gone.str_at(&["kind"]), Some("Service"));
    assert!(taken(&fixture).await.is_empty());
}

#[tokio::test]
async fn an_address_that_something_else_took_is_not_given() {
    let fixture = Fixture::new().await;
    let row = fixture.rest.registry().find("networking.k8s.io", "v1", "ipaddresses").unwrap();
    let gateway = tree!({
        "metadata": { "name": "10.152.183.9" },
        "spec": { "parentRef": { "group": "example.com", "resource": "gateways", "name": "g" } }
    });
    let call = Call::own(row, Verb::Create, Place::default(), &gateway);
    fixture.rest.answer(call).await.unwrap();
    let refused = fixture.create("services", service("s", "10.152.183.9")).await.unwrap_err();
    assert!(refused.message.ends_with("provided IP is already allocated"), "{refused}");
    let refused = fixture.create("services", service("s", "192.0.2.9")).await.unwrap_err();
    assert!(refused.message.ends_with("the provided network does not match the current range"), "{refused}");
}

#[tokio::test]
async fn an_address_that_nobody_sees_taken_is_tried_a_few_times_and_refused() {
    let fixture = Fixture::new().await;
    // What is no object is shown by no cache, and keeps its key all the same.
    let put = |last: u8| Op::put(format!("/registry/ipaddresses/10.152.183.{last}"), "broken");
    fixture.store.txn(Txn { success: (0..=255).map(put).collect(), ..Txn::default() }).await.unwrap();
    let refused = fixture.create("services", service("s", "10.152.183.9")).await.unwrap_err();
    assert!(refused.message.ends_with("provided IP is already allocated"), "{refused}");
    let given = tree!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] } });
    let refused = fixture.create("services", given).await.unwrap_err();
    expect!["Internal error occurred: failed to allocate a serviceIP: range is full"]
        .assert_eq(&refused.message);
    let external = tree!({
        "metadata": { "name": "e" }, "spec": { "type": "ExternalName", "externalName": "example.com" }
    });
    fixture.create("services", external).await.unwrap();
    let back = tree!({ "spec": { "type": "ClusterIP", "externalName": null, "ports": [{ "port": 80 }] } });
    let patch = fixture.call(Verb::Patch, "services", "e").patch_of(MERGE, &back);
    let refused = fixture.tree(patch).await.unwrap_err();
    assert!(refused.message.ends_with("range is full"), "{refused}");
}

#[tokio::test]
async fn a_load_balancer_is_asked_at_a_port_of_its_own_and_shares_ports_between_protocols() {
    let fixture = Fixture::new().await;
    let balanced = tree!({
        "metadata": { "name": "s" },
        "spec": {
            "type": "LoadBalancer", "externalTrafficPolicy": "Local",
            "ports": [
                { "name": "tcp", "port": 53, "protocol": "TCP" }, { "name": "udp", "port": 53, "protocol": "UDP" }
            ]
        }
    });
    let made = fixture.create("services", balanced.clone()).await.unwrap();
    let port = |service: &Tree, at: &str| service.i64_at(&["spec", "ports", at, "nodePort"]).unwrap();
    let check = made.i64_at(&["spec", "healthCheckNodePort"]).unwrap();
    assert_eq!(port(&made, "0"), port(&made, "1"));
    assert_ne!(check, port(&made, "0"));
    // What is said again without the ports keeps them.
    let put = fixture.call(Verb::Update, "services", "s").body(&balanced);
    let kept = fixture.tree(put).await.unwrap();
    assert_eq!(kept.at(&["spec"]), made.at(&["spec"]));
    let mut none = balanced;
    none.set_at(&["metadata", "name"], "t");
    none.set_at(&["spec", "allocateLoadBalancerNodePorts"], false);
    let none = fixture.create("services", none).await.unwrap();
    assert_eq!(none.at(&["spec", "ports", "0", "nodePort"]), None);
}
