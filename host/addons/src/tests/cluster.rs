//! Addons are the cluster's: a node with the same datastore has the same ones.

use expect_test::expect;

use super::node::{Machine, guest, stamped};
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
