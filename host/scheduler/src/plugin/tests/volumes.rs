//! Claims, volumes and disks.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::{Plugin, plan_volumes};
use crate::fixture::{Cluster, node, pod, with};
use crate::view::PodView;

const ZONE: &str = "topology.kubernetes.io/zone";
const BOUND: &str = "pv.kubernetes.io/bind-completed";

fn check(cluster: &Cluster, plugin: Plugin, pod: &Tree, expected: Expect) {
    expected.assert_eq(&cluster.verdicts(plugin, pod));
}

fn uses(name: &str, volume: Tree) -> Tree {
    pod(name, "web", tree!({ "volumes": [volume] }))
}

fn claims(name: &str) -> Tree {
    uses(name, tree!({ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }))
}

/// The claim `data` of the class `local`.
fn claim() -> Tree {
    tree!({
        "kind": "PersistentVolumeClaim",
        "metadata": { "namespace": "default", "name": "data", "uid": "u" },
        "spec": {
            "storageClassName": "local", "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "5Gi" } }
        }
    })
}

fn bound(volume: &str) -> Tree {
    let claim = with(claim(), &["spec", "volumeName"], volume);
    with(claim, &["metadata", "annotations", BOUND], "yes")
}

/// A volume of a class that the nodes of a zone reach.
fn volume(name: &str, size: &str, zone: &str) -> Tree {
    tree!({
        "kind": "PersistentVolume",
        "metadata": { "name": name },
        "spec": {
            "storageClassName": "local", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": size },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [
                { "matchExpressions": [{ "key": ZONE, "operator": "In", "values": [zone] }] }
            ] } }
        },
        "status": { "phase": "Available" }
    })
}

fn class(provisioner: &str, mode: &str) -> Tree {
    tree!({
        "kind": "StorageClass", "metadata": { "name": "local" }, "provisioner": provisioner,
        "volumeBindingMode": mode
    })
}

fn zones(objects: impl IntoIterator<Item = Tree>) -> Cluster {
    let nodes = [node("a", &[(ZONE, "x")]), node("b", &[(ZONE, "y")])];
    Cluster::of(nodes.into_iter().chain(objects))
}

