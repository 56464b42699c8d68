//! Environments are made as upstream makes them, and what is missing is named.

use expect_test::{Expect, expect};

use super::*;

fn sources() -> Sources {
    let config = r#"{"metadata":{"name":"m"},"data":{"a":"1","b":"2"}}"#;
    let secret = r#"{"metadata":{"name":"s"},"data":{"k":"dg==","raw":"/w=="}}"#;
    let service = |namespace: &str, name: &str| {
        let text = format!(
            r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}"}},
                "spec":{{"clusterIP":"10.152.183.1","ports":[{{"name":"https","port":443,"protocol":"TCP"}}]}}}}"#
        );
        Arc::new(serde_json::from_str(&text).unwrap())
    };
    Sources {
        config_maps: BTreeMap::from([("m".to_owned(), serde_json::from_str(config).unwrap())]),
        secrets: BTreeMap::from([("s".to_owned(), serde_json::from_str(secret).unwrap())]),
        services: [service("default", "kubernetes"), service("ns", "my-web"), service("other", "x")].into(),
    }
}

fn check(container: &str, expected: Expect) {
    let container: Container = serde_json::from_str(&format!(r#"{{"name":"c",{container}}}"#)).unwrap();
    let pod =
        r#"{"metadata":{"name":"p","namespace":"ns"},"spec":{"containers":[],"enableServiceLinks":false}}"#;
    let place = Place { node_name: "n".to_owned(), ..Place::default() };
    let made = resolve(&serde_json::from_str(pod).unwrap(), &container, &place, &sources());
    let own = |(name, _): &(String, String)| !name.starts_with("KUBERNETES_");
    let line = |(name, value): (String, String)| format!("{name}={value}\n");
    expected.assert_eq(&match made {
        Ok(made) => made.into_iter().filter(own).map(line).collect(),
        Err(error) => error.to_string(),
    });
}

#[test]
fn variables_refer_to_those_before_them() {
    check(
        r#""env":[{"name":"A","value":"x"},{"name":"B","value":"$(A)-$(C)-$$(A)-$A-$(KUBERNETES_SERVICE_PORT)"},{"name":"A","value":"y"}]"#,
        expect![[r#"
            A=y
            B=x-$(C)-$(A)-$A-443
        "#]],
    );
}

#[test]
fn values_come_from_objects_and_the_pod_itself() {
    check(
        r#""envFrom":[{"prefix":"P_","configMapRef":{"name":"m"}},{"configMapRef":{"name":"none","optional":true}}],
           "env":[{"name":"K","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},
                  {"name":"N","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},
                  {"name":"O","valueFrom":{"configMapKeyRef":{"name":"m","key":"z","optional":true}}}]"#,
        expect![[r#"
            P_a=1
            P_b=2
            K=v
            N=n
        "#]],
    );
}

#[test]
fn what_is_missing_is_named() {
    let of = |source: &str| format!(r#""env":[{{"name":"K","valueFrom":{{{source}}}}}]"#);
    check(&of(r#""configMapKeyRef":{"name":"none","key":"a"}"#), expect![[r#"configmap "none" not found"#]]);
    check(&of(r#""secretKeyRef":{"name":"s","key":"z"}"#), expect!["couldn't find key z in Secret ns/s"]);
    check(
        &of(r#""secretKeyRef":{"name":"s","key":"raw"}"#),
        expect!["Secret ns/s: the value of key raw is no text"],
    );
    check(r#""envFrom":[{"secretRef":{"name":"none"}}]"#, expect![[r#"secret "none" not found"#]]);
    check(&of(r#""fieldRef":{"fieldPath":"spec.x"}"#), expect!["unsupported fieldPath: spec.x"]);
}

#[test]
fn a_service_is_told_in_the_ways_of_old() {
    let variables = service_variables(&crate::pod::fixture::pod("{\"containers\":[]}"), &sources().services);
    let text: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    expect![[r#"
        KUBERNETES_SERVICE_HOST=10.152.183.1
        KUBERNETES_SERVICE_PORT=443
        KUBERNETES_SERVICE_PORT_HTTPS=443
        KUBERNETES_PORT=tcp://10.152.183.1:443
        KUBERNETES_PORT_443_TCP=tcp://10.152.183.1:443
        KUBERNETES_PORT_443_TCP_PROTO=tcp
        KUBERNETES_PORT_443_TCP_PORT=443
        KUBERNETES_PORT_443_TCP_ADDR=10.152.183.1
        MY_WEB_SERVICE_HOST=10.152.183.1
        MY_WEB_SERVICE_PORT=443
        MY_WEB_SERVICE_PORT_HTTPS=443
        MY_WEB_PORT=tcp://10.152.183.1:443
        MY_WEB_PORT_443_TCP=tcp://10.152.183.1:443
        MY_WEB_PORT_443_TCP_PROTO=tcp
        MY_WEB_PORT_443_TCP_PORT=443
        MY_WEB_PORT_443_TCP_ADDR=10.152.183.1
    "#]]
    .assert_eq(&text);
}
