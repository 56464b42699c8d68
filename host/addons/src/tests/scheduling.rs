//! Addons have a say in where pods go: who is asked, by what it decides, and what becomes of one that fails.

use engine::{Candidates, Kind, ObjectKey};
use expect_test::expect;

use super::hostile::impatient;
use super::node::{Machine, Run, guest, plugin};
use crate::{Pod, SettingEdit, State};

/// A pod of one label, that requests nothing.
struct Labelled(&'static str, &'static str);

impl Pod for Labelled {
    fn label(&self, key: &str) -> Option<&str> {
        (key == self.0).then_some(self.1)
    }

    fn requests(&self, _: &str) -> bool {
        false
    }
}

fn candidates(nodes: &[&str]) -> Candidates {
    Candidates { pod: "{}".into(), nodes: nodes.iter().map(|node| (*node).to_owned()).collect() }
}

/// Who is asked of a pod, as `NAME xWEIGHT`, with a question mark where the pod goes on without an answer.
fn concerned(run: &Run, label: &'static str, value: &'static str) -> Vec<String> {
    let concerned = run.addons.concerned(&Labelled(label, value)).into_iter();
    let told = |one: crate::Concerned| {
        format!("{} x{}{}", one.addon, one.weight, if one.is_ignorable { "?" } else { "" })
    };
    concerned.map(told).collect()
}

