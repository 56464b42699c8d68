//! Each review over a made-up authorizer and the tokens of a made-up key.

use expect_test::{Expect, expect};
use objects::meta;
use objects::resource::Verb;

use super::*;
use crate::authz::{Attributes, Decision, ResourceRule, Rules, Target};
use crate::call::{AnswerBody, Content};
use crate::rest::tests::fixture::Fixture;
use crate::tokens::Verifier;
use crate::tokens::tests::{pod, signer};
use crate::tokens::uses::uses;

const API: &str = "https://kubernetes.default.svc";

/// Lets `alice` get pods, denies `mallory`, and fails for `nobody-knows`.
struct Alice;

impl Authorize for Alice {
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        match (user.name.as_str(), &attributes.target) {
            ("alice", Target::Resource { resource, .. }) if resource == "pods" => Decision::allow("a rule"),
            ("mallory", _) => Decision::Deny { reason: "no".to_owned() },
            ("nobody-knows", _) => Decision::Unavailable { why: "rules are loading".to_owned() },
            _ => Decision::NoOpinion { reason: String::new() },
        }
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules {
        let one = |text: &str| vec![text.to_owned()];
        let rule = ResourceRule {
            verbs: one("get"),
            api_groups: one(""),
            resources: one("pods"),
            resource_names: one(&format!("{}-{namespace}", user.name)),
        };
        Rules { resource: vec![rule], ..Rules::default() }
    }
}

fn deps(fixture: &Fixture) -> ReviewDeps {
    let signer = signer();
    let keys = vec![signer.public_key().clone()];
    let verifier = Verifier::new(fixture.rest.clone(), keys, API.to_owned(), vec![API.to_owned()], uses().0);
    let ask = move |token: &str, audiences: &[String]| {
        verifier.verify(token, audiences, jiff::Timestamp::now()).map_err(|why| why.to_string())
    };
    ReviewDeps {
        rest: fixture.rest.clone(),
        authorizer: Arc::new(Alice),
        ask_bearer: Arc::new(ask),
        signer,
        issuer: API.to_owned(),
        audiences: vec![API.to_owned()],
    }
}

