//! What requests leave in the audit log.

use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};
use http_body_util::BodyExt;
use net::{Peer, PeerAddress};
use objects::Tree;
use tempfile::TempDir;

use super::exchange::{CONFIG_MAPS, event};
use super::fixture::{Fixture, With, ask, nobody};
use crate::authz::{Decision, Target};
use crate::front::Front;
use crate::{AuditConfig, AuditFormat, AuditLog, AuditPolicy, AuditRotation, AuditTarget};

struct Audited {
    fixture: Fixture,
    front: Front,
    path: PathBuf,
    _folder: TempDir,
}

/// An API server that audits by these rules.
async fn audited(rules: &str, format: AuditFormat) -> Audited {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let policy = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{rules}");
    let policy = AuditPolicy::read(policy.as_bytes()).unwrap();
    let target = AuditTarget::File { path: path.clone(), rotation: AuditRotation::DEFAULT };
    let fixture = Fixture::with(|config| {
        config.audit = Some(AuditConfig { policy, log: AuditLog { target, format } });
    });
    let front = fixture.front().await;
    Audited { fixture, front, path, _folder: folder }
}

impl Audited {
    /// The log, when nothing is added any more.
    async fn log(self) -> String {
        let Self { fixture, front, path, _folder } = self;
        drop(front);
        fixture.task.answer_nobody();
        assert!(fixture.scope.close(Duration::from_secs(10)).await.is_empty());
        std::fs::read_to_string(&path).unwrap_or_default()
    }

    async fn events(self) -> Vec<Tree> {
        self.log().await.lines().map(|line| Tree::from_json(line.as_bytes()).unwrap()).collect()
    }

    /// Of each event its stage, verb, code, and whatever `more` says.
    async fn brief(self, more: impl Fn(&Tree) -> String) -> Vec<String> {
        let brief = |event: &Tree| {
            let text = |name: &str| event.str_at(&[name]).unwrap_or_default().to_owned();
            let code = event.i64_at(&["responseStatus", "code"]).unwrap_or_default();
            format!("{} {} {code} {}", text("stage"), text("verb"), more(event))
        };
        self.events().await.iter().map(brief).collect()
    }
}

/// Without what differs from run to run.
fn check(event: &Tree, wanted: &Expect) {
    let mut event = event.clone();
    for path in [
        &["auditID"][..],
        &["requestReceivedTimestamp"],
        &["stageTimestamp"],
        &["responseObject", "metadata", "uid"],
        &["responseObject", "metadata", "creationTimestamp"],
        &["responseObject", "metadata", "resourceVersion"],
        &["responseObject", "metadata", "managedFields", "0", "time"],
    ] {
        if let Some(value) = event.at_mut(path) {
            *value = Tree::from("…");
        }
    }
    wanted.assert_eq(&event.to_json_pretty());
}

fn config_map(name: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}},"data":{{"k":"v"}}}}"#)
}

