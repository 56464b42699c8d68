//! What is refused of the details of a pod.

use expect_test::expect;

use crate::kind::check::{change_refused, pod, refused, status_refused};

fn spec_refused(spec: &str, expected: expect_test::Expect) {
    refused("Pod", &pod("", &format!(",{spec}")), expected);
}

fn container_refused(container: &str, expected: expect_test::Expect) {
    refused("Pod", &pod(&format!(",{container}"), ""), expected);
}

#[test]
fn affinity_is_of_known_terms() {
    spec_refused(
        r#""affinity":{"nodeAffinity":{
            "requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[
                {"key":"a","operator":"In"},{"key":"b","operator":"Exists","values":["x"]},{"key":"c","operator":"Gt","values":["1","2"]},{"key":"","operator":"x"}],
                "matchFields":[{"key":"metadata.uid","operator":"In","values":["x"]},{"key":"metadata.name","operator":"Exists"},{"key":"metadata.name","operator":"In","values":["-"]}]}]},
            "preferredDuringSchedulingIgnoredDuringExecution":[{"weight":0,"preference":{}},{"weight":101,"preference":{"matchExpressions":[{"key":"a b","operator":"Exists"}]}}]}}"#,
        expect![[r#"
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[3].operator: Invalid value: "x": not a valid selector operator
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[3].key: Invalid value: "": name part must be non-empty
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[3].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "metadata.uid": not a valid field selector key
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[1].operator: Invalid value: "Exists": not a valid selector operator
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[2].values[0]: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100
            spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[1].weight: Invalid value: 101: must be in the range 1-100
            spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[1].preference.matchExpressions[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
    spec_refused(
        r#""affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}"#,
        expect![[r#"
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term
        "#]],
    );
    spec_refused(
        r#""affinity":{"podAffinity":{
            "requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"a":"_"}},"topologyKey":""},
                {"labelSelector":{"matchLabels":{"a":"1"}},"topologyKey":"a b","namespaces":["A"],"matchLabelKeys":["a","b","b"],"mismatchLabelKeys":["b","c d"]},
                {"topologyKey":"k","matchLabelKeys":["a"],"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"x"}]}}],
            "preferredDuringSchedulingIgnoredDuringExecution":[{"weight":0,"podAffinityTerm":{}}]},
            "podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":101,"podAffinityTerm":{"topologyKey":"k"}}]}}"#,
        expect![[r#"
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].namespace: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].mismatchLabelKeys[1]: Invalid value: "c d": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].matchLabelKeys[1]: Invalid value: "b": exists in both matchLabelKeys and mismatchLabelKeys
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].matchLabelKeys[2]: Invalid value: "b": exists in both matchLabelKeys and mismatchLabelKeys
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].topologyKey: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[2].namespaceSelector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator
            spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[2].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set
            spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100
            spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value: can not be empty
            spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Invalid value: "": name part must be non-empty
            spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100
        "#]],
    );
}

