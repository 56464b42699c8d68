//! Volumes, claims, classes, drivers and attachments.

use expect_test::expect;
use jiff::Timestamp;

use super::{accepted, change_refused, of, prepared, refused, resource, status_refused, why_refused};
use crate::tree::Tree;

const VOLUME: &str = r#"{"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],
    "hostPath":{"path":"/data"}}}"#;

#[test]
fn a_volume_gets_its_defaults() {
    accepted(
        "PersistentVolume",
        VOLUME,
        expect![[r#"
            {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/data","type":""},"persistentVolumeReclaimPolicy":"Retain","volumeMode":"Filesystem"},"metadata":{"name":"x"},"status":{"phase":"Pending"}}
        "#]],
    );
}

#[test]
fn a_volume_has_one_source_a_capacity_and_access_modes() {
    refused(
        "PersistentVolume",
        r#"{"spec":{}}"#,
        expect![[r#"
        spec.accessModes: Required value
        spec.capacity: Required value
        spec.capacity: Unsupported value: null: supported values: "storage"
        spec: Required value: must specify a volume type
    "#]],
    );
    refused(
        "PersistentVolume",
        r#"{"spec":{"capacity":{"storage":"0","cpu":"1"},"accessModes":["ReadWriteOncePod","ReadWriteOnce","x"],
            "hostPath":{"path":"/a/../b"},"nfs":{"server":"s","path":"/"},"persistentVolumeReclaimPolicy":"x",
            "storageClassName":"A","volumeMode":"x","volumeAttributesClassName":"","nodeAffinity":{}}}"#,
        expect![[r#"
            spec.accessModes: Unsupported value: "x": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
            spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes
            spec.capacity: Unsupported value: {"storage":"0","cpu":"1"}: supported values: "storage"
            spec.capacity[storage]: Invalid value: "0": must be greater than zero
            spec.persistentVolumeReclaimPolicy: Unsupported value: "x": supported values: "Delete", "Recycle", "Retain"
            spec.nodeAffinity.required: Required value: must specify required node constraints
            spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'
            spec.nfs: Forbidden: may not specify more than 1 volume type
            spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"
            spec.volumeAttributesClassName: Required value: an empty string is disallowed
            spec.csi: Required value: has to be specified when using volumeAttributesClassName
        "#]],
    );
}

#[test]
fn the_source_of_a_volume_has_what_it_needs() {
    let why = |source: &&str| {
        let rest = r#""capacity":{"storage":"1"},"accessModes":["ReadWriteOnce"]"#;
        why_refused("PersistentVolume", &format!(r#"{{"spec":{{{rest},{source}}}}}"#))
    };
    let sources = [
        r#""nfs":{"path":"a"}"#,
        r#""gcePersistentDisk":{"partition":256}"#,
        r#""iscsi":{"iqn":"x","lun":256,"initiatorName":"iqn.2001-04.com.example:a","chapAuthSession":true}"#,
        r#""iscsi":{"targetPortal":"p","iqn":"iqn.2001-04.com.example:a"}"#,
        r#""cephfs":{}"#,
        r#""fc":{"targetWWNs":["a"]}"#,
        r#""fc":{}"#,
        r#""flocker":{"datasetName":"a/b","datasetUUID":"c"}"#,
        r#""flexVolume":{"options":{"a.k8s.io/b":""}}"#,
        r#""azureDisk":{"diskName":"d","diskURI":"x","kind":"Managed"}"#,
        r#""quobyte":{"registry":"a,b:1"}"#,
        r#""storageos":{"volumeName":"A","secretRef":{}}"#,
        r#""local":{"path":"/a"}"#,
        r#""csi":{"driver":"A_b","nodePublishSecretRef":{"name":"A"}}"#,
    ];
    expect![[r#"
        spec.nfs.server: Required value
        spec.nfs.path: Invalid value: "a": must be an absolute path
        spec.persistentDisk.pdName: Required value
        spec.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive
        spec.iscsi.targetPortal: Required value
        spec.iscsi.iqn: Invalid value: "x": must be valid format
        spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive
        spec.iscsi.secretRef: Required value
        spec.cephfs.monitors: Required value
        spec.fc.lun: Required value: lun is required if targetWWNs is specified
        spec.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both
        spec.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously
        spec.flocker.datasetName: Invalid value: "a/b": must not contain '/'
        spec.flexVolume.driver: Required value
        spec.flexVolume.options[a.k8s.io/b]: Invalid value: "a.k8s.io/b": kubernetes.io and k8s.io namespaces are reserved
        spec.azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        spec.quobyte.registry: Invalid value: "a,b:1": must be a host:port pair or multiple pairs separated by commas
        spec.quobyte.volume: Required value
        spec.storageos.volumeName: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
        spec.storageos.secretRef.name: Required value
        spec.storageos.secretRef.namespace: Required value
        spec.nodeAffinity: Required value: Local volume requires node affinity
        spec.csi.driver: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        spec.csi.volumeHandle: Required value
        spec.csi.nodePublishSecretRef.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        spec.csi.nodePublishSecretRef.namespace: Required value
    "#]].assert_eq(&sources.iter().map(why).collect::<String>());
}

#[test]
fn the_source_and_the_mode_of_a_volume_stay() {
    let other =
        VOLUME.replace("/data", "/other").replace(r#""hostPath""#, r#""volumeMode":"Block","hostPath""#);
    change_refused(
        "PersistentVolume",
        VOLUME,
        &other,
        expect![[r#"
        spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
        volumeMode: Invalid value: "Block": field is immutable
    "#]],
    );
    change_refused("PersistentVolume", VOLUME, &VOLUME.replace("1Gi", "2Gi"), expect![[""]]);
    let csi = |rest: &str| {
        format!(
            r#"{{"spec":{{"capacity":{{"storage":"1"}},"accessModes":["ReadWriteOnce"],"csi":{{"driver":"d","volumeHandle":"h"{rest}}}}}}}"#
        )
    };
    let secret = csi(r#","controllerExpandSecretRef":{"name":"a","namespace":"b"}"#);
    change_refused("PersistentVolume", &csi(""), &secret, expect![[""]]);
    change_refused(
        "PersistentVolume",
        &secret,
        &csi(""),
        expect![[r#"
        spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
    "#]],
    );
}

const CLAIM: &str =
    r#"{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}"#;

fn claim(spec: &str, status: &str) -> String {
    let spec = CLAIM.replace(r#""accessModes""#, &format!(r#"{spec}"accessModes""#));
    spec.replace(r#"{"spec""#, &format!(r#"{{"status":{status},"spec""#))
}

#[test]
fn a_claim_names_its_source_twice() {
    accepted(
        "PersistentVolumeClaim",
        CLAIM,
        expect![[r#"
            {"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem"},"metadata":{"name":"x","namespace":"d"},"status":{"phase":"Pending"}}
        "#]],
    );
    let snapshot =
        r#""dataSource":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"s"},"#;
    accepted(
        "PersistentVolumeClaim",
        &claim(snapshot, "{}"),
        expect![[r#"
            {"spec":{"dataSource":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"s"},"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem","dataSourceRef":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"s"}},"metadata":{"name":"x","namespace":"d"},"status":{"phase":"Pending"}}
        "#]],
    );
    let populator = r#""dataSourceRef":{"apiGroup":"a.example.com","kind":"Populator","name":"p"},"#;
    accepted(
        "PersistentVolumeClaim",
        &claim(populator, "{}"),
        expect![[r#"
            {"spec":{"dataSourceRef":{"apiGroup":"a.example.com","kind":"Populator","name":"p"},"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem","dataSource":{"apiGroup":"a.example.com","kind":"Populator","name":"p"}},"metadata":{"name":"x","namespace":"d"},"status":{"phase":"Pending"}}
        "#]],
    );
    let unknown = r#""dataSource":{"apiGroup":"a.example.com","kind":"Populator","name":"p"},"#;
    accepted(
        "PersistentVolumeClaim",
        &claim(unknown, "{}"),
        expect![[r#"
            {"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"volumeMode":"Filesystem"},"metadata":{"name":"x","namespace":"d"},"status":{"phase":"Pending"}}
        "#]],
    );
}

#[test]
fn a_claim_asks_for_storage_with_known_modes() {
    refused(
        "PersistentVolumeClaim",
        r#"{"spec":{}}"#,
        expect![[r#"
        spec.accessModes: Required value: at least 1 access mode is required
        spec.resources[storage]: Required value
    "#]],
    );
    refused(
        "PersistentVolumeClaim",
        r#"{"spec":{"accessModes":["x"],"selector":{"matchExpressions":[{"key":"a","operator":"In"}]},
            "resources":{"requests":{"storage":"-1"}},"storageClassName":"A","volumeMode":"x",
            "dataSource":{"kind":"PersistentVolumeClaim","name":""},"dataSourceRef":{"kind":"x","name":"y"},
            "volumeAttributesClassName":"A"}}"#,
        expect![[r#"
            spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.accessModes: Unsupported value: "x": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
            spec.resources[storage]: Invalid value: "-1": must be greater than zero
            spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"
            spec.dataSource.name: Required value
            spec.dataSourceRef: Invalid value: "x": must be 'PersistentVolumeClaim' when referencing the default apiGroup
            spec: Invalid value: "spec.dataSource": must match dataSourceRef
            spec.volumeAttributesClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}

#[test]
fn a_bound_claim_may_grow_and_nothing_else() {
    let bound = r#"{"phase":"Bound","capacity":{"storage":"1Gi"}}"#;
    let write = |new: &str, expected| {
        let mut old = super::prepared("PersistentVolumeClaim", &claim(r#""volumeName":"v","#, "{}"));
        old.insert("status", crate::Tree::from_json(bound.as_bytes()).unwrap());
        let mut new = super::prepared("PersistentVolumeClaim", new);
        new.insert("status", old.get("status").unwrap().clone());
        let kind = super::of(super::resource("PersistentVolumeClaim"));
        let errors = super::lines(&kind.validate_update(&new, &old));
        expect_test::Expect::assert_eq(&expected, &errors);
    };
    write(&claim(r#""volumeName":"v","#, "{}").replace("1Gi", "2Gi"), expect![[""]]);
    write(&claim(r#""volumeName":"v","storageClassName":"late","#, "{}"), expect![[""]]);
    write(
        &claim(r#""volumeName":"w","volumeMode":"Block","#, "{}").replace("1Gi", "1Mi"),
        expect![[r#"
        spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
        spec.resources.requests.storage: Forbidden: field can not be less than status.capacity
        volumeMode: Invalid value: "Block": field is immutable
    "#]],
    );
}

#[test]
fn a_pending_claim_may_be_bound_and_not_grow() {
    change_refused("PersistentVolumeClaim", CLAIM, &claim(r#""volumeName":"v","#, "{}"), expect![[""]]);
    change_refused(
        "PersistentVolumeClaim",
        CLAIM,
        &CLAIM.replace("1Gi", "2Gi"),
        expect![[r#"
        spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
    "#]],
    );
}

#[test]
fn the_status_of_a_claim_counts_its_own_storage() {
    let status = r#"{"capacity":{"storage":"-1"},"allocatedResourceStatuses":{"cpu":"x"},
        "allocatedResources":{"cpu":"1","storage":"-1"}}"#;
    status_refused(
        "PersistentVolumeClaim",
        CLAIM,
        &claim("", status),
        expect![[r#"
        status.capacity[storage]: Invalid value: -1: must be a valid resource quantity
        status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "storage"
        status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"
        status.allocatedResources: Unsupported value: "cpu": supported values: "storage"
        status.allocatedResources[storage]: Invalid value: -1: must be a valid resource quantity
    "#]],
    );
}

#[test]
fn a_storage_class_is_fixed_and_has_a_provisioner() {
    let class = r#"{"provisioner":"example.com/a","parameters":{"a":"b"}}"#;
    accepted(
        "StorageClass",
        class,
        expect![[r#"
            {"provisioner":"example.com/a","parameters":{"a":"b"},"metadata":{"name":"x"},"reclaimPolicy":"Delete","volumeBindingMode":"Immediate"}
        "#]],
    );
    refused(
        "StorageClass",
        r#"{"provisioner":"a b","parameters":{"":"x"},"reclaimPolicy":"Recycle","volumeBindingMode":"x",
            "allowedTopologies":[{"matchLabelExpressions":[{"key":"a","values":["b","b"]},{"key":"a"}]},
              {"matchLabelExpressions":[{"key":"c","values":["d"]}]},{"matchLabelExpressions":[{"key":"c","values":["d"]}]}]}"#,
        expect![[r#"
            provisioner: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            parameters: Invalid value: "": field can not be empty.
            reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"
            volumeBindingMode: Unsupported value: "x": supported values: "Immediate", "WaitForFirstConsumer"
            allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "b"
            allowedTopologies[0].matchLabelExpressions[1].values: Required value
            allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"
            allowedTopologies[2].matchLabelExpressions: Duplicate value: ""
        "#]],
    );
    let other = r#"{"provisioner":"b","reclaimPolicy":"Retain","volumeBindingMode":"WaitForFirstConsumer","allowVolumeExpansion":true}"#;
    change_refused(
        "StorageClass",
        class,
        other,
        expect![[r#"
        parameters: Invalid value: null: field is immutable
        provisioner: Invalid value: "b": field is immutable
        reclaimPolicy: Invalid value: "Retain": field is immutable
        volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable
    "#]],
    );
}

#[test]
fn the_attributes_of_a_class_are_there_and_stay() {
    refused(
        "VolumeAttributesClass",
        "{}",
        expect![[r#"
        driverName: Required value
        parameters: Required value: must contain at least one key/value pair
    "#]],
    );
    let class = r#"{"driverName":"d","parameters":{"a":"b"}}"#;
    change_refused(
        "VolumeAttributesClass",
        class,
        r#"{"driverName":"e","parameters":{"a":"c"}}"#,
        expect![[r#"
        driverName: Forbidden: updates to driverName are forbidden.
        parameters: Forbidden: updates to parameters are forbidden.
    "#]],
    );
}

#[test]
fn a_driver_is_known_by_what_it_needs() {
    accepted(
        "CSIDriver",
        r#"{"spec":{"preventPodSchedulingIfMissing":true}}"#,
        expect![[r#"
            {"spec":{"attachRequired":true,"podInfoOnMount":false,"storageCapacity":false,"fsGroupPolicy":"ReadWriteOnceWithFSType","volumeLifecycleModes":["Persistent"],"requiresRepublish":false,"seLinuxMount":false},"metadata":{"name":"x"}}
        "#]],
    );
    refused(
        "CSIDriver",
        r#"{"spec":{"fsGroupPolicy":"x","volumeLifecycleModes":["x"],"nodeAllocatableUpdatePeriodSeconds":9,
            "serviceAccountTokenInSecrets":true}}"#,
        expect![[r#"
            spec.fsGroupPolicy: Unsupported value: "x": supported values: "File", "None", "ReadWriteOnceWithFSType"
            spec.volumeLifecycleModes: Unsupported value: "x": supported values: "Persistent", "Ephemeral"
            spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds
            spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified
        "#]],
    );
    refused(
        "CSIDriver",
        r#"{"spec":{"tokenRequests":[{"audience":"a","expirationSeconds":1},{"audience":"a"},{"audience":"b","expirationSeconds":4294967297}]}}"#,
        expect![[r#"
            spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes
            spec.tokenRequests[1].audience: Duplicate value: "a"
            spec.tokenRequests[2].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds
        "#]],
    );
    change_refused(
        "CSIDriver",
        r#"{"spec":{}}"#,
        r#"{"spec":{"attachRequired":false,"podInfoOnMount":true}}"#,
        expect![[r#"
        spec.attachedRequired: Invalid value: false: field is immutable
    "#]],
    );
}

#[test]
fn a_node_names_each_driver_once_and_keeps_it() {
    refused(
        "CSINode",
        r#"{"spec":{"drivers":[{"name":"d","nodeID":""},{"name":"d","nodeID":"n","topologyKeys":["a","a",""],"allocatable":{"count":-1}}]}}"#,
        expect![[r#"
            spec.drivers[0].nodeID: Required value
            spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0
            spec.drivers[1].name: Duplicate value: "d"
            spec.drivers[1]: Duplicate value: "a"
            spec.drivers[1]: Required value
            spec.drivers[1]: Invalid value: "": name part must be non-empty
            spec.drivers[1]: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
    let node = |id: &str, count: u8| {
        format!(
            r#"{{"spec":{{"drivers":[{{"name":"d","nodeID":"{id}","allocatable":{{"count":{count}}}}}]}}}}"#
        )
    };
    change_refused("CSINode", &node("a", 1), &node("a", 2), expect![[""]]);
    change_refused(
        "CSINode",
        &node("a", 1),
        &node("b", 1),
        expect![[r#"
        spec.drivers: Invalid value: {"name":"d","nodeID":"b"}: field is immutable
    "#]],
    );
}

#[test]
fn a_capacity_is_of_a_class_and_of_nodes() {
    refused(
        "CSIStorageCapacity",
        r#"{"capacity":"-1","nodeTopology":{"matchLabels":{"a":"b c"}}}"#,
        expect![[r#"
            nodeTopology.matchLabels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            capacity: Invalid value: "-1": must be greater than or equal to 0
        "#]],
    );
    change_refused(
        "CSIStorageCapacity",
        r#"{"storageClassName":"a"}"#,
        r#"{"storageClassName":"b"}"#,
        expect![[r#"
        storageClassName: Invalid value: "b": field is immutable
    "#]],
    );
}

#[test]
fn an_attachment_is_of_one_volume_to_a_node() {
    refused(
        "VolumeAttachment",
        r#"{"spec":{"attacher":"d","nodeName":"n","source":{}}}"#,
        expect![[r#"
        spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName
    "#]],
    );
    refused(
        "VolumeAttachment",
        r#"{"spec":{"attacher":"","nodeName":"","source":{"inlineVolumeSpec":{"capacity":{"storage":"1"},
            "persistentVolumeReclaimPolicy":"Delete","storageClassName":"c","volumeMode":"Block","nodeAffinity":{},
            "hostPath":{"path":"/a"}}}}}"#,
        expect![[r#"
            spec.attacher: Required value
            spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes
            spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes
            spec.source.inlineVolumeSpec.accessModes: Required value
            spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes
            spec.source.inlineVolumeSpec.nodeAffinity: Forbidden: may not be specified in the context of inline volumes
            spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes
            spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes
            spec.nodeName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
    let attached = |node: &str| {
        format!(
            r#"{{"spec":{{"attacher":"d","nodeName":"{node}","source":{{"persistentVolumeName":"v"}}}}}}"#
        )
    };
    change_refused(
        "VolumeAttachment",
        &attached("a"),
        &attached("b"),
        expect![[r#"
        spec: Invalid value: {"attacher":"d","nodeName":"b","source":{"persistentVolumeName":"v"}}: field is immutable
    "#]],
    );
    let status = attached("a").replacen('{', r#"{"status":{"attachError":{"errorCode":-1}},"#, 1);
    status_refused(
        "VolumeAttachment",
        &attached("a"),
        &status,
        expect![[r#"
        status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive
    "#]],
    );
}

#[test]
fn a_volume_says_since_when_it_is_in_its_phase() {
    let volumes = resource("PersistentVolume");
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let time = |volume: &Tree| volume.str_at(&["status", "lastPhaseTransitionTime"]).unwrap().to_owned();
    let mut volume = prepared("PersistentVolume", "{}");
    of(volumes).stamp(&mut volume, None, at(0));
    assert_eq!(time(&volume), "1970-01-01T00:00:00Z");
    let mut same = volume.clone();
    same.remove_at(&["status", "lastPhaseTransitionTime"]);
    of(volumes).stamp(&mut same, Some(&volume), at(1));
    assert_eq!(time(&same), time(&volume));
    let mut bound = volume.clone();
    bound.set_at(&["status", "phase"], "Bound");
    of(volumes).stamp(&mut bound, Some(&volume), at(2));
    assert_eq!(time(&bound), "1970-01-01T00:00:02Z");
}
