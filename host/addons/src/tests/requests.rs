//! What requests get from the addons that are in force.

use bytes::Bytes;

use super::node::{Machine, builtin, holds};
use crate::SettingEdit;

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_known_as_soon_as_their_file_says_so() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("auth-token", true)]).await;
    assert_eq!(run.user_of_token("abc"), None);
    let list = machine.path("credentials/known_tokens.csv");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "abc,admin,7,\"system:masters\"\n").unwrap();
    holds(|| run.user_of_token("abc").is_some_and(|user| user.groups == ["system:masters"])).await;

    let other = machine.path("credentials/other.csv");
    std::fs::write(&other, "def,view,8\n").unwrap();
    std::fs::rename(&other, &list).unwrap();
    holds(|| run.user_of_token("abc").is_none() && run.user_of_token("def").is_some()).await;

    std::fs::remove_file(&list).unwrap();
    holds(|| run.user_of_token("def").is_none()).await;
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_authenticator_knows_nobody() {
    let machine = Machine::new();
    let list = machine.path("credentials/known_tokens.csv");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "abc,admin,7\n").unwrap();
    let run = machine.start_ready(&[builtin("auth-token", true)]).await;
    assert!(run.user_of_token("abc").is_some());
    run.addons.disable("auth-token".to_owned()).await.unwrap();
    assert_eq!(run.user_of_token("abc"), None);
    run.addons.enable("auth-token".to_owned()).await.unwrap();
    assert!(run.user_of_token("abc").is_some());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_allows_as_soon_as_it_is_there() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    run.addons.install("rbac".to_owned(), None).await.unwrap();
    assert_eq!(run.asked("alice", "list", "", "pods"), "no opinion");
    let binding = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding",
        "metadata":{"name":"alice","namespace":"default"},
        "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},
        "subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"alice"}]}"#;
    machine.api.put("rolebindings", "default", "alice", binding);
    holds(|| run.asked("alice", "list", "", "pods") == "allow").await;
    assert_eq!(run.asked("alice", "delete", "", "pods"), "no opinion");
    let user = crate::User { name: "alice".to_owned(), ..crate::User::default() };
    let rules = run.addons.rules(&user, "default").unwrap();
    assert!(rules.resource_rules.iter().any(|rule| rule.resources.iter().any(|one| one == "pods")));
    run.stop().await;
}

/// Keys and tokens that openssl made for `https://issuer.example`.
fn issuer() -> serde_json::Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins/auth-oidc/tests/signed-by-openssl.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_are_known_once_the_host_has_its_documents() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("auth-oidc", true)]).await;
    let set = |name: &str, value: &str| SettingEdit { name: name.to_owned(), value: Some(value.to_owned()) };
    let edits = [
        set("issuer-url", "https://issuer.example"),
        set("client-id", "kube"),
        set("groups-claim", "groups"),
        set("signing-algs", "ES256"),
    ];
    run.addons.set("auth-oidc".to_owned(), edits.to_vec()).await.unwrap();
    let fixture = issuer();
    let token = fixture["tokens"]["es256"].as_str().unwrap();
    assert_eq!(run.user_of_token(token), None);
    let discovery = br#"{"issuer":"https://issuer.example","jwks_uri":"https://keys.example/all"}"#;
    {
        let mut servers = machine.servers.0.lock().unwrap();
        servers
            .insert("https://issuer.example/.well-known/openid-configuration", Bytes::from_static(discovery));
        servers.insert("https://keys.example/all", fixture["keys"].to_string().into());
    }
    holds(|| run.user_of_token(token).is_some_and(|user| user.groups == ["dev", "ops"])).await;
    assert_eq!(run.user_of_token(fixture["tokens"]["other_audience"].as_str().unwrap()), None);
    assert_eq!(run.user_of_token("abc"), None);
    let lines = run.addons.logs("auth-oidc", 0, false).await.unwrap().lines;
    assert!(lines.iter().any(|line| line.text.contains("nobody is there")), "{lines:?}");
    run.stop().await;
}
