//! What the kinds refuse, in upstream's words.

mod admission;
mod cluster;
mod devices;
mod limits;
mod networks;
mod nodes;
mod pods;
mod scaling;
mod storage;
mod workloads;

use expect_test::expect;

use super::check::{
    accepted, change_refused, lines, pod, prepared, refused, resource, status_refused, why_refused,
};
use super::of;
use crate::tree;

#[test]
fn a_pod_has_containers_with_names_and_images() {
    refused(
        "Pod",
        r#"{"spec":{}}"#,
        expect![[r#"
            spec.containers: Required value
        "#]],
    );
    refused("Pod", &pod("", ""), expect![""]);
    refused(
        "Pod",
        r#"{"spec":{"containers":[{"name":"a"},{"name":"a","image":" i"},{"image":"i"},{"name":"A","image":"i"}],
            "initContainers":[{"name":"a","image":"i","imagePullPolicy":"x"}],
            "restartPolicy":"x","dnsPolicy":"x","activeDeadlineSeconds":0,"nodeSelector":{"a":"b c"}}}"#,
        expect![[r#"
            spec.containers[0].image: Required value
            spec.containers[1].name: Duplicate value: "a"
            spec.containers[2].name: Required value
            spec.containers[3].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.initContainers[0].imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"
            spec.initContainers[0].name: Duplicate value: "a"
            spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"
            spec.dnsPolicy: Unsupported value: "x": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"
            spec.nodeSelector: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
            spec.containers[1].image: Invalid value: " i": must not have leading or trailing whitespace
        "#]],
    );
}

#[test]
fn the_ports_variables_and_amounts_of_a_container_are_checked() {
    let container = r#","ports":[{"name":"1","containerPort":80},{"name":"p","containerPort":0,"protocol":"x"},
            {"name":"p","containerPort":65536},{"containerPort":1,"hostPort":2},{"containerPort":2,"hostPort":2}],
        "env":[{"value":"v"},{"name":"A=B"},{"name":"C","value":"v","valueFrom":{"fieldRef":{"fieldPath":"p"}}}],
        "livenessProbe":{},
        "resources":{"limits":{"cpu":"1","memory":"-1"},"requests":{"cpu":"1500m","memory":"-2"}}"#;
    refused(
        "Pod",
        &pod(container, r#","hostNetwork":true"#),
        expect![[r#"
            spec.containers[0].ports[0].name: Invalid value: "1": must contain at least one letter (a-z)
            spec.containers[0].ports[1].containerPort: Required value
            spec.containers[0].ports[1].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
            spec.containers[0].ports[2].name: Duplicate value: "p"
            spec.containers[0].ports[2].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive
            spec.containers[0].ports[2].hostPort: Invalid value: 65536: must be between 1 and 65535, inclusive
            spec.containers[0].env[0].name: Required value
            spec.containers[0].env[1].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='
            spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Invalid value: "p": error converting fieldPath: field label not supported: p
            spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty
            spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0
            spec.containers[0].resources.requests: Invalid value: "1500m": must be less than or equal to cpu limit of 1
            spec.containers[0].resources.requests[memory]: Invalid value: "-2": must be greater than or equal to 0
            spec.containers[0].livenessProbe: Required value: must specify a handler type
            spec.containers[0].ports[4].hostPort: Duplicate value: "TCP//2"
            spec.containers[0].ports[3].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true
        "#]],
    );
}

#[test]
fn the_volumes_of_a_pod_are_named_once_and_mounted_where_they_exist() {
    let mounts = r#","volumeMounts":[{"name":"v","mountPath":"/m"},{"name":"vol","mountPath":"/m"},
        {"name":"v","mountPath":"","subPath":"/a/../b"}]"#;
    let volumes = r#","volumes":[{"name":"v"},{"name":"v","emptyDir":{}},{"emptyDir":{}},
        {"name":"w","emptyDir":{},"hostPath":{"path":"/a/../b"}},{"name":"s","secret":{}},
        {"name":"c","configMap":{}},{"name":"h","hostPath":{}},{"name":"p","persistentVolumeClaim":{}}]"#;
    refused(
        "Pod",
        &pod(mounts, volumes),
        expect![[r#"
            spec.volumes[1].name: Duplicate value: "v"
            spec.volumes[2].name: Required value
            spec.volumes[3].hostPath: Forbidden: may not specify more than 1 volume type
            spec.volumes[4].secret.secretName: Required value
            spec.volumes[5].configMap.name: Required value
            spec.volumes[6].hostPath.path: Required value
            spec.volumes[7].persistentVolumeClaim.claimName: Required value
            spec.containers[0].volumeMounts[1].name: Not found: "vol"
            spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/m": must be unique
            spec.containers[0].volumeMounts[2].mountPath: Required value
            spec.containers[0].volumeMounts.subPath: Invalid value: "/a/../b": must be a relative path
            spec.containers[0].volumeMounts.subPath: Invalid value: "/a/../b": must not contain '..'
        "#]],
    );
}

#[test]
fn little_of_a_pod_may_change() {
    let old = pod("", r#","activeDeadlineSeconds":5,"tolerations":[{"key":"a","operator":"Exists"}]"#);
    let allowed = r#"{"spec":{"containers":[{"name":"a","image":"other","env":[]}],"activeDeadlineSeconds":4,
        "tolerations":[{"key":"a","operator":"Exists","tolerationSeconds":3},{"key":"b"}],"hostNetwork":false}}"#;
    change_refused(
        "Pod",
        &old,
        allowed,
        expect![[r#"
            spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when `tolerationSeconds` is set
        "#]],
    );
    change_refused(
        "Pod",
        &old,
        &pod(r#","tty":true"#, r#","activeDeadlineSeconds":6"#),
        expect![[r#"
            spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value
        "#]],
    );
    change_refused(
        "Pod",
        &old,
        r#"{"spec":{"containers":[]}}"#,
        expect![[r#"
            spec.containers: Forbidden: pod updates may not add or remove containers
        "#]],
    );
    let gated = pod("", r#","schedulingGates":[{"name":"g"}]"#);
    change_refused("Pod", &gated, &pod("", r#","nodeSelector":{"a":"b"}"#), expect![""]);
    change_refused(
        "Pod",
        &pod("", ""),
        &gated,
        expect![[r#"
            spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'
        "#]],
    );
    let negative = pod("", r#","terminationGracePeriodSeconds":-1"#);
    change_refused("Pod", &negative, &pod("", r#","terminationGracePeriodSeconds":1"#), expect![""]);
    change_refused(
        "Pod",
        &negative,
        &pod("", r#","terminationGracePeriodSeconds":2"#),
        expect![[r#"
            spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
        "#]],
    );
}

#[test]
fn keys_and_size_of_data_are_checked() {
    refused(
        "ConfigMap",
        r#"{"data":{"a/b":"","k":"","..":""},"binaryData":{"k":"","":""}}"#,
        expect![[r#"
            data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            data[..]: Invalid value: "..": must not be '..'
            data[k]: Invalid value: "k": duplicate of key present in binaryData
            binaryData[]: Invalid value: "": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
        "#]],
    );
    let large = format!(r#"{{"data":{{"a":"{}"}}}}"#, "x".repeat(1024 * 1024));
    refused("ConfigMap", &large, expect![""]);
    refused(
        "ConfigMap",
        &large.replace(r#""a":"x"#, r#""a":"xx"#),
        expect![[r#"
            []: Too long: may not be more than 1048576 bytes
        "#]],
    );
    let large = large.replace(r#""data""#, r#""stringData""#).replace(r#""a":"x"#, r#""a":"xx"#);
    refused(
        "Secret",
        &large,
        expect![[r#"
            data: Too long: may not be more than 1048576 bytes
        "#]],
    );
}

#[test]
fn what_is_immutable_stays() {
    let old = r#"{"immutable":true,"data":{"a":"Yg=="}}"#;
    change_refused("ConfigMap", old, old, expect![""]);
    change_refused(
        "ConfigMap",
        old,
        r#"{"immutable":true,"data":{"a":"Yg==","b":""}}"#,
        expect![[r#"
            data: Forbidden: field is immutable when `immutable` is set
        "#]],
    );
    change_refused(
        "ConfigMap",
        old,
        r#"{"data":{"a":"c"},"binaryData":{"b":""}}"#,
        expect![[r#"
            immutable: Forbidden: field is immutable when `immutable` is set
            data: Forbidden: field is immutable when `immutable` is set
            binaryData: Forbidden: field is immutable when `immutable` is set
        "#]],
    );
    change_refused(
        "Secret",
        old,
        r#"{"immutable":true,"type":"x","stringData":{"a":"b","c":"d"}}"#,
        expect![[r#"
            type: Invalid value: "x": field is immutable
            data: Forbidden: field is immutable when `immutable` is set
        "#]],
    );
}

#[test]
fn a_secret_has_the_keys_of_its_type() {
    for (kind, expected) in [
        ("Opaque", expect![""]),
        (
            "kubernetes.io/tls",
            expect![[r#"
                data[tls.key]: Required value
            "#]],
        ),
        (
            "kubernetes.io/basic-auth",
            expect![[r#"
                data[username]: Required value
                data[password]: Required value
            "#]],
        ),
        (
            "kubernetes.io/dockerconfigjson",
            expect![[r#"
                data[.dockerconfigjson]: Required value
            "#]],
        ),
        (
            "kubernetes.io/service-account-token",
            expect![[r#"
                metadata.annotations[kubernetes.io/service-account.name]: Required value
            "#]],
        ),
    ] {
        refused("Secret", &format!(r#"{{"type":"{kind}","data":{{"k":"","tls.crt":""}}}}"#), expected);
    }
    refused("Secret", r#"{"type":"kubernetes.io/basic-auth","data":{"password":""}}"#, expect![""]);
    let texts =
        |kind: &str, data: &str| format!(r#"{{"type":"kubernetes.io/{kind}","stringData":{{{data}}}}}"#);
    refused(
        "Secret",
        &texts("ssh-auth", r#""ssh-privatekey":"""#),
        expect![[r#"
        data[ssh-privatekey]: Required value
    "#]],
    );
    refused(
        "Secret",
        &texts("dockercfg", r#"".dockercfg":"[]""#),
        expect![[r#"
        data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}
    "#]],
    );
    refused(
        "Secret",
        &texts("dockerconfigjson", r#"".dockerconfigjson":"""#),
        expect![[r#"
        data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input
    "#]],
    );
    refused("Secret", &texts("dockerconfigjson", r#"".dockerconfigjson":"{}""#), expect![""]);
}

#[test]
fn a_rule_has_verbs_and_says_to_what_they_apply() {
    let rules = r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]},{},
        {"verbs":["get"],"nonResourceURLs":["/a"]},{"verbs":["get"],"nonResourceURLs":["/a"],"resources":["pods"]}]}"#;
    refused(
        "Role",
        rules,
        expect![[r#"
            rules[1].verbs: Required value: verbs must contain at least one value
            rules[1].apiGroups: Required value: resource rules must supply at least one api group
            rules[1].resources: Required value: resource rules must supply at least one resource
            rules[2].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs
            rules[3].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs
            rules[3].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs
        "#]],
    );
    refused(
        "ClusterRole",
        rules,
        expect![[r#"
            rules[1].verbs: Required value: verbs must contain at least one value
            rules[1].apiGroups: Required value: resource rules must supply at least one api group
            rules[1].resources: Required value: resource rules must supply at least one resource
            rules[3].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs
        "#]],
    );
    refused("ClusterRole", r#"{"rules":null,"aggregationRule":{"clusterRoleSelectors":[{}]}}"#, expect![""]);
    refused(
        "ClusterRole",
        r#"{"aggregationRule":{"clusterRoleSelectors":[{"matchExpressions":[{"key":"a","operator":"x"}]}]}}"#,
        expect![[r#"
            aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "x": not a valid selector operator
        "#]],
    );
    refused(
        "ClusterRole",
        r#"{"aggregationRule":{}}"#,
        expect![[r#"
            aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil
        "#]],
    );
}

#[test]
fn a_binding_binds_known_subjects_to_one_role_for_good() {
    let binding = r#"{"roleRef":{"apiGroup":"x","kind":"Role","name":""},"subjects":[{"kind":"User","name":"u"},
        {"kind":"ServiceAccount","name":"s","apiGroup":"x"},{"kind":"Group","apiGroup":"x"},{"name":"y"}]}"#;
    refused(
        "RoleBinding",
        binding,
        expect![[r#"
            roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"
            roleRef.name: Required value
            subjects[1].apiGroup: Unsupported value: "x": supported values: ""
            subjects[2].name: Required value
            subjects[2].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"
            subjects[3].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"
        "#]],
    );
    refused(
        "ClusterRoleBinding",
        binding,
        expect![[r#"
            roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"
            roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"
            roleRef.name: Required value
            subjects[1].apiGroup: Unsupported value: "x": supported values: ""
            subjects[2].name: Required value
            subjects[2].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"
            subjects[3].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"
            subjects[1].namespace: Required value
        "#]],
    );
    let role = |name: &str| format!(r#"{{"roleRef":{{"kind":"Role","name":"{name}"}}}}"#);
    change_refused("RoleBinding", &role("a"), &role("a"), expect![""]);
    change_refused(
        "RoleBinding",
        &role("a"),
        &role("b"),
        expect![[r#"
            roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef
        "#]],
    );
}

#[test]
fn a_service_has_ports_or_a_name_elsewhere() {
    for (spec, expected) in [
        (r#""ports":[{"port":80}]"#, expect![""]),
        (
            "",
            expect![[r#"
                spec.ports: Required value
            "#]],
        ),
        (r#""clusterIP":"None""#, expect![""]),
        (
            r#""clusterIP":"None","type":"NodePort""#,
            expect![[r#"
                spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services
            "#]],
        ),
        (
            r#""type":"ExternalName""#,
            expect![[r#"
                spec.externalName: Required value
            "#]],
        ),
        (r#""type":"ExternalName","externalName":"a.b.""#, expect![""]),
        (
            r#""type":"x","sessionAffinity":"x","ports":[{"port":0,"protocol":"x","targetPort":"1"}]"#,
            expect![[r#"
                spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
                spec.ports[0].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
                spec.ports[0].targetPort: Invalid value: "1": must contain at least one letter (a-z)
                spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"
                spec.type: Unsupported value: "x": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            "#]],
        ),
        (
            r#""ports":[{"port":1},{"name":"a","port":1,"targetPort":70000},{"name":"a","port":2}]"#,
            expect![[r#"
                spec.ports[0].name: Required value
                spec.ports[1].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive
                spec.ports[2].name: Duplicate value: "a"
                spec.ports[1]: Duplicate value: {"protocol":"TCP","port":1}
            "#]],
        ),
    ] {
        refused("Service", &format!(r#"{{"spec":{{{spec}}}}}"#), expected);
    }
}

#[test]
fn the_address_of_a_service_stays() {
    let service = |address: &str| format!(r#"{{"spec":{{"clusterIP":"{address}"}}}}"#);
    change_refused("Service", &service(""), &service("10.0.0.2"), expect![""]);
    change_refused(
        "Service",
        &service("10.0.0.1"),
        &service("10.0.0.2"),
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set
        "#]],
    );
    let elsewhere = r#"{"spec":{"type":"ExternalName","externalName":"a"}}"#;
    change_refused("Service", &service("10.0.0.1"), elsewhere, expect![""]);
}

#[test]
fn leases_endpoints_and_slices_are_checked() {
    refused(
        "Lease",
        r#"{"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}}"#,
        expect![[r#"
            spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0
            spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    let subsets =
        r#"{"subsets":[{"ports":[{"port":0},{"name":"a","port":1}]},{"addresses":[{"ip":"10.0.0.1"}]}]}"#;
    refused(
        "Endpoints",
        subsets,
        expect![[r#"
            subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`
            subsets[0].ports[0].name: Required value
            subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
        "#]],
    );
    refused(
        "EndpointSlice",
        "{}",
        expect![[r#"
            addressType: Required value
        "#]],
    );
    refused(
        "EndpointSlice",
        r#"{"addressType":"x","endpoints":[{"addresses":[]}],"ports":[{"name":"a"},{"name":"a","protocol":"x"}]}"#,
        expect![[r#"
            addressType: Unsupported value: "x": supported values: "FQDN", "IPv4", "IPv6"
            ports[1].name: Duplicate value: "a"
            ports[1].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
            endpoints[0].addresses: Required value: must contain at least 1 address
        "#]],
    );
    change_refused(
        "EndpointSlice",
        r#"{"addressType":"IPv4"}"#,
        r#"{"addressType":"IPv6"}"#,
        expect![[r#"
            addressType: Invalid value: "IPv6": field is immutable
        "#]],
    );
}

#[test]
fn what_a_pod_update_says_of_nothing_is_no_change() {
    let old = tree!({ "spec": { "containers": [{ "name": "a", "image": "i", "tty": false }] } });
    let new =
        tree!({ "spec": { "containers": [{ "name": "a", "image": "i", "command": [] }], "nodeName": "" } });
    let mut errors = Vec::new();
    super::pod::validate_update(&new, &old, &mut errors);
    assert_eq!(errors, []);
}
