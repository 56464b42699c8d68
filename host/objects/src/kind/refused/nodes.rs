//! What is refused of nodes, namespaces and events.

use expect_test::{Expect, expect};

use crate::kind::check::{change_refused, lines, prepared, refused, resource, status_refused};
use crate::kind::of;

#[test]
fn a_node_has_known_taints_and_networks() {
    refused(
        "Node",
        r#"{"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24","10.0.1.0/24","x"],"taints":[{"key":"a b","effect":"NoSchedule"},{"key":"a","effect":""},{"key":"a","effect":"x","value":"_"},
            {"key":"b","effect":"NoExecute","value":"1"},{"key":"b","effect":"NoExecute","value":"2"}]}}"#,
        expect![[r#"
            metadata.taints[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            metadata.taints[1].effect: Required value
            metadata.taints[2].value: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            metadata.taints[2].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
            metadata.taints[4]: Duplicate value: {"key":"b","effect":"NoExecute","value":"2"}: taints must be unique by key and effect pair
            spec.podCIDRs[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24","x"]: may specify no more than one CIDR for each IP family
        "#]],
    );
}

#[test]
fn what_a_node_was_given_stays() {
    change_refused(
        "Node",
        r#"{"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"],"providerID":"a"}}"#,
        r#"{"spec":{"podCIDR":"10.0.1.0/24","podCIDRs":["10.0.1.0/24"],"providerID":"b"}}"#,
        expect![[r#"
            spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid
            spec.providerID: Forbidden: node updates may not change providerID except from "" to valid
        "#]],
    );
    change_refused(
        "Node",
        r#"{"spec":{}}"#,
        r#"{"spec":{"podCIDR":"10.0.1.0/24","podCIDRs":["10.0.1.0/24"],"providerID":"b","taints":[{"key":"a","effect":"NoSchedule"}],"unschedulable":true}}"#,
        expect![""],
    );
    status_refused(
        "Node",
        r#"{"spec":{}}"#,
        r#"{"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"},{"type":"InternalIP","address":"10.0.0.1"}],"capacity":{"cpu":"-1","example.com/x":"1500m"}}}"#,
        expect![[r#"
            status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0
            status.capacity.example.com/x: Invalid value: "1500m": must be an integer
            status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0
            status.allocatable.example.com/x: Invalid value: "1500m": must be an integer
            status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"10.0.0.1"}
        "#]],
    );
}

/// What is refused of a change through a sub-resource.
fn part_refused(kind: &str, part: &str, old: &str, new: &str, expected: Expect) {
    let resource = resource(kind);
    let row = of(resource);
    let part = row.part(part).unwrap();
    let (old, mut new) = (prepared(kind, old), prepared(kind, new));
    part.prepare(row, resource, &mut new, &old);
    expected.assert_eq(&lines(&part.validate(&new, &old)));
}

#[test]
fn a_namespace_is_let_go_by_names_with_a_domain() {
    status_refused(
        "Namespace",
        "{}",
        r#"{"status":{"phase":"Terminating"}}"#,
        expect![[r#"
            status.Phase: Invalid value: "Terminating": may only be 'Active' if `deletionTimestamp` is empty
        "#]],
    );
    status_refused("Namespace", "{}", r#"{"status":{"phase":"Active"}}"#, expect![""]);
    part_refused(
        "Namespace",
        "finalize",
        "{}",
        r#"{"spec":{"finalizers":["kubernetes","x","a b/c"]}}"#,
        expect![[r#"
            spec.finalizers[1]: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified
            spec.finalizers[2]: Invalid value: "a b/c": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}

#[test]
fn a_container_is_added_to_a_pod_that_runs() {
    let pod = |more: &str| format!(r#"{{"spec":{{"containers":[{{"name":"a","image":"i"}}]{more}}}}}"#);
    let ephemeral = |containers: &str| pod(&format!(r#","ephemeralContainers":[{containers}]"#));
    part_refused(
        "Pod",
        "ephemeralcontainers",
        &pod(""),
        &ephemeral(r#"{"name":"b","image":"i","targetContainerName":"a"}"#),
        expect![""],
    );
    part_refused(
        "Pod",
        "ephemeralcontainers",
        &pod(""),
        &ephemeral(
            r#"{"name":"a","image":"i"},{"name":"b","image":"i","targetContainerName":"z","ports":[{"containerPort":1}],"livenessProbe":{"exec":{"command":["x"]}},"resources":{"limits":{"cpu":"1"}},"lifecycle":{}},{"name":"c"}"#,
        ),
        expect![[r#"
            spec.ephemeralContainers[0].name: Duplicate value: "a"
            spec.ephemeralContainers[1].targetContainerName: Not found: "z"
            spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container
            spec.ephemeralContainers[1].livenessProbe: Forbidden: cannot be set for an Ephemeral Container
            spec.ephemeralContainers[1].resources: Forbidden: cannot be set for an Ephemeral Container
            spec.ephemeralContainers[2].image: Required value
        "#]],
    );
    let one = ephemeral(r#"{"name":"b","image":"i"}"#);
    part_refused(
        "Pod",
        "ephemeralcontainers",
        &one,
        &one.replace(r#""b","image":"i""#, r#""b","image":"j""#),
        expect![[r#"
            spec.ephemeralContainers: Forbidden: existing ephemeral containers "b" may not be changed

        "#]],
    );
    part_refused(
        "Pod",
        "ephemeralcontainers",
        &one,
        &pod(""),
        expect![[r#"
            spec.ephemeralContainers: Forbidden: existing ephemeral containers "b" may not be removed

        "#]],
    );
    refused(
        "Pod",
        &one,
        expect![[r#"
            spec.ephemeralContainers: Forbidden: cannot be set on create
        "#]],
    );
}

#[test]
fn a_resize_touches_cpu_and_memory() {
    let pod = |resources: &str| {
        format!(r#"{{"spec":{{"containers":[{{"name":"a","image":"i","resources":{resources}}}]}}}}"#)
    };
    let old = pod(r#"{"requests":{"cpu":"1"},"limits":{"memory":"1Gi"}}"#);
    part_refused(
        "Pod",
        "resize",
        &old,
        &pod(r#"{"requests":{"cpu":"2"},"limits":{"memory":"2Gi"}}"#),
        expect![""],
    );
    part_refused(
        "Pod",
        "resize",
        &old,
        &pod(r#"{"requests":{"cpu":"1","ephemeral-storage":"1Gi"},"limits":{"memory":"1Gi"}}"#),
        expect![[r#"
            spec: Forbidden: only cpu and memory resources are mutable
        "#]],
    );
    part_refused(
        "Pod",
        "resize",
        &old,
        &pod("{}"),
        expect![[r#"
            spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing
            spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed
            spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed
        "#]],
    );
}

#[test]
fn an_event_is_of_its_namespace() {
    let core = |of: &str| format!(r#"{{"involvedObject":{{"kind":"Pod"{of}}}}}"#);
    refused("Event", &core(r#","namespace":"d""#), expect![""]);
    refused(
        "Event",
        &core(r#","namespace":"e""#),
        expect![[r#"
            involvedObject.namespace: Invalid value: "e": does not match event.namespace
        "#]],
    );
    refused(
        "Event",
        &core(""),
        expect![[r#"
            involvedObject.namespace: Invalid value: "": does not match event.namespace
        "#]],
    );
    refused("Event", r#"{"involvedObject":{"kind":"Node","namespace":"d"}}"#, expect![""]);
}

#[test]
fn a_new_event_says_who_saw_what_when() {
    let kind = "Event.events.k8s.io";
    refused(
        kind,
        "{}",
        expect![[r#"
            involvedObject.namespace: Invalid value: "": does not match event.namespace
            eventTime: Required value
            type: Invalid value: "": has invalid value: 
        "#]],
    );
    let event = |more: &str| {
        format!(
            r#"{{"regarding":{{"kind":"Pod","namespace":"d"}},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"a.b/c","reportingInstance":"i","action":"A","reason":"R","type":"Normal"{more}}}"#
        )
    };
    refused(kind, &event(""), expect![""]);
    refused(
        kind,
        &event(&format!(r#","note":"{}","series":{{"count":1}},"deprecatedCount":1"#, "n".repeat(1025))),
        expect![[r#"
            message: Invalid value: "": can have at most 1024 characters
            series.count: Invalid value: "": should be at least 2
            series.lastObservedTime: Required value
            count: Invalid value: "": needs to be unset
        "#]],
    );
    change_refused(
        kind,
        &event(""),
        &event("").replace(r#""R""#, r#""S""#),
        expect![[r#"
            reason: Invalid value: "S": field is immutable
        "#]],
    );
    change_refused(
        kind,
        &event(""),
        &event(r#","series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"}"#),
        expect![""],
    );
}
