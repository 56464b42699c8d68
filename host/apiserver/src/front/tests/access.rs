//! Who asks, as whom, and whether they may.

use bytes::Bytes;
use expect_test::expect;
use http::Request;
use net::{PeerCertificates, TrustAnchor};
use objects::Tree;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::fixture::{Fixture, With, ask, proven};
use super::sockets::Authority;
use crate::authz::{Decision, Target};

async fn fixture() -> (Fixture, crate::front::Front) {
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.front().await;
    (fixture, front)
}

fn silent(address: &str) -> Request<Bytes> {
    Request::get(address).body(Bytes::new()).unwrap()
}

/// Who the request is taken for, by the API's own word.
fn who() -> Request<Bytes> {
    let body = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews").sending(body)
}

fn proxy(name: &str, anchor: TrustAnchor) -> net::Peer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    proven(PeerCertificates { chain: vec![certificate.der().clone()], anchor })
}

#[tokio::test]
async fn strangers_are_told_401_and_nothing_else() {
    let (fixture, front) = fixture().await;
    fixture.allow_anonymous();
    for token in ["stranger", "broken"] {
        let answer = front.ask(silent("/version").with("authorization", &format!("Bearer {token}"))).await;
        assert_eq!(answer.status(), (401, "Unauthorized".to_owned(), "Unauthorized".to_owned()), "{token}");
    }
}

#[tokio::test]
async fn the_anonymous_user_exists_while_the_predicate_says_so() {
    let (fixture, front) = fixture().await;
    assert_eq!(front.ask(silent("/version")).await.code(), 401);
    fixture.allow_anonymous();
    assert_eq!(front.ask(silent("/version")).await.code(), 200);
}

