//! Another component in the place of one that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use expect_test::expect;

use super::node::{Machine, builtin, guest, hollow_addon, plugin, stamped};
use crate::{Offer, State};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_left_without_an_answer_while_an_authorizer_is_upgraded() {
    let machine = Machine::new();
    let run = Arc::new(machine.start_ready(&[]).await);
    let component = plugin("rbac");
    run.addons.install("rbac".to_owned(), Some(component.clone())).await.unwrap();
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let asking = std::thread::spawn({
        let (run, stop, asked) = (run.clone(), stop.clone(), asked.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(run.asked("alice", "get", "", "pods"), "no opinion");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let before = run.addons.info("rbac").unwrap().digest;
    let plan = run.addons.upgrade("rbac".to_owned(), stamped(&component)).await.unwrap();
    assert_eq!((plan.wants_more, plan.addon.state), (Vec::new(), State::Enabled));
    assert_ne!(run.addons.info("rbac").unwrap().digest, before);
    stop.store(true, Ordering::Relaxed);
    asking.join().unwrap();
    assert!(asked.load(Ordering::Relaxed) > 0);
    Arc::into_inner(run).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_tells_what_it_wants_beyond_and_keeps_what_was_revoked() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let addon = |version: &str, wants: &str| hollow_addon("a", version, &format!(r#","wants":{{{wants}}}"#));
    let (kv, clock) = (r#""kv":{"why":"x"}"#, r#""clock":{"why":"y"}"#);
    run.addons.install("a".to_owned(), Some(addon("1", kv))).await.unwrap();
    run.addons.revoke("a".to_owned(), "kv".to_owned()).await.unwrap();
    let next = addon("2", &format!("{kv},{clock}"));
    let plan = run.addons.plan_upgrade("a".to_owned(), next.clone()).await.unwrap();
    assert_eq!(plan.wants_more, ["knows the time: y"]);
    assert_eq!(run.addons.info("a").unwrap().version, "1", "a plan changes nothing");
    run.addons.upgrade("a".to_owned(), next).await.unwrap();
    let details = run.addons.details("a".to_owned()).await.unwrap();
    let granted: Vec<_> = details.capabilities.iter().map(|one| (one.name.as_str(), one.granted)).collect();
    assert_eq!(granted, [("kv", false), ("clock", true)]);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_leaves_out_is_never_granted() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let wants = r#","wants":{"kv":{"why":"x"},"clock":{"why":"y"}}"#;
    let without = |version, name: &str| Offer {
        component: Some(hollow_addon("a", version, wants)),
        without: vec![name.to_owned()],
    };
    let why = run.addons.install("a".to_owned(), without("1", "kube")).await.unwrap_err();
    expect![[r#"addon a does not want "kube": it wants clock, kv"#]].assert_eq(&why.to_string());
    let plan = run.addons.install("a".to_owned(), without("1", "kv")).await.unwrap();
    assert_eq!(plan.not_granted, ["kv"]);
    let Offer { component, without } = without("2", "clock");
    let next = Offer { component: component.unwrap(), without };
    let plan = run.addons.upgrade("a".to_owned(), next).await.unwrap();
    assert_eq!(plan.not_granted, ["clock", "kv"], "what was left out before stays so");
    let details = run.addons.details("a".to_owned()).await.unwrap();
    assert!(details.capabilities.iter().all(|one| !one.granted));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_successor_is_refused() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    run.addons.install("a".to_owned(), Some(hollow_addon("a", "1", ""))).await.unwrap();
    let refused = async |name: &str, component| {
        run.addons.upgrade(name.to_owned(), component).await.unwrap_err().to_string()
    };
    expect!["the component is the addon b, not a: upgrade b, or install it"]
        .assert_eq(&refused("a", hollow_addon("b", "1", "")).await);
    expect!["addon rbac is built in, and as this release has it: another component is put in its place by `plugin install`"]
        .assert_eq(&refused("rbac", plugin("rbac")).await);
    expect!["there is no addon c: `plugin list` shows those there are"]
        .assert_eq(&refused("c", hollow_addon("c", "1", "")).await);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_addon_is_upgraded_and_stays_disabled() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.addons.disable("able".to_owned()).await.unwrap();
    let plan = run.addons.upgrade("able".to_owned(), stamped(&guest("able"))).await.unwrap();
    assert_eq!(plan.addon.state, State::Disabled);
    run.addons.enable("able".to_owned()).await.unwrap();
    assert_eq!(run.told("able", "put a 1").await, "kept");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_tells_what_enabling_or_disabling_would_change() {
    let machine = Machine::new();
    let run = machine.start_ready(&[builtin("rbac", false)]).await;
    let there = ["kube-apiserver --authorization-mode: AlwaysAllow -> RBAC,Node"];
    let back = ["kube-apiserver --authorization-mode: RBAC,Node -> AlwaysAllow"];
    assert_eq!(run.addons.diff("rbac".to_owned(), None).await.unwrap(), there);
    assert_eq!(run.addons.diff("x".to_owned(), Some(plugin("rbac"))).await.unwrap(), there);
    run.addons.enable("rbac".to_owned()).await.unwrap();
    assert_eq!(run.addons.diff("rbac".to_owned(), None).await.unwrap(), back);
    assert_eq!(run.configuration.mode(), "RBAC,Node");
    run.stop().await;
}
