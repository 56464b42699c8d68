//! Each check in upstream's words, versions, labels and judgements.

use expect_test::{Expect, expect};

use super::*;

fn tree(json: &str) -> Tree {
    Tree::from_json(json.as_bytes()).unwrap()
}

fn standard(level: Level, version: Version) -> LevelVersion {
    LevelVersion { level, version }
}

/// A pod with two containers, of which the first has these fields, and these fields of the specification.
fn pod(container: &str, spec: &str) -> Tree {
    tree(&format!(
        r#"{{"metadata":{{"name":"p"}},"spec":{{"containers":[{{"name":"a"{container}}},{{"name":"b"}}]{spec}}}}}"#
    ))
}

fn found(level: Level, version: Version, pod: &Tree) -> String {
    details(&evaluate(standard(level, version), PodView::new(pod)))
}

fn baseline(container: &str, spec: &str) -> String {
    found(Level::Baseline, Version::Latest, &pod(container, spec)) + "\n"
}

fn context(context: &str) -> String {
    format!(r#","securityContext":{context}"#)
}

#[test]
fn the_baseline_tells_ways_out_of_the_pod() {
    let lines = [
        baseline("", ""),
        baseline(
            &context(r#"{"appArmorProfile":{"type":"Unconfined"}}"#),
            &context(r#"{"appArmorProfile":{"type":"x"}}"#),
        ),
        baseline(&context(r#"{"capabilities":{"add":["SYS_ADMIN","CHOWN","NET_ADMIN"]}}"#), ""),
        baseline("", r#","hostNetwork":true,"hostIPC":true"#),
        baseline(
            "",
            r#","volumes":[{"name":"v","hostPath":{}},{"name":"w","emptyDir":{}},{"name":"x","hostPath":{}}]"#,
        ),
        baseline(r#","ports":[{"hostPort":80},{"hostPort":8080},{"containerPort":1}]"#, ""),
        baseline(
            r#","livenessProbe":{"httpGet":{"host":"h"}},"lifecycle":{"preStop":{"tcpSocket":{"host":"g"}}}"#,
            "",
        ),
        baseline(&context(r#"{"privileged":true}"#), ""),
        baseline(&context(r#"{"procMount":"Unmasked"}"#), ""),
        baseline(&context(r#"{"procMount":"Unmasked"}"#), r#","hostUsers":false"#),
        baseline(
            &context(r#"{"seLinuxOptions":{"type":"spc_t","user":"u"}}"#),
            &context(r#"{"seLinuxOptions":{"role":"r"}}"#),
        ),
        baseline(&context(r#"{"seccompProfile":{"type":"Unconfined"}}"#), ""),
        baseline("", &context(r#"{"sysctls":[{"name":"a.b"},{"name":"net.ipv4.tcp_rmem"}]}"#)),
        baseline(
            &context(r#"{"windowsOptions":{"hostProcess":true}}"#),
            &context(r#"{"windowsOptions":{"hostProcess":true}}"#),
        ),
    ];
    expect![[r#"

        forbidden AppArmor profiles (pod and container "a" must not set AppArmor profile type to "Unconfined", "x")
        non-default capabilities (container "a" must not include "NET_ADMIN", "SYS_ADMIN" in securityContext.capabilities.add)
        host namespaces (hostNetwork=true, hostIPC=true)
        hostPath volumes (volumes "v", "x")
        hostPort (container "a" uses hostPorts 80, 8080)
        probe or lifecycle host (container "a" uses probe or lifecycle hosts "g", "h")
        privileged (container "a" must not set securityContext.privileged=true)
        procMount (container "a" must not set securityContext.procMount to "Unmasked")

        seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)
        seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")
        forbidden sysctls (a.b)
        hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)
    "#]].assert_eq(&lines.concat());
}

#[test]
fn the_restricted_level_asks_for_more() {
    let restricted = |pod: &Tree| found(Level::Restricted, Version::Latest, pod);
    expect![[r#"allowPrivilegeEscalation != false (containers "a", "b" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#]].assert_eq(&restricted(&pod("", "")));
    let good = r#"{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"],"add":["NET_BIND_SERVICE"]},"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}"#;
    let safe =
        |spec: &str| tree(&format!(r#"{{"spec":{{"containers":[{{"name":"a"{}}}]{spec}}}}}"#, context(good)));
    assert_eq!(restricted(&safe("")), "");
    let lines = [
        restricted(&safe(
            r#","volumes":[{"name":"n","nfs":{}},{"name":"h","hostPath":{}},{"name":"s","secret":{}},{"name":"u"}]"#,
        )),
        restricted(&safe(&context(r#"{"runAsNonRoot":false,"runAsUser":0}"#))),
        restricted(&safe(&context(r#"{"seccompProfile":{"type":"Unconfined"}}"#))),
    ];
    expect![[r#"
        restricted volume types (volumes "n", "h", "u" use restricted volume types "hostPath", "nfs", "unknown")
        runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod must not set runAsUser=0)
        seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")"#]].assert_eq(&lines.join("\n"));
    let windows = tree(
        r#"{"spec":{"os":{"name":"windows"},"containers":[{"name":"a","securityContext":{"runAsNonRoot":true}}]}}"#,
    );
    assert_eq!(restricted(&windows), "");
    let own_users = tree(&format!(
        r#"{{"spec":{{"hostUsers":false,"containers":[{{"name":"a"{}}}]}}}}"#,
        context(&good.replace(r#""runAsNonRoot":true"#, r#""runAsUser":0"#))
    ));
    assert_eq!(restricted(&own_users), "");
}

#[test]
fn a_version_knows_the_checks_of_its_time() {
    let pod = tree(
        r#"{"metadata":{"annotations":{"seccomp.security.alpha.kubernetes.io/pod":"unconfined","container.apparmor.security.beta.kubernetes.io/a":"unconfined"}},
            "spec":{"containers":[{"name":"a","securityContext":{"capabilities":{"add":["X"]},"procMount":"Unmasked","seLinuxOptions":{"type":"container_engine_t"}},
              "livenessProbe":{"tcpSocket":{"host":"h"}}}],"securityContext":{"sysctls":[{"name":"net.ipv4.ip_local_reserved_ports"}]}}}"#,
    );
    let at = |minor| format!("v1.{minor}: {}\n", found(Level::Restricted, Version::Minor(minor), &pod));
    expect![[r#"
        v1.0: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), non-default capabilities (container "a" must not include "X" in securityContext.capabilities.add), procMount (container "a" must not set securityContext.procMount to "Unmasked"), seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"), seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined"), forbidden sysctls (net.ipv4.ip_local_reserved_ports), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)
        v1.19: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), non-default capabilities (container "a" must not include "X" in securityContext.capabilities.add), procMount (container "a" must not set securityContext.procMount to "Unmasked"), seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"), forbidden sysctls (net.ipv4.ip_local_reserved_ports), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.22: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), procMount (container "a" must not set securityContext.procMount to "Unmasked"), seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"), forbidden sysctls (net.ipv4.ip_local_reserved_ports), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.24: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), procMount (container "a" must not set securityContext.procMount to "Unmasked"), seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"), forbidden sysctls (net.ipv4.ip_local_reserved_ports), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.27: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), procMount (container "a" must not set securityContext.procMount to "Unmasked"), seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.31: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), procMount (container "a" must not set securityContext.procMount to "Unmasked"), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.34: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), probe or lifecycle host (container "a" uses probe or lifecycle host "h"), procMount (container "a" must not set securityContext.procMount to "Unmasked"), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
        v1.35: forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined""), probe or lifecycle host (container "a" uses probe or lifecycle host "h"), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "X" in securityContext.capabilities.add), procMount (container "a" must not set securityContext.procMount to "Unmasked"), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
    "#]].assert_eq(&[0, 19, 22, 24, 27, 31, 34, 35].map(at).concat());
}

fn labels(labels: &str, expected: Expect) {
    let (policy, errors) =
        policy(&tree(&format!(r#"{{"metadata":{{"labels":{{{labels}}}}}}}"#)), Policy::PRIVILEGED);
    let mut lines = format!("enforce {} audit {} warn {}\n", policy.enforce, policy.audit, policy.warn);
    errors.iter().for_each(|error| lines.push_str(&format!("{error}\n")));
    expected.assert_eq(&lines);
}

#[test]
fn labels_make_a_policy() {
    labels(
        "",
        expect![[r#"
        enforce privileged:latest audit privileged:latest warn privileged:latest
    "#]],
    );
    labels(
        r#""pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/enforce-version":"v1.20""#,
        expect![[r#"
            enforce baseline:v1.20 audit privileged:latest warn baseline:v1.20
        "#]],
    );
    labels(
        r#""pod-security.kubernetes.io/enforce":"restricted","pod-security.kubernetes.io/warn":"baseline""#,
        expect![[r#"
            enforce restricted:latest audit privileged:latest warn baseline:latest
        "#]],
    );
    labels(
        r#""pod-security.kubernetes.io/enforce":"x","pod-security.kubernetes.io/enforce-version":"1.2","pod-security.kubernetes.io/audit":"y","pod-security.kubernetes.io/warn":"z","pod-security.kubernetes.io/warn-version":"v1.01""#,
        expect![[r#"
            enforce restricted:latest audit privileged:latest warn privileged:latest
            metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "x": must be one of privileged, baseline, restricted
            metadata.labels[pod-security.kubernetes.io/enforce-version]: Invalid value: "1.2": must be "latest" or "v1.x"
            metadata.labels[pod-security.kubernetes.io/audit]: Invalid value: "y": must be one of privileged, baseline, restricted
            metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "z": must be one of privileged, baseline, restricted
            metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v1.01": must be "latest" or "v1.x"
        "#]],
    );
}

#[test]
fn a_pod_is_forbidden_and_a_template_warned_of() {
    let namespace = tree(
        r#"{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/audit":"restricted","pod-security.kubernetes.io/audit-version":"v1.0"}}}"#,
    );
    let (policy, _) = policy(&namespace, Policy::PRIVILEGED);
    let bad = pod(&context(r#"{"privileged":true}"#), "");
    expect![[r#"
        Judgement {
            forbidden: Some(
                "violates PodSecurity \"baseline:latest\": privileged (container \"a\" must not set securityContext.privileged=true)",
            ),
            warnings: [],
            audit: [
                (
                    "enforce-policy",
                    "baseline:latest",
                ),
                (
                    "audit-violations",
                    "would violate PodSecurity \"restricted:v1.0\": privileged (container \"a\" must not set securityContext.privileged=true), runAsNonRoot != true (pod or containers \"a\", \"b\" must set securityContext.runAsNonRoot=true)",
                ),
            ],
        }
    "#]].assert_debug_eq(&judge(&policy, PodView::new(&bad), Enforcement::Enforced));
    let deployment = {
        let mut tree = Tree::object();
        tree.set_at(&["spec", "template"], bad.clone());
        tree
    };
    let view = template("apps", "deployments", &deployment).unwrap();
    let judgement = judge(&policy, view, Enforcement::Announced);
    assert_eq!(judgement.forbidden, None);
    expect![[r#"would violate PodSecurity "baseline:latest": privileged (container "a" must not set securityContext.privileged=true)"#]].assert_eq(&judgement.warnings.concat());
    assert!(template("", "configmaps", &deployment).is_none());
}

#[test]
fn an_update_counts_where_containers_or_images_differ() {
    let old = pod(r#","image":"i""#, "");
    assert!(!is_significant(&pod(r#","image":"i","tty":true"#, ""), &old));
    assert!(is_significant(&pod(r#","image":"j""#, ""), &old));
    assert!(is_significant(&pod(r#","image":"i""#, r#","ephemeralContainers":[{"name":"e"}]"#), &old));
}

#[test]
fn a_stricter_namespace_warns_of_the_pods_that_it_has() {
    let namespace = |level: &str| {
        tree(&format!(r#"{{"metadata":{{"labels":{{"pod-security.kubernetes.io/enforce":"{level}"}}}}}}"#))
    };
    let changed = |new: &str, old: &str| change(&namespace(new), Some(&namespace(old)), Policy::PRIVILEGED);
    assert_eq!(changed("baseline", "restricted"), NamespaceChange::Harmless);
    assert_eq!(changed("privileged", "x"), NamespaceChange::Harmless);
    assert!(matches!(changed("x", "baseline"), NamespaceChange::Invalid(_)));
    assert_eq!(changed("x", "x"), NamespaceChange::Harmless);
    let NamespaceChange::Stricter(enforce) = changed("baseline", "privileged") else { panic!() };
    let named = |name: &str, spec: &str| {
        let mut pod = pod("", spec);
        pod.set_at(&["metadata", "name"], name);
        pod
    };
    let pods = [
        named("z", r#","hostPID":true"#),
        named("y", r#","hostPID":true"#),
        named("x", ""),
        named("w", r#","volumes":[{"name":"v","hostPath":{}}]"#),
    ];
    let warned = warnings("n", enforce, &pods.iter().collect::<Vec<_>>());
    expect![[r#"
        existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"
        w: hostPath volumes
        y (and 1 other pod): host namespaces"#]]
    .assert_eq(&warned.join("\n"));
    assert!(warnings("n", enforce, &[&pods[2]]).is_empty());
}
