//! Operations: each is whole or did nothing.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use expect_test::expect;

use super::node::{Machine, builtin, hollow_addon, plugin};
use crate::State;
use crate::signature::{SigningKey, TRUSTED_KEYS, Trust};

const REQUIRED: &str = "kube-apiserver --authorization-mode: AlwaysAllow -> RBAC,Node";

#[tokio::test(flavor = "multi_thread")]
async fn an_install_tells_first_what_it_would_do_and_does_nothing_of_it() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    let plan = run.addons.plan_install("rbac".to_owned(), None).await.unwrap();
    assert_eq!((plan.changes, plan.replaces), (vec![REQUIRED.to_owned()], None));
    expect![[r#"
        says what users may do; all but system:masters are refused while it fails
        reads every object of roles.rbac.authorization.k8s.io: the policy
        reads every object of clusterroles.rbac.authorization.k8s.io: the policy
        reads every object of rolebindings.rbac.authorization.k8s.io: the policy
        reads every object of clusterrolebindings.rbac.authorization.k8s.io: the policy
        may get, list, create, update, delete, escalate, bind roles, clusterroles, rolebindings, clusterrolebindings of rbac.authorization.k8s.io: creates the default roles and bindings, and keeps aggregated ClusterRoles"#]]
    .assert_eq(&plan.capabilities.join("\n"));
    assert_eq!(run.configuration.mode(), "AlwaysAllow");
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Disabled);
    assert!(machine.store.keys.lock().unwrap().is_empty());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_there_when_the_mode_switches_and_a_disable_switches_back() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    run.configuration.roles_at_apply.lock().unwrap().clear();
    let plan = run.addons.install("rbac".to_owned(), None).await.unwrap();
    assert_eq!((plan.addon.state, plan.changes), (State::Enabled, vec![REQUIRED.to_owned()]));
    assert_eq!(run.configuration.mode(), "RBAC,Node");
    assert!(run.configuration.roles_at_apply.lock().unwrap()[0] > 10);
    assert_eq!(run.asked("alice", "get", "", "pods"), "no opinion");

    assert_eq!(run.addons.disable("rbac".to_owned()).await.unwrap().state, State::Disabled);
    assert_eq!(run.configuration.mode(), "AlwaysAllow");
    assert_eq!(crate::last_edits(machine.data_dir()).unwrap(), []);
    assert_eq!(run.asked("system:addon:rbac", "create", "rbac.authorization.k8s.io", "roles"), "no opinion");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_refused_leaves_everything_as_it_was() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    run.configuration.refuses.store(true, Ordering::SeqCst);
    let why = run.addons.install("rbac".to_owned(), None).await.unwrap_err();
    expect![
        "put the configuration of addon rbac in force: the API server did not get ready; everything is as before"
    ]
    .assert_eq(&why.to_string());
    assert_eq!(run.configuration.mode(), "AlwaysAllow");
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Disabled);
    assert!(machine.store.keys.lock().unwrap().is_empty());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_that_cannot_do_its_work_is_not_enabled_until_it_can() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    machine.api.is_read_only.store(true, Ordering::SeqCst);
    let why = run.addons.enable("rbac".to_owned()).await.unwrap_err();
    expect!["start addon rbac: its first reconcile failed: unavailable: the API only reads; nothing was changed, mend that and try again"].assert_eq(&why.to_string());
    assert_eq!(run.configuration.mode(), "AlwaysAllow");
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Disabled);
    assert_eq!(run.asked("system:addon:rbac", "create", "rbac.authorization.k8s.io", "roles"), "no opinion");
    machine.api.is_read_only.store(false, Ordering::SeqCst);
    assert_eq!(run.addons.enable("rbac".to_owned()).await.unwrap().state, State::Enabled);
    assert_eq!(run.configuration.mode(), "RBAC,Node");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_leaves_everything_as_it_was() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    machine.store.refuses.store(true, Ordering::SeqCst);
    let why = run.addons.install("rbac".to_owned(), None).await.unwrap_err();
    expect!["record addon rbac in the datastore: the store is full; everything is as before"]
        .assert_eq(&why.to_string());
    assert_eq!(run.configuration.mode(), "AlwaysAllow");
    assert_eq!(crate::last_edits(machine.data_dir()).unwrap(), []);
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Disabled);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_honest_component_is_refused() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let refused = async |component: Bytes| {
        run.addons.install("x".to_owned(), Some(component)).await.unwrap_err().to_string()
    };
    expect!["addon x: read the component: it is a core module; make a component of it, as the target wasm32-wasip2 does"]
        .assert_eq(&refused(Bytes::from_static(b"\0asm\x01\0\0\0")).await);
    expect!["addon x: the metadata of the component is not true: it claims the role authorizer, which the component does not export"]
        .assert_eq(&refused(hollow_addon("liar", "1", r#","roles":["authorizer"]"#)).await);
    expect!["there is no file x, and no built-in addon of that name: give a file, or one of "]
        .assert_eq(&run.addons.install("x".to_owned(), None).await.unwrap_err().to_string());
    assert!(run.addons.list().is_empty());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addons_that_exclude_each_other_are_both_named() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("a".to_owned(), Some(hollow_addon("a", "1", ""))).await.unwrap();
    let hostile = hollow_addon("b", "1", r#","conflicts":["a"]"#);
    let why = run.addons.install("b".to_owned(), Some(hostile)).await.unwrap_err();
    expect!["addon b cannot be enabled beside a: disable a first"].assert_eq(&why.to_string());
    assert_eq!(run.addons.list().len(), 1);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_is_replaced_and_removed_with_all_that_it_kept() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("a".to_owned(), Some(hollow_addon("a", "1", ""))).await.unwrap();
    let plan = run.addons.install("a".to_owned(), Some(hollow_addon("a", "2", ""))).await.unwrap();
    assert_eq!(plan.replaces.as_deref(), Some("a 1 (installed)"));
    assert_eq!(run.addons.info("a").unwrap().version, "2");
    let components = || std::fs::read_dir(machine.path("var/lib/addons")).unwrap().count();
    assert_eq!(components(), 3, "the state, the new component, and what was compiled of it");

    machine.store.keys.lock().unwrap().insert("/mk8s.io/addon-kv/a/key".to_owned(), Bytes::new());
    run.addons.remove("a".to_owned()).await.unwrap();
    assert!(machine.store.keys.lock().unwrap().is_empty());
    assert_eq!(components(), 1);
    let why = run.addons.enable("a".to_owned()).await.unwrap_err();
    expect!["there is no addon a: `plugin list` shows those there are"].assert_eq(&why.to_string());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_is_back_when_what_replaced_it_is_removed() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("auth-x509", true)]).await;
    let why = run.addons.remove("auth-x509".to_owned()).await.unwrap_err();
    expect!["addon auth-x509 is built in and cannot be removed: disable it"].assert_eq(&why.to_string());
    let other = hollow_addon("auth-x509", "9", "");
    run.addons.install("auth-x509".to_owned(), Some(other)).await.unwrap();
    assert!(!run.addons.info("auth-x509").unwrap().builtin);
    run.addons.remove("auth-x509".to_owned()).await.unwrap();
    let back = run.addons.info("auth-x509").unwrap();
    assert_eq!((back.builtin, back.state), (true, State::Enabled));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_granted_what_it_wants_when_it_is_installed_from_a_file() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("policy".to_owned(), Some(plugin("rbac"))).await.unwrap();
    assert_eq!((plan.addon.name.as_str(), plan.source.as_str()), ("rbac", "unsigned"));
    assert_eq!(run.asked("system:addon:rbac", "create", "rbac.authorization.k8s.io", "roles"), "allow");
    assert_eq!(run.asked("system:addon:rbac", "get", "", "secrets"), "no opinion");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_requires_a_signature_takes_that_of_a_trusted_key_alone() {
    let mut machine = Machine::new();
    machine.trust = Trust::Signed;
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let folder = machine.path(TRUSTED_KEYS);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("acme.pub"), key.verifying_key().to_pem()).unwrap();
    let component = hollow_addon("a", "1", "");
    for refused in [component.clone(), other.sign(&component).unwrap()] {
        let why = run.addons.install("a".to_owned(), Some(refused)).await.unwrap_err().to_string();
        assert!(why.contains("this host takes what is signed by a trusted key alone"), "{why}");
    }
    run.addons.install("a".to_owned(), Some(key.sign(&component).unwrap())).await.unwrap();
    run.addons.disable("a".to_owned()).await.unwrap();
    std::fs::remove_file(folder.join("acme.pub")).unwrap();
    let why = run.addons.enable("a".to_owned()).await.unwrap_err().to_string();
    assert!(why.contains("put the key of its author into credentials/trusted-keys"), "{why}");
    std::fs::write(folder.join("acme.pub"), key.verifying_key().to_pem()).unwrap();
    let mut forged = key.sign(&component).unwrap().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let why = run.addons.install("a".to_owned(), Some(forged.into())).await.unwrap_err().to_string();
    assert!(why.contains("the component is not what was signed"), "{why}");
    let plan = run.addons.install("a".to_owned(), Some(key.sign(&component).unwrap())).await.unwrap();
    assert_eq!((plan.source.as_str(), plan.addon.state), ("signed by acme", State::Enabled));
    // What came with the host needs none.
    run.addons.install("rbac".to_owned(), None).await.unwrap();
    run.stop().await;
}
