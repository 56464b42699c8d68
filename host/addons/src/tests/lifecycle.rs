//! What addons are told, and what becomes of those that cannot keep what they keep.

use std::sync::atomic::Ordering;

use super::node::{Machine, Run, guest, holds};
use crate::{NodeEvent, State};

fn kept(machine: &Machine, key: &str) -> String {
    let keys = machine.store.keys.lock().unwrap();
    let value = keys.get(&format!("/mk8s.io/addon-kv/able/{key}"));
    value.map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

async fn able(machine: &Machine) -> Run {
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_told_in_order_and_followed_by_a_reconcile() {
    let machine = Machine::new();
    let run = able(&machine).await;
    let reconciled = kept(&machine, "reconciled").len();
    for event in [
        NodeEvent::UnitStarting("scheduler".to_owned()),
        NodeEvent::UnitReady("scheduler".to_owned()),
        NodeEvent::UnitStopping("scheduler".to_owned()),
        NodeEvent::NodeJoined("other".to_owned()),
        NodeEvent::CertsRenewed(vec!["server.crt".to_owned(), "kubelet.crt".to_owned()]),
    ] {
        run.addons.tell(&event);
    }
    let told = "enabled; scheduler starts; scheduler is ready; scheduler stops; other joined; \
                server.crt, kubelet.crt renewed";
    holds(|| kept(&machine, "heard") == told).await;
    holds(|| kept(&machine, "reconciled").len() > reconciled).await;
    run.addons.disable("able".to_owned()).await.unwrap();
    assert_eq!(kept(&machine, "heard"), format!("{told}; disabled"));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_that_traps_on_an_event_is_made_anew_and_told_that_it_is_enabled() {
    let machine = Machine::new();
    let run = able(&machine).await;
    run.addons.tell(&NodeEvent::UnitReady("trap".to_owned()));
    run.addons.tell(&NodeEvent::UnitReady("kubelet".to_owned()));
    holds(|| kept(&machine, "heard") == "enabled; kubelet is ready").await;
    assert_eq!(run.addons.info("able").unwrap().state, State::Enabled);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_reconcile_for_long_is_given_up_and_has_a_way_back() {
    let machine = Machine::new();
    let run = able(&machine).await;
    machine.store.refuses.store(true, Ordering::SeqCst);
    run.addons.tell(&NodeEvent::UnitReady("kubelet".to_owned()));
    let state = || run.addons.info("able").unwrap().state;
    let hour = std::time::Duration::from_secs(60 * 60);
    let given_up = async {
        while state() != State::Quarantined {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(hour, given_up).await.unwrap();
    machine.store.refuses.store(false, Ordering::SeqCst);
    tokio::time::sleep(hour).await;
    assert_eq!(state(), State::Quarantined, "it is not called any more");
    run.addons.enable("able".to_owned()).await.unwrap();
    holds(|| state() == State::Enabled).await;
    run.stop().await;
}