#[tokio::test]
async fn an_event_has_the_fields_of_upstream() {
    let audited = audited("rules: [{level: RequestResponse}]", AuditFormat::Json).await;
    let peer = Peer { address: PeerAddress::Tcp("192.0.2.7:1234".parse().unwrap()), ..nobody() };
    audited.fixture.rule(|_, _| Decision::allow("the test says so"));
    let request = ask("POST", &format!("{CONFIG_MAPS}?fieldManager=kubectl"))
        .sending(config_map("one"))
        .with("user-agent", "kubectl/v1.36")
        .with("impersonate-user", "joe");
    assert_eq!(audited.front.ask_as(peer, request).await.code(), 201);
    let events = audited.events().await;
    assert_eq!(events.len(), 2);
    check(
        &events[0],
        &expect![[r#"
        {
          "kind": "Event",
          "apiVersion": "audit.k8s.io/v1",
          "level": "RequestResponse",
          "auditID": "…",
          "stage": "RequestReceived",
          "requestURI": "/api/v1/namespaces/default/configmaps?fieldManager=kubectl",
          "verb": "create",
          "user": {
            "username": "jane",
            "groups": [
              "system:authenticated"
            ]
          },
          "sourceIPs": [
            "192.0.2.7"
          ],
          "userAgent": "kubectl/v1.36",
          "objectRef": {
            "resource": "configmaps",
            "namespace": "default",
            "apiVersion": "v1"
          },
          "requestReceivedTimestamp": "…",
          "stageTimestamp": "…"
        }"#]],
    );
    check(
        &events[1],
        &expect![[r#"
            {
              "kind": "Event",
              "apiVersion": "audit.k8s.io/v1",
              "level": "RequestResponse",
              "auditID": "…",
              "stage": "ResponseComplete",
              "requestURI": "/api/v1/namespaces/default/configmaps?fieldManager=kubectl",
              "verb": "create",
              "user": {
                "username": "jane",
                "groups": [
                  "system:authenticated"
                ]
              },
              "impersonatedUser": {
                "username": "joe",
                "groups": [
                  "system:authenticated"
                ]
              },
              "sourceIPs": [
                "192.0.2.7"
              ],
              "userAgent": "kubectl/v1.36",
              "objectRef": {
                "resource": "configmaps",
                "namespace": "default",
                "name": "one",
                "apiVersion": "v1"
              },
              "responseStatus": {
                "metadata": {},
                "code": 201
              },
              "requestObject": {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                  "name": "one"
                },
                "data": {
                  "k": "v"
                }
              },
              "responseObject": {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {
                  "name": "one",
                  "namespace": "default",
                  "uid": "…",
                  "creationTimestamp": "…",
                  "managedFields": [
                    {
                      "manager": "kubectl",
                      "operation": "Update",
                      "apiVersion": "v1",
                      "time": "…",
                      "fieldsType": "FieldsV1",
                      "fieldsV1": {
                        "f:data": {
                          ".": {},
                          "f:k": {}
                        }
                      }
                    }
                  ],
                  "resourceVersion": "…"
                },
                "data": {
                  "k": "v"
                }
              },
              "requestReceivedTimestamp": "…",
              "stageTimestamp": "…",
              "annotations": {
                "authorization.k8s.io/decision": "allow",
                "authorization.k8s.io/reason": "the test says so"
              }
            }"#]],
    );
    let times = ["requestReceivedTimestamp", "stageTimestamp"].map(|name| events[1].str_at(&[name]).unwrap());
    assert!(times.iter().all(|time| time.len() == "2026-01-02T03:04:05.000000Z".len()), "{times:?}");
}

#[tokio::test]
async fn metadata_alone_names_the_object_and_holds_nothing_of_it() {
    let audited =
        audited("omitStages: [RequestReceived]\nrules: [{level: Metadata}]", AuditFormat::Json).await;
    audited.front.ask(ask("POST", CONFIG_MAPS).sending(config_map("one"))).await;
    audited.front.ask(ask("GET", &format!("{CONFIG_MAPS}/two"))).await;
    audited.front.ask(ask("GET", "/version")).await;
    let brief = audited.brief(|event| {
        assert!(event.get("requestObject").is_none() && event.get("responseObject").is_none());
        let name = event.str_at(&["objectRef", "name"]).unwrap_or("-");
        format!("{name} {}", event.str_at(&["responseStatus", "message"]).unwrap_or("-"))
    });
    let wanted = [
        "ResponseComplete create 201 one -",
        "ResponseComplete get 404 two configmaps \"two\" not found",
        "ResponseComplete get 200 - -",
    ];
    assert_eq!(brief.await, wanted);
}

#[tokio::test]
async fn a_stream_is_told_when_it_begins_and_when_it_ends() {
    let audited = audited("rules: [{level: Request, verbs: [watch]}]", AuditFormat::Json).await;
    audited.front.ask(ask("POST", CONFIG_MAPS).sending(config_map("one"))).await;
    let watch = ask("GET", &format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=1"));
    let mut watch = audited.front.stream(nobody(), watch).await.into_body();
    event(&mut watch).await;
    while watch.frame().await.is_some() {}
    let wanted = ["RequestReceived watch 0 ", "ResponseStarted watch 200 ", "ResponseComplete watch 200 "];
    assert_eq!(audited.brief(|_| String::new()).await, wanted);
}

#[tokio::test]
async fn decisions_are_told_and_panics_and_those_whom_nobody_knows() {
    let audited = audited("rules: [{level: Metadata}]", AuditFormat::Json).await;
    audited.fixture.rule(|_, attributes| match &attributes.target {
        Target::Path(path) if path == "/panic" => panic!("on purpose"),
        Target::Path(path) if path == "/broken" => Decision::Unavailable { why: "gone".to_owned() },
        Target::Path(path) if path == "/version" => Decision::allow("everybody may"),
        _ => Decision::NoOpinion { reason: "no rule".to_owned() },
    });
    for path in ["/version", "/metrics", "/broken", "/panic"] {
        audited.front.ask(ask("GET", path)).await;
    }
    audited.front.ask(ask("GET", "/version").with("authorization", "Bearer stranger")).await;
    audited.front.ask(ask("GET", "/version?timeout=soon")).await;
    let brief = audited.brief(|event| {
        let text = |path: &[&str]| event.str_at(path).unwrap_or("-").to_owned();
        let [decision, reason] = ["decision", "reason"]
            .map(|name| text(&["annotations", &format!("authorization.k8s.io/{name}")]));
        let [user, message] = [text(&["user", "username"]), text(&["responseStatus", "message"])];
        format!("{user}; {decision}; {reason}; {message}")
    });
    let brief = brief.await.join("\n");
    expect![[r#"
        RequestReceived get 0 jane; -; -; -
        ResponseComplete get 200 jane; allow; everybody may; -
        RequestReceived get 0 jane; -; -; -
        ResponseComplete get 403 jane; forbid; no rule; forbidden: User "jane" cannot get path "/metrics": no rule
        RequestReceived get 0 jane; -; -; -
        ResponseComplete get 500 jane; -; internal error; Internal error occurred: gone
        RequestReceived get 0 jane; -; -; -
        Panic get 500 jane; -; -; APIServer panic'd: on purpose
        ResponseStarted get 401 -; -; -; Authentication failed, attempted: bearer
        ResponseStarted get 400 -; -; -; invalid timeout specified in the request URL - time: invalid duration "soon""#]].assert_eq(&brief);
}

#[tokio::test]
async fn a_request_that_is_given_up_is_told_of() {
    let audited = audited("rules: [{level: Metadata}]", AuditFormat::Json).await;
    let (_sender, endless) = net::body::channel(1);
    let request = ask("POST", CONFIG_MAPS).map(|_| endless);
    let mut asked = audited.front.clone().answer(request, crate::front::Origin::Network(nobody()));
    assert!(futures_util::poll!(&mut asked).is_pending());
    drop(asked);
    let brief = audited.brief(|event| event.str_at(&["responseStatus", "message"]).unwrap_or("-").to_owned());
    let wanted = ["RequestReceived create 0 -", "ResponseComplete create 200 Connection closed early"];
    assert_eq!(brief.await, wanted);
}

#[tokio::test]
async fn managers_are_left_out_where_the_policy_says_so() {
    let rules = "omitStages: [RequestReceived]\nrules: [{level: Request, omitManagedFields: true}]";
    let audited = audited(rules, AuditFormat::Json).await;
    let body = r#"{"metadata":{"name":"one","managedFields":[]}}"#;
    audited.front.ask(ask("POST", CONFIG_MAPS).sending(body)).await;
    let events = audited.events().await;
    assert_eq!(events[0].get("requestObject").unwrap().to_json_string(), r#"{"metadata":{"name":"one"}}"#);
}

#[tokio::test]
async fn words_are_those_of_upstream() {
    let rules = "omitStages: [RequestReceived]\nrules: [{level: Metadata}]";
    let audited = audited(rules, AuditFormat::Legacy).await;
    audited.front.ask(ask("GET", CONFIG_MAPS).with("audit-id", "an-id").with("user-agent", "a \"b\"")).await;
    let log = audited.log().await;
    let (time, rest) = log.split_once(' ').unwrap();
    assert!(time.ends_with('Z'), "{time}");
    expect![[r#"
        AUDIT: id="an-id" stage="ResponseComplete" ip="<unknown>" method="list" user="jane" groups="\"system:authenticated\"" as="<self>" asgroups="<lookup>" user-agent="a \"b\"" namespace="default" uri="/api/v1/namespaces/default/configmaps" response="200"
    "#]].assert_eq(rest);
}

#[tokio::test]
async fn metrics_tell_how_much_is_audited() {
    let audited = audited("rules: [{level: Metadata, verbs: [list]}]", AuditFormat::Json).await;
    audited.front.ask(ask("GET", CONFIG_MAPS)).await;
    let metrics = audited.front.ask(ask("GET", "/metrics")).await.text;
    for line in [
        "apiserver_audit_event_total 2\n",
        "apiserver_audit_level_total{level=\"Metadata\"} 1\n",
        "apiserver_audit_level_total{level=\"None\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn policies_annotate_the_writes_that_they_look_at() {
    const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
    let rules = "omitStages: [RequestReceived]\nrules: [{level: Metadata, resources: [{group: '', resources: [configmaps]}]}]";
    let audited = audited(rules, AuditFormat::Json).await;
    for (path, object) in [
        (
            "ies",
            r#"{"metadata":{"name":"p"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],
            "resources":["configmaps"],"operations":["CREATE"]}]},"validations":[{"expression":"true"},{"expression":"false","message":"no"}],
            "auditAnnotations":[{"key":"by","valueExpression":"'named ' + object.metadata.name"},{"key":"none","valueExpression":"null"}]}}"#,
        ),
        ("ybindings", r#"{"metadata":{"name":"b"},"spec":{"policyName":"p","validationActions":["Audit"]}}"#),
    ] {
        let made = audited.front.ask(ask("POST", &format!("{POLICIES}{path}")).sending(object)).await;
        assert_eq!(made.code(), http::StatusCode::CREATED, "{}", made.text);
    }
    audited.front.ask(ask("POST", CONFIG_MAPS).sending(config_map("one"))).await;
    let brief = audited
        .brief(|event| {
            let noted = event.get("annotations").into_iter().flat_map(Tree::fields);
            let noted = noted.filter(|(key, _)| !key.starts_with("authorization"));
            noted.map(|(key, value)| format!("\n{key}={}", value.as_str().unwrap_or_default())).collect()
        })
        .await;
    expect![[r#"
        ResponseComplete create 201 
        p/by=named one
        validation.policy.admission.k8s.io/validation_failure=[{"message":"no","policy":"p","binding":"b","expressionIndex":1,"validationActions":["Audit"]}]"#]]
    .assert_eq(&brief.join("\n"));
}