fn call(fixture: &Fixture, group: &str, plural: &str, body: &Tree) -> Call {
    Call {
        resource: fixture.rest.registry().find(group, "v1", plural).unwrap(),
        namespace: String::new(),
        user: user("alice", &[]),
        body: Content { media_type: "application/json".to_owned(), bytes: body.to_json() },
        ..fixture.call(Verb::Create, "pods", "")
    }
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

fn ask(deps: &ReviewDeps, call: &Call) -> Result<Tree, Status> {
    let answer = answer(deps, call).expect("a review")?;
    assert_eq!(answer.code, StatusCode::CREATED);
    match answer.body {
        AnswerBody::Json(bytes) => Ok(Tree::from_json(&bytes).unwrap()),
        AnswerBody::Watch(_) => panic!("a watch"),
    }
}

/// The status of the answer, or the message of the refusal.
fn check(deps: &ReviewDeps, call: &Call, expected: Expect) {
    match ask(deps, call) {
        Ok(tree) => expected.assert_eq(&tree.get("status").unwrap().to_json_string()),
        Err(status) => expected.assert_eq(&format!("{} {status}", status.code)),
    }
}

#[tokio::test]
async fn access_is_what_the_authorizer_says_and_everything_for_masters() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    let review = |name: &str, groups: &[&str], resource: &str| {
        let groups: Vec<&str> = groups.to_vec();
        let body = tree!({ "spec": {
            "user": name, "groups": groups, "resourceAttributes": { "verb": "get", "resource": resource }
        } });
        call(&fixture, "authorization.k8s.io", "subjectaccessreviews", &body)
    };
    check(&deps, &review("alice", &[], "pods"), expect![[r#"{"allowed":true,"reason":"a rule"}"#]]);
    check(&deps, &review("alice", &[], "nodes"), expect![[r#"{"allowed":false}"#]]);
    check(
        &deps,
        &review("mallory", &[], "pods"),
        expect![[r#"{"allowed":false,"denied":true,"reason":"no"}"#]],
    );
    let unknown = expect![[r#"{"allowed":false,"evaluationError":"rules are loading"}"#]];
    check(&deps, &review("nobody-knows", &[], "pods"), unknown);
    check(&deps, &review("mallory", &["system:masters"], "pods"), expect![[r#"{"allowed":true}"#]]);
}

#[tokio::test]
async fn a_review_of_oneself_is_of_who_asks() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    let body = tree!({ "spec": { "resourceAttributes": { "verb": "get", "resource": "pods" } } });
    let mut review = call(&fixture, "authorization.k8s.io", "selfsubjectaccessreviews", &body);
    check(&deps, &review, expect![[r#"{"allowed":true,"reason":"a rule"}"#]]);
    review.user = user("bob", &[]);
    check(&deps, &review, expect![[r#"{"allowed":false}"#]]);
    let mut who = call(&fixture, "authentication.k8s.io", "selfsubjectreviews", &tree!({}));
    who.user = UserInfo {
        uid: "7".to_owned(),
        extra: vec![("k".to_owned(), vec!["v".to_owned()])],
        ..user("bob", &["g"])
    };
    let shown = expect![[r#"{"userInfo":{"username":"bob","uid":"7","groups":["g"],"extra":{"k":["v"]}}}"#]];
    check(&deps, &who, shown);
}

#[tokio::test]
async fn a_review_that_asks_nothing_or_too_much_is_invalid() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    let group = "authorization.k8s.io";
    let nothing = call(&fixture, group, "subjectaccessreviews", &tree!({ "spec": {} }));
    check(
        &deps,
        &nothing,
        expect![[
            r#"422 SubjectAccessReview.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]"#
        ]],
    );
    let both = tree!({ "metadata": { "name": "x" }, "spec": {
        "resourceAttributes": { "verb": "get" }, "nonResourceAttributes": { "path": "/", "verb": "get" }
    } });
    let both = call(&fixture, group, "selfsubjectaccessreviews", &both);
    check(
        &deps,
        &both,
        expect![[
            r#"422 SelfSubjectAccessReview.authorization.k8s.io "" is invalid: [spec.nonResourceAttributes: Invalid value: {"path":"/","verb":"get"}: cannot be specified in combination with resourceAttributes, metadata: Invalid value: {"name":"x"}: must be empty]"#
        ]],
    );
    let elsewhere =
        tree!({ "spec": { "user": "alice", "resourceAttributes": { "namespace": "kube-system" } } });
    let mut elsewhere = call(&fixture, group, "localsubjectaccessreviews", &elsewhere);
    elsewhere.namespace = "default".to_owned();
    check(
        &deps,
        &elsewhere,
        expect![[
            r#"422 LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "kube-system": must match metadata.namespace"#
        ]],
    );
    let mut read = nothing;
    read.verb = Verb::Get;
    assert_eq!(ask(&deps, &read).unwrap_err().code, 405);
}

#[tokio::test]
async fn rules_are_those_of_a_namespace_and_masters_have_all() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    let review = |body: Tree| call(&fixture, "authorization.k8s.io", "selfsubjectrulesreviews", &body);
    check(&deps, &review(tree!({ "spec": {} })), expect!["400 no namespace on request"]);
    let mut review = review(tree!({ "spec": { "namespace": "dev" } }));
    check(
        &deps,
        &review,
        expect![[
            r#"{"resourceRules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["alice-dev"]}],"nonResourceRules":[],"incomplete":false}"#
        ]],
    );
    review.user = user("root", &["system:masters"]);
    let status = ask(&deps, &review).unwrap();
    expect![[r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}"#]]
        .assert_eq(&status.at(&["status", "resourceRules", "0"]).unwrap().to_json_string());
}

/// A request for a token of the account `app`.
fn token_request(fixture: &Fixture, spec: Tree) -> Call {
    let body = tree!({ "spec": spec });
    let request = Call { namespace: "default".to_owned(), ..call(fixture, "", "serviceaccounts", &body) };
    Call { name: "app".to_owned(), subresource: "token".to_owned(), ..request }
}

#[tokio::test]
async fn a_requested_token_is_bound_to_its_pod_and_passes_its_review() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    fixture.create("serviceaccounts", tree!({ "metadata": { "name": "app" } })).await.unwrap();
    let pod = fixture.create("pods", pod("web", "app")).await.unwrap();
    let bound = tree!({ "kind": "Pod", "apiVersion": "v1", "name": "web", "uid": (meta::uid(&pod)) });
    let answer = ask(&deps, &token_request(&fixture, tree!({ "boundObjectRef": bound }))).unwrap();
    assert_eq!(answer.i64_at(&["spec", "expirationSeconds"]), Some(3600));
    assert_eq!(answer.str_at(&["spec", "audiences", "0"]), Some(API));
    assert_eq!((answer.str_at(&["kind"]), meta::name(&answer)), (Some("TokenRequest"), "app"));
    let token = answer.str_at(&["status", "token"]).unwrap();
    let review = tree!({ "spec": { "token": token } });
    let review = call(&fixture, "authentication.k8s.io", "tokenreviews", &review);
    let status = ask(&deps, &review).unwrap();
    assert_eq!(status.bool_at(&["status", "authenticated"]), Some(true), "{status}");
    let pod_name = ["status", "user", "extra", "authentication.kubernetes.io/pod-name", "0"];
    assert_eq!(status.str_at(&pod_name), Some("web"));
    assert_eq!(status.str_at(&["status", "audiences", "0"]), Some(API));
    let strange = tree!({ "spec": { "token": "strange" } });
    let strange = call(&fixture, "authentication.k8s.io", "tokenreviews", &strange);
    check(&deps, &strange, expect![[r#"{"user":{}}"#]]);
    let other = tree!({ "spec": { "token": token, "audiences": ["vault"] } });
    let other = call(&fixture, "authentication.k8s.io", "tokenreviews", &other);
    assert!(ask(&deps, &other).unwrap().str_at(&["status", "error"]).is_some());
}

#[tokio::test]
async fn a_token_is_refused_that_is_too_short_or_bound_to_what_is_not_there() {
    let fixture = Fixture::new().await;
    let deps = deps(&fixture);
    let short = token_request(&fixture, tree!({ "expirationSeconds": 599 }));
    check(&deps, &short, expect![[r#"404 serviceaccounts "app" not found"#]]);
    for name in ["app", "other"] {
        fixture.create("serviceaccounts", tree!({ "metadata": { "name": name } })).await.unwrap();
    }
    check(
        &deps,
        &short,
        expect![[
            r#"422 TokenRequest.authentication.k8s.io "app" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"#
        ]],
    );
    fixture.create("pods", pod("web", "other")).await.unwrap();
    let bound = |kind: &str, name: &str, uid: &str| {
        let bound = tree!({ "kind": kind, "apiVersion": "v1", "name": name, "uid": uid });
        token_request(&fixture, tree!({ "boundObjectRef": bound }))
    };
    check(&deps, &bound("Secret", "none", ""), expect![[r#"404 secrets "none" not found"#]]);
    check(
        &deps,
        &bound("Pod", "web", ""),
        expect![[
            r#"400 cannot bind token for serviceaccount "app" to pod running with different serviceaccount name."#
        ]],
    );
    check(
        &deps,
        &bound("ConfigMap", "web", ""),
        expect!["400 cannot bind token to object of type /v1, Kind=ConfigMap"],
    );
    assert_eq!(ask(&deps, &bound("Pod", "web", "u")).unwrap_err().code, 409);
}
