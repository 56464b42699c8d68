//! Workloads, what scales and bounds them, and what lets traffic to them.

use expect_test::expect;

use super::check;

const TEMPLATE: &str = r#""template":{"spec":{"nodeSelector":{"disk":"ssd"},"containers":[{"name":"a","image":"i:1"},{"name":"b","image":"j"}]}}"#;

fn workload(spec: &str, status: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"w","creationTimestamp":"2026-01-01T00:00:00Z"}},"spec":{{{spec},{TEMPLATE}}},"status":{status}}}"#
    )
}

#[test]
fn a_deployment_shows_how_many_pods_are_ready() {
    let selector = r#""selector":{"matchLabels":{"b":"1","a":"2"},"matchExpressions":[{"key":"c","operator":"In","values":["x"]}]}"#;
    check(
        "apps",
        "Deployment",
        &workload(
            &format!(r#""replicas":3,{selector}"#),
            r#"{"replicas":4,"readyReplicas":2,"updatedReplicas":1,"availableReplicas":2}"#,
        ),
        expect![[r#"
            Name: w
            Ready: 2/3
            Up-to-date: 1
            Available: 2
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
            (Selector): a=2,b=1,c in (x)
        "#]],
    );
}

#[test]
fn the_other_workloads_show_their_counts() {
    let replicas = r#""replicas":3,"selector":{"matchLabels":{"a":"2"}}"#;
    check(
        "apps",
        "ReplicaSet",
        &workload(replicas, r#"{"replicas":2,"readyReplicas":1}"#),
        expect![[r#"
            Name: w
            Desired: 3
            Current: 2
            Ready: 1
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
            (Selector): a=2
        "#]],
    );
    check(
        "apps",
        "StatefulSet",
        &workload(replicas, r#"{"readyReplicas":1}"#),
        expect![[r#"
            Name: w
            Ready: 1/3
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
        "#]],
    );
    check(
        "apps",
        "DaemonSet",
        &workload(
            r#""selector":{"matchLabels":{"a":"2"}}"#,
            r#"{"desiredNumberScheduled":5,"currentNumberScheduled":4,"numberReady":3,"updatedNumberScheduled":2,"numberAvailable":1}"#,
        ),
        expect![[r#"
            Name: w
            Desired: 5
            Current: 4
            Ready: 3
            Up-to-date: 2
            Available: 1
            Node Selector: disk=ssd
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
            (Selector): a=2
        "#]],
    );
}

#[test]
fn a_revision_names_what_it_is_of() {
    let revision =
        |owners: &str| format!(r#"{{"metadata":{{"name":"r","ownerReferences":[{owners}]}},"revision":7}}"#);
    let owner = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","name":"web","controller":true}"#;
    check(
        "apps",
        "ControllerRevision",
        &revision(owner),
        expect![[r#"
            Name: r
            Controller: statefulset.apps/web
            Revision: 7
            Age: <unknown>
        "#]],
    );
    check(
        "apps",
        "ControllerRevision",
        &revision(""),
        expect![[r#"
            Name: r
            Controller: <none>
            Revision: 7
            Age: <unknown>
        "#]],
    );
}

#[test]
fn a_job_shows_how_far_it_is_and_how_long_it_ran() {
    let job = |spec: &str, status: &str| workload(&format!(r#""selector":{{}}{spec}"#), status);
    check(
        "batch",
        "Job",
        &job(
            r#","completions":5"#,
            r#"{"succeeded":5,"startTime":"2026-01-01T00:00:00Z","completionTime":"2026-01-01T00:00:10Z",
                "conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True"}]}"#,
        ),
        expect![[r#"
            Name: w
            Status: Complete
            Completions: 5/5
            Duration: 10s
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
            (Selector): <none>
        "#]],
    );
    check(
        "batch",
        "Job",
        &job(
            r#","parallelism":2"#,
            r#"{"startTime":"2026-01-01T23:00:00Z","conditions":[{"type":"Suspended","status":"False"}]}"#,
        ),
        expect![[r#"
            Name: w
            Status: Running
            Completions: 0/1 of 2
            Duration: 60m
            Age: 24h
            (Containers): a,b
            (Images): i:1,j
            (Selector): <none>
        "#]],
    );
}

#[test]
fn a_cron_job_shows_when_it_ran_last() {
    let cron = |more: &str, status: &str| {
        format!(
            r#"{{"metadata":{{"name":"c"}},"spec":{{"schedule":"*/5 * * * *",{more}"jobTemplate":{{"spec":{{{TEMPLATE}}}}}}},"status":{status}}}"#
        )
    };
    check(
        "batch",
        "CronJob",
        &cron("", "{}"),
        expect![[r#"
            Name: c
            Schedule: */5 * * * *
            Timezone: <none>
            Suspend: <unset>
            Active: 0
            Last Schedule: <none>
            Age: <unknown>
            (Containers): a,b
            (Images): i:1,j
            (Selector): <none>
        "#]],
    );
    check(
        "batch",
        "CronJob",
        &cron(
            r#""timeZone":"Europe/Vienna","suspend":true,"#,
            r#"{"active":[{}],"lastScheduleTime":"2026-01-01T23:59:00Z"}"#,
        ),
        expect![[r#"
            Name: c
            Schedule: */5 * * * *
            Timezone: Europe/Vienna
            Suspend: True
            Active: 1
            Last Schedule: 60s
            Age: <unknown>
            (Containers): a,b
            (Images): i:1,j
            (Selector): <none>
        "#]],
    );
}

#[test]
fn an_autoscaler_shows_two_metrics_and_counts_the_rest() {
    let scaler = |metrics: &str, now: &str| {
        format!(
            r#"{{"metadata":{{"name":"h"}},"spec":{{"scaleTargetRef":{{"kind":"Deployment","name":"w"}},"maxReplicas":4,"metrics":[{metrics}]}},
                "status":{{"currentMetrics":[{now}]}}}}"#
        )
    };
    let cpu = r#"{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}"#;
    let pods = r#"{"type":"Pods","pods":{"target":{"averageValue":"1k"}}}"#;
    let queue = r#"{"type":"External","external":{"target":{"averageValue":"30"}}}"#;
    check(
        "autoscaling",
        "HorizontalPodAutoscaler",
        &scaler(&format!("{cpu},{pods},{queue}"), r#"{"resource":{"current":{"averageUtilization":50}}}"#),
        expect![[r#"
            Name: h
            Reference: Deployment/w
            Targets: cpu: 50%/80%, <unknown>/1k + 1 more...
            MinPods: <unset>
            MaxPods: 4
            Replicas: 0
            Age: <unknown>
        "#]],
    );
    check(
        "autoscaling",
        "HorizontalPodAutoscaler",
        &scaler(&format!("{queue},{cpu}"), r#"{"external":{"current":{"averageValue":"20"}}}"#),
        expect![[r#"
            Name: h
            Reference: Deployment/w
            Targets: 20/30 (avg), cpu: <unknown>/80%
            MinPods: <unset>
            MaxPods: 4
            Replicas: 0
            Age: <unknown>
        "#]],
    );
    check(
        "autoscaling",
        "HorizontalPodAutoscaler",
        &scaler("", ""),
        expect![[r#"
            Name: h
            Reference: Deployment/w
            Targets: <none>
            MinPods: <unset>
            MaxPods: 4
            Replicas: 0
            Age: <unknown>
        "#]],
    );
}

#[test]
fn a_disruption_budget_shows_its_bound() {
    check(
        "policy",
        "PodDisruptionBudget",
        r#"{"metadata":{"name":"p"},"spec":{"maxUnavailable":"10%"},"status":{"disruptionsAllowed":1}}"#,
        expect![[r#"
            Name: p
            Min Available: N/A
            Max Unavailable: 10%
            Allowed Disruptions: 1
            Age: <unknown>
        "#]],
    );
}

#[test]
fn an_ingress_shows_its_first_hosts_and_where_it_is_reached() {
    check(
        "networking.k8s.io",
        "Ingress",
        r#"{"metadata":{"name":"i"},"spec":{"ingressClassName":"nginx","tls":[{}],"rules":[{"host":"a"},{},{"host":"b"},{"host":"c"},{"host":"d"}]},
            "status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.2"},{"hostname":"h"},{"ip":"192.0.2.2"}]}}}"#,
        expect![[r#"
            Name: i
            Class: nginx
            Hosts: a,b,c + 2 more...
            Address: 192.0.2.2,h
            Ports: 80, 443
            Age: <unknown>
        "#]],
    );
    check(
        "networking.k8s.io",
        "Ingress",
        r#"{"metadata":{"name":"i"},"spec":{}}"#,
        expect![[r#"
            Name: i
            Class: <none>
            Hosts: *
            Address: 
            Ports: 80
            Age: <unknown>
        "#]],
    );
}

#[test]
fn a_class_of_ingresses_says_that_it_is_the_default() {
    check(
        "networking.k8s.io",
        "IngressClass",
        r#"{"metadata":{"name":"c","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},
            "spec":{"controller":"example.com/c","parameters":{"apiGroup":"example.com","kind":"Settings","name":"s"}}}"#,
        expect![[r#"
            Name: c (default)
            Controller: example.com/c
            Parameters: Settings.example.com/s
            Age: <unknown>
        "#]],
    );
}

#[test]
fn policies_addresses_and_networks_show_what_they_are_for() {
    check(
        "networking.k8s.io",
        "NetworkPolicy",
        r#"{"metadata":{"name":"n"},"spec":{"podSelector":{}}}"#,
        expect![[r#"
            Name: n
            Pod-Selector: <none>
            Age: <unknown>
        "#]],
    );
    check(
        "networking.k8s.io",
        "IPAddress",
        r#"{"metadata":{"name":"10.0.0.1"},"spec":{"parentRef":{"resource":"services","namespace":"default","name":"kubernetes"}}}"#,
        expect![[r#"
            Name: 10.0.0.1
            ParentRef: services/default/kubernetes
        "#]],
    );
    check(
        "networking.k8s.io",
        "ServiceCIDR",
        r#"{"metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.0.0.0/16","fd00::/108"]}}"#,
        expect![[r#"
            Name: kubernetes
            CIDRs: 10.0.0.0/16,fd00::/108
            Age: <unknown>
        "#]],
    );
}
