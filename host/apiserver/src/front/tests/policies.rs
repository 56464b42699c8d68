//! Admission policies and match conditions: what they refuse, warn of and change.

use expect_test::{Expect, expect};
use http::StatusCode;
use objects::{Tree, tree};

use super::fixture::{Fixture, Read, With, ask};
use super::sockets::Authority;
use crate::authz::{Decision, Target};
use crate::front::Front;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

struct World {
    front: Front,
    fixture: Fixture,
}

fn json(text: &str) -> Tree {
    Tree::from_json(text.as_bytes()).unwrap()
}

fn config_map(name: &str, data: &str) -> Tree {
    tree!({ "metadata": { "name": name, "labels": { "a": "b" } }, "data": (json(data)) })
}

/// What was answered: the code and why, with the warnings.
fn check(answer: &Read, expected: &Expect) {
    let told = if answer.code().is_success() {
        answer.code().to_string()
    } else {
        let (code, reason, message) = answer.status();
        format!("{code} {reason}: {message}")
    };
    let warnings = answer.header("warning");
    expected.assert_eq(&if warnings.is_empty() { told } else { format!("{told}\n{warnings}") });
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new(&Authority::new("ca").pem());
        Self { front: fixture.front().await, fixture }
    }

    async fn send(&self, method: &str, path: &str, object: &Tree) -> Read {
        self.front.ask(ask(method, path).sending(object.to_json())).await
    }

    async fn made(&self, path: &str, object: &Tree) {
        let made = self.send("POST", path, object).await;
        assert_eq!(made.code(), StatusCode::CREATED, "{}", made.text);
    }

    /// Puts a policy about ConfigMaps in force; `spec` says what it asks, `binding` how.
    async fn policy(&self, kind: &str, name: &str, spec: &str, binding: &str) {
        let mut spec = json(spec);
        spec.insert(
            "matchConstraints",
            json(
                r#"{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"],
                "operations":["CREATE","UPDATE"]}]}"#,
            ),
        );
        let policy = tree!({ "metadata": { "name": name }, "spec": spec });
        self.made(&format!("{ADMISSION}/{kind}admissionpolicies"), &policy).await;
        let mut spec = json(binding);
        spec.insert("policyName", name);
        let binding = tree!({ "metadata": { "name": (format!("{name}-bound")) }, "spec": spec });
        self.made(&format!("{ADMISSION}/{kind}admissionpolicybindings"), &binding).await;
        // The cache has seen both.
        let read = format!("{ADMISSION}/{kind}admissionpolicybindings/{name}-bound?resourceVersion=0");
        while self.front.ask(ask("GET", &read)).await.code() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    }

    async fn validating(&self, name: &str, spec: &str, binding: &str) {
        self.policy("validating", name, spec, binding).await;
    }

    async fn mutating(&self, name: &str, spec: &str) {
        self.policy("mutating", name, spec, "{}").await;
    }

    async fn create(&self, name: &str, data: &str) -> Read {
        self.send("POST", MAPS, &config_map(name, data)).await
    }
}

const DENY: &str = r#"{"validationActions":["Deny"]}"#;

