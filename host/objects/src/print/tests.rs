//! Each kind in its columns.

mod cluster;
mod workloads;

use expect_test::{Expect, expect};

use super::{cells, columns, conditions};
use crate::meta;
use crate::resource::{by_kind, served};
use crate::tree::Tree;

/// `Column: cell`, one a line; wide columns in parentheses.
fn check(group: &str, kind: &str, object: &str, expected: Expect) {
    let version = if group == "autoscaling" { "v2" } else { "v1" };
    let resource = by_kind(group, version, kind).unwrap();
    let now = meta::parse_rfc3339("2026-01-02T00:00:00Z").unwrap();
    let tree = Tree::from_json(object.as_bytes()).unwrap();
    let lines = columns(resource).iter().zip(cells(resource, &tree, now)).map(|(column, cell)| {
        let name = if column.priority == 0 { column.name.to_owned() } else { format!("({})", column.name) };
        let cell = cell.as_str().map_or_else(|| cell.to_json_string(), str::to_owned);
        format!("{name}: {cell}\n")
    });
    expected.assert_eq(&lines.collect::<String>());
}

fn status(pod: &str) -> String {
    let pods = by_kind("", "v1", "Pod").unwrap();
    let now = meta::parse_rfc3339("2026-01-02T00:00:00Z").unwrap();
    let cells = cells(pods, &Tree::from_json(pod.as_bytes()).unwrap(), now);
    cells[1..4].iter().map(|cell| cell.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_kind_has_a_cell_for_each_column() {
    let now = meta::parse_rfc3339("2026-01-02T00:00:00Z").unwrap();
    for row in served() {
        assert_eq!(columns(row).len(), cells(row, &Tree::object(), now).len(), "{}", row.kind);
    }
}

#[test]
fn a_running_pod_shows_when_it_restarted() {
    check(
        "",
        "Pod",
        r#"{"metadata":{"name":"web","creationTimestamp":"2026-01-01T00:00:00Z"},
            "spec":{"containers":[{"name":"a"},{"name":"b"}],"nodeName":"n","readinessGates":[{"conditionType":"x"}]},
            "status":{"phase":"Running","podIPs":[{"ip":"10.1.0.2"}],"containerStatuses":[
              {"name":"a","ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-01-01T23:59:00Z"}}},
              {"name":"b","ready":false,"restartCount":0,"state":{"running":{}}}]}}"#,
        expect![[r#"
            Name: web
            Ready: 1/2
            Status: Running
            Restarts: 2 (60s ago)
            Age: 24h
            (IP): 10.1.0.2
            (Node): n
            (Nominated Node): <none>
            (Readiness Gates): 0/1
        "#]],
    );
}

#[test]
fn the_status_of_a_pod_is_drawn_from_its_containers() {
    let container = |state: &str| {
        status(&format!(
            r#"{{"spec":{{"containers":[{{"name":"a"}}]}},"status":{{"phase":"Running","containerStatuses":[{{"name":"a","state":{state},"restartCount":0}}]}}}}"#
        ))
    };
    assert_eq!(container(r#"{"waiting":{"reason":"CrashLoopBackOff"}}"#), "0/1 CrashLoopBackOff 0");
    assert_eq!(container(r#"{"terminated":{"reason":"Completed"}}"#), "0/1 Completed 0");
    assert_eq!(container(r#"{"terminated":{"exitCode":3}}"#), "0/1 ExitCode:3 0");
    assert_eq!(container(r#"{"terminated":{"signal":9}}"#), "0/1 Signal:9 0");
    let init = |state: &str| {
        status(&format!(
            r#"{{"spec":{{"initContainers":[{{"name":"i"}}],"containers":[{{"name":"a"}}]}},"status":{{"phase":"Pending","initContainerStatuses":[{{"name":"i","state":{state},"restartCount":1}}]}}}}"#
        ))
    };
    assert_eq!(init(r#"{"running":{}}"#), "0/1 Init:0/1 1");
    assert_eq!(init(r#"{"waiting":{"reason":"ErrImagePull"}}"#), "0/1 Init:ErrImagePull 1");
    assert_eq!(init(r#"{"terminated":{"exitCode":1,"reason":"Error"}}"#), "0/1 Init:Error 1");
    assert_eq!(
        status(r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running"}}"#),
        "0/0 Terminating 0"
    );
    assert_eq!(status(r#"{"status":{"phase":"Failed","reason":"Evicted"}}"#), "0/0 Evicted 0");
}

#[test]
fn a_pod_that_is_over_says_so_in_its_row() {
    let pods = by_kind("", "v1", "Pod").unwrap();
    let done = Tree::from_json(br#"{"status":{"phase":"Succeeded"}}"#).unwrap();
    assert_eq!(conditions(pods, &done)[0].str_at(&["reason"]), Some("Succeeded"));
    assert!(conditions(pods, &Tree::object()).is_empty());
}

#[test]
fn a_node_shows_its_roles_and_its_cordon() {
    check(
        "",
        "Node",
        r#"{"metadata":{"name":"n","labels":{"node-role.kubernetes.io/control-plane":"","node-role.kubernetes.io/a":""}},
            "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
            "addresses":[{"type":"InternalIP","address":"192.0.2.1"}],"nodeInfo":{"kubeletVersion":"v1.36.0","osImage":"Debian"}}}"#,
        expect![[r#"
            Name: n
            Status: Ready,SchedulingDisabled
            Roles: a,control-plane
            Age: <unknown>
            Version: v1.36.0
            (Internal-IP): 192.0.2.1
            (External-IP): <none>
            (OS-Image): Debian
            (Kernel-Version): <unknown>
            (Container-Runtime): <unknown>
        "#]],
    );
}

#[test]
fn a_service_shows_its_ports_and_addresses() {
    check(
        "",
        "Service",
        r#"{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIPs":["10.152.183.1"],"selector":{"b":"1","a":"2"},
            "ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}}"#,
        expect![[r#"
            Name: s
            Type: LoadBalancer
            Cluster-IP: 10.152.183.1
            External-IP: <pending>
            Port(s): 80:30080/TCP,53/UDP
            Age: <unknown>
            (Selector): a=2,b=1
        "#]],
    );
}

#[test]
fn events_of_both_groups_look_the_same() {
    let expected = || {
        expect![[r#"
            Last Seen: 30s
            Type: Normal
            Reason: Pulled
            Object: pod/web
            (Subobject): spec.containers{a}
            (Source): kubelet, n
            Message: done
            (First Seen): 24h
            (Count): 4
            (Name): web.1
        "#]]
    };
    check(
        "",
        "Event",
        r#"{"metadata":{"name":"web.1"},"type":"Normal","reason":"Pulled","message":"done\n","count":4,
            "involvedObject":{"kind":"Pod","name":"web","fieldPath":"spec.containers{a}"},"source":{"component":"kubelet","host":"n"},
            "firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T23:59:30Z"}"#,
        expected(),
    );
    check(
        "events.k8s.io",
        "Event",
        r#"{"metadata":{"name":"web.1"},"type":"Normal","reason":"Pulled","note":"done","series":{"count":4,"lastObservedTime":"2026-01-01T23:59:30.000000Z"},
            "regarding":{"kind":"Pod","name":"web","fieldPath":"spec.containers{a}"},"reportingController":"kubelet","reportingInstance":"n",
            "eventTime":"2026-01-01T00:00:00.000000Z"}"#,
        expected(),
    );
}

#[test]
fn long_lists_of_endpoints_are_shortened() {
    check(
        "",
        "Endpoints",
        r#"{"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"},{"ip":"10.0.0.3"},{"ip":"fd00::1"}],"ports":[{"port":80}]}]}"#,
        expect![[r#"
            Name: e
            Endpoints: 10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...
            Age: <unknown>
        "#]],
    );
    check(
        "discovery.k8s.io",
        "EndpointSlice",
        r#"{"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}]}"#,
        expect![[r#"
            Name: e
            AddressType: IPv4
            Ports: <unset>
            Endpoints: 10.0.0.1
            Age: <unknown>
        "#]],
    );
}

#[test]
fn bindings_list_their_subjects_by_kind() {
    check(
        "rbac.authorization.k8s.io",
        "RoleBinding",
        r#"{"metadata":{"name":"b"},"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},{"kind":"User","name":"v"},
            {"kind":"ServiceAccount","name":"s","namespace":"n"}]}"#,
        expect![[r#"
            Name: b
            Role: Role/r
            Age: <unknown>
            (Users): u, v
            (Groups): 
            (ServiceAccounts): n/s
        "#]],
    );
    check(
        "rbac.authorization.k8s.io",
        "Role",
        r#"{"metadata":{"name":"r","creationTimestamp":"2026-01-01T00:00:00Z"}}"#,
        expect![[r#"
            Name: r
            Created At: 2026-01-01T00:00:00Z
        "#]],
    );
}

#[test]
fn volumes_and_quotas_show_what_they_hold() {
    check(
        "",
        "PersistentVolumeClaim",
        r#"{"metadata":{"name":"c"},"spec":{"volumeName":"v","storageClassName":"local","volumeMode":"Filesystem"},
            "status":{"phase":"Bound","capacity":{"storage":"1Gi"},"accessModes":["ReadWriteMany","ReadWriteOnce"]}}"#,
        expect![[r#"
            Name: c
            Status: Bound
            Volume: v
            Capacity: 1Gi
            Access Modes: RWO,RWX
            StorageClass: local
            VolumeAttributesClass: <unset>
            Age: <unknown>
            (VolumeMode): Filesystem
        "#]],
    );
    check(
        "",
        "ResourceQuota",
        r#"{"metadata":{"name":"q"},"status":{"hard":{"pods":"10","limits.cpu":"2","configmaps":"5"},"used":{"pods":"1"}}}"#,
        expect![[r#"
            Name: q
            Request: configmaps: 0/5, pods: 1/10
            Limit: limits.cpu: 0/2
            Age: <unknown>
        "#]],
    );
}
