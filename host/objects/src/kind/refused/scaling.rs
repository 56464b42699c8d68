//! What is refused of autoscalers and disruption budgets.

use expect_test::expect;

use crate::kind::check::{refused, status_refused};

fn scaler(spec: &str) -> String {
    format!(
        r#"{{"spec":{{"scaleTargetRef":{{"apiVersion":"apps/v1","kind":"Deployment","name":"w"}},"maxReplicas":3{spec}}}}}"#
    )
}

fn metric(metric: &str) -> String {
    scaler(&format!(r#","metrics":[{metric}]"#))
}

#[test]
fn an_autoscaler_has_bounds_and_a_target() {
    let kind = "HorizontalPodAutoscaler";
    refused(
        kind,
        r#"{"spec":{"minReplicas":0,"maxReplicas":0,"scaleTargetRef":{}}}"#,
        expect![[r#"
            spec.minReplicas: Invalid value: 0: must be greater than or equal to 1
            spec.maxReplicas: Required value: must be set and greater than 0
            spec.scaleTargetRef.kind: Required value
            spec.scaleTargetRef.name: Required value
            spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group
        "#]],
    );
    refused(
        kind,
        r#"{"spec":{"minReplicas":4,"maxReplicas":3,"scaleTargetRef":{"kind":"a/b","name":"..","apiVersion":"a/b/c"}}}"#,
        expect![[r#"
            spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`
            spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain '/'
            spec.scaleTargetRef.name: Invalid value: "..": may not be '..'
            spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c
        "#]],
    );
}

#[test]
fn a_metric_has_the_source_of_its_type() {
    let kind = "HorizontalPodAutoscaler";
    refused(
        kind,
        &metric(r#"{"type":"x"},{}"#),
        expect![[r#"
            spec.metrics[0].type: Unsupported value: "x": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"
            spec.metrics[0].type: Unsupported value: "x": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"
            spec.metrics[1].type: Required value: must specify a metric source type
            spec.metrics[1].type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"
            spec.metrics[1].type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"
        "#]],
    );
    refused(
        kind,
        &metric(
            r#"{"type":"Resource","pods":{"metric":{"name":"m"},"target":{"type":"AverageValue","averageValue":"1"}}}"#,
        ),
        expect![[r#"
            spec.metrics[0].resource: Required value: must populate information for the given metric source
        "#]],
    );
    refused(
        kind,
        &metric(
            r#"{"type":"Resource","resource":{"name":"","target":{"type":"Utilization"}}},
               {"type":"Resource","resource":{"name":"cpu","target":{"type":"x","averageUtilization":0,"averageValue":"-1"}}},
               {"type":"ContainerResource","containerResource":{"name":"cpu","container":"","target":{"type":"Value","value":"0"}}},
               {"type":"Pods","pods":{"metric":{"name":""},"target":{"type":"Value","value":"1"}}},
               {"type":"Object","object":{"describedObject":{"kind":"Service"},"metric":{"name":"a/b","selector":{"matchLabels":{"-":"1"}}},"target":{}}},
               {"type":"External","external":{"metric":{"name":"q"},"target":{"type":"AverageValue","value":"1","averageValue":"1"}}}"#,
        ),
        expect![[r#"
            spec.metrics[0].resource.name: Required value: must specify a resource name
            spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization
            spec.metrics[1].resource.target.type: Invalid value: "x": must be either Utilization, Value, or AverageValue
            spec.metrics[1].resource.target.averageValue: Invalid value: "-1": must be positive
            spec.metrics[1].resource.target.averageUtilization: Invalid value: 0: must be greater than 0
            spec.metrics[1].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization
            spec.metrics[2].containerResource.container: Required value: must specify a container
            spec.metrics[2].containerResource.target.value: Invalid value: "0": must be positive
            spec.metrics[2].containerResource.target.averageUtilization: Required value: must set either a target raw value or a target utilization
            spec.metrics[3].pods.metric.name: Required value: must specify a metric name
            spec.metrics[3].pods.target.averageValue: Required value: must specify a positive target averageValue
            spec.metrics[4].object.describedObject.name: Required value
            spec.metrics[4].object.metric.name: Invalid value: "a/b": may not contain '/'
            spec.metrics[4].object.target.type: Required value: must specify a metric target type
            spec.metrics[4].object.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue
            spec.metrics[4].object.target.averageValue: Required value: must set either a target value or averageValue
            spec.metrics[5].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target
        "#]],
    );
    refused(
        kind,
        &scaler(
            r#","minReplicas":0,"metrics":[{"type":"Object","object":{"describedObject":{"kind":"S","name":"s"},"metric":{"name":"q"},"target":{"type":"Value","value":"1"}}}]"#,
        ),
        expect![[r#"
            spec.minReplicas: Invalid value: 0: must be greater than or equal to 1
        "#]],
    );
}

#[test]
fn the_behavior_of_an_autoscaler_is_bounded() {
    refused(
        "HorizontalPodAutoscaler",
        &scaler(
            r#","behavior":{"scaleUp":{"stabilizationWindowSeconds":3601,"selectPolicy":"x","policies":[]},
                "scaleDown":{"stabilizationWindowSeconds":-1,"tolerance":"-1","policies":[{"type":"x","value":0,"periodSeconds":0},{"type":"Pods","value":1,"periodSeconds":1801}]}}"#,
        ),
        expect![[r#"
            spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600
            spec.behavior.scaleUp.selectPolicy: Unsupported value: "x": supported values: "Disabled", "Max", "Min"
            spec.behavior.scaleUp.policies: Required value: must specify at least one Policy
            spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero
            spec.behavior.scaleDown.policies[0].type: Unsupported value: "x": supported values: "Percent", "Pods"
            spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero
            spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 0: must be greater than zero
            spec.behavior.scaleDown.policies[1].periodSeconds: Invalid value: 1801: must be less than or equal to 1800
            spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0
        "#]],
    );
    status_refused(
        "HorizontalPodAutoscaler",
        &scaler(""),
        r#"{"status":{"currentReplicas":-1,"desiredReplicas":-1}}"#,
        expect![[r#"
            status.currentReplicas: Invalid value: -1: must be greater than or equal to 0
            status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn a_disruption_budget_has_one_bound() {
    let kind = "PodDisruptionBudget";
    refused(
        kind,
        r#"{"spec":{"minAvailable":1,"maxUnavailable":1}}"#,
        expect![[r#"
            spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set
        "#]],
    );
    refused(
        kind,
        r#"{"spec":{"minAvailable":-1,"unhealthyPodEvictionPolicy":"x","selector":{"matchLabels":{"_":"1"}}}}"#,
        expect![[r#"
            spec.minAvailable: Invalid value: -1: must be greater than or equal to 0
            spec.selector.matchLabels: Invalid value: "_": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.unhealthyPodEvictionPolicy: Unsupported value: "x": supported values: "AlwaysAllow", "IfHealthyBudget"
        "#]],
    );
    refused(
        kind,
        r#"{"spec":{"maxUnavailable":"101%"}}"#,
        expect![[r#"
            spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%
        "#]],
    );
    refused(
        kind,
        r#"{"spec":{"maxUnavailable":"x"}}"#,
        expect![[r#"
            spec.maxUnavailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')
        "#]],
    );
    refused(kind, r#"{"spec":{}}"#, expect![""]);
    status_refused(
        kind,
        r#"{"spec":{}}"#,
        r#"{"status":{"disruptionsAllowed":-1,"currentHealthy":-1,"desiredHealthy":-1,"expectedPods":-1}}"#,
        expect![[r#"
            status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0
            status.currentHealthy: Invalid value: -1: must be greater than or equal to 0
            status.desiredHealthy: Invalid value: -1: must be greater than or equal to 0
            status.expectedPods: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}
