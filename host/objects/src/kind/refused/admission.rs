//! Webhooks, admission policies and their bindings.

use expect_test::expect;

use super::{accepted, refused, status_refused, why_refused};

const RULE: &str = r#"{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"]}"#;

fn hook(rest: &str) -> String {
    format!(
        r#"{{"webhooks":[{{"name":"a.example.com","sideEffects":"None","admissionReviewVersions":["v1"],"rules":[{RULE}]{rest}}}]}}"#
    )
}

#[test]
fn a_webhook_gets_its_defaults() {
    let service = hook(r#","clientConfig":{"service":{"name":"s","namespace":"n"}}"#);
    accepted(
        "ValidatingWebhookConfiguration",
        &service,
        expect![[r#"
            {"webhooks":[{"name":"a.example.com","sideEffects":"None","admissionReviewVersions":["v1"],"rules":[{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"scope":"*"}],"clientConfig":{"service":{"name":"s","namespace":"n","port":443}},"failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"timeoutSeconds":10}],"metadata":{"name":"x","generation":1}}
        "#]],
    );
    accepted(
        "MutatingWebhookConfiguration",
        &hook(r#","clientConfig":{"url":"https://a/b"}"#),
        expect![[r#"
            {"webhooks":[{"name":"a.example.com","sideEffects":"None","admissionReviewVersions":["v1"],"rules":[{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"],"scope":"*"}],"clientConfig":{"url":"https://a/b"},"failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"timeoutSeconds":10,"reinvocationPolicy":"Never"}],"metadata":{"name":"x","generation":1}}
        "#]],
    );
}

#[test]
fn a_webhook_has_a_name_rules_and_an_address() {
    refused(
        "MutatingWebhookConfiguration",
        r#"{"webhooks":[{"name":"a.b","sideEffects":"Some","failurePolicy":"x","matchPolicy":"x","timeoutSeconds":31,"reinvocationPolicy":"x",
              "admissionReviewVersions":["v2","v2","V"],"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"x"}]}},
            {"name":"c.example.com","rules":[{},{"operations":["*","x"],"apiGroups":["*",""],"apiVersions":["*",""],"resources":["*","a"],"scope":"x"}],
              "clientConfig":{"service":{"port":0,"path":"a//B/"}}},
            {"name":"c.example.com","matchConditions":[{"name":"a b","expression":" "},{"name":"c","expression":"1"},{"name":"c","expression":"2"}]}]}"#,
        expect![[r#"
            webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots
            webhooks[0].failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"
            webhooks[0].matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"
            webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"
            webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds
            webhooks[0].namespaceSelector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator
            webhooks[0].reinvocationPolicy: Unsupported value: "x": supported values: "IfNeeded", "Never"
            webhooks[0].clientConfig: Required value: exactly one of url or service is required
            webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version
            webhooks[0].admissionReviewVersions[2]: Invalid value: "V": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2","V"]: must include at least one of v1, v1beta1
            webhooks[1].rules[0].operations: Required value
            webhooks[1].rules[0].apiGroups: Required value
            webhooks[1].rules[0].apiVersions: Required value
            webhooks[1].rules[0].resources: Required value
            webhooks[1].rules[1].operations: Invalid value: ["*","x"]: if '*' is present, must not specify other operations
            webhooks[1].rules[1].operations[1]: Unsupported value: "x": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"
            webhooks[1].rules[1].apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other API groups
            webhooks[1].rules[1].apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions
            webhooks[1].rules[1].apiVersions[1]: Required value
            webhooks[1].rules[1].resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources without subresources
            webhooks[1].rules[1].scope: Unsupported value: "x": supported values: "*", "Cluster", "Namespaced"
            webhooks[1].sideEffects: Required value: must specify one of None, NoneOnDryRun
            webhooks[1].clientConfig.service.name: Required value
            webhooks[1].clientConfig.service.namespace: Required value
            webhooks[1].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive
            webhooks[1].clientConfig.service.path: Invalid value: "a//B/": must start with a '/'
            webhooks[1].clientConfig.service.path: Invalid value: "a//B/": segment[0] may not be empty
            webhooks[1].clientConfig.service.path: Invalid value: "a//B/": segment[1] may not be empty
            webhooks[1].clientConfig.service.path: Invalid value: "a//B/": segment[2]: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            webhooks[1].admissionReviewVersions: Required value: must specify one of v1, v1beta1
            webhooks[2].sideEffects: Required value: must specify one of None, NoneOnDryRun
            webhooks[2].clientConfig: Required value: exactly one of url or service is required
            webhooks[2].matchConditions[0].expression: Required value
            webhooks[2].matchConditions[0].name: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            webhooks[2].matchConditions[2].name: Duplicate value: "c"
            webhooks[2].admissionReviewVersions: Required value: must specify one of v1, v1beta1
            webhooks[2].name: Duplicate value: "c.example.com"
        "#]],
    );
}

#[test]
fn the_url_of_a_webhook_is_a_plain_one() {
    let why = |url: &&str| {
        why_refused("ValidatingWebhookConfiguration", &hook(&format!(r#","clientConfig":{{"url":"{url}"}}"#)))
    };
    let urls = ["https://host/path", "http://host", "https://", "https://u:p@host?q#f", "host"];
    expect![[r#"
        webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]
        webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]
        webhooks[0].clientConfig.url: Invalid value: "u:p": user information is not permitted in the URL
        webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL
        webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL
        webhooks[0].clientConfig.url: Invalid value: "": 'https' is the only allowed URL scheme; desired format: https://host[/path]
        webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]
    "#]].assert_eq(&urls.iter().map(why).collect::<String>());
}

#[test]
fn no_resource_of_a_rule_stands_for_another() {
    let why = |resources: &&str| {
        let rule = RULE.replace(r#""pods""#, resources);
        let json = hook(r#","clientConfig":{"url":"https://a"}"#).replace(RULE, &rule);
        why_refused("ValidatingWebhookConfiguration", &json)
    };
    let lists = [
        r#""*/*","pods""#,
        r#""pods/*","pods/log""#,
        r#""*/scale","a/scale""#,
        r#""*","pods/log""#,
        r#""*","pods""#,
        r#""""#,
    ];
    expect![[r#"
        webhooks[0].rules[0].resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources
        webhooks[0].rules[0].resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log
        webhooks[0].rules[0].resources[1]: Invalid value: "a/scale": if '*/scale' is present, must not specify a/scale
        webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources
        webhooks[0].rules[0].resources[0]: Required value
    "#]].assert_eq(&lists.iter().map(why).collect::<String>());
}

const CONSTRAINTS: &str = r#""matchConstraints":{"resourceRules":[{"operations":["CREATE"],"apiGroups":["apps"],"apiVersions":["v1"],"resources":["deployments"]}]}"#;

#[test]
fn a_validating_policy_has_constraints_and_validations() {
    accepted(
        "ValidatingAdmissionPolicy",
        &format!(
            r#"{{"spec":{{{CONSTRAINTS},"validations":[{{"expression":"object.spec.replicas <= 5"}}]}}}}"#
        ),
        expect![[r#"
            {"spec":{"matchConstraints":{"resourceRules":[{"operations":["CREATE"],"apiGroups":["apps"],"apiVersions":["v1"],"resources":["deployments"],"scope":"*"}],"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}},"validations":[{"expression":"object.spec.replicas <= 5"}],"failurePolicy":"Fail"},"metadata":{"name":"x","generation":1},"status":{}}
        "#]],
    );
    refused(
        "ValidatingAdmissionPolicy",
        r#"{"spec":{}}"#,
        expect![[r#"
        spec.matchConstraints: Required value
        spec.validations: Required value: validations or auditAnnotations must contain at least one item
        spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item
    "#]],
    );
    refused(
        "ValidatingAdmissionPolicy",
        r#"{"spec":{"paramKind":{"apiVersion":"a/b/c"},"matchConstraints":{"matchPolicy":"x","resourceRules":[
              {"operations":["DELETE"],"apiGroups":["a"],"apiVersions":["b"],"resources":["c"],"resourceNames":["d","d","e/f"]}]},
            "variables":[{"name":"in","expression":""},{"expression":"1"}],
            "validations":[{"messageExpression":" ","message":"a\nb","reason":"x","expression":"\n"}],
            "auditAnnotations":[{"key":"a b"},{"key":"k","valueExpression":"v"},{"key":"k","valueExpression":"v"}]}}"#,
        expect![[r#"
            spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c
            spec.paramKind.kind: Required value
            spec.matchConstraints.matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"
            spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "d"
            spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: "e/f": may not contain '/'
            spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier
            spec.variables[0].expression: Required value: expression is not specified
            spec.variables[1].name: Required value: name is not specified
            spec.validations[0].expression: Required value: expression is not specified
            spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified
            spec.validations[0].message: Invalid value: "a\nb": must not contain line breaks
            spec.validations[0].reason: Unsupported value: "x": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"
            spec.auditAnnotations[0].key: Invalid value: "x/a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified
            spec.auditAnnotations[2].key: Duplicate value: "k"
        "#]],
    );
    status_refused(
        "ValidatingAdmissionPolicy",
        "{}",
        r#"{"status":{"typeChecking":{"expressionWarnings":[{}]}}}"#,
        expect![[r#"
            status.typeChecking.expressionWarnings[0].warning: Required value
            status.typeChecking.expressionWarnings[0].fieldRef: Required value
        "#]],
    );
}

#[test]
fn a_mutating_policy_has_mutations_and_deletes_nothing() {
    let apply = r#"{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{}"}}"#;
    accepted(
        "MutatingAdmissionPolicy",
        &format!(r#"{{"spec":{{{CONSTRAINTS},"reinvocationPolicy":"Never","mutations":[{apply}]}}}}"#),
        expect![[r#"
            {"spec":{"matchConstraints":{"resourceRules":[{"operations":["CREATE"],"apiGroups":["apps"],"apiVersions":["v1"],"resources":["deployments"],"scope":"*"}],"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}},"reinvocationPolicy":"Never","mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{}"}}],"failurePolicy":"Fail"},"metadata":{"name":"x","generation":1}}
        "#]],
    );
    refused(
        "MutatingAdmissionPolicy",
        &format!(
            r#"{{"spec":{{{},"mutations":[{{}},{{"patchType":"x"}},{{"patchType":"JSONPatch","applyConfiguration":{{}}}},{{"patchType":"JSONPatch","jsonPatch":{{}}}}]}}}}"#,
            CONSTRAINTS.replace("CREATE", "DELETE")
        ),
        expect![[r#"
            spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"
            spec.mutations[0].patchType: Required value
            spec.mutations[1].patchType: Unsupported value: "x": supported values: "ApplyConfiguration", "JSONPatch"
            spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch
            spec.mutations[2].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch
            spec.mutations[3].jsonPatch.expression: Required value
            spec.reinvocationPolicy: Required value
        "#]],
    );
    refused(
        "MutatingAdmissionPolicy",
        &format!(r#"{{"spec":{{{CONSTRAINTS},"reinvocationPolicy":"x"}}}}"#),
        expect![[r#"
        spec.mutations: Required value: mutations must contain at least one item
        spec.reinvocationPolicy: Unsupported value: "x": supported values: "IfNeeded", "Never"
    "#]],
    );
}

#[test]
fn a_binding_names_a_policy_and_its_parameters_one_way() {
    accepted(
        "ValidatingAdmissionPolicyBinding",
        r#"{"spec":{"policyName":"p","validationActions":["Deny"],"matchResources":{}}}"#,
        expect![[r#"
            {"spec":{"policyName":"p","validationActions":["Deny"],"matchResources":{"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}}},"metadata":{"name":"x","generation":1}}
        "#]],
    );
    refused(
        "ValidatingAdmissionPolicyBinding",
        r#"{"spec":{"paramRef":{"name":"a/b","selector":{},"parameterNotFoundAction":"x"},"validationActions":["Deny","Warn","Deny","x"]}}"#,
        expect![[r#"
            spec.policyName: Required value
            spec.paramRef.name: Invalid value: "a/b": may not contain '/'
            spec.paramRef.name: Forbidden: name and selector are mutually exclusive
            spec.paramRef.selector: Forbidden: name and selector are mutually exclusive
            spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"
            spec.validationActions[2]: Duplicate value: "Deny"
            spec.validationActions[3]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"
            spec.validationActions: Invalid value: ["Deny","Warn","Deny","x"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)
        "#]],
    );
    refused(
        "ValidatingAdmissionPolicyBinding",
        r#"{"spec":{"policyName":"P","paramRef":{}}}"#,
        expect![[r#"
        spec.policyName: Invalid value: "P": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        spec.paramRef: Required value: one of name or selector must be specified
        spec.paramRef.parameterNotFoundAction: Required value
        spec.validationActions: Required value: at least one validation action is required
    "#]],
    );
    refused(
        "MutatingAdmissionPolicyBinding",
        r#"{"spec":{"policyName":"p","matchResources":{"resourceRules":[{"operations":["DELETE"],"apiGroups":["a"],"apiVersions":["b"],"resources":["c"]}]}}}"#,
        expect![[r#"
            spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"
        "#]],
    );
}
