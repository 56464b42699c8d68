//! Addons judge writes: who is asked, and what becomes of a write that nobody judged.

use bytes::Bytes;
use expect_test::expect;

use super::node::{Machine, guest, write};
use crate::State;

async fn mutated(run: &super::node::Run, name: &str) -> String {
    match run.addons.mutate("hostile", write(name, Bytes::from_static(b"{}"))).await {
        Ok(mutation) => format!("{:?}", mutation.patch),
        Err(why) => why.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_is_shown_what_its_rules_cover_and_not_its_own_writes() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    assert_eq!(run.shown("configmaps", "alice"), ["able"]);
    assert_eq!(run.shown("secrets", "alice"), [""; 0]);
    assert_eq!(run.shown("configmaps", "system:addon:able"), [""; 0]);
    assert_eq!(run.shown("configmaps", "system:addon:other"), ["able"]);
    let mutation = run.addons.mutate("able", write("a", Bytes::from_static(b"{}"))).await.unwrap();
    assert!(mutation.patch.is_some());
    assert_eq!(run.told("able", "no more").await, "no more");
    run.addons.disable("able".to_owned()).await.unwrap();
    assert_eq!(run.shown("configmaps", "alice"), [""; 0]);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_stops_the_write_and_is_given_up_until_it_is_enabled_again() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    let looped = mutated(&run, "loop").await;
    expect!["the addon did not answer within 1s"].assert_eq(&looped);
    assert!(mutated(&run, "trap").await.contains("trapped"));
    assert!(mutated(&run, "memory").await.contains("memory"));
    expect!["it failed 3 times in a row and is not called any more"].assert_eq(&mutated(&run, "fine").await);
    assert_eq!(run.addons.info("hostile").unwrap().state, State::Quarantined);
    run.addons.enable("hostile".to_owned()).await.unwrap();
    assert_eq!(mutated(&run, "fine").await, "None");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_component_is_lost_stops_what_its_rules_cover_and_nothing_else() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.stop().await;
    machine.lose(&plan.addon.digest);
    let run = machine.start_ready(&[]).await;
    assert_eq!(run.shown("configmaps", "alice"), ["able"]);
    assert_eq!(run.shown("secrets", "alice"), [""; 0]);
    assert!(
        run.told("able", "x")
            .await
            .contains("is neither on this node nor in the datastore: install it again")
    );
    run.addons.disable("able".to_owned()).await.unwrap();
    assert_eq!(run.shown("configmaps", "alice"), [""; 0]);
    run.stop().await;
}
