//! Addons are the cluster's: a node with the same datastore has the same ones.

use std::sync::atomic::Ordering;

use expect_test::expect;

use super::node::{Machine, builtin, guest, holds, hollow_addon, stamped};
use crate::{SettingEdit, State};

fn parts(machine: &Machine) -> usize {
    let keys = machine.store.keys.lock().unwrap();
    keys.keys().filter(|key| key.starts_with("/mk8s.io/addon-components/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_addons_comes_up_with_those_of_its_datastore() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    run.addons.revoke("able".to_owned(), "clock".to_owned()).await.unwrap();
    let edit = SettingEdit { name: "do".to_owned(), value: Some("a=b".to_owned()) };
    run.addons.set("hostile".to_owned(), vec![edit]).await.unwrap();
    assert_eq!(run.told("able", "put a 5").await, "kept");
    run.stop().await;

    let other = Machine::beside(&machine);
    let run = other.start_ready(&[]).await;
    let states: Vec<_> =
        run.addons.list().into_iter().map(|report| (report.name, report.state, report.message)).collect();
    let enabled = |name: &str| (name.to_owned(), State::Enabled, None);
    assert_eq!(states, [enabled("able"), enabled("hostile")]);
    assert_eq!(run.told("able", "get a").await, "5 bytes");
    let effective = crate::ports::Configuration::effective(run.configuration.as_ref());
    assert_eq!(effective.service(args::Service::Kubelet).text("node-labels"), "a=b");
    let details = run.addons.details("able".to_owned()).await.unwrap();
    let missing: Vec<_> =
        details.capabilities.iter().filter(|one| !one.granted).map(|one| &one.name).collect();
    assert_eq!(missing, ["clock"]);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_damaged_on_a_node_is_mended_from_the_datastore() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.stop().await;
    let path = machine.path(&format!("var/lib/addons/{}.wasm", plan.addon.digest));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let run = machine.start_ready(&[]).await;
    assert_eq!(run.addons.info("able").unwrap().state, State::Enabled);
    assert_eq!(std::fs::read(&path).unwrap(), guest("able"));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_a_component_is_none() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.stop().await;
    let other = Machine::beside(&machine);
    let first = format!("/mk8s.io/addon-components/{}/00000", plan.addon.digest);
    machine.store.keys.lock().unwrap().entry(first).and_modify(|part| part.truncate(100));
    let run = other.start_ready(&[]).await;
    let report = run.addons.info("able").unwrap();
    assert_eq!(report.state, State::Broken);
    let message = report.message.unwrap().replace(&report.digest, "DIGEST");
    expect!["the component DIGEST is neither on this node nor in the datastore: install it again"]
        .assert_eq(&message);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_datastore_holds_what_is_installed_and_no_more() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    let one = parts(&machine);
    assert!(one > 0);
    run.addons.upgrade("able".to_owned(), stamped(&guest("able"))).await.unwrap();
    assert_eq!(parts(&machine), one);
    run.addons.remove("able".to_owned()).await.unwrap();
    assert_eq!(parts(&machine), 0);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_one_node_comes_to_be_on_the_others() {
    let machine = Machine::new();
    let here = machine.start_ready(&[builtin("rbac", false)]).await;
    let beside = Machine::beside(&machine);
    let there = beside.start_ready(&[builtin("rbac", false)]).await;

    here.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    let state = |name: &str| there.addons.info(name).ok().map(|report| report.state);
    holds(|| state("able") == Some(State::Enabled)).await;
    assert_eq!(there.told("able", "put a 5").await, "kept");
    assert_eq!(here.told("able", "get a").await, "5 bytes");

    here.addons.enable("rbac".to_owned()).await.unwrap();
    holds(|| there.configuration.mode() == "RBAC,Node").await;
    there.addons.disable("rbac".to_owned()).await.unwrap();
    holds(|| here.configuration.mode() == "AlwaysAllow").await;

    let next = stamped(&guest("able"));
    let plan = here.addons.upgrade("able".to_owned(), next.clone()).await.unwrap();
    holds(|| there.addons.info("able").unwrap().digest == plan.addon.digest).await;
    here.addons.revoke("able".to_owned(), "kv".to_owned()).await.unwrap();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
    while there.told("able", "get a").await == "5 bytes" {
        looks.tick().await;
    }

    here.addons.remove("able".to_owned()).await.unwrap();
    holds(|| state("able").is_none()).await;
    let components = |machine: &Machine| {
        let names = std::fs::read_dir(machine.path("var/lib/addons")).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name() == *format!("{}.wasm", plan.addon.digest))
            .count()
    };
    holds(|| components(&beside) == 0).await;
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_follows_writes_nothing_back() {
    let machine = Machine::new();
    let here = machine.start_ready(&[]).await;
    let beside = Machine::beside(&machine);
    let there = beside.start_ready(&[]).await;
    here.addons.install("a".to_owned(), Some(hollow_addon("a", "1", ""))).await.unwrap();
    holds(|| there.addons.info("a").is_ok()).await;
    // What the other node reads is newer than what it was told of.
    there.configuration.refuses.store(true, Ordering::SeqCst);
    here.addons.disable("a".to_owned()).await.unwrap();
    here.addons.enable("a".to_owned()).await.unwrap();
    let record = machine.store.keys.lock().unwrap()["/mk8s.io/addons/a"].clone();
    assert!(String::from_utf8_lossy(&record).contains("\"enabled\":true"));
    there.configuration.refuses.store(false, Ordering::SeqCst);
    here.addons.disable("a".to_owned()).await.unwrap();
    holds(|| there.addons.info("a").unwrap().state == State::Disabled).await;
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_could_not_bring_about_is_tried_again() {
    let machine = Machine::new();
    let here = machine.start_ready(&[builtin("rbac", false)]).await;
    let beside = Machine::beside(&machine);
    let there = beside.start_ready(&[builtin("rbac", false)]).await;
    there.configuration.refuses.store(true, Ordering::SeqCst);
    here.addons.enable("rbac".to_owned()).await.unwrap();
    holds(|| there.addons.info("rbac").unwrap().state == State::Broken).await;
    let why = there.addons.info("rbac").unwrap().message.unwrap();
    expect!["put the configuration of addon rbac in force: the API server did not get ready; everything is as before"]
        .assert_eq(&why);
    there.configuration.refuses.store(false, Ordering::SeqCst);
    holds(|| there.configuration.mode() == "RBAC,Node").await;
    assert_eq!(there.addons.info("rbac").unwrap().state, State::Enabled);
    here.stop().await;
    there.stop().await;
}
