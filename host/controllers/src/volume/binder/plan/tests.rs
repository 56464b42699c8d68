use std::fmt::Write as _;

use expect_test::{Expect, expect};
use objects::tree::from_tree;

use super::*;

/// A claim of 5Gi in `web`, changed.
fn claim(change: Tree) -> PersistentVolumeClaim {
    let mut claim = tree!({
        "metadata": { "namespace": "web", "name": "data", "uid": "c1" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "5Gi" } } },
        "status": { "phase": "Pending" }
    });
    claim.merge(&change);
    from_tree(&claim).unwrap()
}

/// A volume of 10Gi, changed.
fn volume(name: &str, change: Tree) -> PersistentVolume {
    let mut volume = tree!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "10Gi" },
            "persistentVolumeReclaimPolicy": "Retain"
        },
        "status": { "phase": "Available" }
    });
    volume.merge(&change);
    from_tree(&volume).unwrap()
}

fn class(name: &str, change: Tree) -> StorageClass {
    let mut class = tree!({
        "metadata": { "name": name }, "provisioner": "example.com/disk", "volumeBindingMode": "Immediate"
    });
    class.merge(&change);
    from_tree(&class).unwrap()
}

fn scene(volumes: Vec<PersistentVolume>, classes: Vec<StorageClass>) -> Scene {
    Scene {
        volumes: volumes.into_iter().map(Arc::new).collect(),
        classes: classes.into_iter().map(Arc::new).collect(),
        waiting: Vec::new(),
    }
}

fn check(plan: &Plan, expected: &Expect) {
    let mut text = String::new();
    if let Some(volume) = &plan.volume {
        writeln!(text, "with {volume}").unwrap();
    }
    for write in &plan.writes {
        let (what, patch) = match write {
            Write::Volume(patch) => ("volume", patch),
            Write::VolumeStatus(patch) => ("volume status", patch),
            Write::Claim(patch) => ("claim", patch),
            Write::ClaimStatus(patch) => ("claim status", patch),
        };
        writeln!(text, "{what}: {}", patch.to_json_string()).unwrap();
    }
    for said in &plan.said {
        writeln!(text, "{:?} {:?} {}: {}", said.about, said.kind, said.reason, said.message).unwrap();
    }
    if let Some(wrong) = &plan.wrong {
        writeln!(text, "wrong: {wrong}").unwrap();
    }
    expected.assert_eq(&text);
}

fn check_claim(claim: &PersistentVolumeClaim, scene: &Scene, expected: &Expect) {
    check(&of_claim(claim, scene), expected);
}

/// The volume that a claim gets, if any.
fn chosen(claim: &PersistentVolumeClaim, volumes: Vec<PersistentVolume>) -> Option<String> {
    of_claim(claim, &scene(volumes, vec![])).volume
}

#[test]
fn the_smallest_volume_that_does_is_bound_and_the_volume_comes_first() {
    let volumes = vec![
        volume("large", tree!({ "spec": { "capacity": { "storage": "50Gi" } } })),
        volume("right", tree!({})),
        volume("small", tree!({ "spec": { "capacity": { "storage": "1Gi" } } })),
        volume(
            "many",
            tree!({ "spec": { "accessModes": ["ReadWriteOnce", "ReadWriteMany"], "capacity": { "storage": "6Gi" } } }),
        ),
    ];
    check_claim(
        &claim(tree!({})),
        &scene(volumes, vec![]),
        &expect![[r#"
            with right
            volume: {"spec":{"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","name":"data","namespace":"web","uid":"c1"}},"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":"yes"}}}
            volume status: {"status":{"phase":"Bound","message":null}}
            claim: {"spec":{"volumeName":"right"},"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":"yes","pv.kubernetes.io/bind-completed":"yes"}}}
            claim status: {"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":"10Gi"}}}
        "#]],
    );
}

