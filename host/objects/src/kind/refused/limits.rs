//! Quotas and limit ranges.

use expect_test::expect;

use super::{accepted, change_refused, refused, status_refused};

#[test]
fn a_quota_bounds_what_can_be_counted() {
    refused(
        "ResourceQuota",
        r#"{"spec":{"hard":{"cpu":"-1","pods":"1500m","x":"1","storage":"1","example.com/gpu":"1","requests.example.com/gpu":"2",
            "count/jobs.batch":"3","requests.hugepages-2Mi":"1","a/b/c":"1"}}}"#,
        expect![[r#"
            spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0
            spec.hard[pods]: Invalid value: "1500m": must be an integer
            spec.hard[x]: Invalid value: "x": must be a standard resource type or fully qualified
            spec.hard[x]: Invalid value: "x": must be a standard resource for quota
            spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota
            spec.hard[a/b/c]: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
        "#]],
    );
    status_refused(
        "ResourceQuota",
        "{}",
        r#"{"status":{"hard":{"x":"1"},"used":{"pods":"-1"}}}"#,
        expect![[r#"
            status.hard[x]: Invalid value: "x": must be a standard resource type or fully qualified
            status.hard[x]: Invalid value: "x": must be a standard resource for quota
            status.used[pods]: Invalid value: "-1": must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn the_scopes_of_a_quota_fit_what_it_bounds() {
    refused(
        "ResourceQuota",
        r#"{"spec":{"hard":{"pods":"1","services":"1"},"scopes":["BestEffort","NotBestEffort","x"]}}"#,
        expect![[r#"
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: unsupported scope applied to resource
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: unsupported scope applied to resource
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: unsupported scope
            spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: conflicting scopes
        "#]],
    );
    refused(
        "ResourceQuota",
        r#"{"spec":{"hard":{"pods":"1","cpu":"1"},"scopeSelector":{"matchExpressions":[
            {"scopeName":"BestEffort","operator":"In","values":["a"]},{"scopeName":"PriorityClass","operator":"In"},
            {"scopeName":"PriorityClass","operator":"Exists","values":["a"]},{"scopeName":"x","operator":"y"},
            {"scopeName":"Terminating","operator":"Exists"},{"scopeName":"NotTerminating","operator":"Exists"}]}}}"#,
        expect![[r#"
            spec.scopeSelector.matchExpressions: Invalid value: {"matchExpressions":[{"scopeName":"BestEffort","operator":"In","values":["a"]},{"scopeName":"PriorityClass","operator":"In"},{"scopeName":"PriorityClass","operator":"Exists","values":["a"]},{"scopeName":"x","operator":"y"},{"scopeName":"Terminating","operator":"Exists"},{"scopeName":"NotTerminating","operator":"Exists"}]}: unsupported scope applied to resource
            spec.scopeSelector.matchExpressions.operator: Invalid value: "In": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity
            spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector
            spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector
            spec.scopeSelector.matchExpressions.scopeName: Invalid value: "x": unsupported scope
            spec.scopeSelector.matchExpressions.operator: Invalid value: "y": not a valid selector operator
            spec.scopeSelector.matchExpressions: Invalid value: null: conflicting scopes
        "#]],
    );
    let scoped = |scope: &str| format!(r#"{{"spec":{{"hard":{{"pods":"1"}},"scopes":["{scope}"]}}}}"#);
    change_refused(
        "ResourceQuota",
        &scoped("Terminating"),
        &scoped("NotTerminating"),
        expect![[r#"
        spec.scopes: Invalid value: ["NotTerminating"]: field is immutable
    "#]],
    );
}

#[test]
fn the_defaults_of_a_container_follow_from_its_bounds() {
    accepted(
        "LimitRange",
        r#"{"spec":{"limits":[{"type":"Container","max":{"cpu":"2","memory":"1Gi"},"min":{"cpu":"100m"},"default":{"memory":"512Mi"}},
            {"type":"Pod","max":{"cpu":"4"}}]}}"#,
        expect![[r#"
            {"spec":{"limits":[{"type":"Container","max":{"cpu":"2","memory":"1Gi"},"min":{"cpu":"100m"},"default":{"memory":"512Mi","cpu":"2"},"defaultRequest":{"memory":"512Mi","cpu":"2"}},{"type":"Pod","max":{"cpu":"4"}}]},"metadata":{"name":"x","namespace":"d"}}
        "#]],
    );
}

#[test]
fn bounds_fit_one_another() {
    refused(
        "LimitRange",
        r#"{"spec":{"limits":[
            {"type":"Container","max":{"cpu":"1"},"min":{"cpu":"2"},"default":{"cpu":"3"},"defaultRequest":{"cpu":"4"},"maxLimitRequestRatio":{"cpu":"500m"}},
            {"type":"Container","max":{"x":"1","example.com/gpu":"1"},"default":{"example.com/gpu":"1"},"defaultRequest":{"example.com/gpu":"0"}},
            {"type":"Pod","default":{"cpu":"1"},"defaultRequest":{"cpu":"1"},"min":{"memory":"1Gi"},"max":{"memory":"2Gi"},"maxLimitRequestRatio":{"memory":"3"}},
            {"type":"PersistentVolumeClaim","default":{"storage":"1"}},
            {"type":"x"},{"type":"a b"}]}}"#,
        expect![[r#"
            spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1
            spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 1
            spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than default limit value 3
            spec.limits[0].default[cpu]: Invalid value: "1": default value 3 is greater than max value 1
            spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1
            spec.limits[1].type: Duplicate value: "Container"
            spec.limits[1].max[x]: Invalid value: "x": must be a standard resource type or fully qualified
            spec.limits[1].max[x]: Invalid value: "x": must be a standard resource for containers
            spec.limits[1].default[x]: Invalid value: "x": must be a standard resource type or fully qualified
            spec.limits[1].default[x]: Invalid value: "x": must be a standard resource for containers
            spec.limits[1].defaultRequest[x]: Invalid value: "x": must be a standard resource type or fully qualified
            spec.limits[1].defaultRequest[x]: Invalid value: "x": must be a standard resource for containers
            spec.limits[1].defaultRequest[example.com/gpu]: Invalid value: "0": default value 1 must equal to defaultRequest value 0 in example.com/gpu
            spec.limits[2].default: Forbidden: may not be specified when `type` is 'Pod'
            spec.limits[2].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'
            spec.limits[2].maxLimitRequestRatio[memory]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000
            spec.limits[3].limits: Required value: either minimum or maximum storage value is required, but neither was provided
            spec.limits[4].type: Invalid value: "x": must be a standard limit type or fully qualified
            spec.limits[5].type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
}
