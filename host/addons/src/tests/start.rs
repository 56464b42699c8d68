//! Starts: what was in force is in force again, and what cannot be fails closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use expect_test::expect;

use super::node::{Machine, NoApi, builtin, holds, hollow_addon, plugin};
use crate::State;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_enabled_is_in_force_again_before_the_store_answers() {
    let machine = Machine::new();
    let builtins = [builtin("rbac", false)];
    let run = machine.start_ready(&builtins).await;
    run.addons.install("rbac".to_owned(), None).await.unwrap();
    run.stop().await;

    machine.store.is_away.store(true, Ordering::SeqCst);
    let run = machine.start(&builtins);
    assert_eq!(run.configuration.mode(), "RBAC,Node", "from the first moment on");
    holds(|| run.asked("alice", "get", "", "pods") == "no opinion" && !run.addons.list().is_empty()).await;
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Enabled);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_says_goes_over_the_copy_on_disk() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("a".to_owned(), Some(hollow_addon("a", "1", ""))).await.unwrap();
    run.addons.install("b".to_owned(), Some(hollow_addon("b", "1", ""))).await.unwrap();
    run.stop().await;

    machine.store.keys.lock().unwrap().remove("/mk8s.io/addons/a");
    let run = machine.start_ready(&[]).await;
    let names: Vec<_> = run.addons.list().into_iter().map(|report| report.name).collect();
    assert_eq!(names, ["b"]);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_whose_component_is_lost_allows_nobody_and_its_mode_stays() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("rbac".to_owned(), Some(plugin("rbac"))).await.unwrap();
    run.stop().await;
    machine.lose(&plan.addon.digest);

    let run = machine.start_ready(&[]).await;
    assert_eq!(run.configuration.mode(), "RBAC,Node");
    let told = run.asked("alice", "get", "", "pods").replace(&plan.addon.digest, "DIGEST");
    expect!["addon rbac cannot decide: the component DIGEST is neither on this node nor in the datastore: install it again; `mk8s-host plugin logs rbac` tells more, `mk8s-host plugin disable rbac` takes it out"]
        .assert_eq(&told);
    run.addons.install("rbac".to_owned(), Some(plugin("rbac"))).await.unwrap();
    assert_eq!(run.asked("alice", "get", "", "pods"), "no opinion");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_without_its_policy_decides_nothing() {
    let machine = Machine::new();
    let run = machine.start_with(&[builtin("rbac", true)], Arc::new(NoApi));
    holds(|| !run.addons.list().is_empty()).await;
    expect!["addon rbac cannot decide: it waits for its first objects and files; `mk8s-host plugin logs rbac` tells more, `mk8s-host plugin disable rbac` takes it out"]
        .assert_eq(&run.asked("alice", "get", "", "pods"));
    assert_eq!(run.addons.info("rbac").unwrap().state, State::Starting);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_compiled_anew_where_the_compiled_one_is_not_usable() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("auth-x509", true)]).await;
    run.stop().await;
    let folder = std::fs::read_dir(machine.path("var/lib/addons")).unwrap();
    let compiled =
        folder.map(|entry| entry.unwrap().path()).find(|path| path.extension().unwrap() == "cwasm");
    std::fs::write(compiled.unwrap(), "nonsense").unwrap();
    let run = machine.start_ready(&[builtin("auth-x509", true)]).await;
    assert_eq!(run.addons.info("auth-x509").unwrap().state, State::Enabled);
    run.stop().await;
}