#[test]
fn a_volume_is_not_taken_that_is_going_or_another_s_or_does_not_fit() {
    let unfit = [
        tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
        tree!({ "spec": { "claimRef": { "namespace": "web", "name": "other" } } }),
        tree!({ "spec": { "claimRef": { "namespace": "web", "name": "data", "uid": "c0" } } }),
        tree!({ "spec": { "storageClassName": "fast" } }),
        tree!({ "spec": { "volumeMode": "Block" } }),
        tree!({ "spec": { "accessModes": ["ReadOnlyMany"] } }),
        tree!({ "spec": { "capacity": { "storage": "4Gi" } } }),
        tree!({ "spec": { "volumeAttributesClassName": "gold" } }),
    ];
    for change in unfit {
        assert_eq!(chosen(&claim(tree!({})), vec![volume("v", change.clone())]), None, "{change:?}");
    }
    assert_eq!(chosen(&claim(tree!({})), vec![volume("v", tree!({}))]), Some("v".to_owned()));
}

#[test]
fn labels_choose_among_volumes_but_not_against_one_that_is_kept() {
    let wants = claim(tree!({ "spec": { "selector": { "matchLabels": { "tier": "gold" } } } }));
    let gold = volume("gold", tree!({ "metadata": { "labels": { "tier": "gold" } } }));
    let kept = volume("kept", tree!({ "spec": { "claimRef": { "namespace": "web", "name": "data" } } }));
    assert_eq!(chosen(&wants, vec![volume("plain", tree!({})), gold.clone()]), Some("gold".to_owned()));
    assert_eq!(chosen(&wants, vec![gold, kept]), Some("kept".to_owned()));
}

