//! Storage, admission, certificates, flow control and devices in their columns.

use expect_test::expect;

use super::check;

#[test]
fn storage_shows_who_provides_it() {
    check(
        "storage.k8s.io",
        "StorageClass",
        r#"{"metadata":{"name":"c","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"p",
            "volumeBindingMode":"WaitForFirstConsumer","allowVolumeExpansion":true}"#,
        expect![[r#"
            Name: c (default)
            Provisioner: p
            ReclaimPolicy: Delete
            VolumeBindingMode: WaitForFirstConsumer
            AllowVolumeExpansion: true
            Age: <unknown>
        "#]],
    );
    check(
        "storage.k8s.io",
        "CSIDriver",
        r#"{"metadata":{"name":"d"},"spec":{"attachRequired":false,"volumeLifecycleModes":["Persistent","Ephemeral"],"tokenRequests":[{"audience":"a"},{"audience":"b"}]}}"#,
        expect![[r#"
            Name: d
            AttachRequired: false
            PodInfoOnMount: false
            StorageCapacity: false
            TokenRequests: a,b
            RequiresRepublish: false
            Modes: Persistent,Ephemeral
            Age: <unknown>
        "#]],
    );
    check(
        "storage.k8s.io",
        "CSINode",
        r#"{"metadata":{"name":"n"},"spec":{"drivers":[{},{}]}}"#,
        expect![[r#"
            Name: n
            Drivers: 2
            Age: <unknown>
        "#]],
    );
    check(
        "storage.k8s.io",
        "CSIStorageCapacity",
        r#"{"metadata":{"name":"n"},"storageClassName":"c","capacity":"1Gi"}"#,
        expect![[r#"
            Name: n
            StorageClassName: c
            Capacity: 1Gi
        "#]],
    );
    check(
        "storage.k8s.io",
        "VolumeAttachment",
        r#"{"metadata":{"name":"a"},"spec":{"attacher":"d","nodeName":"n","source":{"persistentVolumeName":"v"}},"status":{"attached":true}}"#,
        expect![[r#"
            Name: a
            Attacher: d
            PV: v
            Node: n
            Attached: true
            Age: <unknown>
        "#]],
    );
    check(
        "storage.k8s.io",
        "VolumeAttributesClass",
        r#"{"metadata":{"name":"n"},"driverName":"d"}"#,
        expect![[r#"
            Name: n
            DriverName: d
            Age: <unknown>
        "#]],
    );
}

#[test]
fn classes_of_pods_show_what_they_give() {
    check(
        "scheduling.k8s.io",
        "PriorityClass",
        r#"{"metadata":{"name":"p"},"value":5,"preemptionPolicy":"Never"}"#,
        expect![[r#"
            Name: p
            Value: 5
            Global-Default: false
            Age: <unknown>
            PreemptionPolicy: Never
        "#]],
    );
    check(
        "node.k8s.io",
        "RuntimeClass",
        r#"{"metadata":{"name":"r"},"handler":"h"}"#,
        expect![[r#"
        Name: r
        Handler: h
        Age: <unknown>
    "#]],
    );
}

#[test]
fn a_request_shows_what_became_of_it() {
    check(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        r#"{"metadata":{"name":"r"},"spec":{"signerName":"s/t","username":"u","expirationSeconds":3600},
            "status":{"conditions":[{"type":"Approved"}],"certificate":"YQ=="}}"#,
        expect![[r#"
            Name: r
            Age: <unknown>
            SignerName: s/t
            Requestor: u
            RequestedDuration: 60m
            Condition: Approved,Issued
        "#]],
    );
    check(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        r#"{"status":{"conditions":[{"type":"Failed"}]}}"#,
        expect![[r#"
            Name: 
            Age: <unknown>
            SignerName: <none>
            Requestor: 
            RequestedDuration: <none>
            Condition: Pending,Failed
        "#]],
    );
}

#[test]
fn policies_and_bindings_show_their_parameters() {
    check(
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        r#"{"metadata":{"name":"p"},"spec":{"validations":[{}],"paramKind":{"apiVersion":"v1","kind":"ConfigMap"}}}"#,
        expect![[r#"
            Name: p
            Validations: 1
            ParamKind: v1/ConfigMap
            Age: <unknown>
        "#]],
    );
    let binding =
        |reference: &str| format!(r#"{{"metadata":{{"name":"b"}},"spec":{{"policyName":"p"{reference}}}}}"#);
    let kind = "MutatingAdmissionPolicyBinding";
    check(
        "admissionregistration.k8s.io",
        kind,
        &binding(""),
        expect![[r#"
        Name: b
        PolicyName: p
        ParamRef: <unset>
        Age: <unknown>
    "#]],
    );
    check(
        "admissionregistration.k8s.io",
        kind,
        &binding(r#","paramRef":{"name":"n"}"#),
        expect![[r#"
        Name: b
        PolicyName: p
        ParamRef: */n
        Age: <unknown>
    "#]],
    );
    check(
        "admissionregistration.k8s.io",
        kind,
        &binding(
            r#","paramRef":{"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"In","values":["x","y"]}]}}"#,
        ),
        expect![[r#"
            Name: b
            PolicyName: p
            ParamRef: &LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}
            Age: <unknown>
        "#]],
    );
    check(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        r#"{"metadata":{"name":"w"},"webhooks":[{}]}"#,
        expect![[r#"
            Name: w
            Webhooks: 1
            Age: <unknown>
        "#]],
    );
}

#[test]
fn an_api_service_shows_whether_it_can_be_asked() {
    check(
        "apiregistration.k8s.io",
        "APIService",
        r#"{"metadata":{"name":"v1.a"},"spec":{"service":{"namespace":"n","name":"s"}},"status":{"conditions":[{"type":"Available","status":"False","reason":"MissingEndpoints"}]}}"#,
        expect![[r#"
            Name: v1.a
            Service: n/s
            Available: False (MissingEndpoints)
            Age: <unknown>
        "#]],
    );
    check(
        "apiregistration.k8s.io",
        "APIService",
        r#"{"metadata":{"name":"v1.a"}}"#,
        expect![[r#"
        Name: v1.a
        Service: Local
        Available: Unknown
        Age: <unknown>
    "#]],
    );
}

#[test]
fn flow_control_shows_its_numbers() {
    check(
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema",
        r#"{"metadata":{"name":"f"},"spec":{"priorityLevelConfiguration":{"name":"l"},"matchingPrecedence":5},"status":{"conditions":[{"type":"Dangling","status":"False"}]}}"#,
        expect![[r#"
            Name: f
            PriorityLevel: l
            MatchingPrecedence: 5
            DistinguisherMethod: <none>
            Age: <unknown>
            MissingPL: False
        "#]],
    );
    check(
        "flowcontrol.apiserver.k8s.io",
        "PriorityLevelConfiguration",
        r#"{"metadata":{"name":"l"},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":0,"limitResponse":{"queuing":{"queues":1}}}}}"#,
        expect![[r#"
            Name: l
            Type: Limited
            NominalConcurrencyShares: 0
            Queues: 1
            HandSize: <none>
            QueueLengthLimit: <none>
            Age: <unknown>
        "#]],
    );
}

#[test]
fn devices_show_their_state() {
    check(
        "resource.k8s.io",
        "ResourceClaim",
        r#"{"metadata":{"name":"c","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"allocation":{},"reservedFor":[{}]}}"#,
        expect![[r#"
            Name: c
            State: deleted,allocated,reserved
            Age: <unknown>
        "#]],
    );
    check(
        "resource.k8s.io",
        "ResourceClaim",
        r#"{"metadata":{"name":"c"}}"#,
        expect![[r#"
        Name: c
        State: pending
        Age: <unknown>
    "#]],
    );
    check(
        "resource.k8s.io",
        "ResourceSlice",
        r#"{"metadata":{"name":"s"},"spec":{"nodeName":"n","driver":"d","pool":{"name":"p"}}}"#,
        expect![[r#"
            Name: s
            Node: n
            Driver: d
            Pool: p
            Age: <unknown>
        "#]],
    );
}
