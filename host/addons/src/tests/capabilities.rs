//! What an addon may: each import by its grant, within its quota, and every denial counted.

use expect_test::expect;

use super::node::{Machine, Run, guest};
use crate::SettingEdit;

async fn able(machine: &Machine) -> Run {
    let run = machine.start_ready(&[]).await;
    run.addons.install("able".to_owned(), Some(guest("able"))).await.unwrap();
    run
}

async fn denied(run: &Run) -> String {
    let denied = run.addons.details("able".to_owned()).await.unwrap().denied;
    denied.iter().map(|(what, count)| format!("{count} {what}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_done() {
    let machine = Machine::new();
    let run = able(&machine).await;
    for (words, expected) in [
        ("put a 5", "kept"),
        ("get a", "5 bytes"),
        ("list configmaps", "0 objects"),
        ("misspell label-selector", "0 objects"),
        ("misspell labelSelector", "invalid: this host knows no \"labelSelector\" of a call"),
        ("issue able-1 able 3", "14 bytes"),
        ("clock", "true"),
        ("count hits", "counted"),
        ("observe took", "observed"),
        ("write /own/file", "written"),
    ] {
        assert_eq!(run.told("able", words).await, expected, "{words}");
    }
    assert_eq!(std::fs::read_to_string(machine.path("var/able/file")).unwrap(), "written");
    let text = run.addons.metrics();
    assert!(text.contains("addon_able_hits_total{addon=\"able\",what=\"a\\\"b\"} 2\n"), "{text}");
    assert!(text.contains("mk8s_addon_calls_total{addon=\"able\",role=\"admission\"}"), "{text}");
    assert_eq!(denied(&run).await, "");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_the_grants_is_denied_and_counted() {
    let machine = Machine::new();
    let run = able(&machine).await;
    for words in [
        "list secrets",
        "list secrets",
        "get-object configmaps status",
        "issue able-1 system:masters 3",
        "issue other able 3",
        "issue able-1 able 31",
    ] {
        let told = run.told("able", words).await;
        assert!(
            told.starts_with("denied: ") && told.ends_with("not granted to the addon able"),
            "{words}: {told}"
        );
    }
    run.told("able", "count no-name").await;
    expect![[r#"
        1 kube: get configmaps/status
        2 kube: list secrets
        1 metrics: a name of letters, digits and underscores, at most 64
        1 pki: a certificate of able-1, able
        1 pki: a certificate of able-1, system:masters
        1 pki: a certificate of other, able
    "#]]
    .assert_eq(&denied(&run).await);
    let lines = run.addons.logs("able", 0, false).await.unwrap().lines;
    let secrets = lines.iter().filter(|line| line.text.contains("secrets")).count();
    assert_eq!(secrets, 1, "{lines:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_bounds_what_is_kept_and_how_many_series_there_are() {
    let machine = Machine::new();
    let run = able(&machine).await;
    assert_eq!(run.told("able", "put a 5000").await, "kept");
    assert!(run.told("able", "put b 5000").await.contains("kv: more than 8192 bytes in all"));
    assert_eq!(run.told("able", "put a 7000").await, "kept", "in the place of what was there");
    run.told("able", "series 300").await;
    expect![[r#"
        1 kv: more than 8192 bytes in all
        100 metrics: at most 200 series
    "#]]
    .assert_eq(&denied(&run).await);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_denied_until_it_is_granted_again() {
    let machine = Machine::new();
    let run = able(&machine).await;
    let (name, kv) = (|| "able".to_owned(), || "kv".to_owned());
    run.addons.revoke(name(), kv()).await.unwrap();
    run.addons.revoke(name(), "folders/own=var/able:write".to_owned()).await.unwrap();
    expect!["denied: kv: not granted to the addon able"].assert_eq(&run.told("able", "put a 5").await);
    assert_ne!(run.told("able", "write /own/file").await, "written");
    let details = run.addons.details(name()).await.unwrap();
    let missing: Vec<_> =
        details.capabilities.iter().filter(|one| !one.granted).map(|one| &one.name).collect();
    assert_eq!(missing, ["folders/own=var/able:write", "kv"]);
    run.stop().await;

    let run = machine.start_ready(&[]).await;
    assert!(run.told("able", "put a 5").await.starts_with("denied"), "after a start too");
    run.addons.grant(name(), kv()).await.unwrap();
    assert_eq!(run.told("able", "put a 5").await, "kept");
    let why = run.addons.grant(name(), "pki/*".to_owned()).await.unwrap_err().to_string();
    assert!(why.starts_with("addon able does not want \"pki/*\": it wants clock, folders/own"), "{why}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_place_of_a_granted_folder_is_not_followed() {
    let machine = Machine::new();
    let run = able(&machine).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(machine.path("var")).unwrap();
    std::fs::remove_dir_all(machine.path("var/able")).unwrap();
    std::os::unix::fs::symlink(outside.path(), machine.path("var/able")).unwrap();
    let told = run.told("able", "write /own/file").await;
    assert!(told.contains("leads elsewhere"), "{told}");
    assert!(!outside.path().join("file").exists());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_in_force_at_once_and_one_that_cannot_be_changes_nothing() {
    let machine = Machine::new();
    let run = machine.start_ready(&[]).await;
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    let set = async |name: &str, value: Option<&str>| {
        let edit = SettingEdit { name: name.to_owned(), value: value.map(str::to_owned) };
        run.addons.set("hostile".to_owned(), vec![edit]).await.map_err(|why| why.to_string())
    };
    let labels = || {
        let effective = crate::ports::Configuration::effective(run.configuration.as_ref());
        effective.service(args::Service::Kubelet).text("node-labels").to_owned()
    };
    let before = labels();
    set("do", Some("a=b")).await.unwrap();
    assert_eq!(labels(), "a=b");
    let details = run.addons.details("hostile".to_owned()).await.unwrap();
    assert_eq!((details.settings[0].value.as_str(), details.settings[0].is_default), ("\"a=b\"", false));
    for bad in ["trap", "other", "refuse"] {
        set("do", Some(bad)).await.unwrap_err();
        assert_eq!(labels(), "a=b", "{bad}");
    }
    expect![[r#"addon hostile has no setting "dont": it has do"#]]
        .assert_eq(&set("dont", Some("1")).await.unwrap_err());
    set("do", None).await.unwrap();
    assert_eq!(labels(), before);
    run.stop().await;
}
