use expect_test::expect;
use objects::Tree;

use super::*;

const ROOT: &str = "/storage";

fn claim(change: Tree) -> PersistentVolumeClaim {
    let mut claim = tree!({
        "metadata": { "namespace": "web", "name": "data", "uid": "c1", "annotations": {
            "volume.kubernetes.io/storage-provisioner": "microk8s.io/hostpath",
            "volume.kubernetes.io/selected-node": "n1"
        } },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "microk8s-hostpath",
            "resources": { "requests": { "storage": "1Gi" } }
        }
    });
    claim.merge(&change);
    from_tree(&claim).unwrap()
}

fn volume_of(claim: &PersistentVolumeClaim, change: Tree) -> PersistentVolume {
    let volume = volume(claim, &class().unwrap(), "n1", Path::new(ROOT)).unwrap();
    let mut volume = to_tree(&volume).unwrap();
    volume.set_at(&["status", "phase"], "Released");
    volume.merge(&change);
    from_tree(&volume).unwrap()
}

#[test]
fn a_claim_is_served_by_the_node_that_was_selected_for_it() {
    let annotated = |key: &str, value: Tree| {
        let mut change = tree!({});
        change.set_at(&["metadata", "annotations", key], value);
        change
    };
    let cases = [
        (tree!({}), Wish::Volume),
        (annotated("volume.kubernetes.io/selected-node", "n2".into()), Wish::Nothing),
        (annotated("volume.kubernetes.io/selected-node", Tree::Null), Wish::VolumeAtOnce),
        (annotated("volume.kubernetes.io/storage-provisioner", "example.com/disk".into()), Wish::Nothing),
        (tree!({ "spec": { "volumeName": "v" } }), Wish::Nothing),
        (tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }), Wish::Nothing),
    ];
    for (change, expected) in cases {
        assert_eq!(wish(&claim(change.clone()), "n1"), expected, "{change:?}");
    }
}

#[test]
fn a_volume_is_a_folder_of_its_node_that_is_kept_for_the_claim() {
    let volume = volume(&claim(tree!({})), &class().unwrap(), "n1", Path::new(ROOT)).unwrap();
    expect![[r#"{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"annotations":{"hostPathProvisionerIdentity":"n1","pv.kubernetes.io/provisioned-by":"microk8s.io/hostpath"},"name":"pvc-c1"},"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","name":"data","namespace":"web","uid":"c1"},"hostPath":{"path":"/storage/web-data-pvc-c1","type":"DirectoryOrCreate"},"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n1"]}]}]}},"persistentVolumeReclaimPolicy":"Delete","storageClassName":"microk8s-hostpath","volumeMode":"Filesystem"}}"#]]
    .assert_eq(&to_tree(&volume).unwrap().to_json_string());
}

#[test]
fn a_bound_claim_of_the_node_grows_when_it_wants_more() {
    let bound = |wants: &str, phase: &str| {
        claim(tree!({
            "spec": { "resources": { "requests": { "storage": wants } } },
            "status": { "phase": phase, "capacity": { "storage": "1Gi" } }
        }))
    };
    let grows = |wants: &str, phase: &str, node: &str| {
        let claim = bound(wants, phase);
        growth(&claim, &volume_of(&claim, tree!({})), node).map(|amount| amount.0)
    };
    assert_eq!(grows("2Gi", "Bound", "n1").as_deref(), Some("2Gi"));
    assert_eq!(grows("1Gi", "Bound", "n1"), None);
    assert_eq!(grows("2Gi", "Pending", "n1"), None);
    assert_eq!(grows("2Gi", "Bound", "n2"), None);
}

#[test]
fn a_folder_goes_with_a_released_volume_of_the_node_and_no_other_path_does() {
    let removed =
        |change: Tree, node: &str| removal(&volume_of(&claim(tree!({})), change), node, Path::new(ROOT));
    assert_eq!(removed(tree!({}), "n1").as_deref(), Some("web-data-pvc-c1"));
    assert_eq!(removed(tree!({}), "n2"), None);
    let others = [
        tree!({ "status": { "phase": "Bound" } }),
        tree!({ "spec": { "persistentVolumeReclaimPolicy": "Retain" } }),
        tree!({ "spec": { "hostPath": { "path": "/etc" } } }),
        tree!({ "spec": { "hostPath": { "path": "/storage/other" } } }),
        tree!({ "metadata": { "annotations": { "pv.kubernetes.io/provisioned-by": "example.com/disk" } } }),
        tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
    ];
    for change in others {
        assert_eq!(removed(change.clone(), "n1"), None, "{change:?}");
    }
}
