//! What is read, what is refused, and what fits.

use expect_test::{Expect, expect};

use super::*;

const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

fn read(rules: &str) -> Policy {
    Policy::read(format!("{HEAD}{rules}").as_bytes()).unwrap()
}

fn refused(text: &str, wanted: &Expect) {
    wanted.assert_eq(&Policy::read(text.as_bytes()).unwrap_err().to_string());
}

/// `user,group verb path`, or `user,group verb group namespace resource/subresource name` with `-` for nothing.
fn level(policy: &Policy, request: &str) -> Level {
    let words: Vec<&str> = request.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
    let (name, group) = words[0].split_once(',').unwrap_or((words[0], ""));
    let user = UserInfo { name: name.to_owned(), groups: vec![group.to_owned()], ..UserInfo::default() };
    let target = match *words.as_slice() {
        [_, _, path] => Target::Path(path.to_owned()),
        [_, _, group, namespace, resource, name] => {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let [group, namespace, resource, subresource, name] =
                [group, namespace, resource, subresource, name].map(str::to_owned);
            Target::Resource { group, version: "v1".to_owned(), resource, subresource, namespace, name }
        }
        _ => panic!("{request}"),
    };
    policy.judge(&user, &Attributes { verb: words[1].to_owned(), target }).level
}

#[test]
fn the_first_rule_that_fits_decides() {
    let policy = read(
        r#"
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:kube-proxy"], verbs: [watch], resources: [{group: "", resources: [endpoints, services]}]}
- {level: None, userGroups: ["system:authenticated"], nonResourceURLs: ["/api*", "/version"]}
- {level: Request, resources: [{group: "", resources: [configmaps]}], namespaces: [kube-system]}
- {level: Metadata, resources: [{group: "", resources: [secrets, "pods/*", "*/scale"]}]}
- {level: RequestResponse, resources: [{group: apps, resources: [deployments], resourceNames: [web]}]}
- {level: Request, resources: [{group: batch}, {group: ""}]}
- {level: Metadata, omitStages: [ResponseStarted]}
"#,
    );
    for (request, wanted) in [
        ("system:kube-proxy watch - a services -", Level::None),
        ("system:kube-proxy get - a services -", Level::Request),
        ("jane,system:authenticated get /apis", Level::None),
        ("jane,system:authenticated get /version", Level::None),
        ("jane,system:authenticated get /version/", Level::Metadata),
        ("jane get /version", Level::Metadata),
        ("jane get - kube-system configmaps x", Level::Request),
        ("jane get - a secrets x", Level::Metadata),
        ("jane get - a pods/log x", Level::Metadata),
        ("jane get - a pods x", Level::Metadata),
        ("jane get apps a deployments/scale x", Level::Metadata),
        ("jane get - a replicationcontrollers/scale x", Level::Metadata),
        ("jane get apps a deployments web", Level::RequestResponse),
        ("jane get apps a deployments other", Level::Metadata),
        ("jane get batch a jobs x", Level::Request),
    ] {
        assert_eq!(level(&policy, request), wanted, "{request}");
    }
    let last = policy.judge(
        &UserInfo::default(),
        &Attributes { verb: "get".to_owned(), target: Target::Path("/x".to_owned()) },
    );
    assert_eq!(last.omit, Stages::default().with(Stage::RequestReceived).with(Stage::ResponseStarted));
}

#[test]
fn what_no_rule_fits_leaves_no_trail() {
    let policy = read("rules: [{level: Metadata, users: [jane]}]");
    assert_eq!(level(&policy, "joe get /version"), Level::None);
    assert_eq!(level(&policy, "jane get /version"), Level::Metadata);
}

#[test]
fn a_rule_says_for_itself_whether_managed_fields_are_told() {
    let policy = read(
        "omitManagedFields: true\nrules: [{level: Request, users: [a], omitManagedFields: false}, {level: Request}]",
    );
    let judge = |name: &str| {
        let user = UserInfo { name: name.to_owned(), ..UserInfo::default() };
        let target = Target::Path("/x".to_owned());
        policy.judge(&user, &Attributes { verb: "get".to_owned(), target }).omit_managed_fields
    };
    assert_eq!((judge("a"), judge("b")), (false, true));
}

#[test]
fn what_is_no_policy_is_refused() {
    refused(
        "{",
        &expect![
            "read the audit policy: yaml: line 2: while parsing a node, did not find expected node content"
        ],
    );
    refused(
        "kind: Policy\napiVersion: audit.k8s.io/v1beta1",
        &expect![[
            r#"read the audit policy: it is "Policy" of "audit.k8s.io/v1beta1", and should be Policy of audit.k8s.io/v1"#
        ]],
    );
    refused(HEAD, &expect!["read the audit policy: loaded illegal policy with 0 rules"]);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let text = format!(
        "{HEAD}{}",
        r#"
omitStages: [Sometime]
mode: x
rules:
- {level: Loud}
- {user: [jane]}
- {level: None, users: jane, omitManagedFields: 1}
- {level: None, nonResourceURLs: [version, "/a*b", "*"], namespaces: [a]}
- {level: None, resources: [{group: apps/v1, resourceNames: [x]}]}
- {level: None, omitStages: [Never]}
"#
    );
    refused(
        &text,
        &expect![[
            r#"read the audit policy: unknown field "mode"; omitStages[0]: Invalid value: "Sometime": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic; rules[0].level: Unsupported value: "Loud": supported values: "None", "Metadata", "Request", "RequestResponse"; unknown field "rules[1].user"; rules[1].level: Required value; field "rules[2].users" is no list of strings; field "rules[2].omitManagedFields" is no bool; rules[3].nonResourceURLs[0]: Invalid value: "version": non-resource URL rules must begin with a '/' character; rules[3].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule; rules[3].nonResourceURLs: Invalid value: ["version","/a*b","*"]: rules cannot apply to both regular resources and non-resource URLs; rules[4].resources[0].group: Invalid value: "apps/v1": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'); rules[4].resources[0].resourceNames: Invalid value: ["x"]: using resourceNames requires at least one resource; rules[5].omitStages[0]: Invalid value: "Never": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic"#
        ]],
    );
}
