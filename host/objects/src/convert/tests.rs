//! What an object says survives its other version.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::convert;
use crate::resource::{Resource, by_kind};
use crate::{Tree, tree};

fn version(group: &str, version: &str, kind: &str) -> &'static Resource {
    by_kind(group, version, kind).unwrap()
}

fn autoscaler(of_version: &str) -> &'static Resource {
    version("autoscaling", of_version, "HorizontalPodAutoscaler")
}

fn converted(from: &str, to: &str, tree: Tree, expected: Expect) -> Tree {
    let converted = convert(tree, autoscaler(from), autoscaler(to));
    expected.assert_eq(&converted.to_json_pretty());
    converted
}

#[test]
fn an_event_is_the_same_in_both_versions() {
    let core = version("", "v1", "Event");
    let events = version("events.k8s.io", "v1", "Event");
    let event = tree!({ "kind": "Event", "apiVersion": "v1", "involvedObject": { "name": "a" }, "count": 2 });
    let converted = convert(event.clone(), core, events);
    expect![[
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","regarding":{"name":"a"},"deprecatedCount":2}"#
    ]]
    .assert_eq(&converted.to_json_string());
    assert_eq!(convert(converted, events, core), event);
}

#[test]
fn an_object_in_its_own_version_stays_as_it_is() {
    let told = tree!({ "kind": "HorizontalPodAutoscaler", "spec": { "maxReplicas": 1 } });
    assert_eq!(convert(told.clone(), autoscaler("v1"), autoscaler("v1")), told);
}

