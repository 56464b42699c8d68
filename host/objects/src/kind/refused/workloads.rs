//! What is refused of workloads.

use expect_test::expect;

use crate::kind::check::{change_refused, refused, status_refused};

const TEMPLATE: &str =
    r#""template":{"metadata":{"labels":{"a":"1"}},"spec":{"containers":[{"name":"a","image":"i"}]}}"#;
const SELECTOR: &str = r#""selector":{"matchLabels":{"a":"1"}}"#;

fn workload(spec: &str) -> String {
    format!(r#"{{"spec":{{{SELECTOR},{TEMPLATE}{spec}}}}}"#)
}

/// A job whose pods do not start again, with these fields.
fn job(spec: &str) -> String {
    format!(
        r#"{{"spec":{{"template":{{"spec":{{"restartPolicy":"Never","containers":[{{"name":"a","image":"i"}}]}}}}{spec}}}}}"#
    )
}

fn cron_job(spec: &str) -> String {
    format!(r#"{{"spec":{{"jobTemplate":{}{spec}}}}}"#, job(""))
}

#[test]
fn a_workload_selects_the_pods_that_it_makes() {
    let unselected = format!(r#"{{"spec":{{{TEMPLATE}}}}}"#);
    let everything = format!(r#"{{"spec":{{"selector":{{}},{TEMPLATE}}}}}"#);
    let others = format!(r#"{{"spec":{{"selector":{{"matchLabels":{{"b":"1"}}}},{TEMPLATE}}}}}"#);
    refused(
        "Deployment",
        &unselected,
        expect![[r#"
            spec.selector: Required value
            spec.template.metadata.labels: Invalid value: {"a":"1"}: `selector` does not match template `labels`
        "#]],
    );
    refused(
        "Deployment",
        &everything,
        expect![[r#"
            spec.selector: Invalid value: {}: empty selector is invalid for deployment
        "#]],
    );
    refused(
        "StatefulSet",
        &unselected,
        expect![[r#"
            spec.selector: Required value
            spec.template.metadata.labels: Invalid value: {"a":"1"}: `selector` does not match template `labels`
        "#]],
    );
    refused(
        "StatefulSet",
        &everything,
        expect![[r#"
            spec.selector: Invalid value: {}: empty selector is invalid for statefulset
        "#]],
    );
    refused(
        "DaemonSet",
        &unselected,
        expect![[r#"
            spec.template.metadata.labels: Invalid value: {"a":"1"}: `selector` does not match template `labels`
        "#]],
    );
    refused(
        "DaemonSet",
        &everything,
        expect![[r#"
            spec.selector: Invalid value: {}: empty selector is invalid for daemonset
        "#]],
    );
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        let expected = expect![[r#"
            spec.template.metadata.labels: Invalid value: {"a":"1"}: `selector` does not match template `labels`
        "#]];
        refused(kind, &others, expected);
    }
    refused(
        "Deployment",
        r#"{"spec":{"selector":{"matchLabels":{"a b":"_"},"matchExpressions":[{"key":"c","operator":"In"},{"key":"c","operator":"Exists","values":["x"]},{"key":"c","operator":"x"}]},
            "template":{}}}"#,
        expect![[r#"
            spec.selector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.selector.matchLabels: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
            spec.selector.matchExpressions[2].operator: Invalid value: "x": not a valid selector operator
            spec.selector: Invalid value: {"matchLabels":{"a b":"_"},"matchExpressions":[{"key":"c","operator":"In"},{"key":"c","operator":"Exists","values":["x"]},{"key":"c","operator":"x"}]}: invalid label selector
        "#]],
    );
}

#[test]
fn numbers_of_a_deployment_are_bounded() {
    refused(
        "Deployment",
        &workload(
            r#","replicas":-1,"minReadySeconds":-1,"revisionHistoryLimit":-1,"progressDeadlineSeconds":0,
                "strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}"#,
        ),
        expect![[r#"
            spec.replicas: Invalid value: -1: must be greater than or equal to 0
            spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    refused(
        "Deployment",
        &workload(
            r#","minReadySeconds":600,"strategy":{"rollingUpdate":{"maxSurge":-1,"maxUnavailable":"120%"}}"#,
        ),
        expect![[r#"
            spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0
            spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "120%": must not be greater than 100%
            spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds
        "#]],
    );
    refused(
        "Deployment",
        &workload(r#","strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":"x"}}"#),
        expect![[r#"
            spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'
        "#]],
    );
    refused(
        "Deployment",
        &workload(r#","strategy":{"type":"x"}"#),
        expect![[r#"
            spec.strategy: Unsupported value: {"type":"x"}: supported values: "Recreate", "RollingUpdate"
        "#]],
    );
}

#[test]
fn the_pods_of_a_workload_start_again() {
    let ending = workload("").replace(
        r#""spec":{"containers""#,
        r#""spec":{"restartPolicy":"Never","activeDeadlineSeconds":1,"containers""#,
    );
    refused(
        "Deployment",
        &ending,
        expect![[r#"
            spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported
        "#]],
    );
    refused(
        "StatefulSet",
        &ending,
        expect![[r#"
            spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported
        "#]],
    );
    refused(
        "DaemonSet",
        &ending,
        expect![[r#"
            spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported
        "#]],
    );
}

#[test]
fn the_selector_of_a_workload_stays() {
    let other = workload("").replace(r#""a":"1""#, r#""b":"1""#);
    for kind in ["Deployment", "ReplicaSet", "DaemonSet"] {
        let expected = expect![[r#"
            spec.selector: Invalid value: {"matchLabels":{"b":"1"}}: field is immutable
        "#]];
        change_refused(kind, &workload(""), &other, expected);
    }
    change_refused(
        "StatefulSet",
        &workload(""),
        &other,
        expect![[r#"
            spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
        "#]],
    );
}

#[test]
fn little_of_a_stateful_set_may_change() {
    change_refused(
        "StatefulSet",
        &workload(""),
        &workload(r#","serviceName":"s""#),
        expect![[r#"
            spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden
        "#]],
    );
    change_refused(
        "StatefulSet",
        &workload(""),
        &workload(
            r#","replicas":5,"minReadySeconds":3,"updateStrategy":{"type":"OnDelete"},"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete","whenScaled":"Retain"}"#,
        ),
        expect![""],
    );
}

#[test]
fn a_stateful_set_has_known_policies() {
    refused(
        "StatefulSet",
        &workload(
            r#","replicas":-1,"podManagementPolicy":"x","updateStrategy":{"type":"x"},"minReadySeconds":-1,"ordinals":{"start":-1},"revisionHistoryLimit":-1,
                "persistentVolumeClaimRetentionPolicy":{"whenDeleted":"x","whenScaled":"y"}"#,
        ),
        expect![[r#"
            spec.podManagementPolicy: Invalid value: "x": must be 'OrderedReady' or 'Parallel'
            spec.updateStrategy: Invalid value: {"type":"x"}: must be 'RollingUpdate' or 'OnDelete'
            spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": supported values: "Retain", "Delete"
            spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "y": supported values: "Retain", "Delete"
            spec.replicas: Invalid value: -1: must be greater than or equal to 0
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0
            spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    refused(
        "StatefulSet",
        &workload(
            r#","serviceName":"A.B","updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":-1}}"#,
        ),
        expect![[r#"
            spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0
            spec.serviceName: Invalid value: "A.B": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
        "#]],
    );
    refused(
        "StatefulSet",
        &workload(r#","updateStrategy":{"type":"OnDelete","rollingUpdate":{"partition":1}}"#),
        expect![[r#"
            spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'
        "#]],
    );
}

#[test]
fn a_daemon_set_has_a_known_strategy() {
    refused(
        "DaemonSet",
        &workload(r#","updateStrategy":{"type":"x"}"#),
        expect![[r#"
            spec.updateStrategy: Unsupported value: {"type":"x"}: supported values: "RollingUpdate", "OnDelete"
        "#]],
    );
    refused(
        "DaemonSet",
        &workload(
            r#","minReadySeconds":-1,"revisionHistoryLimit":-1,"updateStrategy":{"rollingUpdate":{"maxUnavailable":0}}"#,
        ),
        expect![[r#"
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0
            spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    refused(
        "DaemonSet",
        &workload(r#","updateStrategy":{"rollingUpdate":{"maxUnavailable":1,"maxSurge":"50%"}}"#),
        expect![[r#"
            spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "50%": may not be set when maxUnavailable is non-zero
        "#]],
    );
}

#[test]
fn the_counts_of_a_status_agree() {
    status_refused(
        "Deployment",
        &workload(""),
        r#"{"status":{"observedGeneration":-1,"replicas":1,"updatedReplicas":2,"readyReplicas":3,"availableReplicas":4,"unavailableReplicas":-1,"collisionCount":-1}}"#,
        expect![[r#"
            status.observedGeneration: Invalid value: -1: must be greater than or equal to 0
            status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0
            status.collisionCount: Invalid value: -1: must be greater than or equal to 0
            status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas
            status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas
        "#]],
    );
    status_refused(
        "ReplicaSet",
        &workload(""),
        r#"{"status":{"replicas":1,"fullyLabeledReplicas":2,"readyReplicas":3,"availableReplicas":4}}"#,
        expect![[r#"
            status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas
            status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas
        "#]],
    );
    status_refused(
        "StatefulSet",
        &workload(""),
        r#"{"status":{"replicas":1,"readyReplicas":3,"currentReplicas":2,"updatedReplicas":2,"availableReplicas":-1}}"#,
        expect![[r#"
            status.availableReplicas: Invalid value: -1: must be greater than or equal to 0
            status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas
            status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas
            status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas
        "#]],
    );
    status_refused(
        "DaemonSet",
        &workload(""),
        r#"{"status":{"currentNumberScheduled":-1,"numberReady":-1}}"#,
        expect![[r#"
            status.currentNumberScheduled: Invalid value: -1: must be greater than or equal to 0
            status.numberReady: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn a_controller_of_replicas_selects_by_plain_labels() {
    refused(
        "ReplicationController",
        r#"{"spec":{"replicas":-1,"minReadySeconds":-1,"selector":{"a":"2"},"template":{"metadata":{"labels":{"a":"1"}},"spec":{"restartPolicy":"OnFailure","containers":[{"name":"a","image":"i"}]}}}}"#,
        expect![[r#"
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.replicas: Invalid value: -1: must be greater than or equal to 0
            spec.template.metadata.labels: Invalid value: {"a":"1"}: `selector` does not match template `labels`
            spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"
        "#]],
    );
    refused(
        "ReplicationController",
        r#"{"spec":{"selector":{"a":"2"}}}"#,
        expect![[r#"
            spec.template: Required value
        "#]],
    );
    refused(
        "ReplicationController",
        r#"{"spec":{}}"#,
        expect![[r#"
            spec.selector: Required value
            spec.template: Required value
        "#]],
    );
    refused(
        "PodTemplate",
        r#"{"template":{"spec":{"containers":[{"name":"A"}]}}}"#,
        expect![[r#"
            template.spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            template.spec.containers[0].image: Required value
        "#]],
    );
}

#[test]
fn a_revision_stays_what_it_is() {
    refused(
        "ControllerRevision",
        r#"{"data":{"a":1},"revision":-1}"#,
        expect![[r#"
            revision: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    refused(
        "ControllerRevision",
        r#"{"revision":1}"#,
        expect![[r#"
            data: Required value: data is mandatory
        "#]],
    );
    change_refused(
        "ControllerRevision",
        r#"{"data":{"a":1},"revision":1}"#,
        r#"{"data":{"a":2},"revision":1}"#,
        expect![[r#"
            data: Invalid value: {"a":2}: field is immutable
        "#]],
    );
}

#[test]
fn numbers_of_a_job_are_bounded() {
    refused(
        "Job",
        &job(
            r#","parallelism":-1,"completions":-1,"activeDeadlineSeconds":-1,"backoffLimit":-1,"ttlSecondsAfterFinished":-1,"completionMode":"x","podReplacementPolicy":"x""#,
        ),
        expect![[r#"
            spec.parallelism: Invalid value: -1: must be greater than or equal to 0
            spec.completions: Invalid value: -1: must be greater than or equal to 0
            spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0
            spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0
            spec.completionMode: Unsupported value: "x": supported values: "NonIndexed", "Indexed"
            spec.podReplacementPolicy: Unsupported value: "x": supported values: "Failed", "TerminatingOrFailed"
        "#]],
    );
    refused(
        "Job",
        &job(
            r#","parallelism":200000,"completionMode":"Indexed","completions":200000,"maxFailedIndexes":100"#,
        ),
        expect![[r#"
            spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified
            spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed
        "#]],
    );
    refused("Job", &job(r#","completionMode":"Indexed""#), expect![""]);
    refused(
        "Job",
        &job(r#","backoffLimitPerIndex":1"#),
        expect![[r#"
            spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode
        "#]],
    );
    refused(
        "Job",
        &job(r#","completionMode":"Indexed","completions":5,"backoffLimitPerIndex":-1,"maxFailedIndexes":6"#),
        expect![[r#"
            spec.backoffLimitPerIndex: Invalid value: -1: must be greater than or equal to 0
            spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions
        "#]],
    );
    refused(
        "Job",
        &job(r#","managedBy":"no domain""#),
        expect![[r#"
            spec.managedBy: Invalid value: "no domain": must be a domain-prefixed path (such as "acme.io/foo")
        "#]],
    );
}

#[test]
fn the_pods_of_a_job_end() {
    refused(
        "Job",
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}}}"#,
        expect![[r#"
            spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
        "#]],
    );
    refused(
        "Job",
        r#"{"spec":{"template":{"spec":{"restartPolicy":"x","containers":[{"name":"a","image":"i"}]}}}}"#,
        expect![[r#"
            spec.template.spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"
            spec.template.spec.restartPolicy: Unsupported value: "x": supported values: "OnFailure", "Never"
        "#]],
    );
}

#[test]
fn the_labels_of_a_job_are_its_own() {
    refused(
        "Job",
        &job(r#","selector":{"matchLabels":{"a":"1"}}"#),
        expect![[r#"
            spec.selector: Invalid value: {"matchLabels":{"a":"1","batch.kubernetes.io/controller-uid":"u"}}: `selector` not auto-generated
            spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/job-name":"x","job-name":"x","batch.kubernetes.io/controller-uid":"u","controller-uid":"u"}: `selector` does not match template `labels`
        "#]],
    );
    refused(
        "Job",
        &job(r#","manualSelector":true"#),
        expect![[r#"
            spec.selector: Required value
            spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
        "#]],
    );
    refused(
        "Job",
        &job(r#","manualSelector":true,"selector":{"matchLabels":{"a":"1"}}"#),
        expect![[r#"
            spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
        "#]],
    );
}

#[test]
fn failures_of_pods_are_matched_by_one_means_a_rule() {
    let policy = |rules: &str| job(&format!(r#","podFailurePolicy":{{"rules":[{rules}]}}"#));
    refused(
        "Job",
        &policy(r#"{"action":"x"},{}"#),
        expect![[r#"
            spec.podFailurePolicy.rules[0].action: Unsupported value: "x": supported values: "Count", "FailIndex", "FailJob", "Ignore"
            spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required
            spec.podFailurePolicy.rules[1].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]
            spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required
        "#]],
    );
    refused(
        "Job",
        &policy(
            r#"{"action":"FailJob","onExitCodes":{"operator":"In","values":[0,3,3,2]}},
               {"action":"Ignore","onExitCodes":{"operator":"x","values":[]}},
               {"action":"Count","onExitCodes":{"containerName":"z","operator":"NotIn","values":[1]}},
               {"action":"FailIndex","onPodConditions":[{"type":"DisruptionTarget","status":"x"},{"type":"a b"}]},
               {"action":"Ignore","onExitCodes":{"operator":"In","values":[1]},"onPodConditions":[{"type":"DisruptionTarget","status":"True"}]}"#,
        ),
        expect![[r#"
            spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator
            spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3
            spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [0,3,3,2]: must be ordered
            spec.podFailurePolicy.rules[1].onExitCodes.operator: Unsupported value: "x": supported values: "In", "NotIn"
            spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: []: at least one value is required
            spec.podFailurePolicy.rules[2].onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template
            spec.podFailurePolicy.rules[3].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set
            spec.podFailurePolicy.rules[3].onPodConditions[0].status: Unsupported value: "x": supported values: "False", "True", "Unknown"
            spec.podFailurePolicy.rules[3].onPodConditions[1].type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.podFailurePolicy.rules[4]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported
        "#]],
    );
    refused(
        "Job",
        r#"{"spec":{"podFailurePolicy":{"rules":[]},"template":{"spec":{"restartPolicy":"OnFailure","containers":[{"name":"a","image":"i"}]}}}}"#,
        expect![[r#"
            spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified
        "#]],
    );
}

#[test]
fn success_is_of_indexes() {
    let policy = |more: &str, rules: &str| job(&format!(r#"{more},"successPolicy":{{"rules":[{rules}]}}"#));
    refused(
        "Job",
        &policy("", r#"{"succeededCount":1}"#),
        expect![[r#"
            spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode
        "#]],
    );
    let indexed = r#","completionMode":"Indexed","completions":5,"parallelism":1"#;
    refused(
        "Job",
        &policy(indexed, ""),
        expect![[r#"
            spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified
        "#]],
    );
    refused(
        "Job",
        &policy(
            indexed,
            r#"{},{"succeededCount":6},{"succeededIndexes":"0-2","succeededCount":4},{"succeededIndexes":"3-1"},{"succeededIndexes":"7"},{"succeededIndexes":"a"},{"succeededIndexes":"1,1"}"#,
        ),
        expect![[r#"
            spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified
            spec.successPolicy.rules[1].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)
            spec.successPolicy.rules[2].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)
            spec.successPolicy.rules[3].succeededIndexes: Invalid value: "3-1": error parsing succeededIndexes: non-increasing order, previous: 3, current: 1
            spec.successPolicy.rules[4].succeededIndexes: Invalid value: "7": error parsing succeededIndexes: too large index: "7"
            spec.successPolicy.rules[5].succeededIndexes: Invalid value: "a": error parsing succeededIndexes: cannot convert string to integer for index: "a"
            spec.successPolicy.rules[6].succeededIndexes: Invalid value: "1,1": error parsing succeededIndexes: non-increasing order, previous: 1, current: 1
        "#]],
    );
}

#[test]
fn little_of_a_job_may_change() {
    change_refused(
        "Job",
        &job(""),
        &job(r#","completions":3"#),
        expect![[r#"
            spec.completions: Invalid value: 3: field is immutable
        "#]],
    );
    change_refused(
        "Job",
        &job(r#","completionMode":"Indexed","completions":2"#),
        &job(r#","completionMode":"Indexed","completions":3,"parallelism":2"#),
        expect![[r#"
            spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism
        "#]],
    );
    change_refused(
        "Job",
        &job(r#","completionMode":"Indexed","completions":2,"parallelism":2"#),
        &job(r#","completionMode":"Indexed","completions":3,"parallelism":3"#),
        expect![""],
    );
    let other = job("").replace(r#""image":"i""#, r#""image":"j""#);
    change_refused(
        "Job",
        &job(""),
        &other,
        expect![[r#"
            spec.template: Invalid value: {"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"j","terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","resources":{},"imagePullPolicy":"Always"}],"dnsPolicy":"ClusterFirst","terminationGracePeriodSeconds":30,"securityContext":{},"schedulerName":"default-scheduler"},"metadata":{"labels":{"batch.kubernetes.io/job-name":"x","job-name":"x","batch.kubernetes.io/controller-uid":"u","controller-uid":"u"}}}: field is immutable
        "#]],
    );
    change_refused(
        "Job",
        &job(""),
        &job(
            r#","completionMode":"Indexed","completions":1,"backoffLimitPerIndex":1,"managedBy":"a.b/c","podFailurePolicy":{"rules":[]}"#,
        ),
        expect![[r#"
            spec.completionMode: Invalid value: "Indexed": field is immutable
            spec.podFailurePolicy: Invalid value: {"rules":[]}: field is immutable
            spec.backoffLimitPerIndex: Invalid value: 1: field is immutable
            spec.managedBy: Invalid value: "a.b/c": field is immutable
        "#]],
    );
}

#[test]
fn the_status_of_a_job_is_of_one_life() {
    status_refused(
        "Job",
        &job(r#","completions":3"#),
        r#"{"status":{"active":-1,"succeeded":4,"failed":-1,"ready":1,"completedIndexes":"1","startTime":"2026-01-01T00:00:00Z",
            "completionTime":"2025-01-01T00:00:00Z","conditions":[{"type":"Complete","status":"True"},{"type":"Failed","status":"True"}],
            "uncountedTerminatedPods":{"succeeded":["a","a",""]}}}"#,
        expect![[r#"
            status.active: Invalid value: -1: must be greater than or equal to 0
            status.failed: Invalid value: -1: must be greater than or equal to 0
            status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"
            status.uncountedTerminatedPods.succeeded[2]: Invalid value: "": must not be empty
            status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions
            status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition
            status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition
            status.completionTime: Invalid value: "2025-01-01T00:00:00Z": must be equal to or after `startTime`
            status.uncountedTerminatedPods: Invalid value: {"succeeded":["a","a",""]}: must be empty for finished job
            status.ready: Invalid value: 1: cannot set more ready pods than active
            status.failed: Invalid value: -1: cannot decrease the failed counter
            status.completedIndexes: Invalid value: "1": cannot set non-empty completedIndexes when non-indexed completion mode
        "#]],
    );
}

#[test]
fn a_schedule_is_one_that_cron_reads() {
    refused(
        "CronJob",
        &cron_job(""),
        expect![[r#"
            spec.schedule: Required value
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(r#","schedule":"* * *","concurrencyPolicy":"x""#),
        expect![[r#"
            spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]
            spec.concurrencyPolicy: Unsupported value: "x": supported values: "Allow", "Forbid", "Replace"
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(r#","schedule":"61 * * * *""#),
        expect![[r#"
            spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(r#","schedule":"TZ=UTC 0 * * * *""#),
        expect![[r#"
            spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(
            r#","schedule":"TZ=UTC 0 * * * *","timeZone":"","startingDeadlineSeconds":-1,"successfulJobsHistoryLimit":-1,"failedJobsHistoryLimit":-1"#,
        ),
        expect![[r#"
            spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule
            spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string
            spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0
            spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(r#","schedule":"@hourly","timeZone":"Local""#),
        expect![[r#"
            spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones
        "#]],
    );
    refused(
        "CronJob",
        &cron_job(r#","schedule":"@hourly","timeZone":"Nowhere/City""#),
        expect![[r#"
            spec.timeZone: Invalid value: "Nowhere/City": unknown time zone Nowhere/City
        "#]],
    );
    refused("CronJob", &cron_job(r#","schedule":"@hourly","timeZone":"Europe/Vienna""#), expect![""]);
}

#[test]
fn a_cron_job_leaves_room_for_the_time_in_the_names_of_its_jobs() {
    let named = cron_job(r#","schedule":"@hourly""#).replacen(
        '{',
        &format!(r#"{{"metadata":{{"name":"{}"}},"#, "a".repeat(53)),
        1,
    );
    refused(
        "CronJob",
        &named,
        expect![[r#"
            metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 52 characters
        "#]],
    );
    change_refused("CronJob", &named, &named, expect![""]);
    let selected = r#"{"spec":{"schedule":"@hourly","jobTemplate":{"spec":{"manualSelector":true,"selector":{},"template":{"spec":{"restartPolicy":"Always","containers":[{"name":"a","image":"i"}]}}}}}}"#;
    refused(
        "CronJob",
        selected,
        expect![[r#"
            spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
            spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated
            spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"
        "#]],
    );
}