#[tokio::test]
async fn a_policy_refuses_in_the_words_of_the_validation_that_does_not_hold() {
    let world = World::new().await;
    world
        .validating(
            "p",
            r#"{"variables":[{"name":"size","expression":"size(object.data)"},{"name":"twice","expression":"variables.size * 2"}],
            "validations":[
                {"expression":"variables.twice < 6","messageExpression":"'has ' + string(variables.size)"},
                {"expression":"object.metadata.name != 'odd'","message":"odd name","reason":"Forbidden"},
                {"expression":"request.userInfo.username == 'jane' && namespaceObject.metadata.name == 'default'"},
                {"expression":"oldObject == null || oldObject.data == object.data"}]}"#,
            DENY,
        )
        .await;
    check(
        &world.create("a", r#"{"a":"1","b":"2","c":"3"}"#).await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-bound' denied request: has 3"#
        ]],
    );
    check(
        &world.create("odd", r#"{"a":"1"}"#).await,
        &expect![[
            r#"403 Forbidden: configmaps "odd" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-bound' denied request: odd name"#
        ]],
    );
    check(&world.create("a", r#"{"a":"1"}"#).await, &expect!["201 Created"]);
    check(
        &world.send("PUT", &format!("{MAPS}/a"), &config_map("a", r#"{"a":"2"}"#)).await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-bound' denied request: failed expression: oldObject == null || oldObject.data == object.data"#
        ]],
    );
}

#[tokio::test]
async fn a_binding_says_what_becomes_of_a_write_and_a_condition_which_are_meant() {
    let world = World::new().await;
    let spec = r#"{"validations":[{"expression":"false","message":"no"}],"matchConditions":[
        {"name":"named","expression":"object.metadata.name.startsWith('x')"}]}"#;
    world.validating("p", spec, r#"{"validationActions":["Warn","Audit"]}"#).await;
    check(&world.create("a", "{}").await, &expect!["201 Created"]);
    check(
        &world.create("x", "{}").await,
        &expect![[r#"
            201 Created
            299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-bound': no""#]],
    );
}

#[tokio::test]
async fn an_expression_that_fails_refuses_where_its_policy_does_not_ignore_it() {
    let world = World::new().await;
    let spec = r#"{"failurePolicy":"Ignore","validations":[{"expression":"object.data.none == 'x'"}]}"#;
    world.validating("ignoring", spec, DENY).await;
    check(&world.create("a", r#"{"k":"v"}"#).await, &expect!["201 Created"]);
    world.validating("failing", r#"{"validations":[{"expression":"object.data.none == 'x'"}]}"#, DENY).await;
    check(
        &world.create("b", r#"{"k":"v"}"#).await,
        &expect![[
            r#"422 Invalid: configmaps "b" is forbidden: ValidatingAdmissionPolicy 'failing' with binding 'failing-bound' denied request: expression 'object.data.none == 'x'' resulted in error: no such key: none"#
        ]],
    );
}

#[tokio::test]
async fn a_policy_asks_the_authorizer() {
    let world = World::new().await;
    world
        .validating(
            "p",
            r#"{"validations":[{"expression":"authorizer.group('').resource('secrets').namespace('default').check('get').allowed() && !authorizer.requestResource.check('delete').allowed()"}]}"#,
            DENY,
        )
        .await;
    world.fixture.rule(|_, attributes| match &attributes.target {
        Target::Resource { .. } if attributes.verb == "delete" => {
            Decision::NoOpinion { reason: String::new() }
        }
        _ => Decision::allow(""),
    });
    check(&world.create("a", "{}").await, &expect!["201 Created"]);
    world.fixture.rule(|_, _| Decision::allow(""));
    assert_eq!(world.create("b", "{}").await.code(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn parameters_come_from_the_objects_that_a_binding_names() {
    let world = World::new().await;
    let limit = |name: &str, limit: &str| tree!({ "metadata": { "name": name, "labels": { "limit": "yes" } }, "data": { "limit": limit } });
    world.made(MAPS, &limit("two", "2")).await;
    let spec = r#"{"paramKind":{"apiVersion":"v1","kind":"ConfigMap"},"validations":[
        {"expression":"size(object.data) <= int(params.data.limit)","messageExpression":"'at most ' + params.data.limit"}]}"#;
    let by_name =
        r#"{"validationActions":["Deny"],"paramRef":{"name":"two","parameterNotFoundAction":"Deny"}}"#;
    world.validating("named", spec, by_name).await;
    check(
        &world.create("a", r#"{"a":"1","b":"2","c":"3"}"#).await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'named' with binding 'named-bound' denied request: at most 2"#
        ]],
    );
    let selected = r#"{"validationActions":["Deny"],"paramRef":{"selector":{"matchLabels":{"limit":"yes"}},"parameterNotFoundAction":"Allow"}}"#;
    world.validating("selected", &spec.replace("<=", "<"), selected).await;
    check(
        &world.create("a", r#"{"a":"1","b":"2"}"#).await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'selected' with binding 'selected-bound' denied request: at most 2"#
        ]],
    );
    let missing =
        r#"{"validationActions":["Deny"],"paramRef":{"name":"none","parameterNotFoundAction":"Deny"}}"#;
    world.validating("a-missing", spec, missing).await;
    check(
        &world.create("a", "{}").await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'a-missing' with binding 'a-missing-bound' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"#
        ]],
    );
    world.validating("a-kind", &spec.replace("ConfigMap", "Gadget"), by_name).await;
    check(
        &world.create("a", "{}").await,
        &expect![[
            r#"422 Invalid: configmaps "a" is forbidden: ValidatingAdmissionPolicy 'a-kind' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'v1, Kind=Gadget'"#
        ]],
    );
}

#[tokio::test]
async fn mutating_policies_change_objects_one_after_the_other() {
    let world = World::new().await;
    world
        .mutating(
            "a",
            r#"{"failurePolicy":"Fail","reinvocationPolicy":"IfNeeded","mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":
            "Object{metadata: Object.metadata{labels: {'c': 'd', 'had': has(object.data.late) ? 'late' : 'none'}}}"}}]}"#,
        )
        .await;
    world
        .mutating(
            "b",
            r#"{"failurePolicy":"Fail","reinvocationPolicy":"Never","mutations":[
            {"patchType":"JSONPatch","jsonPatch":{"expression":"[JSONPatch{op: 'test', path: '/data/k', value: 'other'}, JSONPatch{op: 'remove', path: '/data'}]"}},
            {"patchType":"JSONPatch","jsonPatch":{"expression":"[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('late'), value: object.metadata.labels.c}]"}}]}"#,
        )
        .await;
    let made = world.create("x", r#"{"k":"v"}"#).await;
    check(&made, &expect!["201 Created"]);
    let tree = made.tree();
    expect![[r#"{"k":"v","late":"d"}"#]].assert_eq(&tree.get("data").unwrap().to_json_string());
    expect![[r#"{"a":"b","c":"d","had":"late"}"#]]
        .assert_eq(&tree.at(&["metadata", "labels"]).unwrap().to_json_string());
}

#[tokio::test]
async fn a_mutation_that_cannot_be_made_refuses_the_write() {
    let world = World::new().await;
    world
        .mutating(
            "m",
            r#"{"failurePolicy":"Fail","reinvocationPolicy":"Never","mutations":[
            {"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{data: {'a': object.data.none}}"}},
            {"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{colour: 'red'}"}},
            {"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{metadata: Object.spec{}}"}},
            {"patchType":"JSONPatch","jsonPatch":{"expression":"[JSONPatch{op: 'remove', path: '/none/x'}]"}}]}"#,
        )
        .await;
    let answer = world.create("x", r#"{"k":"v"}"#).await;
    check(
        &answer,
        &expect![[
            r#"403 Invalid: policy 'm' with binding 'm-bound' denied request: expression 'Object{data: {'a': object.data.none}}' resulted in error: no such key: none"#
        ]],
    );
    let causes: Vec<String> = answer
        .tree()
        .items_at(&["details", "causes"])
        .iter()
        .map(|cause| cause.str_at(&["message"]).unwrap_or_default().to_owned())
        .collect();
    expect![[r#"
        policy 'm' with binding 'm-bound' denied request: error applying patch: failed to convert patch object to typed object: .colour: field not declared in schema
        policy 'm' with binding 'm-bound' denied request: type mismatch: unexpected type name "Object.spec", expected "Object.metadata", which matches field name path from root Object type
        policy 'm' with binding 'm-bound' denied request: JSON Patch: doc is missing path: /none/x"#]].assert_eq(&causes[1..].join("\n"));
}

#[tokio::test]
async fn expressions_that_do_not_compile_are_refused_with_their_place() {
    let world = World::new().await;
    let policy = json(
        r#"{"metadata":{"name":"p"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"operations":["CREATE"]}]},
        "matchConditions":[{"name":"c","expression":"variables.v"}],
        "variables":[{"name":"v","expression":"1"}],
        "validations":[{"expression":"variables.v","messageExpression":"1"},{"expression":"params.x == 1 && variables.w"}],
        "auditAnnotations":[{"key":"k","valueExpression":"2"}]}}"#,
    );
    check(
        &world.send("POST", &format!("{ADMISSION}/validatingadmissionpolicies"), &policy).await,
        &expect![[r#"
            422 Invalid: ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: [spec.matchConditions[0].expression: Invalid value: "variables.v": compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')
             | variables.v
             | ^, spec.validations[0].expression: Invalid value: "variables.v": must evaluate to bool but got int, spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int, spec.validations[1].expression: Invalid value: "params.x == 1 && variables.w": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')
             | params.x == 1 && variables.w
             | ^
            ERROR: <input>:1:27: undefined field 'w'
             | params.x == 1 && variables.w
             | ..........................^, spec.auditAnnotations[0].valueExpression: Invalid value: "2": must evaluate to one of [string null_type] but got int]"#]],
    );
    let webhooks = json(
        r#"{"metadata":{"name":"w"},"webhooks":[{"name":"a.example.com","clientConfig":{"url":"https://127.0.0.1:1"},"sideEffects":"None",
        "admissionReviewVersions":["v1"],"matchConditions":[{"name":"c","expression":"object.x"}]}]}"#,
    );
    check(
        &world.send("POST", &format!("{ADMISSION}/validatingwebhookconfigurations"), &webhooks).await,
        &expect![[
            r#"422 Invalid: ValidatingWebhookConfiguration.admissionregistration.k8s.io "w" is invalid: webhooks[0].matchConditions[0].expression: Invalid value: "object.x": must evaluate to bool but got dyn"#
        ]],
    );
}