#[test]
fn the_first_version_keeps_in_annotations_what_it_has_no_field_for() {
    let told = tree!({
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": { "name": "web", "annotations": {
            "team": "a", "autoscaling.alpha.kubernetes.io/conditions": "stale"
        } },
        "spec": {
            "scaleTargetRef": { "kind": "Deployment", "name": "web", "apiVersion": "apps/v1" },
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [
                { "type": "Resource", "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 60 } } },
                { "type": "Object", "object": {
                    "describedObject": { "kind": "Ingress", "name": "main", "apiVersion": "networking.k8s.io/v1" },
                    "metric": { "name": "hits", "selector": { "matchLabels": { "a": "b" } } },
                    "target": { "type": "AverageValue", "averageValue": "2" } } },
                { "type": "External", "external": {
                    "metric": { "name": "queue" }, "target": { "type": "Value", "value": "30" } } },
                { "type": "Pods", "pods": {
                    "metric": { "name": "packets" }, "target": { "type": "AverageValue", "averageValue": "1k" } } },
                { "type": "ContainerResource", "containerResource": {
                    "name": "memory", "container": "app",
                    "target": { "type": "AverageValue", "averageValue": "1Gi" } } }
            ],
            "behavior": { "scaleDown": {
                "stabilizationWindowSeconds": 300, "selectPolicy": "Max", "tolerance": "50m",
                "policies": [{ "type": "Pods", "value": 4, "periodSeconds": 60 }] } }
        },
        "status": {
            "currentReplicas": 2,
            "desiredReplicas": 2,
            "currentMetrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "current": { "averageValue": "10m", "averageUtilization": 20 } } }],
            "conditions": [{
                "type": "AbleToScale", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z" }]
        }
    });
    let first = converted(
        "v2",
        "v1",
        told,
        expect![[r#"
        {
          "kind": "HorizontalPodAutoscaler",
          "apiVersion": "autoscaling/v1",
          "metadata": {
            "name": "web",
            "annotations": {
              "team": "a",
              "autoscaling.alpha.kubernetes.io/metrics": "[{\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"Ingress\",\"name\":\"main\",\"apiVersion\":\"networking.k8s.io/v1\"},\"metricName\":\"hits\",\"targetValue\":\"0\",\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"averageValue\":\"2\"}},{\"type\":\"External\",\"external\":{\"metricName\":\"queue\",\"targetValue\":\"30\"}},{\"type\":\"Pods\",\"pods\":{\"metricName\":\"packets\",\"targetAverageValue\":\"1k\"}},{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"memory\",\"targetAverageValue\":\"1Gi\",\"container\":\"app\"}}]",
              "autoscaling.alpha.kubernetes.io/current-metrics": "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"currentAverageUtilization\":20,\"currentAverageValue\":\"10m\"}}]",
              "autoscaling.alpha.kubernetes.io/behavior": "{\"ScaleUp\":null,\"ScaleDown\":{\"StabilizationWindowSeconds\":300,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":\"Pods\",\"Value\":4,\"PeriodSeconds\":60}],\"Tolerance\":\"50m\"}}",
              "autoscaling.alpha.kubernetes.io/conditions": "[{\"type\":\"AbleToScale\",\"status\":\"True\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"}]"
            }
          },
          "spec": {
            "scaleTargetRef": {
              "kind": "Deployment",
              "name": "web",
              "apiVersion": "apps/v1"
            },
            "minReplicas": 1,
            "maxReplicas": 5,
            "targetCPUUtilizationPercentage": 60
          },
          "status": {
            "currentReplicas": 2,
            "desiredReplicas": 2,
            "currentCPUUtilizationPercentage": 20
          }
        }"#]],
    );
    converted(
        "v1",
        "v2",
        first,
        expect![[r#"
        {
          "kind": "HorizontalPodAutoscaler",
          "apiVersion": "autoscaling/v2",
          "metadata": {
            "name": "web",
            "annotations": {
              "team": "a"
            }
          },
          "spec": {
            "scaleTargetRef": {
              "kind": "Deployment",
              "name": "web",
              "apiVersion": "apps/v1"
            },
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [
              {
                "type": "Object",
                "object": {
                  "describedObject": {
                    "kind": "Ingress",
                    "name": "main",
                    "apiVersion": "networking.k8s.io/v1"
                  },
                  "metric": {
                    "name": "hits",
                    "selector": {
                      "matchLabels": {
                        "a": "b"
                      }
                    }
                  },
                  "target": {
                    "type": "AverageValue",
                    "averageValue": "2"
                  }
                }
              },
              {
                "type": "External",
                "external": {
                  "metric": {
                    "name": "queue"
                  },
                  "target": {
                    "type": "Value",
                    "value": "30"
                  }
                }
              },
              {
                "type": "Pods",
                "pods": {
                  "metric": {
                    "name": "packets"
                  },
                  "target": {
                    "type": "AverageValue",
                    "averageValue": "1k"
                  }
                }
              },
              {
                "type": "ContainerResource",
                "containerResource": {
                  "name": "memory",
                  "target": {
                    "type": "AverageValue",
                    "averageValue": "1Gi"
                  },
                  "container": "app"
                }
              },
              {
                "type": "Resource",
                "resource": {
                  "name": "cpu",
                  "target": {
                    "type": "Utilization",
                    "averageUtilization": 60
                  }
                }
              }
            ],
            "behavior": {
              "scaleDown": {
                "stabilizationWindowSeconds": 300,
                "selectPolicy": "Max",
                "policies": [
                  {
                    "type": "Pods",
                    "value": 4,
                    "periodSeconds": 60
                  }
                ],
                "tolerance": "50m"
              }
            }
          },
          "status": {
            "currentReplicas": 2,
            "desiredReplicas": 2,
            "currentMetrics": [
              {
                "type": "Resource",
                "resource": {
                  "name": "cpu",
                  "current": {
                    "averageUtilization": 20,
                    "averageValue": "10m"
                  }
                }
              }
            ],
            "conditions": [
              {
                "type": "AbleToScale",
                "status": "True",
                "lastTransitionTime": "2024-01-01T00:00:00Z"
              }
            ]
          }
        }"#]],
    );
}

#[test]
fn an_autoscaler_without_metrics_aims_at_the_default() {
    let told = tree!({ "spec": { "maxReplicas": 3 }, "status": { "currentCPUUtilizationPercentage": 4 } });
    converted(
        "v1",
        "v2",
        told,
        expect![[r#"
        {
          "kind": "HorizontalPodAutoscaler",
          "apiVersion": "autoscaling/v2",
          "spec": {
            "maxReplicas": 3,
            "metrics": [
              {
                "type": "Resource",
                "resource": {
                  "name": "cpu",
                  "target": {
                    "type": "Utilization",
                    "averageUtilization": 80
                  }
                }
              }
            ]
          },
          "status": {
            "currentMetrics": [
              {
                "type": "Resource",
                "resource": {
                  "name": "cpu",
                  "current": {
                    "averageUtilization": 4
                  }
                }
              }
            ]
          }
        }"#]],
    );
}

#[test]
fn annotations_that_cannot_be_read_are_passed_over() {
    let told = tree!({
        "metadata": { "annotations": {
            "autoscaling.alpha.kubernetes.io/metrics": "[1]",
            "autoscaling.alpha.kubernetes.io/behavior": "{",
            "autoscaling.alpha.kubernetes.io/conditions": "{}",
            "autoscaling.alpha.kubernetes.io/current-metrics": "null"
        } },
        "spec": { "targetCPUUtilizationPercentage": 50 },
        "status": { "currentCPUUtilizationPercentage": 4 }
    });
    converted(
        "v1",
        "v2",
        told,
        expect![[r#"
        {
          "kind": "HorizontalPodAutoscaler",
          "apiVersion": "autoscaling/v2",
          "metadata": {},
          "spec": {
            "metrics": [
              {
                "type": "Resource",
                "resource": {
                  "name": "cpu",
                  "target": {
                    "type": "Utilization",
                    "averageUtilization": 50
                  }
                }
              }
            ]
          },
          "status": {}
        }"#]],
    );
}

fn any_metric() -> impl Strategy<Value = Tree> {
    let name = "[a-z]{1,5}";
    let amount = || (1..2000_i64).prop_map(|amount| format!("{amount}m"));
    let object = (name, amount(), any::<bool>()).prop_map(|(name, amount, average)| {
        let target = if average {
            tree!({ "type": "AverageValue", "averageValue": amount })
        } else {
            tree!({ "type": "Value", "value": amount })
        };
        let described = tree!({ "kind": "Service", "name": "a" });
        let metric = tree!({ "name": name });
        tree!({ "type": "Object", "object": {
            "describedObject": described, "metric": metric, "target": target } })
    });
    let pods = (name, amount()).prop_map(|(name, amount)| {
        tree!({ "type": "Pods", "pods": {
            "metric": { "name": name }, "target": { "type": "AverageValue", "averageValue": amount } } })
    });
    let memory = (1..100_i64).prop_map(|percent| {
        tree!({ "type": "Resource", "resource": {
            "name": "memory", "target": { "type": "Utilization", "averageUtilization": percent } } })
    });
    prop_oneof![object, pods, memory]
}

proptest! {
    #[test]
    fn the_second_version_survives_the_first(
        mut metrics in prop::collection::vec(any_metric(), 0..4),
        utilization in 1..100_i64,
        window in prop::option::of(0..3600_i64),
    ) {
        metrics.push(tree!({ "type": "Resource", "resource": {
            "name": "cpu", "target": { "type": "Utilization", "averageUtilization": utilization } } }));
        let mut told = tree!({
            "kind": "HorizontalPodAutoscaler",
            "apiVersion": "autoscaling/v2",
            "spec": { "maxReplicas": 3, "metrics": metrics }
        });
        if let Some(window) = window {
            told.set_at(&["spec", "behavior", "scaleUp", "stabilizationWindowSeconds"], window);
        }
        let first = convert(told.clone(), autoscaler("v2"), autoscaler("v1"));
        let mut back = convert(first, autoscaler("v1"), autoscaler("v2"));
        if back.at(&["metadata"]).is_some_and(Tree::is_empty_value) {
            back.remove("metadata");
        }
        prop_assert_eq!(back, told);
    }
}
