//! Classes of pods, requests for certificates, API services, flow control, leases and slices of endpoints.

use expect_test::expect;
use jiff::Timestamp;

use super::{accepted, change_refused, lines, of, prepared, refused, resource, status_refused, why_refused};
use crate::kind::{Requester, set_requester, system_priority_classes};
use crate::resource::by_kind;
use crate::tree::Tree;

#[test]
fn a_priority_class_keeps_its_value_and_the_systems_names() {
    accepted(
        "PriorityClass",
        r#"{"value":1000000000}"#,
        expect![[r#"
            {"value":1000000000,"metadata":{"name":"x","generation":1},"preemptionPolicy":"PreemptLowerPriority"}
        "#]],
    );
    refused(
        "PriorityClass",
        r#"{"value":1000000001,"preemptionPolicy":"x"}"#,
        expect![[r#"
        value: Forbidden: maximum allowed value of a user defined priority is 1000000000
        preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"
    "#]],
    );
    let named = |name: &str, value: i64| format!(r#"{{"metadata":{{"name":"{name}"}},"value":{value}}}"#);
    refused(
        "PriorityClass",
        &named("system-x", 1),
        expect![[r#"
        metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class
    "#]],
    );
    refused(
        "PriorityClass",
        &named("system-node-critical", 1),
        expect![[r#"
        metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000
    "#]],
    );
    change_refused(
        "PriorityClass",
        r#"{"value":1}"#,
        r#"{"value":2,"preemptionPolicy":"Never"}"#,
        expect![[r#"
        value: Forbidden: may not be changed in an update.
        preemptionPolicy: Invalid value: "Never": field is immutable
    "#]],
    );
}

#[test]
fn the_systems_priority_classes_are_valid() {
    let classes = resource("PriorityClass");
    for mut class in system_priority_classes() {
        of(classes).prepare_create(classes, &mut class);
        assert_eq!(of(classes).validate(classes, &class), []);
    }
}

#[test]
fn a_runtime_class_has_a_handler_and_tolerates_what_it_can() {
    refused(
        "RuntimeClass",
        r#"{"handler":"A","overhead":{"podFixed":{"cpu":"-1","x":"1"}},"scheduling":{"nodeSelector":{"a":"b c"},
            "tolerations":[{"operator":"Exists","value":"v"},{"key":"a","tolerationSeconds":1},{"key":"a"},{"operator":"x","effect":"y"}]}}"#,
        expect![[r#"
            handler: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0
            overhead.limits[x]: Invalid value: "x": must be a standard resource type or fully qualified
            overhead.limits[x]: Invalid value: "x": must be a standard resource for containers
            scheduling.nodeSelector: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            scheduling.tolerations[0].operator: Invalid value: "v": value must be empty when `operator` is 'Exists'
            scheduling.tolerations[1].effect: Invalid value: "": effect must be 'NoExecute' when `tolerationSeconds` is set
            scheduling.tolerations[2]: Duplicate value: {"key":"a"}
            scheduling.tolerations[3].operator: Invalid value: "x": operator must be Exists when `key` is empty, which means "match all values and all keys"
            scheduling.tolerations[3].operator: Unsupported value: "x": supported values: "Equal", "Exists"
            scheduling.tolerations[3].effect: Unsupported value: "y": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
        "#]],
    );
    change_refused(
        "RuntimeClass",
        r#"{"handler":"a"}"#,
        r#"{"handler":"b"}"#,
        expect![[r#"
        handler: Invalid value: "b": field is immutable
    "#]],
    );
}

/// `-----BEGIN CERTIFICATE REQUEST-----`, four bytes, `-----END CERTIFICATE REQUEST-----`.
const PEM: &str =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KQUFBQQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

fn request(rest: &str) -> String {
    format!(
        r#"{{"spec":{{"request":"{PEM}","signerName":"example.com/s","usages":["client auth"],"username":"forged"}}{rest}}}"#
    )
}

#[test]
fn a_request_for_a_certificate_says_who_asks() {
    let requests = resource("CertificateSigningRequest");
    let mut tree = prepared("CertificateSigningRequest", &request(""));
    assert_eq!(tree.str_at(&["spec", "username"]), None);
    let extra = vec![("k".to_owned(), vec!["v".to_owned()])];
    let groups = vec!["g".to_owned()];
    set_requester(&mut tree, &Requester { username: "u".into(), groups, extra, ..Requester::default() });
    assert_eq!(of(requests).validate(requests, &tree), []);
    tree.remove_at(&["spec", "request"]);
    expect![[r#"{"signerName":"example.com/s","usages":["client auth"],"username":"u","groups":["g"],"extra":{"k":["v"]}}"#]].assert_eq(&tree.get("spec").unwrap().to_json_string());
}

#[test]
fn a_request_for_a_certificate_is_pem_for_a_signer_and_usages() {
    refused(
        "CertificateSigningRequest",
        r#"{"spec":{"request":"YQ==","signerName":"a/b/c","usages":["x","client auth","client auth"],"expirationSeconds":599}}"#,
        expect![[r#"
            spec.request: Invalid value: "YQ==": PEM block type must be CERTIFICATE REQUEST
            spec.usages[0]: Unsupported value: "x": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"
            spec.usages[2]: Duplicate value: "client auth"
            spec.signerName: Invalid value: "a/b/c": must be a fully qualified domain and path of the form 'example.com/signer-name'
            spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)
        "#]],
    );
    let signers =
        ["", "a/b", "A.b/c", "a.b/C", "kubernetes.io/legacy-unknown", "kubernetes.io/kube-apiserver-client"];
    let why = |signer: &&str| {
        why_refused("CertificateSigningRequest", &request("").replace("example.com/s", signer))
    };
    expect![[r#"
        spec.signerName: Required value
        spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots
        spec.signerName: Invalid value: "A.b": validating label "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
        spec.signerName: Invalid value: "C": validating label "C": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version
    "#]].assert_eq(&signers.iter().map(why).collect::<String>());
}

/// A request with a status, written to a part over another.
fn part(name: &str, old: &str, new: &str) -> (Tree, String) {
    let requests = resource("CertificateSigningRequest");
    let with = |status: &str| {
        let mut tree = prepared("CertificateSigningRequest", &request(""));
        tree.insert("status", Tree::from_json(status.as_bytes()).unwrap());
        tree
    };
    let (old, mut new) = (with(old), with(new));
    let kind = of(requests);
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let errors = if name == "status" {
        kind.prepare_status(requests, &mut new, &old);
        kind.stamp(&mut new, Some(&old), now);
        kind.validate_status(&new, &old)
    } else {
        let part = kind.part(name).unwrap();
        part.prepare(kind, requests, &mut new, &old);
        kind.stamp(&mut new, Some(&old), now);
        part.validate(&new, &old)
    };
    (new, lines(&errors))
}

const APPROVED: &str = r#"{"conditions":[{"type":"Approved","status":"True"}]}"#;

#[test]
fn approval_writes_conditions_and_nothing_else() {
    let (tree, errors) = part("approval", "{}", &APPROVED.replacen('{', r#"{"certificate":"YQ==","#, 1));
    assert_eq!(errors, "");
    expect![[r#"{"conditions":[{"type":"Approved","status":"True","lastUpdateTime":"2023-11-14T22:13:20Z","lastTransitionTime":"2023-11-14T22:13:20Z"}]}"#]].assert_eq(&tree.get("status").unwrap().to_json_string());
    let both = r#"{"conditions":[{"type":"Approved","status":"True"},{"type":"Denied","status":"False"}]}"#;
    expect![[r#"
        status.conditions[1].status: Unsupported value: "False": supported values: "True"
        status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive
    "#]]
    .assert_eq(&part("approval", "{}", both).1);
    expect![[r#"
        status.conditions: Forbidden: updates may not remove a condition of type "Approved"
    "#]]
    .assert_eq(&part("approval", APPROVED, "{}").1);
}

#[test]
fn status_writes_the_certificate_and_does_not_approve() {
    expect![[r#"
        status.conditions: Forbidden: updates may not add a condition of type "Approved"
    "#]]
    .assert_eq(&part("status", "{}", APPROVED).1);
    expect![[r#"
        status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block
    "#]].assert_eq(&part("status", "{}", r#"{"certificate":"YQ=="}"#).1);
    let block = |label: &str| {
        use base64::Engine;
        let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        format!(r#"{{"certificate":"{}"}}"#, base64::engine::general_purpose::STANDARD.encode(text))
    };
    assert_eq!(part("status", "{}", &block("CERTIFICATE")).1, "");
    expect![[r#"
        status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "KEY"
    "#]].assert_eq(&part("status", "{}", &block("KEY")).1);
    expect![[r#"
        status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block
        status.certificate: Forbidden: updates may not modify existing certificate content
    "#]].assert_eq(&part("status", &block("CERTIFICATE"), r#"{"certificate":"YQ=="}"#).1);
}

#[test]
fn an_api_service_is_named_by_its_version_and_group() {
    let local = r#"{"metadata":{"name":"v1.example.com"},"spec":{"group":"example.com","version":"v1","groupPriorityMinimum":1000,"versionPriority":10}}"#;
    accepted(
        "APIService",
        local,
        expect![[r#"
            {"metadata":{"name":"v1.example.com"},"spec":{"group":"example.com","version":"v1","groupPriorityMinimum":1000,"versionPriority":10},"status":{"conditions":[{"type":"Available","status":"True","reason":"Local","message":"Local APIServices are always available"}]}}
        "#]],
    );
    let remote = local.replace(
        r#""group":"#,
        r#""service":{"name":"s","namespace":"n"},"insecureSkipTLSVerify":true,"group":"#,
    );
    accepted(
        "APIService",
        &remote,
        expect![[r#"
            {"metadata":{"name":"v1.example.com"},"spec":{"service":{"name":"s","namespace":"n","port":443},"insecureSkipTLSVerify":true,"group":"example.com","version":"v1","groupPriorityMinimum":1000,"versionPriority":10},"status":{}}
        "#]],
    );
    refused(
        "APIService",
        r#"{"spec":{"version":"V1","groupPriorityMinimum":20001,"caBundle":"YQ==","insecureSkipTLSVerify":true}}"#,
        expect![[r#"
            metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "V1."
            spec.group: Required value: only v1 may have an empty group and it better be legacy kube
            spec.version: Invalid value: "V1": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000
            spec.versionPriority: Invalid value: 0: must be positive and less than 1000
            spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle
            spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify
        "#]],
    );
    status_refused(
        "APIService",
        local,
        &local.replacen('{', r#"{"status":{"conditions":[{"type":"Available","status":"x"}]},"#, 1),
        expect![[r#"
        status.conditions[0].status: Unsupported value: "x": supported values: "True", "False", "Unknown"
    "#]],
    );
}

#[test]
fn a_definition_gets_its_names_and_remembers_what_it_stored() {
    let definition = r#"{"spec":{"group":"example.com","names":{"kind":"Widget","plural":"widgets"},"scope":"Namespaced",
        "versions":[{"name":"v1","served":true,"storage":true}]}}"#;
    accepted(
        "CustomResourceDefinition",
        definition,
        expect![[r#"
            {"spec":{"group":"example.com","names":{"kind":"Widget","plural":"widgets","singular":"widget","listKind":"WidgetList"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true}],"conversion":{"strategy":"None"}},"metadata":{"name":"x","generation":1},"status":{"storedVersions":["v1"]}}
        "#]],
    );
    let definitions = by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").unwrap();
    let old = prepared("CustomResourceDefinition", definition);
    let mut new = prepared("CustomResourceDefinition", &definition.replace("v1", "v2"));
    of(definitions).prepare_update(definitions, &mut new, &old);
    assert_eq!(new.items_at(&["status", "storedVersions"]), [Tree::from("v1"), Tree::from("v2")]);
}

#[test]
fn a_flow_schema_says_whose_requests_it_is_for() {
    accepted(
        "FlowSchema",
        r#"{"spec":{"priorityLevelConfiguration":{"name":"l"},"rules":[{"subjects":[{"kind":"User","user":{"name":"u"}}],
            "nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["/a/*"]}]}]}}"#,
        expect![[r#"
            {"spec":{"priorityLevelConfiguration":{"name":"l"},"rules":[{"subjects":[{"kind":"User","user":{"name":"u"}}],"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["/a/*"]}]}],"matchingPrecedence":1000},"metadata":{"name":"x","generation":1},"status":{}}
        "#]],
    );
    refused(
        "FlowSchema",
        r#"{"spec":{"matchingPrecedence":1,"distinguisherMethod":{"type":"x"},"rules":[{},{"subjects":[{"kind":"x"},
              {"kind":"User","group":{"name":"g"}},{"kind":"ServiceAccount","serviceAccount":{"name":"*"}},{"kind":"Group","group":{}}],
            "resourceRules":[{},{"verbs":["x"],"apiGroups":["*","a"],"resources":["*","b"],"namespaces":["A"]}],
            "nonResourceRules":[{"verbs":["*","get"],"nonResourceURLs":["a","/a b","//a","/*a",""]}]}]}}"#,
        expect![[r#"
            spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1
            spec.distinguisherMethod.type: Unsupported value: {"type":"x"}: supported values: "ByNamespace", "ByUser"
            spec.priorityLevelConfiguration.name: Required value: must reference a priority level
            spec.rules[0].subjects: Required value: subjects must contain at least one value
            spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty
            spec.rules[1].subjects[0].kind: Unsupported value: "x": supported values: "Group", "ServiceAccount", "User"
            spec.rules[1].subjects[1].user: Required value: user is required when subject kind is 'User'
            spec.rules[1].subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'
            spec.rules[1].subjects[2].serviceAccount.namespace: Required value: must specify namespace for service account
            spec.rules[1].subjects[3].group.name: Required value
            spec.rules[1].resourceRules[0].verbs: Required value: verbs must contain at least one value
            spec.rules[1].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group
            spec.rules[1].resourceRules[0].resources: Required value: resource rules must supply at least one resource
            spec.rules[1].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace
            spec.rules[1].resourceRules[1].verbs: Unsupported value: ["x"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"
            spec.rules[1].resourceRules[1].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other api groups
            spec.rules[1].resourceRules[1].resources: Invalid value: ["*","b"]: if '*' is present, must not specify other resources
            spec.rules[1].resourceRules[1].namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.rules[1].nonResourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs
            spec.rules[1].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash
            spec.rules[1].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a b": must not contain white-space
            spec.rules[1].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "//a": must not contain double slash
            spec.rules[1].nonResourceRules[0].nonResourceURLs[3]: Invalid value: "/*a": wildcard can only do suffix matching
            spec.rules[1].nonResourceRules[0].nonResourceURLs[4]: Invalid value: "": must not be empty
        "#]],
    );
    refused(
        "FlowSchema",
        r#"{"metadata":{"name":"exempt"},"spec":{"matchingPrecedence":10001,"priorityLevelConfiguration":{"name":"exempt"}}}"#,
        expect![[r#"
            spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000
            spec: Invalid value: {"matchingPrecedence":10001,"priorityLevelConfiguration":{"name":"exempt"}}: spec of 'exempt' must equal the fixed value
        "#]],
    );
}

#[test]
fn a_priority_level_is_limited_or_exempt() {
    let limited = |rest: &str| format!(r#"{{"spec":{{"type":"Limited","limited":{{{rest}}}}}}}"#);
    accepted(
        "PriorityLevelConfiguration",
        &limited(r#""limitResponse":{"type":"Queue","queuing":{}}"#),
        expect![[r#"
            {"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{"handSize":8,"queues":64,"queueLengthLimit":50}},"nominalConcurrencyShares":30,"lendablePercent":0}},"metadata":{"name":"x","generation":1},"status":{}}
        "#]],
    );
    refused(
        "PriorityLevelConfiguration",
        &limited(
            r#""nominalConcurrencyShares":-1,"lendablePercent":101,"borrowingLimitPercent":-1,"limitResponse":{"type":"Queue","queuing":{"queues":10000001,"handSize":-1,"queueLengthLimit":-1}}"#,
        ),
        expect![[r#"
            spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer
            spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive
            spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive
            spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000
            spec.limited.limitResponse.queuing.handSize: Invalid value: -1: must be positive
            spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer
        "#]],
    );
    refused(
        "PriorityLevelConfiguration",
        &limited(r#""limitResponse":{"type":"Queue","queuing":{"queues":1000,"handSize":7}}"#),
        expect![[r#"
            spec.limited.limitResponse.queuing.handSize: Invalid value: 7: required entropy bits of deckSize 1000 and handSize 7 should not be greater than 60
        "#]],
    );
    refused(
        "PriorityLevelConfiguration",
        r#"{"spec":{"type":"Exempt","limited":{}}}"#,
        expect![[r#"
        spec.type: Invalid value: "Exempt": must be 'Exempt' if and only if `name` is 'exempt'
        spec.limited: Forbidden: must be nil if the type is not Limited
    "#]],
    );
    refused(
        "PriorityLevelConfiguration",
        r#"{"metadata":{"name":"exempt"},"spec":{"type":"Exempt","exempt":{"nominalConcurrencyShares":5}}}"#,
        expect![[""]],
    );
    refused(
        "PriorityLevelConfiguration",
        &limited(r#""limitResponse":{"type":"Reject","queuing":{}}"#).replacen(
            '{',
            r#"{"metadata":{"name":"catch-all"},"#,
            1,
        ),
        expect![[r#"
            spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited
            spec: Invalid value: {"type":"Limited","limited":{"limitResponse":{"type":"Reject","queuing":{"handSize":8,"queues":64,"queueLengthLimit":50}},"nominalConcurrencyShares":30,"lendablePercent":0}}: spec of 'catch-all' must equal the fixed value
        "#]],
    );
}

#[test]
fn a_lease_does_not_keep_what_is_not_served() {
    accepted(
        "Lease",
        r#"{"spec":{"strategy":"x","preferredHolder":"y","holderIdentity":"z"}}"#,
        expect![[r#"
            {"spec":{"holderIdentity":"z"},"metadata":{"name":"x","namespace":"d"}}
        "#]],
    );
    refused(
        "Lease",
        r#"{"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}}"#,
        expect![[r#"
        spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0
        spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0
    "#]],
    );
}

#[test]
fn the_addresses_of_a_slice_are_of_its_type() {
    let slice = |kind: &str, addresses: &str| {
        format!(r#"{{"addressType":"{kind}","endpoints":[{{"addresses":[{addresses}]}}]}}"#)
    };
    accepted(
        "EndpointSlice",
        &slice("IPv4", r#""10.0.0.1""#),
        expect![[r#"
            {"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{}}],"metadata":{"name":"x","namespace":"d","generation":1}}
        "#]],
    );
    refused(
        "EndpointSlice",
        &slice("IPv4", r#""::1","127.0.0.1","x","010.0.0.1""#),
        expect![[r#"
        endpoints[0].addresses: Invalid value: "::1": must be an IPv4 address
        endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)
        endpoints[0].addresses[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
        endpoints[0].addresses[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
    "#]],
    );
    refused(
        "EndpointSlice",
        &slice("IPv6", r#""10.0.0.1","2001:DB8::1","::ffff:1.2.3.4","fe80::1""#),
        expect![[r#"
        endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address
        endpoints[0].addresses[1]: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")
        endpoints[0].addresses[2]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address
        endpoints[0].addresses[3]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
    "#]],
    );
    refused(
        "EndpointSlice",
        &slice("FQDN", r#""a","a.b.","A.b","""#),
        expect![[r#"
        endpoints[0].addresses[0]: Invalid value: "a": should be a domain with at least two segments separated by dots
        endpoints[0].addresses[2]: Invalid value: "A.b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        endpoints[0].addresses[3]: Required value
    "#]],
    );
    refused(
        "EndpointSlice",
        r#"{"endpoints":[{"addresses":["a"],"nodeName":"A","hostname":"B","hints":{"forZones":[{"name":"z"},{"name":"z"}],"forNodes":[{"name":"N"}]}}],
            "ports":[{},{"protocol":"x","appProtocol":"a b"}]}"#,
        expect![[r#"
            addressType: Required value
            ports[1].name: Duplicate value: ""
            ports[1].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
            ports[1].appProtocol: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            endpoints[0].nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            endpoints[0].hostname: Invalid value: "B": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            endpoints[0].hints.forZones[1].name: Duplicate value: "z"
            endpoints[0].hints.forNodes[0].name: Invalid value: "N": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}