#[test]
fn a_claim_without_a_class_gets_the_default_one_later_too_and_else_waits() {
    let mark = |created: &str| {
        tree!({ "metadata": { "creationTimestamp": created, "annotations": {
            "storageclass.kubernetes.io/is-default-class": "true"
        } } })
    };
    let classes =
        vec![class("old", mark("2026-01-01T00:00:00Z")), class("new", mark("2026-01-02T00:00:00Z"))];
    check_claim(
        &claim(tree!({})),
        &scene(vec![], classes.clone()),
        &expect![[r#"
            claim: {"spec":{"storageClassName":"new"}}
        "#]],
    );
    let none = expect![[r"
        Claim Normal FailedBinding: no persistent volumes available for this claim and no storage class is set
    "]];
    check_claim(&claim(tree!({})), &scene(vec![], vec![]), &none);
    check_claim(&claim(tree!({ "spec": { "storageClassName": "" } })), &scene(vec![], classes), &none);
}

#[test]
fn the_provisioner_of_the_class_is_told_once() {
    let wants = claim(tree!({ "spec": { "storageClassName": "disk" } }));
    let scene = scene(
        vec![],
        vec![
            class("disk", tree!({})),
            class("manual", tree!({ "provisioner": "kubernetes.io/no-provisioner" })),
        ],
    );
    check_claim(
        &wants,
        &scene,
        &expect![[r#"
            claim: {"metadata":{"annotations":{"volume.kubernetes.io/storage-provisioner":"example.com/disk","volume.beta.kubernetes.io/storage-provisioner":"example.com/disk"}}}
            Claim Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
        "#]],
    );
    let told = claim(tree!({
        "metadata": { "annotations": { "volume.kubernetes.io/storage-provisioner": "example.com/disk" } },
        "spec": { "storageClassName": "disk" }
    }));
    assert_eq!(of_claim(&told, &scene).writes, []);
    check_claim(
        &claim(tree!({ "spec": { "storageClassName": "manual" } })),
        &scene,
        &expect![[r"
            Claim Warning ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner
        "]],
    );
    check_claim(
        &claim(tree!({ "spec": { "storageClassName": "gone" } })),
        &scene,
        &expect![[r#"
            Claim Warning ProvisioningFailed: storageclass.storage.k8s.io "gone" not found
        "#]],
    );
}

#[test]
fn a_claim_that_waits_for_a_pod_is_left_to_the_scheduler_until_a_node_is_selected() {
    let wants = claim(tree!({ "spec": { "storageClassName": "late" } }));
    let late = class("late", tree!({ "volumeBindingMode": "WaitForFirstConsumer" }));
    let free = volume("free", tree!({ "spec": { "storageClassName": "late" } }));
    let mut scene = scene(vec![free], vec![late]);
    check_claim(
        &wants,
        &scene,
        &expect![[r"
            Claim Normal WaitForFirstConsumer: waiting for first consumer to be created before binding
        "]],
    );
    scene.waiting = vec!["a".to_owned(), "b".to_owned()];
    check_claim(
        &wants,
        &scene,
        &expect![[r"
            Claim Normal WaitForPodScheduled: waiting for pods a,b to be scheduled
        "]],
    );
    let selected = claim(tree!({
        "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "n1" } },
        "spec": { "storageClassName": "late" }
    }));
    assert_eq!(of_claim(&selected, &scene).said[0].reason, "ExternalProvisioning");
    let reserved = tree!({ "spec": { "claimRef": { "namespace": "web", "name": "data", "uid": "c1" } } });
    scene.volumes.push(Arc::new(volume("reserved", reserved)));
    assert_eq!(of_claim(&wants, &scene).volume.as_deref(), Some("reserved"));
}

#[test]
fn a_volume_that_is_asked_for_by_name_must_fit_and_be_free() {
    let wants = claim(tree!({ "spec": { "volumeName": "v" } }));
    let bound = of_claim(&wants, &scene(vec![volume("v", tree!({}))], vec![]));
    check(
        &bound,
        &expect![[r#"
            with v
            volume: {"spec":{"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","name":"data","namespace":"web","uid":"c1"}},"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":"yes"}}}
            volume status: {"status":{"phase":"Bound","message":null}}
            claim: {"spec":{"volumeName":"v"},"metadata":{"annotations":{"pv.kubernetes.io/bind-completed":"yes"}}}
            claim status: {"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":"10Gi"}}}
        "#]],
    );
    assert_eq!(of_claim(&wants, &scene(vec![], vec![])), Plan::default());
    let small = tree!({ "spec": { "capacity": { "storage": "1Gi" } } });
    check_claim(
        &wants,
        &scene(vec![volume("v", small)], vec![]),
        &expect![[r#"
            Claim Warning VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small
        "#]],
    );
    let taken = || {
        scene(
            vec![volume(
                "v",
                tree!({ "spec": { "claimRef": { "namespace": "web", "name": "o", "uid": "c2" } } }),
            )],
            vec![],
        )
    };
    check_claim(
        &wants,
        &taken(),
        &expect![[r#"
            Claim Warning FailedBinding: volume "v" already bound to a different claim.
        "#]],
    );
    let ours = claim(tree!({
        "metadata": { "annotations": { "pv.kubernetes.io/bound-by-controller": "yes" } },
        "spec": { "volumeName": "v" }
    }));
    check_claim(
        &ours,
        &taken(),
        &expect![[r#"
            Claim Warning FailedBinding: volume "v" already bound to a different claim.
            wrong: invalid binding of claim "web/data" to volume "v": volume already claimed by "web/o"
        "#]],
    );
}

#[test]
fn a_bound_claim_without_its_volume_is_lost_and_says_so_once() {
    let bound = |name: &str, phase: &str| {
        claim(tree!({
            "metadata": { "annotations": { "pv.kubernetes.io/bind-completed": "yes" } },
            "spec": { "volumeName": name },
            "status": { "phase": phase, "capacity": { "storage": "10Gi" } }
        }))
    };
    check_claim(
        &bound("v", "Bound"),
        &scene(vec![], vec![]),
        &expect![[r#"
            claim status: {"status":{"phase":"Lost","capacity":null}}
            Claim Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!
        "#]],
    );
    assert_eq!(of_claim(&bound("v", "Lost"), &scene(vec![], vec![])), Plan::default());
    let reference = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
    assert_eq!(of_claim(&bound("", "Bound"), &scene(vec![], vec![])).said[0].message, reference);
    let other =
        volume("v", tree!({ "spec": { "claimRef": { "namespace": "web", "name": "o", "uid": "c2" } } }));
    assert_eq!(of_claim(&bound("v", "Bound"), &scene(vec![other], vec![])).said[0].reason, "ClaimMisbound");
    let unbound = of_claim(&bound("v", "Bound"), &scene(vec![volume("v", tree!({}))], vec![]));
    assert_eq!(unbound.volume.as_deref(), Some("v"), "a claim that the volume forgot is bound again");
}

fn bound_to(uid: &str, change: Tree) -> PersistentVolume {
    let mut all = tree!({
        "metadata": { "annotations": { "pv.kubernetes.io/bound-by-controller": "yes" } },
        "spec": { "claimRef": { "namespace": "web", "name": "data", "uid": uid } },
        "status": { "phase": "Bound" }
    });
    all.merge(&change);
    volume("v", all)
}

#[test]
fn a_volume_whose_claim_is_gone_does_what_its_policy_says() {
    let policy =
        |policy: &str| bound_to("c0", tree!({ "spec": { "persistentVolumeReclaimPolicy": policy } }));
    // A claim of the same name that was made later is another.
    let later = claim(tree!({}));
    let released = expect![[r#"
        volume status: {"status":{"phase":"Released","message":null}}
    "#]];
    check(&of_volume(&policy("Retain"), None), &released);
    check(&of_volume(&policy("Retain"), Some(&later)), &released);
    let mut provisioned = policy("Delete");
    let marks = provisioned.metadata.annotations.as_mut().unwrap();
    marks.insert("pv.kubernetes.io/provisioned-by".to_owned(), "example.com/disk".to_owned());
    check(&of_volume(&provisioned, None), &released);
    check(
        &of_volume(&policy("Delete"), None),
        &expect![[r#"
            volume status: {"status":{"phase":"Failed","message":"error getting deleter volume plugin for volume \"v\": no deletable volume plugin matched"}}
            Volume Warning VolumeFailedDelete: error getting deleter volume plugin for volume "v": no deletable volume plugin matched
        "#]],
    );
    check(
        &of_volume(&policy("Recycle"), None),
        &expect![[r#"
            volume status: {"status":{"phase":"Failed","message":"No recycler plugin found for the volume!"}}
            Volume Warning VolumeFailedRecycle: No recycler plugin found for the volume!
        "#]],
    );
}

#[test]
fn a_volume_whose_claim_has_another_goes_back_to_the_free_ones() {
    let elsewhere = claim(tree!({ "spec": { "volumeName": "other" } }));
    check(
        &of_volume(&bound_to("c1", tree!({})), Some(&elsewhere)),
        &expect![[r#"
            volume: {"spec":{"claimRef":null},"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":null}}}
            volume status: {"status":{"phase":"Available","message":null}}
        "#]],
    );
    let mut chosen = bound_to("c1", tree!({}));
    chosen.metadata.annotations = None;
    check(
        &of_volume(&chosen, Some(&elsewhere)),
        &expect![[r#"
            volume: {"spec":{"claimRef":{"uid":null}}}
            volume status: {"status":{"phase":"Available","message":null}}
        "#]],
    );
}

#[test]
fn what_is_bound_stays_as_it_is() {
    let bound = claim(tree!({
        "metadata": { "annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"
        } },
        "spec": { "volumeName": "v" },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "8Gi" } }
    }));
    let volume = bound_to("c1", tree!({}));
    assert_eq!(of_volume(&volume, Some(&bound)), Plan::default());
    let plan = of_claim(&bound, &scene(vec![volume], vec![]));
    assert_eq!((plan.writes, plan.said), (vec![], vec![]), "a capacity of its own is left alone");
}