#[tokio::test]
async fn a_webhook_is_asked_where_its_conditions_hold() {
    let world = World::new().await;
    // Nothing listens there: being asked is to fail.
    let webhooks = |condition: &str| {
        tree!({ "metadata": { "name": "w" }, "webhooks": [{
            "name": "a.example.com", "clientConfig": { "url": "https://127.0.0.1:1" }, "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "matchConditions": [{ "name": "c", "expression": condition }],
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"] }]
        }] })
    };
    let path = format!("{ADMISSION}/validatingwebhookconfigurations");
    world.made(&path, &webhooks("object.metadata.name == 'x'")).await;
    check(&world.create("a", "{}").await, &expect!["201 Created"]);
    check(
        &world.create("x", "{}").await,
        &expect![[
            r#"500 InternalError: Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://127.0.0.1:1?timeout=10s": ask https://127.0.0.1:1/?timeout=10s: client error (Connect): Connection refused (os error 111)"#
        ]],
    );
    assert_eq!(world.front.ask(ask("DELETE", &format!("{path}/w"))).await.code(), StatusCode::OK);
    world.made(&path, &webhooks("object.data.none == 'x'")).await;
    check(
        &world.create("b", r#"{"k":"v"}"#).await,
        &expect![[
            r#"403 Forbidden: configmaps "b" is forbidden: expression 'object.data.none == 'x'' resulted in error: no such key: none"#
        ]],
    );
}

#[tokio::test]
async fn a_connection_is_made_only_where_policies_let_it() {
    let world = World::new().await;
    let policy = json(
        r#"{"metadata":{"name":"p"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],
        "resources":["pods/exec"],"operations":["CONNECT"]}]},"validations":[
        {"expression":"request.operation == 'CONNECT' && object.kind == 'PodExecOptions' && object.command == ['ls', '-l'] && !has(object.tty)"}]}}"#,
    );
    world.made(&format!("{ADMISSION}/validatingadmissionpolicies"), &policy).await;
    let binding = json(r#"{"metadata":{"name":"b"},"spec":{"policyName":"p","validationActions":["Deny"]}}"#);
    world.made(&format!("{ADMISSION}/validatingadmissionpolicybindings"), &binding).await;
    let exec = |query: &str| ask("GET", &format!("/api/v1/namespaces/default/pods/x/exec?{query}"));
    check(
        &world.front.ask(exec("command=sh&tty=true")).await,
        &expect![[
            r#"422 Invalid: pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: request.operation == 'CONNECT' && object.kind == 'PodExecOptions' && object.command == ['ls', '-l'] && !has(object.tty)"#
        ]],
    );
    // What it lets pass finds no pod.
    check(
        &world.front.ask(exec("command=ls&command=-l")).await,
        &expect![[r#"404 NotFound: pods "x" not found"#]],
    );
    // A policy that changes the options is before it.
    let mutating = json(
        r#"{"metadata":{"name":"m"},"spec":{"reinvocationPolicy":"Never","matchConstraints":{"resourceRules":[{"apiGroups":[""],
        "apiVersions":["v1"],"resources":["pods/exec"],"operations":["CONNECT"]}]},"mutations":[{"patchType":"JSONPatch",
        "jsonPatch":{"expression":"[JSONPatch{op: 'add', path: '/tty', value: true}]"}}]}}"#,
    );
    world.made(&format!("{ADMISSION}/mutatingadmissionpolicies"), &mutating).await;
    let binding = json(r#"{"metadata":{"name":"mb"},"spec":{"policyName":"m"}}"#);
    world.made(&format!("{ADMISSION}/mutatingadmissionpolicybindings"), &binding).await;
    check(
        &world.front.ask(exec("command=ls&command=-l")).await,
        &expect![[
            r#"422 Invalid: pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: request.operation == 'CONNECT' && object.kind == 'PodExecOptions' && object.command == ['ls', '-l'] && !has(object.tty)"#
        ]],
    );
}
