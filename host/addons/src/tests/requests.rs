//! What requests get from the addons that are in force.

use super::node::{Machine, builtin, holds};

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