#[test]
fn pods_spread_over_one_topology_once() {
    spec_refused(
        r#""topologySpreadConstraints":[
            {"maxSkew":0,"topologyKey":"","whenUnsatisfiable":"x"},
            {"maxSkew":1,"topologyKey":"k","whenUnsatisfiable":"ScheduleAnyway","minDomains":1,"nodeAffinityPolicy":"x","nodeTaintsPolicy":"y"},
            {"maxSkew":1,"topologyKey":"k","whenUnsatisfiable":"ScheduleAnyway","matchLabelKeys":["a"]},
            {"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule","minDomains":0,"labelSelector":{"matchLabels":{"a":"1"}},"matchLabelKeys":["a"]}]"#,
        expect![[r#"
            spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero
            spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty
            spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "x": supported values: "DoNotSchedule", "ScheduleAnyway"
            spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{k, ScheduleAnyway}"
            spec.topologySpreadConstraints[1].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway
            spec.topologySpreadConstraints[1].nodeAffinityPolicy: Unsupported value: "x": supported values: "Honor", "Ignore"
            spec.topologySpreadConstraints[1].nodeTaintsPolicy: Unsupported value: "y": supported values: "Honor", "Ignore"
            spec.topologySpreadConstraints[2].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set
            spec.topologySpreadConstraints[3].minDomains: Invalid value: 0: must be greater than zero
        "#]],
    );
}

#[test]
fn a_toleration_is_of_a_known_form() {
    spec_refused(
        r#""tolerations":[{"operator":"Equal"},{"key":"a b"},{"key":"a","operator":"Exists","value":"x"},{"key":"a","operator":"x"},
            {"key":"a","effect":"x"},{"key":"a","effect":"NoSchedule","tolerationSeconds":1},{"key":"a","value":"_"},{"operator":"Exists"}]"#,
        expect![[r#"
            spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"
            spec.tolerations[1].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.tolerations[2].operator: Invalid value: "x": value must be empty when `operator` is 'Exists'
            spec.tolerations[3].operator: Unsupported value: "x": supported values: "Equal", "Exists"
            spec.tolerations[4].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
            spec.tolerations[5].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set
            spec.tolerations[6].operator: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
        "#]],
    );
}

#[test]
fn security_is_of_known_identities() {
    spec_refused(
        r#""securityContext":{"runAsUser":-1,"runAsGroup":-1,"fsGroup":-1,"supplementalGroups":[-1],"fsGroupChangePolicy":"x","supplementalGroupsPolicy":"x",
            "sysctls":[{"name":""},{"name":"kernel..shm","value":"1"},{"name":"a","value":"1"},{"name":"a","value":"1"}],
            "seccompProfile":{"type":"Localhost"},"appArmorProfile":{"type":"x"},"seLinuxChangePolicy":"x"}"#,
        expect![[r#"
            spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.securityContext.sysctls[0].name: Required value
            spec.securityContext.sysctls[1].name: Invalid value: "kernel..shm": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$
            spec.securityContext.sysctls[3].name: Duplicate value: "a"
            spec.securityContext.fsGroupChangePolicy: Unsupported value: "x": supported values: "Always", "OnRootMismatch"
            spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost
            spec.securityContext.appArmorProfile.type: Unsupported value: "x": supported values: "Localhost", "RuntimeDefault", "Unconfined"
            spec.securityContext.supplementalGroupsPolicy: Unsupported value: "x": supported values: "Merge", "Strict"
            spec.securityContext.seLinuxChangePolicy: Unsupported value: "x": supported values: "MountOption", "Recursive"
        "#]],
    );
    spec_refused(
        r#""hostNetwork":true,"hostPID":true,"shareProcessNamespace":true"#,
        expect![[r#"
            spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled
        "#]],
    );
    spec_refused(
        r#""hostIPC":true,"securityContext":{"sysctls":[{"name":"kernel.shm_rmid_forced","value":"1"},{"name":"fs.mqueue.x","value":"1"}]}"#,
        expect![[r#"
            spec.securityContext.sysctls[0].name: Invalid value: "kernel.shm_rmid_forced": may not be specified when 'hostIPC' is true
            spec.securityContext.sysctls[1].name: Invalid value: "fs.mqueue.x": may not be specified when 'hostIPC' is true
        "#]],
    );
    spec_refused(
        r#""hostNetwork":true,"hostUsers":false,"securityContext":{"sysctls":[{"name":"net.core.somaxconn","value":"1"}]}"#,
        expect![[r#"
            spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when 'hostNetwork' is true
            spec.hostNetwork: Forbidden: when `hostUsers` is false
        "#]],
    );
    container_refused(
        r#""securityContext":{"runAsUser":-1,"runAsGroup":4294967296,"privileged":true,"allowPrivilegeEscalation":false,"procMount":"x",
            "capabilities":{"add":["CAP_SYS_ADMIN"]},"seccompProfile":{"type":"RuntimeDefault","localhostProfile":"p"},"appArmorProfile":{"type":"Localhost","localhostProfile":" "}}"#,
        expect![[r#"
            spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.containers[0].securityContext.runAsGroup: Invalid value: 4294967296: must be between 0 and 2147483647, inclusive
            spec.containers[0].securityContext.procMount: Unsupported value: "x": supported values: "Default", "Unmasked"
            spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: {"type":"RuntimeDefault","localhostProfile":"p"}: can only be set when seccomp type is Localhost
            spec.containers[0].securityContext: Invalid value: {"runAsUser":-1,"runAsGroup":4294967296,"privileged":true,"allowPrivilegeEscalation":false,"procMount":"x","capabilities":{"add":["CAP_SYS_ADMIN"]},"seccompProfile":{"type":"RuntimeDefault","localhostProfile":"p"},"appArmorProfile":{"type":"Localhost","localhostProfile":" "}}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true
            spec.containers[0].securityContext: Invalid value: {"runAsUser":-1,"runAsGroup":4294967296,"privileged":true,"allowPrivilegeEscalation":false,"procMount":"x","capabilities":{"add":["CAP_SYS_ADMIN"]},"seccompProfile":{"type":"RuntimeDefault","localhostProfile":"p"},"appArmorProfile":{"type":"Localhost","localhostProfile":" "}}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN
            spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: " ": must not be padded with whitespace
        "#]],
    );
    container_refused(
        r#""securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"add":["SYS_ADMIN"]},"procMount":"Unmasked"}"#,
        expect![[r#"
            spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`
        "#]],
    );
}

#[test]
fn a_probe_asks_in_one_way() {
    container_refused(
        r#""livenessProbe":{"httpGet":{"port":0,"path":"","scheme":"x","host":"","httpHeaders":[{"name":"a b","value":""}]},"tcpSocket":{"port":"A_"},"initialDelaySeconds":-1,"timeoutSeconds":-1,"periodSeconds":-1,"failureThreshold":-1,"successThreshold":2,"terminationGracePeriodSeconds":0},
          "readinessProbe":{"exec":{},"terminationGracePeriodSeconds":5},
          "startupProbe":{"grpc":{"port":0},"successThreshold":2}"#,
        expect![[r#"
            spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "x": supported values: "HTTP", "HTTPS"
            spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')
            spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type
            spec.containers[0].livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.containers[0].livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.containers[0].livenessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0
            spec.containers[0].livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0
            spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1
            spec.containers[0].readinessProbe.exec.command: Required value
            spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes
            spec.containers[0].startupProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.containers[0].startupProbe.successThreshold: Invalid value: 2: must be 1
        "#]],
    );
    refused(
        "Pod",
        &pod(
            "",
            r#","initContainers":[{"name":"b","image":"i","livenessProbe":{"exec":{"command":["x"]}},"readinessProbe":{"exec":{"command":["x"]}},"startupProbe":{"exec":{"command":["x"]}},"lifecycle":{"preStop":{"exec":{"command":["x"]}}}}]"#,
        ),
        expect![[r#"
            spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always
            spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
            spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
            spec.initContainers[0].startupProbe: Forbidden: may not be set for init containers without restartPolicy=Always
        "#]],
    );
}

#[test]
fn what_runs_around_a_container_is_one_thing() {
    container_refused(
        r#""lifecycle":{"postStart":{},"preStop":{"exec":{"command":["x"]},"sleep":{"seconds":1}},"stopSignal":"SIGTERM"}"#,
        expect![[r#"
            spec.containers[0].lifecycle.postStart: Required value: must specify a handler type
            spec.containers[0].lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type
            spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`
        "#]],
    );
    container_refused(
        r#""lifecycle":{"preStop":{"sleep":{"seconds":31}}}"#,
        expect![[r#"
            spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)
        "#]],
    );
    refused(
        "Pod",
        &pod(r#","lifecycle":{"stopSignal":"SIGHUP"}"#, r#","os":{"name":"windows"}"#),
        expect![[r#"
            spec.containers[0].lifecycle.stopSignal: Unsupported value: "SIGHUP": supported values: "SIGKILL", "SIGTERM"
        "#]],
    );
}

#[test]
fn the_environment_comes_from_one_place_each() {
    container_refused(
        r#""env":[{"name":"A","valueFrom":{}},
            {"name":"B","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"},"secretKeyRef":{"name":"s","key":"k"}}},
            {"name":"C","valueFrom":{"fieldRef":{"apiVersion":"v2","fieldPath":""}}},
            {"name":"D","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels"}}},
            {"name":"E","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['a b']"}}},
            {"name":"F","valueFrom":{"resourceFieldRef":{"resource":"limits.x","divisor":"2"}}},
            {"name":"G","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"2"}}},
            {"name":"H","valueFrom":{"configMapKeyRef":{"name":"A_","key":""}}},
            {"name":"I","valueFrom":{"secretKeyRef":{"name":"","key":"a/b"}}}]"#,
        expect![[r#"
            spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`
            spec.containers[0].env[1].valueFrom: Invalid value: "": may not have more than one field specified at a time
            spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Required value
            spec.containers[0].env[3].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"
            spec.containers[0].env[4].valueFrom.fieldRef: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.containers[0].env[5].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.x": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"
            spec.containers[0].env[6].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource
            spec.containers[0].env[7].valueFrom.configMapKeyRef.name: Invalid value: "A_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.containers[0].env[7].valueFrom.configMapKeyRef.key: Required value
            spec.containers[0].env[8].valueFrom.secretKeyRef.name: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.containers[0].env[8].valueFrom.secretKeyRef.key: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
        "#]],
    );
    container_refused(
        r#""envFrom":[{},{"configMapRef":{"name":""}},{"prefix":"a=","secretRef":{"name":"A_"}},{"configMapRef":{"name":"a"},"secretRef":{"name":"b"}}]"#,
        expect![[r#"
            spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`
            spec.containers[0].envFrom[1].configMapRef.name: Required value
            spec.containers[0].envFrom[2].prefix: Invalid value: "a=": a valid environment variable name must consist only of printable ASCII characters other than '='
            spec.containers[0].envFrom[2].secretRef.name: Invalid value: "A_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.containers[0].envFrom: Invalid value: "": may not have more than one field specified at a time
        "#]],
    );
}

#[test]
fn requests_are_within_limits() {
    container_refused(
        r#""resources":{"requests":{"cpu":"2","hugepages-2Mi":"2Mi","example.com/gpu":"1","x":"1"},"limits":{"cpu":"1","example.com/gpu":"2","hugepages-2Mi":"4Mi"}}"#,
        expect![[r#"
            spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
            spec.containers[0].resources.requests: Invalid value: "2Mi": must be equal to hugepages-2Mi limit of 4Mi
            spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2
            spec.containers[0].resources.requests[x]: Invalid value: "x": must be a standard resource type or fully qualified
            spec.containers[0].resources.requests[x]: Invalid value: "x": must be a standard resource for containers
        "#]],
    );
    container_refused(
        r#""resources":{"requests":{"example.com/gpu":"1"}}"#,
        expect![[r#"
            spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources
        "#]],
    );
    container_refused(
        r#""resources":{"limits":{"example.com/gpu":"1500m","a/b/c":"1"}}"#,
        expect![[r#"
            spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer
            spec.containers[0].resources.limits[a/b/c]: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
            spec.containers[0].resources.limits[a/b/c]: Invalid value: "a/b/c": doesn't follow extended resource name standard
            spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer
            spec.containers[0].resources.requests[a/b/c]: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
            spec.containers[0].resources.requests[a/b/c]: Invalid value: "a/b/c": doesn't follow extended resource name standard
        "#]],
    );
    container_refused(
        r#""resources":{"limits":{"hugepages-2Mi":"2Mi"}}"#,
        expect![[r#"
            spec.containers[0].resources: Forbidden: HugePages require cpu or memory
        "#]],
    );
    container_refused(
        r#""resources":{"limits":{"hugepages-2Mi":"3M","cpu":"1"}}"#,
        expect![[r#"
            spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3M": 3M is not positive integer multiple of hugepages-2Mi
            spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3M": 3M is not positive integer multiple of hugepages-2Mi
        "#]],
    );
    container_refused(
        r#""resources":{"claims":[{"name":"c"},{"name":"c"}]}"#,
        expect![[r#"
            spec.containers[0].resources.claims[0]: Not found: "c": must be one of the names in pod.spec.resourceClaims which is empty
            spec.containers[0].resources.claims[1]: Duplicate value: "c"
            spec.containers[0].resources.claims[1]: Not found: "c": must be one of the names in pod.spec.resourceClaims which is empty
        "#]],
    );
    container_refused(
        r#""resizePolicy":[{"resourceName":"x","restartPolicy":"y"},{"resourceName":"cpu","restartPolicy":"NotRequired"},{"resourceName":"cpu","restartPolicy":"RestartContainer"}]"#,
        expect![[r#"
            spec.containers[0].resizePolicy: Unsupported value: "x": supported values: "cpu", "memory"
            spec.containers[0].resizePolicy: Unsupported value: "y": supported values: "NotRequired", "RestartContainer"
            spec.containers[0].resizePolicy[2]: Duplicate value: "cpu"
        "#]],
    );
    refused(
        "Pod",
        &pod(
            r#","resources":{"requests":{"cpu":"2"},"limits":{"cpu":"3"}}"#,
            r#","resources":{"requests":{"cpu":"1","example.com/gpu":"1","ephemeral-storage":"1"},"limits":{"cpu":"2"}}"#,
        ),
        expect![[r#"
            spec.resources.requests[example.com/gpu]: Unsupported value: "example.com/gpu": supported values: "cpu", "hugepages-", "memory"
            spec.resources.limits: Required value: Limit must be set for non overcommitable resources
            spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"
            spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2
            spec.resources.containers[0][cpu].limits: Invalid value: "3": must be less than or equal to pod limits of 2
        "#]],
    );
}

#[test]
fn names_are_looked_up_where_the_pod_says() {
    spec_refused(
        r#""dnsPolicy":"None""#,
        expect![[r#"
            spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None
        "#]],
    );
    spec_refused(
        r#""dnsPolicy":"None","dnsConfig":{"nameservers":["1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"],"searches":["a..b","A","ok."],"options":[{"value":"x"}]}"#,
        expect![[r#"
            spec.dnsConfig.nameservers: Invalid value: ["1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"]: must not have more than 3 nameservers
            spec.dnsConfig.nameservers[0]: Invalid value: "1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.dnsConfig.searches[0]: Invalid value: "a..b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')
            spec.dnsConfig.searches[1]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')
            spec.dnsConfig.options[0]: Required value: must not be empty
        "#]],
    );
    spec_refused(
        r#""hostAliases":[{"ip":"x","hostnames":["a","A B"]},{"ip":"::1","hostnames":["ok"]}],"hostname":"A","subdomain":"a.b""#,
        expect![[r#"
            spec.hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.subdomain: Invalid value: "a.b": must not contain dots
            spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.hostAliases[0].hostnames[1]: Invalid value: "A B": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
    spec_refused(
        r#""hostnameOverride":"A","setHostnameAsFQDN":true"#,
        expect![[r#"
            spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true
            spec.hostnameOverride: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}

#[test]
fn what_a_pod_waits_for_is_named_once() {
    spec_refused(
        r#""schedulingGates":[{"name":"a"},{"name":"a"},{"name":"a b"}],"nodeName":"n","readinessGates":[{"conditionType":"a b"}]"#,
        expect![[r#"
            spec.readinessGates[0].conditionType: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.schedulingGates[1]: Duplicate value: "a"
            spec.schedulingGates[2]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared
        "#]],
    );
}

#[test]
fn odds_and_ends_of_a_pod_are_known() {
    spec_refused(
        r#""restartPolicy":"x","terminationGracePeriodSeconds":-1,"activeDeadlineSeconds":0,"serviceAccountName":"A","nodeName":"A","nodeSelector":{"a b":"_"},
            "imagePullSecrets":[{}],"priorityClassName":"A","runtimeClassName":"A","preemptionPolicy":"x","schedulerName":"A B","overhead":{"cpu":"1"},"os":{"name":"x"}"#,
        expect![[r#"
            spec.restartPolicy: Unsupported value: "x": supported values: "Always", "OnFailure", "Never"
            spec.nodeSelector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.nodeSelector: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.serviceAccountName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
            spec.priorityClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.runtimeClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"
            spec.os: Unsupported value: "x": supported values: "linux", "windows"
        "#]],
    );
    refused(
        "Pod",
        r#"{"spec":{}}"#,
        expect![[r#"
            spec.containers: Required value
        "#]],
    );
    refused(
        "Pod",
        &pod(
            r#","terminationMessagePath":"","terminationMessagePolicy":"x","imagePullPolicy":"x","volumeDevices":[{"name":"v","devicePath":"a/../b"}],"stdinOnce":true"#,
            "",
        ),
        expect![[r#"
            spec.containers[0].terminationMessagePolicy: Unsupported value: "x": supported values: "File", "FallbackToLogsOnError"
            spec.containers[0].volumeDevices[0].name: Not found: "v"
            spec.containers[0].volumeDevices[0].devicePath: Invalid value: "a/../b": can not contain backsteps ('..')
            spec.containers[0].imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"
        "#]],
    );
}

#[test]
fn containers_that_start_first_may_go_on() {
    spec_refused(
        r#""initContainers":[{"name":"a","image":"i"},{"name":"b","image":"i","restartPolicy":"x"},{"name":"c","image":"i","restartPolicy":"Always","livenessProbe":{"exec":{"command":["x"]},"successThreshold":2}},{"name":"d","image":"i","restartPolicy":"Never"}]"#,
        expect![[r#"
            spec.initContainers[0].name: Duplicate value: "a"
            spec.initContainers[1].restartPolicy: Unsupported value: "x": supported values: "Always", "Never", "OnFailure"
            spec.initContainers[2].livenessProbe.successThreshold: Invalid value: 2: must be 1
        "#]],
    );
    container_refused(r#""restartPolicy":"Always""#, expect![""]);
    container_refused(
        r#""restartPolicy":"Never","restartPolicyRules":[{"action":"x","exitCodes":{"operator":"y","values":[1]}},{"action":"Restart"},{"action":"Restart","exitCodes":{"operator":"In","values":[]}}]"#,
        expect![[r#"
            spec.containers[0].restartPolicyRules[0].action: Unsupported value: "x": supported values: "Restart", "RestartAllContainers"
            spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "y": supported values: "In", "NotIn"
            spec.containers[0].restartPolicyRules[1].exitCodes: Required value: must be specified
        "#]],
    );
}

#[test]
fn windows_has_no_linux_settings() {
    spec_refused(
        r#""os":{"name":"windows"},"hostPID":true,"hostIPC":true,"hostUsers":true,"shareProcessNamespace":true,"securityContext":{"runAsUser":1,"runAsGroup":1,"fsGroup":1,"supplementalGroups":[1],"seLinuxOptions":{},"seccompProfile":{"type":"RuntimeDefault"},"sysctls":[{"name":"a","value":"1"}]}"#,
        expect![[r#"
            spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled
            spec.securityContext.seLinuxOptions: Forbidden: cannot be set for a windows pod
            spec.hostUsers: Forbidden: cannot be set for a windows pod
            spec.hostPID: Forbidden: cannot be set for a windows pod
            spec.hostIPC: Forbidden: cannot be set for a windows pod
            spec.securityContext.seccompProfile: Forbidden: cannot be set for a windows pod
            spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod
            spec.securityContext.sysctls: Forbidden: cannot be set for a windows pod
            spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod
            spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod
            spec.securityContext.runAsGroup: Forbidden: cannot be set for a windows pod
            spec.securityContext.supplementalGroups: Forbidden: cannot be set for a windows pod
        "#]],
    );
    refused(
        "Pod",
        &pod(
            r#","securityContext":{"windowsOptions":{"hostProcess":true,"runAsUserName":"a\u0001","gmsaCredentialSpecName":"A_","gmsaCredentialSpec":""}}"#,
            r#","os":{"name":"linux"}"#,
        ),
        expect![[r#"
            spec.containers[0].securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: "A_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.containers[0].securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string
            spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "a\u{1}": runAsUserName cannot contain control characters
            spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers
            spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod
        "#]],
    );
    refused(
        "Pod",
        &pod(
            r#","securityContext":{"windowsOptions":{"hostProcess":true,"runAsUserName":"\\"}}"#,
            r#","securityContext":{"windowsOptions":{"hostProcess":false}}"#,
        ),
        expect![[r#"
            spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "\\": runAsUserName's Domain doesn't match the NetBios nor the DNS format
            spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "\\": runAsUserName's User cannot be empty
            spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: true: pod hostProcess value must be identical if both are specified, was false
            spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers
        "#]],
    );
}

#[test]
fn each_type_of_volume_has_its_rules() {
    spec_refused(
        r#""volumes":[{"name":"a","hostPath":{"path":"/a/..","type":"x"}},
            {"name":"b","gitRepo":{"repository":"","directory":"/a"}},
            {"name":"c","emptyDir":{"medium":"HugePages-x","sizeLimit":"-1"}},
            {"name":"d","nfs":{"path":"a"}},
            {"name":"e","iscsi":{"targetPortal":"","iqn":"x","lun":256}},
            {"name":"f","downwardAPI":{"items":[{"path":"/a","fieldRef":{"fieldPath":"status.podIP"}},{"path":"b"},{"path":"c","resourceFieldRef":{"resource":"limits.cpu"}},{"path":"d","mode":512,"fieldRef":{"fieldPath":"metadata.name"},"resourceFieldRef":{"containerName":"a","resource":"limits.cpu"}}],"defaultMode":512}},
            {"name":"g","configMap":{"name":"c","items":[{"key":"","path":""},{"key":"k","path":"../a","mode":-1}],"defaultMode":-1}},
            {"name":"h","csi":{"driver":"a_b","nodePublishSecretRef":{}}},
            {"name":"i","image":{"reference":"","pullPolicy":"x"}},
            {"name":"j","fc":{"targetWWNs":["a"],"wwids":["b"]}},
            {"name":"k","azureDisk":{"diskName":"","diskURI":"","cachingMode":"x","kind":"y"}},
            {"name":"l","ephemeral":{}},
            {"name":"m"},{"name":"n","rbd":{}},{"name":"o","cephfs":{}},{"name":"p","scaleIO":{}},{"name":"q","portworxVolume":{}}]"#,
        expect![[r#"
            spec.volumes[0].hostPath.path: Invalid value: "/a/..": must not contain '..'
            spec.volumes[0].hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"
            spec.volumes[1].gitRepo.repository: Required value
            spec.volumes[1].gitRepo.directory: Invalid value: "/a": must be a relative path
            spec.volumes[2].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity
            spec.volumes[3].nfs.server: Required value
            spec.volumes[3].nfs.path: Invalid value: "a": must be an absolute path
            spec.volumes[4].iscsi.targetPortal: Required value
            spec.volumes[4].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa
            spec.volumes[4].iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive
            spec.volumes[5].downwardAPI.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[5].downwardAPI.path: Invalid value: "/a": must be a relative path
            spec.volumes[5].downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"
            spec.volumes[5].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required
            spec.volumes[5].downwardAPI.resourceFieldRef.containerName: Required value
            spec.volumes[5].downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously
            spec.volumes[5].downwardAPI.mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[6].configMap.defaultMode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[6].configMap.items[0].key: Required value
            spec.volumes[6].configMap.items[0].path: Required value
            spec.volumes[6].configMap.items[1].path: Invalid value: "../a": must not contain '..'
            spec.volumes[6].configMap.items[1].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[7].csi.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.volumes[7].csi.nodePublishSecretRef.name: Required value
            spec.volumes[8].image.reference: Required value
            spec.volumes[8].image.pullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"
            spec.volumes[9].fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously
            spec.volumes[9].fc.lun: Required value: lun is required if targetWWNs is specified
            spec.volumes[10].azureDisk.diskName: Required value
            spec.volumes[10].azureDisk.diskURI: Required value
            spec.volumes[10].azureDisk.cachingMode: Unsupported value: "x": supported values: "None", "ReadOnly", "ReadWrite"
            spec.volumes[10].azureDisk.kind: Unsupported value: "y": supported values: "Dedicated", "Managed", "Shared"
            spec.volumes[10].azureDisk.diskURI: Unsupported value: "": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
            spec.volumes[11].ephemeral.volumeClaimTemplate: Required value
            spec.volumes[13].rbd.monitors: Required value
            spec.volumes[13].rbd.image: Required value
            spec.volumes[14].cephfs.monitors: Required value
            spec.volumes[15].scaleIO.gateway: Required value
            spec.volumes[15].scaleIO.system: Required value
            spec.volumes[15].scaleIO.volumeName: Required value
            spec.volumes[16].portworxVolume.volumeID: Required value
        "#]],
    );
    spec_refused(
        r#""volumes":[{"name":"p","projected":{"defaultMode":512,"sources":[{},
            {"secret":{"name":"","items":[{"key":"k","path":"a"}]}},
            {"configMap":{"name":"c","items":[{"key":"k","path":"a"}]},"secret":{"name":"s"}},
            {"serviceAccountToken":{"path":"","expirationSeconds":1}},
            {"clusterTrustBundle":{"name":"a","signerName":"b","path":"/x"}},
            {"podCertificate":{"keyType":"x","signerName":""}}]}}]"#,
        expect![[r#"
            spec.volumes[0].projected.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[0].projected.sources[1].secret.name: Required value
            spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths
            spec.volumes[0].projected.sources[2]: Forbidden: may not specify more than 1 volume type per source
            spec.volumes[0].projected.sources[3].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes
            spec.volumes[0].projected.path: Required value
            spec.volumes[0].projected.sources[4].clusterTrustBundle: Invalid value: {"name":"a","signerName":"b","path":"/x"}: only one of name and signerName may be used
            spec.volumes[0].projected.sources[4].clusterTrustBundle.path: Invalid value: "/x": must be a relative path
            spec.volumes[0].projected.sources[5].podCertificate.signerName: Required value
            spec.volumes[0].projected.sources[5].podCertificate.keyType: Unsupported value: "x": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"
            spec.volumes[0].projected.sources[5].podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath
            spec.volumes[0].projected.sources[3].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set
        "#]],
    );
}

#[test]
fn mounts_are_of_volumes_that_are_there() {
    refused(
        "Pod",
        &pod(
            r#","volumeMounts":[{"name":"v","mountPath":"a:b","subPath":"a","subPathExpr":"b","mountPropagation":"x"},{"name":"v","mountPath":"/b","recursiveReadOnly":"Enabled"},{"name":"v","mountPath":"/c","mountPropagation":"Bidirectional"}],
                "volumeDevices":[{"name":"v","devicePath":"/b"},{"name":"w","devicePath":""}]"#,
            r#","volumes":[{"name":"v","emptyDir":{}}]"#,
        ),
        expect![[r#"
            spec.containers[0].volumeMounts[0].name: Invalid value: "v": must not already exist in volumeDevices
            spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive
            spec.containers[0].volumeMounts.mountPropagation: Unsupported value: "x": supported values: "Bidirectional", "HostToContainer", "None"
            spec.containers[0].volumeMounts[1].name: Invalid value: "v": must not already exist in volumeDevices
            spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/b": must not already exist as a path in volumeDevices
            spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true
            spec.containers[0].volumeMounts[2].name: Invalid value: "v": must not already exist in volumeDevices
            spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers
            spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode
            spec.containers[0].volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts
            spec.containers[0].volumeDevices[0].devicePath: Invalid value: "/b": must not already exist as a path in volumeMounts
            spec.containers[0].volumeDevices[1].name: Not found: "w"
            spec.containers[0].volumeDevices[1].devicePath: Required value
        "#]],
    );
}

#[test]
fn the_status_of_a_pod_only_moves_on() {
    let running = pod("", r#","nodeName":"n""#);
    status_refused(
        "Pod",
        &running,
        r#"{"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"},{"ip":"x"}],"podIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.300"}],"hostIP":"10.0.0.300",
            "containerStatuses":[{"name":"a","state":{"running":{},"waiting":{}}}],"nominatedNodeName":"A","observedGeneration":-1,"qosClass":"Guaranteed"}}"#,
        expect![[r#"
            status.nominatedNodeName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node
            status.observedGeneration: Invalid value: -1: must be a non-negative integer
            status.qosClass: Invalid value: "Guaranteed": field is immutable
            status.podIPs[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"},{"ip":"x"}]: may specify no more than one IP for each IP family
            status.hostIPs[0]: Invalid value: "10.0.0.300": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
        "#]],
    );
}

#[test]
fn a_pod_that_is_deleted_or_gated_may_change_a_little_more() {
    let gated = pod("", r#","schedulingGates":[{"name":"g"}],"nodeSelector":{"a":"1"}"#);
    change_refused("Pod", &gated, &pod("", r#","nodeSelector":{"a":"1","b":"2"}"#), expect![""]);
    change_refused(
        "Pod",
        &gated,
        &pod("", r#","schedulingGates":[{"name":"g"}],"nodeSelector":{"b":"2"}"#),
        expect![[r#"
            spec.nodeSelector: Invalid value: {"b":"2"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)
        "#]],
    );
}
