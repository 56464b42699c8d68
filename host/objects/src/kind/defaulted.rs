//! Manifests as the documentation has them: accepted, with these fields filled in.

use expect_test::{Expect, expect};

use super::check::{lines, prepared, resource};
use super::of;
use crate::tree::Tree;

/// Each leaf of `tree` that `known` does not have, with its path.
fn added(tree: &Tree, known: Option<&Tree>, path: &str, lines: &mut String) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match tree {
        Tree::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields.iter() {
                added(value, known.and_then(|known| known.get(key)), &join(key), lines);
            }
        }
        Tree::Array(items) if known.is_some() => {
            for (index, item) in items.iter().enumerate() {
                added(
                    item,
                    known.and_then(|known| known.items().get(index)),
                    &format!("{path}[{index}]"),
                    lines,
                );
            }
        }
        value if known.is_none() => lines.push_str(&format!("{path}: {value}\n")),
        _ => {}
    }
}

/// The object is accepted, and these leaves are added to it.
fn defaulted(kind: &str, json: &str, expected: Expect) {
    let (row, tree) = (resource(kind), prepared(kind, json));
    assert_eq!(lines(&of(row).validate_new(row, &tree)), "");
    let mut text = String::new();
    let known = Tree::from_json(json.as_bytes()).unwrap();
    for (key, value) in tree.fields().filter(|(key, _)| *key != "metadata") {
        added(value, known.get(key), key, &mut text);
    }
    for field in ["labels", "annotations", "generation"] {
        if let Some(value) = tree.at(&["metadata", field]) {
            added(value, known.at(&["metadata", field]), &format!("metadata.{field}"), &mut text);
        }
    }
    expected.assert_eq(&text);
    let mut again = tree.clone();
    of(row).apply_defaults(row, &mut again);
    assert_eq!(again, tree, "doing it again changes nothing");
}

