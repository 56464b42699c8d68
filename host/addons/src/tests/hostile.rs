//! Addons that mean harm, on a node that has others too: each is contained, and the others go on.

use bytes::Bytes;
use expect_test::expect;

use super::node::{Machine, Run, builtin, guest, hollow_addon, rewritten};
use crate::{SettingEdit, State};

/// A guest `hostile` of another name of seven letters.
fn named(name: &str) -> Bytes {
    rewritten(&guest("hostile"), r#""name": "hostile""#, &format!("\"name\": \"{name}\""))
}

/// One whose calls are cut after 50 milliseconds.
pub(super) fn impatient() -> Bytes {
    let quota = r#""wants": {"quota": {"callMillis": 50, "why": ""}},"#;
    rewritten(&guest("hostile"), r#""description": "Does on request what no addon should","#, quota)
}

async fn set(run: &Run, addon: &str, value: &str) -> Result<(), String> {
    let edit = SettingEdit { name: "do".to_owned(), value: Some(value.to_owned()) };
    run.addons.set(addon.to_owned(), vec![edit]).await.map(drop).map_err(|why| why.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_addons_that_trap_on_every_call_are_given_up_and_the_others_answer() {
    let machine = Machine::new();
    let list = machine.path("credentials/known_tokens.csv");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "abc,admin,7\n").unwrap();
    let run = machine.start_ready(&[builtin("auth-token", true)]).await;
    let names: Vec<_> = (0..10).map(|one| format!("hostil{one}")).collect();
    for name in &names {
        run.addons.install(name.clone(), Some(named(name))).await.unwrap();
    }
    assert_eq!(run.user_of_token(""), None, "whoever has no name is nobody");
    for _ in 0..3 {
        assert_eq!(run.user_of_token("trap"), None);
    }
    for name in &names {
        assert_eq!(run.addons.info(name).unwrap().state, State::Quarantined, "{name}");
    }
    assert_eq!(run.user_of_token("abc").unwrap().name, "admin");
    run.addons.enable(names[0].clone()).await.unwrap();
    assert_eq!(run.addons.info(&names[0]).unwrap().state, State::Enabled);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_that_hangs_allows_nobody_and_is_disabled_all_the_same() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(impatient())).await.unwrap();
    assert_eq!(run.asked("alice", "get", "", "pods"), "allow", "it was granted the role");
    for user in ["loop", "memory", "trap"] {
        let told = run.asked(user, "get", "", "pods");
        assert!(told.starts_with("addon hostile cannot decide: "), "{user}: {told}");
    }
    expect!["addon hostile cannot decide: it failed 3 times in a row and is not called any more; `mk8s-host plugin logs hostile` tells more, `mk8s-host plugin disable hostile` takes it out"]
        .assert_eq(&run.asked("alice", "get", "", "pods"));
    run.addons.disable("hostile".to_owned()).await.unwrap();
    assert_eq!(run.asked("alice", "get", "", "pods"), "no opinion");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_that_does_not_say_so_is_not_installed() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let hidden = rewritten(&guest("hostile"), r#""authorizer", "admission""#, r#""admission""#);
    let why = run.addons.install("hostile".to_owned(), Some(hidden)).await.unwrap_err().to_string();
    expect!["addon hostile: the metadata of the component is not true: the component exports authorizer, which is not among its roles"].assert_eq(&why);
    assert_eq!(run.asked("alice", "get", "", "pods"), "no opinion");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_addons_that_fight_over_a_flag_the_first_keeps_it() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    for name in ["hostila", "hostilb"] {
        run.addons.install(name.to_owned(), Some(named(name))).await.unwrap();
    }
    set(&run, "hostila", "a=1").await.unwrap();
    let why = set(&run, "hostilb", "b=2").await.unwrap_err();
    assert!(why.contains("hostila") && why.contains("hostilb") && why.contains("node-labels"), "{why}");
    let effective = crate::ports::Configuration::effective(run.configuration.as_ref());
    assert_eq!(effective.service(args::Service::Kubelet).text("node-labels"), "a=1");
    // Who wants the same does not fight.
    set(&run, "hostilb", "a=1").await.unwrap();
    run.addons.disable("hostila".to_owned()).await.unwrap();
    set(&run, "hostilb", "b=2").await.unwrap();
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_lines_is_cut() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    assert_eq!(run.told("hostile", "flood").await, "flooded");
    let lines = run.addons.logs("hostile", 0, false).await.unwrap().lines;
    // However long it took: a hundred lines a second are kept, and the flood had a thousand times as many.
    assert!((1..10_000).contains(&lines.len()), "{}", lines.len());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls_is_cut_and_counted() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run.told("able", "many 3000").await;
    let denied = run.addons.details("able".to_owned()).await.unwrap().denied;
    assert_eq!(denied[0].0, "more than 100 calls a second");
    assert!((1500..3000).contains(&denied[0].1), "{denied:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_beyond_measure_is_refused_before_anything_is_changed() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    let refused = async |component: Bytes| {
        run.addons.install("x".to_owned(), Some(component)).await.unwrap_err().to_string()
    };
    let whole = guest("able");
    for kept in [1, 9, whole.len() / 3, whole.len() - 1] {
        let why = refused(whole.slice(..kept)).await;
        assert!(
            why.starts_with("addon x: read the ") || why.starts_with("addon x: check the "),
            "{kept}: {why}"
        );
    }
    let mut huge = hollow_addon("huge", "1", "").to_vec();
    huge.extend([0, 0x80, 0x80, 0x80, 0x32]);
    huge.resize(100 << 20, 0);
    expect!["addon x: read the component: it has 104857600 bytes, and may have 67108864"]
        .assert_eq(&refused(huge.into()).await);
    assert!(run.addons.list().is_empty() && machine.store.keys.lock().unwrap().is_empty());
    run.stop().await;
}