#[test]
fn a_pod_goes_where_its_volume_is() {
    let cluster = zones([bound("one"), volume("one", "5Gi", "y")]);
    check(
        &cluster,
        Plugin::VolumeBinding,
        &claims("p"),
        expect![[r#"
            a! node(s) didn't match PersistentVolume's node affinity
            b"#]],
    );
    check(
        &zones([bound("one")]),
        Plugin::VolumeBinding,
        &claims("p"),
        expect![[r#"
            a! node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)
            b! node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"#]],
    );
}

#[test]
fn a_claim_that_cannot_be_used_keeps_its_pod_off_every_node() {
    let cases = [
        (zones([]), r#"persistentvolumeclaim "data" not found"#),
        (zones([claim()]), "pod has unbound immediate PersistentVolumeClaims"),
        (
            zones([claim(), class("x.example/p", "Immediate")]),
            "pod has unbound immediate PersistentVolumeClaims",
        ),
        (
            zones([with(claim(), &["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z")]),
            r#"persistentvolumeclaim "data" is being deleted"#,
        ),
        (
            zones([with(bound("one"), &["status", "phase"], "Lost")]),
            r#"persistentvolumeclaim "data" bound to non-existent persistentvolume "one""#,
        ),
    ];
    for (cluster, expected) in cases {
        assert_eq!(cluster.verdicts(Plugin::VolumeBinding, &claims("p")), format!("every node! {expected}"));
    }
    let ephemeral = uses("p", tree!({ "name": "v", "ephemeral": {} }));
    assert_eq!(
        zones([]).verdicts(Plugin::VolumeBinding, &ephemeral),
        r#"every node! waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v""#
    );
    let anothers = with(claim(), &["metadata", "name"], "p-v");
    assert_eq!(
        zones([anothers]).verdicts(Plugin::VolumeBinding, &ephemeral),
        "every node! PVC default/p-v was not created for pod default/p (pod is not owner)"
    );
}

fn plan(cluster: &Cluster, node: &str) -> String {
    let pod = PodView::read(&claims("p"));
    let cycle = cluster.look(&pod);
    let (_, view) = cluster.snapshot.node_named(node).unwrap();
    let Ok(plan) = plan_volumes(&cycle, view) else { return "none".to_owned() };
    let bind = plan.bind.iter().map(|(claim, volume)| format!("{claim} gets {volume}"));
    bind.chain(plan.provision.iter().map(|claim| format!("{claim} is made"))).collect()
}

#[test]
fn a_claim_that_waits_gets_the_smallest_volume_that_does_on_the_node() {
    let waits = || class("kubernetes.io/no-provisioner", "WaitForFirstConsumer");
    let volumes = [volume("big", "9Gi", "x"), volume("fit", "6Gi", "x"), volume("small", "4Gi", "x")];
    let mut cluster = zones([claim(), waits()].into_iter().chain(volumes));
    check(
        &cluster,
        Plugin::VolumeBinding,
        &claims("p"),
        expect![[r#"
            a
            b! node(s) didn't find available persistent volumes to bind"#]],
    );
    assert_eq!(plan(&cluster, "a"), "default/data gets fit");
    cluster.snapshot.promised.insert("fit".into(), reconcile::ObjectKey::new("default", "other"));
    assert_eq!(plan(&cluster, "a"), "default/data gets big");
    let kept = tree!({ "namespace": "default", "name": "data" });
    cluster.put(with(volume("kept", "9Gi", "x"), &["spec", "claimRef"], kept));
    assert_eq!(plan(&cluster, "a"), "default/data gets kept");
    for (path, value) in
        [(&["spec", "accessModes"], tree!(["ReadWriteMany"])), (&["spec", "volumeMode"], "Block".into())]
    {
        let cluster = zones([claim(), waits(), with(volume("other", "6Gi", "x"), path, value)]);
        assert_eq!(plan(&cluster, "a"), "none");
    }
}

#[test]
fn a_volume_is_made_where_none_is_found_and_the_class_can() {
    let makes = || class("x.example/p", "WaitForFirstConsumer");
    assert_eq!(plan(&zones([claim(), makes()]), "a"), "default/data is made");
    let topologies = tree!([{ "matchLabelExpressions": [{ "key": ZONE, "values": ["y"] }] }]);
    let somewhere = with(makes(), &["allowedTopologies"], topologies);
    let cluster = zones([claim(), somewhere]);
    assert_eq!([plan(&cluster, "a"), plan(&cluster, "b")], ["none", "default/data is made"]);
    let selected = with(claim(), &["metadata", "annotations", "volume.kubernetes.io/selected-node"], "b");
    let cluster = zones([selected, makes(), volume("one", "5Gi", "y")]);
    assert_eq!([plan(&cluster, "a"), plan(&cluster, "b")], ["none", "default/data is made"]);
}

#[test]
fn a_volume_is_made_only_where_its_driver_tells_of_room() {
    let driver = tree!({
        "kind": "CSIDriver", "metadata": { "name": "x.example" }, "spec": { "storageCapacity": true }
    });
    let room = |zone: &str, capacity: &str| {
        tree!({
            "kind": "CSIStorageCapacity", "metadata": { "namespace": "driver", "name": zone },
            "storageClassName": "local", "capacity": capacity,
            "nodeTopology": { "matchLabels": { "topology.kubernetes.io/zone": zone } }
        })
    };
    let cluster = zones([
        claim(),
        class("x.example", "WaitForFirstConsumer"),
        driver,
        room("x", "4Gi"),
        room("y", "5Gi"),
    ]);
    check(
        &cluster,
        Plugin::VolumeBinding,
        &claims("p"),
        expect![[r#"
        a! node(s) did not have enough free storage
        b"#]],
    );
}

#[test]
fn a_volume_that_says_its_zones_is_used_there() {
    let zoned = |value: &str| with(volume("one", "5Gi", "x"), &["metadata", "labels", ZONE], value);
    check(
        &zones([bound("one"), zoned("y__z"), node("c", &[])]),
        Plugin::VolumeZone,
        &claims("p"),
        expect![[r#"
            a! node(s) had no available volume zone
            b
            c"#]],
    );
    let old = with(
        volume("one", "5Gi", "x"),
        &["metadata", "labels", "failure-domain.beta.kubernetes.io/zone"],
        "x",
    );
    check(
        &zones([bound("one"), old]),
        Plugin::VolumeZone,
        &claims("p"),
        expect![[r#"
            a
            b! node(s) had no available volume zone"#]],
    );
}

#[test]
fn a_node_gives_a_disk_to_one_pod_or_to_readers() {
    let disk =
        |name: &str, kind: &str, source: Tree| uses(name, with(tree!({ "name": "v" }), &[kind], source));
    let gce = |name: &str, read_only: bool| {
        disk(name, "gcePersistentDisk", tree!({ "pdName": "d", "readOnly": read_only }))
    };
    let rbd = |name: &str, monitor: &str| {
        disk(name, "rbd", tree!({ "monitors": [monitor, "m"], "pool": "p", "image": "i" }))
    };
    let ebs = |name: &str| disk(name, "awsElasticBlockStore", tree!({ "volumeID": "d", "readOnly": true }));
    let iscsi = |name: &str, iqn: &str| disk(name, "iscsi", tree!({ "iqn": iqn }));
    for (old, new, is_free) in [
        (gce("1", true), gce("2", true), true),
        (gce("1", true), gce("2", false), false),
        (rbd("1", "a"), rbd("2", "b"), false),
        (ebs("1"), ebs("2"), false),
        (iscsi("1", "x"), iscsi("2", "x"), false),
        (iscsi("1", "x"), iscsi("2", "y"), true),
        (ebs("1"), gce("2", false), true),
    ] {
        let cluster = Cluster::of([node("a", &[])]).placed([(old, "a")]);
        let expected = if is_free { "a" } else { "a node(s) had no available disk" };
        assert_eq!(cluster.verdicts(Plugin::VolumeRestrictions, &new), expected, "{}", new.to_json_string());
    }
}

#[test]
fn a_claim_of_one_pod_is_used_by_one_pod() {
    let of_one = with(claim(), &["spec", "accessModes"], tree!(["ReadWriteOncePod"]));
    let mut cluster = zones([of_one]);
    assert_eq!(cluster.verdicts(Plugin::VolumeRestrictions, &claims("new")), "a\nb");
    cluster.place(&claims("old"), "a");
    check(
        &cluster,
        Plugin::VolumeRestrictions,
        &claims("new"),
        expect![[r#"
            a node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode
            b node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"#]],
    );
}

#[test]
fn a_node_takes_as_many_volumes_of_a_driver_as_it_says() {
    let csi = |name: &str| {
        with(
            volume(name, "5Gi", "x"),
            &["spec", "csi"],
            tree!({ "driver": "x.example/d", "volumeHandle": name }),
        )
    };
    let limit = |count: i64| {
        tree!({
            "kind": "CSINode", "metadata": { "name": "a" },
            "spec": { "drivers": [{ "name": "x.example/d", "allocatable": { "count": count } }] }
        })
    };
    let other = || with(with(bound("two"), &["metadata", "name"], "other"), &["metadata", "uid"], "o");
    let old = || uses("old", tree!({ "name": "v", "persistentVolumeClaim": { "claimName": "other" } }));
    let cluster =
        |count| zones([bound("one"), other(), csi("one"), csi("two"), limit(count)]).placed([(old(), "a")]);
    check(
        &cluster(1),
        Plugin::NodeVolumeLimits,
        &claims("p"),
        expect![[r#"
            a node(s) exceed max volume count
            b"#]],
    );
    assert_eq!(cluster(2).verdicts(Plugin::NodeVolumeLimits, &claims("p")), "a\nb");
    let shared = zones([bound("one"), csi("one"), limit(1)]).placed([(claims("old"), "a")]);
    assert_eq!(shared.verdicts(Plugin::NodeVolumeLimits, &claims("p")), "a\nb", "it is there already");
}