/// `NODE: REASON` for each refused node, or why there is no answer.
async fn refused(run: &Run, addon: &str, nodes: &[&str]) -> String {
    match run.addons.filter(addon, candidates(nodes)).await {
        Ok(refused) => {
            let lines = refused.into_iter().map(|one| format!("{}: {}", one.node, one.reason));
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(why) => why.to_string(),
    }
}

async fn scores(run: &Run, addon: &str, nodes: &[&str]) -> String {
    match run.addons.score(addon, candidates(nodes)).await {
        Ok(ratings) => {
            let lines = ratings.into_iter().map(|one| format!("{}={}", one.node, one.score));
            lines.collect::<Vec<_>>().join(" ")
        }
        Err(why) => why.to_string(),
    }
}

/// A node with this metadata comes, or changes.
fn put_node(machine: &Machine, name: &str, metadata: &str) {
    let kind = Kind { group: String::new(), version: "v1".to_owned(), resource: "nodes".to_owned() };
    let key = ObjectKey { namespace: String::new(), name: name.to_owned() };
    machine.api.put_object(kind, key, &format!(r#"{{"metadata":{{"name":"{name}",{metadata}}}}}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_is_asked_of_the_pods_that_it_names_while_it_is_enabled() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    for name in ["hostile", "able"] {
        run.addons.install(name.to_owned(), Some(guest(name))).await.unwrap();
    }
    assert_eq!(concerned(&run, "example.com/able", "yes"), ["able x2?"]);
    assert_eq!(concerned(&run, "example.com/hostile", ""), ["hostile x1"]);
    assert_eq!(concerned(&run, "app", "web"), [""; 0]);
    assert_eq!(refused(&run, "able", &["older", "new"]).await, "older: node(s) were old");
    assert_eq!(scores(&run, "able", &["older", "new"]).await, "older=5 new=3");
    run.addons.disable("able".to_owned()).await.unwrap();
    assert_eq!(concerned(&run, "example.com/able", "yes"), [""; 0]);
    assert_eq!(refused(&run, "able", &["older"]).await, "", "who was asked a moment ago has no say any more");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_decides_by_what_it_was_pushed_last_and_says_when_that_changed() {
    let machine = Machine::new();
    put_node(&machine, "a", r#""annotations":{"example.com/maintenance":"soon"}"#);
    put_node(&machine, "b", r#""labels":{"example.com/preference":"7"}"#);
    let run = machine.start_ready(&[]).await;
    run.addons.install("maintenance".to_owned(), Some(plugin("maintenance"))).await.unwrap();
    assert_eq!(concerned(&run, "example.com/interruptible", "false"), ["maintenance x1"]);
    assert_eq!(concerned(&run, "example.com/interruptible", "true"), [""; 0]);
    assert_eq!(refused(&run, "maintenance", &["a", "b"]).await, "a: node(s) were about to be serviced");
    assert_eq!(scores(&run, "maintenance", &["a", "b", "c"]).await, "a=0 b=7");
    let mut advice = run.addons.advice();
    advice.mark_unchanged();
    put_node(&machine, "a", r#""labels":{"example.com/preference":"70"}"#);
    advice.changed().await.unwrap();
    assert_eq!(refused(&run, "maintenance", &["a", "b"]).await, "");
    assert_eq!(scores(&run, "maintenance", &["a", "b", "c"]).await, "a=70 b=7");
    advice.mark_unchanged();
    let edit = SettingEdit { name: "preference".to_owned(), value: Some("other".to_owned()) };
    run.addons.set("maintenance".to_owned(), vec![edit]).await.unwrap();
    advice.changed().await.unwrap();
    assert_eq!(scores(&run, "maintenance", &["a", "b", "c"]).await, "a=0 b=0");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_or_traps_is_cut_and_given_up_and_the_others_answer() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(impatient())).await.unwrap();
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    expect!["the addon did not answer within 50ms"].assert_eq(&refused(&run, "hostile", &["loop"]).await);
    expect!["the addon trapped: wasm trap: wasm `unreachable` instruction executed"]
        .assert_eq(&scores(&run, "hostile", &["trap"]).await);
    expect!["it failed too often, and is called again after 60 seconds"]
        .assert_eq(&refused(&run, "hostile", &["fine"]).await);
    assert_eq!(run.addons.info("hostile").unwrap().state, State::Quarantined);
    assert_eq!(concerned(&run, "example.com/hostile", ""), ["hostile x1"], "its pods do not slip by");
    assert_eq!(refused(&run, "able", &["older"]).await, "older: node(s) were old");
    run.addons.enable("hostile".to_owned()).await.unwrap();
    assert_eq!(run.addons.info("hostile").unwrap().state, State::Enabled);
    let calls = run.addons.details("hostile".to_owned()).await.unwrap().calls;
    let told = calls.iter().find(|calls| calls.role == "scheduling").unwrap();
    assert_eq!((told.calls, told.failures), (3, 3));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_asked_for_and_more_than_a_score_may_be_is_not_taken() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    assert_eq!(refused(&run, "hostile", &["a", "b"]).await, "a: a");
    expect![[r#"it gives node "a" a score of 300, and 100 is the most"#]]
        .assert_eq(&scores(&run, "hostile", &["a", "b"]).await);
    assert!(refused(&run, "hostile", &["refuse"]).await.contains("as asked"));
    assert!(refused(&run, "hostile", &["trap"]).await.contains("trapped"));
    assert_eq!(run.addons.info("hostile").unwrap().state, State::Enabled, "it did not fail often yet");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_component_is_lost_is_asked_of_its_pods_and_does_not_answer() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let plan = run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.stop().await;
    machine.lose(&plan.addon.digest);
    let run = machine.start_ready(&[]).await;
    assert_eq!(concerned(&run, "example.com/able", ""), ["able x2?"]);
    assert_eq!(concerned(&run, "example.com/other", ""), [""; 0]);
    assert!(refused(&run, "able", &["a"]).await.contains("is neither on this node nor in the datastore"));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_the_draft_before_it_changed_is_not_installed() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let why = run.addons.install("outdated".to_owned(), Some(guest("outdated"))).await.unwrap_err();
    expect!["start addon outdated: its scheduling cannot be called: the addon was built for another draft of the contract than this host speaks: build it anew; nothing was changed, mend that and try again"]
        .assert_eq(&why.to_string());
    assert!(run.addons.list().is_empty());
    run.stop().await;
}