#[test]
fn the_deployment_of_nginx() {
    defaulted(
        "Deployment",
        r#"{"metadata":{"name":"nginx-deployment","labels":{"app":"nginx"}},
            "spec":{"replicas":3,"selector":{"matchLabels":{"app":"nginx"}},
              "template":{"metadata":{"labels":{"app":"nginx"}},
                "spec":{"containers":[{"name":"nginx","image":"nginx:1.14.2","ports":[{"containerPort":80}]}]}}}}"#,
        expect![[r#"
            spec.template.spec.containers[0].ports[0].protocol: "TCP"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].resources: {}
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.terminationGracePeriodSeconds: 30
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.strategy.type: "RollingUpdate"
            spec.strategy.rollingUpdate.maxUnavailable: "25%"
            spec.strategy.rollingUpdate.maxSurge: "25%"
            spec.revisionHistoryLimit: 10
            spec.progressDeadlineSeconds: 600
            status: {}
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn the_guestbook() {
    defaulted(
        "Deployment",
        r#"{"metadata":{"name":"frontend"},"spec":{"replicas":3,
            "selector":{"matchLabels":{"app":"guestbook","tier":"frontend"}},
            "template":{"metadata":{"labels":{"app":"guestbook","tier":"frontend"}},
              "spec":{"containers":[{"name":"php-redis","image":"us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5",
                "env":[{"name":"GET_HOSTS_FROM","value":"dns"}],
                "resources":{"requests":{"cpu":"100m","memory":"100Mi"}},"ports":[{"containerPort":80}]}]}}}}"#,
        expect![[r#"
            spec.template.spec.containers[0].ports[0].protocol: "TCP"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.terminationGracePeriodSeconds: 30
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.strategy.type: "RollingUpdate"
            spec.strategy.rollingUpdate.maxUnavailable: "25%"
            spec.strategy.rollingUpdate.maxSurge: "25%"
            spec.revisionHistoryLimit: 10
            spec.progressDeadlineSeconds: 600
            status: {}
            metadata.generation: 1
        "#]],
    );
    defaulted(
        "Service",
        r#"{"metadata":{"name":"frontend","labels":{"app":"guestbook"}},
            "spec":{"ports":[{"port":80}],"selector":{"app":"guestbook","tier":"frontend"}}}"#,
        expect![[r#"
            spec.ports[0].protocol: "TCP"
            spec.ports[0].targetPort: 80
            spec.sessionAffinity: "None"
            spec.type: "ClusterIP"
            spec.internalTrafficPolicy: "Cluster"
            status.loadBalancer: {}
        "#]],
    );
}

#[test]
fn the_stateful_set_of_cassandra() {
    defaulted(
        "StatefulSet",
        r#"{"metadata":{"name":"cassandra","labels":{"app":"cassandra"}},
            "spec":{"serviceName":"cassandra","replicas":3,"selector":{"matchLabels":{"app":"cassandra"}},
              "template":{"metadata":{"labels":{"app":"cassandra"}},
                "spec":{"terminationGracePeriodSeconds":500,"containers":[{"name":"cassandra",
                  "image":"gcr.io/google-samples/cassandra:v13","imagePullPolicy":"Always",
                  "ports":[{"containerPort":7000,"name":"intra-node"},{"containerPort":9042,"name":"cql"}],
                  "resources":{"limits":{"cpu":"500m","memory":"1Gi"},"requests":{"cpu":"500m","memory":"1Gi"}},
                  "securityContext":{"capabilities":{"add":["IPC_LOCK"]}},
                  "lifecycle":{"preStop":{"exec":{"command":["/bin/sh","-c","nodetool drain"]}}},
                  "env":[{"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}],
                  "readinessProbe":{"exec":{"command":["/bin/bash","-c","/ready-probe.sh"]},
                    "initialDelaySeconds":15,"timeoutSeconds":5},
                  "volumeMounts":[{"name":"cassandra-data","mountPath":"/cassandra_data"}]}]}},
              "volumeClaimTemplates":[{"metadata":{"name":"cassandra-data"},
                "spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"fast","resources":{"requests":{"storage":"1Gi"}}}}]}}"#,
        expect![[r#"
            spec.template.spec.containers[0].ports[0].protocol: "TCP"
            spec.template.spec.containers[0].ports[1].protocol: "TCP"
            spec.template.spec.containers[0].env[0].valueFrom.fieldRef.apiVersion: "v1"
            spec.template.spec.containers[0].readinessProbe.periodSeconds: 10
            spec.template.spec.containers[0].readinessProbe.successThreshold: 1
            spec.template.spec.containers[0].readinessProbe.failureThreshold: 3
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.volumeClaimTemplates[0].spec.volumeMode: "Filesystem"
            spec.volumeClaimTemplates[0].status.phase: "Pending"
            spec.volumeClaimTemplates[0].apiVersion: "v1"
            spec.volumeClaimTemplates[0].kind: "PersistentVolumeClaim"
            spec.podManagementPolicy: "OrderedReady"
            spec.updateStrategy.type: "RollingUpdate"
            spec.updateStrategy.rollingUpdate.partition: 0
            spec.persistentVolumeClaimRetentionPolicy.whenDeleted: "Retain"
            spec.persistentVolumeClaimRetentionPolicy.whenScaled: "Retain"
            spec.revisionHistoryLimit: 10
            status.replicas: 0
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn the_daemon_set_of_fluentd() {
    defaulted(
        "DaemonSet",
        r#"{"metadata":{"name":"fluentd-elasticsearch","labels":{"k8s-app":"fluentd-logging"}},
            "spec":{"selector":{"matchLabels":{"name":"fluentd-elasticsearch"}},
              "template":{"metadata":{"labels":{"name":"fluentd-elasticsearch"}},
                "spec":{"tolerations":[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists","effect":"NoSchedule"}],
                  "containers":[{"name":"fluentd-elasticsearch","image":"quay.io/fluentd_elasticsearch/fluentd:v5.0.1",
                    "resources":{"limits":{"memory":"200Mi"},"requests":{"cpu":"100m","memory":"200Mi"}},
                    "volumeMounts":[{"name":"varlog","mountPath":"/var/log"}]}],
                  "terminationGracePeriodSeconds":30,
                  "volumes":[{"name":"varlog","hostPath":{"path":"/var/log"}}]}}}}"#,
        expect![[r#"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.volumes[0].hostPath.type: ""
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.updateStrategy.type: "RollingUpdate"
            spec.updateStrategy.rollingUpdate.maxUnavailable: 1
            spec.updateStrategy.rollingUpdate.maxSurge: 0
            spec.revisionHistoryLimit: 10
            status.currentNumberScheduled: 0
            status.numberMisscheduled: 0
            status.desiredNumberScheduled: 0
            status.numberReady: 0
            metadata.annotations.deprecated.daemonset.template.generation: "1"
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn the_job_that_computes_pi() {
    defaulted(
        "Job",
        r#"{"metadata":{"name":"pi","uid":"c9948307"},"spec":{"template":{"spec":{"containers":[{"name":"pi",
            "image":"perl:5.34.0","command":["perl","-Mbignum=bpi","-wle","print bpi(2000)"]}],
            "restartPolicy":"Never"}},"backoffLimit":4}}"#,
        expect![[r#"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].resources: {}
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.terminationGracePeriodSeconds: 30
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.template.metadata.labels.batch.kubernetes.io/job-name: "pi"
            spec.template.metadata.labels.job-name: "pi"
            spec.template.metadata.labels.batch.kubernetes.io/controller-uid: "c9948307"
            spec.template.metadata.labels.controller-uid: "c9948307"
            spec.completions: 1
            spec.parallelism: 1
            spec.completionMode: "NonIndexed"
            spec.suspend: false
            spec.podReplacementPolicy: "TerminatingOrFailed"
            spec.manualSelector: false
            spec.selector.matchLabels.batch.kubernetes.io/controller-uid: "c9948307"
            status: {}
            metadata.labels.batch.kubernetes.io/job-name: "pi"
            metadata.labels.job-name: "pi"
            metadata.labels.batch.kubernetes.io/controller-uid: "c9948307"
            metadata.labels.controller-uid: "c9948307"
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn the_job_that_has_indexes_and_policies() {
    defaulted(
        "Job",
        r#"{"metadata":{"name":"job","uid":"u"},"spec":{"completions":10,"parallelism":3,"completionMode":"Indexed",
            "backoffLimitPerIndex":1,"maxFailedIndexes":5,
            "template":{"spec":{"restartPolicy":"Never","containers":[{"name":"example","image":"python:3"}]}},
            "podFailurePolicy":{"rules":[
              {"action":"FailJob","onExitCodes":{"containerName":"example","operator":"In","values":[42]}},
              {"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]}]},
            "successPolicy":{"rules":[{"succeededIndexes":"0,2-3","succeededCount":1}]}}}"#,
        expect![[r#"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].resources: {}
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.terminationGracePeriodSeconds: 30
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.template.metadata.labels.batch.kubernetes.io/job-name: "job"
            spec.template.metadata.labels.job-name: "job"
            spec.template.metadata.labels.batch.kubernetes.io/controller-uid: "u"
            spec.template.metadata.labels.controller-uid: "u"
            spec.podFailurePolicy.rules[1].onPodConditions[0].status: "True"
            spec.backoffLimit: 2147483647
            spec.suspend: false
            spec.podReplacementPolicy: "Failed"
            spec.manualSelector: false
            spec.selector.matchLabels.batch.kubernetes.io/controller-uid: "u"
            status: {}
            metadata.labels.batch.kubernetes.io/job-name: "job"
            metadata.labels.job-name: "job"
            metadata.labels.batch.kubernetes.io/controller-uid: "u"
            metadata.labels.controller-uid: "u"
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn the_cron_job_that_says_hello() {
    defaulted(
        "CronJob",
        r#"{"metadata":{"name":"hello"},"spec":{"schedule":"* * * * *","timeZone":"Etc/UTC",
            "jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"hello","image":"busybox:1.28",
              "imagePullPolicy":"IfNotPresent","command":["/bin/sh","-c","date; echo Hello"]}],
              "restartPolicy":"OnFailure"}}}}}}"#,
        expect![[r#"
            spec.jobTemplate.spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.jobTemplate.spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.jobTemplate.spec.template.spec.containers[0].resources: {}
            spec.jobTemplate.spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.jobTemplate.spec.template.spec.terminationGracePeriodSeconds: 30
            spec.jobTemplate.spec.template.spec.securityContext: {}
            spec.jobTemplate.spec.template.spec.schedulerName: "default-scheduler"
            spec.concurrencyPolicy: "Allow"
            spec.suspend: false
            spec.successfulJobsHistoryLimit: 3
            spec.failedJobsHistoryLimit: 1
            status: {}
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn an_autoscaler() {
    defaulted(
        "HorizontalPodAutoscaler",
        r#"{"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"php-apache"},
            "maxReplicas":10,"behavior":{"scaleDown":{"stabilizationWindowSeconds":60}}}}"#,
        expect![[r#"
            spec.behavior.scaleDown.selectPolicy: "Max"
            spec.behavior.scaleDown.policies: [{"type":"Percent","value":100,"periodSeconds":15}]
            spec.behavior.scaleUp.stabilizationWindowSeconds: 0
            spec.behavior.scaleUp.selectPolicy: "Max"
            spec.behavior.scaleUp.policies: [{"type":"Pods","value":4,"periodSeconds":15},{"type":"Percent","value":100,"periodSeconds":15}]
            spec.minReplicas: 1
            spec.metrics: [{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]
            status.desiredReplicas: 0
        "#]],
    );
}

#[test]
fn policies_of_networks_and_ingresses() {
    defaulted(
        "NetworkPolicy",
        r#"{"spec":{"podSelector":{"matchLabels":{"role":"db"}},
            "ingress":[{"from":[{"ipBlock":{"cidr":"172.17.0.0/16","except":["172.17.1.0/24"]}},
              {"namespaceSelector":{"matchLabels":{"project":"myproject"}}},{"podSelector":{}}],
              "ports":[{"port":6379}]}],
            "egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/24"}}],"ports":[{"protocol":"UDP","port":32000,"endPort":32768}]}]}}"#,
        expect![[r#"
            spec.ingress[0].ports[0].protocol: "TCP"
            spec.policyTypes: ["Ingress","Egress"]
            metadata.generation: 1
        "#]],
    );
    defaulted(
        "Ingress",
        r#"{"spec":{"ingressClassName":"nginx-example","tls":[{"hosts":["*.foo.com"],"secretName":"s"}],
            "rules":[{"host":"*.foo.com","http":{"paths":[{"path":"/testpath","pathType":"Prefix",
              "backend":{"service":{"name":"test","port":{"number":80}}}}]}}]}}"#,
        expect![[r#"
            status.loadBalancer: {}
            metadata.generation: 1
        "#]],
    );
    defaulted(
        "IngressClass",
        r#"{"spec":{"controller":"example.com/ingress-controller",
            "parameters":{"apiGroup":"k8s.example.com","kind":"IngressParameters","name":"external-lb"}}}"#,
        expect![[r#"
            spec.parameters.scope: "Cluster"
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn a_pod_asks_for_its_limits_and_is_worth_what_it_asks_for() {
    defaulted(
        "Pod",
        r#"{"metadata":{"labels":{"v":"1"}},"spec":{"hostNetwork":true,"serviceAccount":"old",
            "containers":[{"name":"a","image":"a","resources":{"limits":{"cpu":"1","memory":"1Gi"}},
              "ports":[{"containerPort":80}],
              "livenessProbe":{"httpGet":{"port":80}}}],
            "volumes":[{"name":"v"},{"name":"c","configMap":{"name":"c"}},{"name":"p","projected":{"sources":[
              {"serviceAccountToken":{"path":"t"}},{"downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}}]}},
              {"name":"i","image":{"reference":"busybox"}}],
            "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule",
              "labelSelector":{},"matchLabelKeys":["v"]}],
            "schedulingGates":[{"name":"g"}]}}"#,
        expect![[r#"
            spec.containers[0].resources.requests.cpu: "1"
            spec.containers[0].resources.requests.memory: "1Gi"
            spec.containers[0].ports[0].protocol: "TCP"
            spec.containers[0].ports[0].hostPort: 80
            spec.containers[0].livenessProbe.httpGet.path: "/"
            spec.containers[0].livenessProbe.httpGet.scheme: "HTTP"
            spec.containers[0].livenessProbe.timeoutSeconds: 1
            spec.containers[0].livenessProbe.periodSeconds: 10
            spec.containers[0].livenessProbe.successThreshold: 1
            spec.containers[0].livenessProbe.failureThreshold: 3
            spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.containers[0].terminationMessagePolicy: "File"
            spec.containers[0].imagePullPolicy: "Always"
            spec.volumes[0].emptyDir: {}
            spec.volumes[1].configMap.defaultMode: 420
            spec.volumes[2].projected.sources[0].serviceAccountToken.expirationSeconds: 3600
            spec.volumes[2].projected.sources[1].downwardAPI.items[0].fieldRef.apiVersion: "v1"
            spec.volumes[2].projected.defaultMode: 420
            spec.volumes[3].image.pullPolicy: "Always"
            spec.topologySpreadConstraints[0].labelSelector.matchExpressions: [{"key":"v","operator":"In","values":["1"]}]
            spec.restartPolicy: "Always"
            spec.dnsPolicy: "ClusterFirst"
            spec.terminationGracePeriodSeconds: 30
            spec.securityContext: {}
            spec.schedulerName: "default-scheduler"
            spec.serviceAccountName: "old"
            spec.enableServiceLinks: true
            status.phase: "Pending"
            status.conditions: [{"type":"PodScheduled","status":"False","observedGeneration":1,"reason":"SchedulingGated","message":"Scheduling is blocked due to non-empty scheduling gates"}]
            status.qosClass: "Guaranteed"
            metadata.generation: 1
        "#]],
    );
    defaulted(
        "Pod",
        r#"{"spec":{"resources":{"limits":{"cpu":"2"}},"restartPolicy":"Never",
            "initContainers":[{"name":"i","image":"i:1","resources":{"requests":{"cpu":"1500u"}}}],
            "containers":[{"name":"a","image":"a:1","resources":{"requests":{"memory":"1Mi"}}}]}}"#,
        expect![[r#"
            spec.resources.requests.memory: "1Mi"
            spec.resources.requests.cpu: "2m"
            spec.initContainers[0].terminationMessagePath: "/dev/termination-log"
            spec.initContainers[0].terminationMessagePolicy: "File"
            spec.initContainers[0].imagePullPolicy: "IfNotPresent"
            spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.containers[0].terminationMessagePolicy: "File"
            spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.dnsPolicy: "ClusterFirst"
            spec.terminationGracePeriodSeconds: 30
            spec.securityContext: {}
            spec.schedulerName: "default-scheduler"
            spec.enableServiceLinks: true
            status.phase: "Pending"
            status.qosClass: "Burstable"
            metadata.generation: 1
        "#]],
    );
}

#[test]
fn services_of_each_type() {
    for spec in [
        r#""clusterIP":"None","selector":{"a":"b"}"#,
        r#""type":"LoadBalancer","ports":[{"port":80,"targetPort":"http"}],"sessionAffinity":"ClientIP""#,
        r#""type":"ExternalName","externalName":"a.example.com""#,
    ] {
        let expected = if spec.contains("None") {
            expect![[r#"
                spec.sessionAffinity: "None"
                spec.type: "ClusterIP"
                spec.internalTrafficPolicy: "Cluster"
                spec.clusterIPs: ["None"]
                status.loadBalancer: {}
            "#]]
        } else if spec.contains("Load") {
            expect![[r#"
                spec.ports[0].protocol: "TCP"
                spec.sessionAffinityConfig.clientIP.timeoutSeconds: 10800
                spec.externalTrafficPolicy: "Cluster"
                spec.internalTrafficPolicy: "Cluster"
                spec.allocateLoadBalancerNodePorts: true
                status.loadBalancer: {}
            "#]]
        } else {
            expect![[r#"
                spec.sessionAffinity: "None"
                status.loadBalancer: {}
            "#]]
        };
        defaulted("Service", &format!(r#"{{"spec":{{{spec}}}}}"#), expected);
    }
}

#[test]
fn older_kinds() {
    defaulted(
        "ReplicationController",
        r#"{"spec":{"template":{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"a","image":"a:1"}]}}}}"#,
        expect![[r#"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.containers[0].resources: {}
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.terminationGracePeriodSeconds: 30
            spec.template.spec.securityContext: {}
            spec.template.spec.schedulerName: "default-scheduler"
            spec.replicas: 1
            spec.selector.app: "nginx"
            status.replicas: 0
            metadata.labels.app: "nginx"
            metadata.generation: 1
        "#]],
    );
    defaulted(
        "Namespace",
        r#"{"metadata":{"name":"n"}}"#,
        expect![[r#"
            spec.finalizers: ["kubernetes"]
            status.phase: "Active"
            metadata.labels.kubernetes.io/metadata.name: "n"
        "#]],
    );
    defaulted(
        "Node",
        r#"{"spec":{"podCIDR":"10.1.0.0/24"},"status":{"capacity":{"cpu":"2"}}}"#,
        expect![[r#"
            spec.podCIDRs: ["10.1.0.0/24"]
            status.daemonEndpoints.kubeletEndpoint.Port: 0
            status.nodeInfo.machineID: ""
            status.nodeInfo.systemUUID: ""
            status.nodeInfo.bootID: ""
            status.nodeInfo.kernelVersion: ""
            status.nodeInfo.osImage: ""
            status.nodeInfo.containerRuntimeVersion: ""
            status.nodeInfo.kubeletVersion: ""
            status.nodeInfo.kubeProxyVersion: ""
            status.nodeInfo.operatingSystem: ""
            status.nodeInfo.architecture: ""
            status.allocatable.cpu: "2"
        "#]],
    );
}