#[tokio::test]
async fn refusals_are_worded_as_upstream_words_them() {
    let (fixture, front) = fixture().await;
    fixture.rule(|_, _| Decision::NoOpinion { reason: String::new() });
    for (address, wanted) in [
        (
            "/api/v1/namespaces/default/pods",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default""#,
        ),
        (
            "/apis/apps/v1/deployments",
            r#"deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope"#,
        ),
        (
            "/api/v1/namespaces/default/pods/p/log",
            r#"pods "p" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "default""#,
        ),
        ("/metrics", r#"forbidden: User "jane" cannot get path "/metrics""#),
    ] {
        let answer = front.ask(ask("GET", address)).await;
        assert_eq!(answer.status(), (403, "Forbidden".to_owned(), wanted.to_owned()), "{address}");
    }
    fixture.rule(|_, _| Decision::Deny { reason: "no rule".to_owned() });
    let answer = front.ask(ask("GET", "/metrics")).await;
    assert_eq!(answer.status().2, r#"forbidden: User "jane" cannot get path "/metrics": no rule"#);
}

#[tokio::test]
async fn what_nobody_can_decide_is_500_to_try_again() {
    let (fixture, front) = fixture().await;
    fixture.rule(|_, _| Decision::Unavailable { why: "the authorizer is gone".to_owned() });
    let answer = front.ask(ask("GET", "/api/v1/pods")).await;
    let (code, reason, message) = answer.status();
    assert_eq!((code, reason.as_str()), (500, "InternalError"));
    assert_eq!(message, "Internal error occurred: the authorizer is gone");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_front_proxy_vouches_for_users_and_nobody_else_does() {
    let (_fixture, front) = fixture().await;
    let request = || who().with("x-remote-user", "eve").with("x-remote-group", "system:masters");
    let name = |answer: super::fixture::Read| answer.str(&["status", "userInfo", "username"]);
    let proxied = front.ask_as(proxy("front-proxy-client", TrustAnchor::FrontProxyCa), request()).await;
    assert_eq!(name(proxied), "eve");
    assert_eq!(name(front.ask(request()).await), "jane");
    let client = proxy("front-proxy-client", TrustAnchor::ClientCa);
    assert_eq!(name(front.ask_as(client, request()).await), "jane");
    let other = proxy("kubelet", TrustAnchor::FrontProxyCa);
    assert_eq!(front.ask_as(other, request()).await.code(), 401);
}

#[tokio::test]
async fn the_token_of_a_service_account_is_its_user_until_the_account_goes() {
    const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
    let (_fixture, front) = fixture().await;
    let account = r#"{"metadata":{"name":"robot"}}"#;
    assert_eq!(front.ask(ask("POST", ACCOUNTS).sending(account)).await.code(), 201);
    let request = ask("POST", &format!("{ACCOUNTS}/robot/token")).sending(r#"{"spec":{}}"#);
    let token = front.ask(request).await.str(&["status", "token"]);
    let request = || who().with("authorization", &format!("Bearer {token}"));
    let answer = front.ask(request()).await;
    assert_eq!(answer.str(&["status", "userInfo", "username"]), "system:serviceaccount:default:robot");
    assert!(answer.text.contains("\"system:authenticated\""), "{}", answer.text);
    assert_eq!(front.ask(ask("DELETE", &format!("{ACCOUNTS}/robot"))).await.code(), 200);
    assert_eq!(front.ask(request()).await.code(), 401);
}

#[tokio::test]
async fn impersonation_needs_the_verb_and_changes_the_user() {
    let (fixture, front) = fixture().await;
    let request = || who().with("impersonate-user", "eve").with("impersonate-group", "dev");
    let answer = front.ask(request()).await;
    assert_eq!(answer.str(&["status", "userInfo", "username"]), "eve");
    let groups = answer.tree().items_at(&["status", "userInfo", "groups"]).to_vec();
    assert_eq!(
        groups.iter().filter_map(|group| group.as_str()).collect::<Vec<_>>(),
        ["dev", "system:authenticated"]
    );
    fixture.rule(|_, attributes| match &attributes.target {
        Target::Resource { resource, .. } if resource == "groups" => {
            Decision::NoOpinion { reason: String::new() }
        }
        _ => Decision::allow(""),
    });
    let wanted = r#"groups "dev" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" at the cluster scope"#;
    assert_eq!(front.ask(request()).await.status().2, wanted);
}

#[tokio::test]
async fn a_websocket_shows_its_token_among_its_protocols() {
    let (_fixture, front) = fixture().await;
    let shown = |token: &str| {
        let protocols = format!("v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.{token}");
        silent("/version").with("sec-websocket-protocol", &protocols)
    };
    assert_eq!(front.ask(shown("amFuZQ")).await.code(), 200);
    assert_eq!(front.ask(shown("c3RyYW5nZXI")).await.code(), 401);
}

#[tokio::test]
async fn masters_are_not_asked_about() {
    let (fixture, front) = fixture().await;
    fixture.rule(|_, _| Decision::Unavailable { why: "never asked".to_owned() });
    let request = silent("/version").with("x-remote-user", "root").with("x-remote-group", "system:masters");
    let answer = front.ask_as(proxy("front-proxy-client", TrustAnchor::FrontProxyCa), request).await;
    assert_eq!(answer.code(), 200);
}

#[tokio::test]
async fn components_say_how_they_are() {
    let (_fixture, front) = fixture().await;
    let listed = front.ask(ask("GET", "/api/v1/componentstatuses")).await;
    assert_eq!(listed.str(&["kind"]), "ComponentStatusList", "{}", listed.text);
    let tree = listed.tree();
    let names: Vec<_> = tree.items_at(&["items"]).iter().map(objects::meta::name).collect();
    assert_eq!(names, ["scheduler", "controller-manager", "etcd-0"]);
    assert!(listed.header("warning").contains("v1 ComponentStatus is deprecated in v1.19+"));
    let stored = front.ask(ask("GET", "/api/v1/componentstatuses/etcd-0")).await;
    expect![[
        r#"{"kind":"ComponentStatus","apiVersion":"v1","metadata":{"name":"etcd-0"},"conditions":[{"type":"Healthy","status":"True","message":"ok"}]}"#
    ]]
    .assert_eq(&stored.tree().to_json_string());
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = front.ask(ask("GET", "/api/v1/componentstatuses/etcd-0").with("accept", table)).await;
    assert_eq!(table.tree().items_at(&["rows"])[0].items_at(&["cells"])[1], Tree::from("Healthy"));
    let unknown = front.ask(ask("GET", "/api/v1/componentstatuses/etcd-1")).await;
    assert_eq!(unknown.status().0, 404);
}
