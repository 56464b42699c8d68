//! What an addon can do: each import and each of the roles that no first-party addon has.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use engine::{
    AdmissionRequest, CallError, Candidates, Cluster, ClusterNode, Component, DnsAnswer, DnsClient, Event,
    Folder, FolderAccess, Import, Instance, Limits, LinkKind, Measured, Refusal,
};
use expect_test::{Expect, expect};
use tempfile::TempDir;

use crate::host::{Recorder, at_once, load, write};

const IMPORTS: &[Import] = &[Import::Kube, Import::Kv, Import::Pki, Import::Metrics, Import::Clock];

static ABLE: LazyLock<Component> = LazyLock::new(|| load("able", IMPORTS).unwrap());

fn instance(host: &Arc<Recorder>, folders: &[Folder]) -> Instance {
    ABLE.instantiate_with(host.clone(), Limits::COLD, folders).unwrap()
}

/// What came of the words.
fn done(instance: &mut Instance, words: &str) -> String {
    let object = format!(r#"{{"metadata":{{"annotations":{{"do":"{words}"}}}}}}"#);
    let request = AdmissionRequest { object: Some(object.into()), ..write("a") };
    // What writes to a folder waits for another thread.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(instance.validate(&request)) {
        Ok(review) => review.denied.map_or("nothing".to_owned(), |denial| denial.message),
        Err(CallError::Guest(refused)) => refused.to_string(),
        Err(why) => panic!("{words}: {why}"),
    }
}

fn check(words: &[&str], expected: Expect) {
    let mut instance = instance(&Arc::default(), &[]);
    let lines: Vec<_> =
        words.iter().map(|words| format!("{words}: {}\n", done(&mut instance, words))).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn each_import_is_answered_by_the_host() {
    check(
        &["put a 5", "get a", "get b", "list configmaps", "clock"],
        expect![[r#"
            put a 5: kept
            get a: 5 bytes
            get b: nothing
            list configmaps: there is nothing
            clock: true
        "#]],
    );
    let host = Arc::default();
    let mut instance = instance(&host, &[]);
    assert!(done(&mut instance, "issue able-1 able 3").ends_with(" bytes"));
    for words in ["count hits", "gauge level", "observe took"] {
        done(&mut instance, words);
    }
    let measures = host.measures.lock().unwrap();
    let told: Vec<_> = measures.iter().map(|one| (one.metric.as_str(), one.measured, one.value)).collect();
    assert_eq!(
        told,
        [("hits", Measured::Added, 2.0), ("level", Measured::Set, 7.5), ("took", Measured::Observed, 0.02)]
    );
    assert_eq!(measures[0].labels, [("what".to_owned(), "a\"b".to_owned())]);
}

#[test]
fn an_event_and_a_reconcile_reach_the_addon() {
    let host = Arc::new(Recorder::default());
    let mut instance = instance(&host, &[]);
    at_once(instance.notify(Event::Enabled)).unwrap();
    at_once(instance.notify(Event::CertsRenewed(&["server.crt"]))).unwrap();
    assert_eq!(at_once(instance.reconcile()).unwrap(), None);
    assert_eq!(host.keys.lock().unwrap()["heard"], "enabled; server.crt renewed");
}

#[test]
fn an_admission_addon_patches_and_judges() {
    let mut instance = instance(&Arc::default(), &[]);
    let mutation = at_once(instance.mutate(&write("a"))).unwrap();
    expect![[r#"[{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}]"#]]
        .assert_eq(std::str::from_utf8(&mutation.patch.unwrap()).unwrap());
    assert_eq!(mutation.review.warnings, ["ConfigMap gets a label"]);
    assert_eq!(done(&mut instance, "no more"), "no more");
    assert_eq!(at_once(instance.validate(&write("a"))).unwrap().denied, None);
}

#[test]
fn a_dns_addon_answers_forwards_and_drops() {
    let mut instance = instance(&Arc::default(), &[]);
    let mut answer = |query: &[u8], transport| instance.answer(query, DnsClient { address: "", transport });
    let reply = answer(&[1, 2, 1, 0, 9], "udp").unwrap();
    assert_eq!(reply, DnsAnswer::Reply(Bytes::from_static(&[1, 2, 0x80, 5, 9])));
    assert_eq!(answer(&[], "tcp").unwrap(), DnsAnswer::Forward(Vec::new()));
    assert_eq!(answer(&[], "udp").unwrap(), DnsAnswer::Drop);
    assert!(matches!(answer(&[1], "udp"), Err(CallError::Guest(Refusal::Invalid(_)))));
}

#[test]
fn an_overlay_addon_plans_for_this_node() {
    let mut instance = instance(&Arc::default(), &[]);
    let node = |name: &str, last: u8| ClusterNode {
        name: name.to_owned(),
        addresses: vec![[192, 0, 2, last].into()],
        pod_cidrs: vec![format!("10.1.{last}.0/26")],
    };
    let cluster = |this_node: &str| Cluster {
        this_node: this_node.to_owned(),
        nodes: vec![node("a", 1), node("b", 2)],
        cluster_cidrs: vec!["10.1.0.0/16".to_owned()],
        settings: Vec::new(),
    };
    let plan = at_once(instance.plan(&cluster("a"))).unwrap();
    assert!(matches!(&plan.links[0].kind, LinkKind::Vxlan(vxlan) if vxlan.local == "192.0.2.1"));
    let routes: Vec<_> =
        plan.routes.iter().map(|route| (route.destination.as_str(), route.gateway.as_str())).collect();
    assert_eq!(routes, [("10.1.2.0/26", "192.0.2.2")]);
    assert_eq!(plan.rules[0].not_destinations, ["10.1.0.0/16"]);
    let why = at_once(instance.plan(&cluster("c"))).unwrap_err();
    assert!(!why.is_fault(), "{why}");
}

#[test]
fn a_scheduling_addon_refuses_nodes_and_rates_them() {
    let mut instance = instance(&Arc::default(), &[]);
    let candidates = |pod: &'static str| Candidates {
        pod: pod.into(),
        nodes: ["new", "older", "spare"].map(str::to_owned).to_vec(),
    };
    let refused = instance.filter(&candidates("{}")).unwrap();
    expect![[r#"[NodeRefusal { node: "older", reason: "node(s) were old", is_resolvable: true }]"#]]
        .assert_eq(&format!("{refused:?}"));
    let ratings = instance.score(&candidates("{}")).unwrap();
    let told: Vec<_> = ratings.iter().map(|rating| (rating.node.as_str(), rating.score)).collect();
    assert_eq!(told, [("new", 3), ("older", 5), ("spare", 5)]);
    let waited = instance.score(&candidates("ask")).unwrap_err();
    assert!(matches!(waited, CallError::Guest(Refusal::Unavailable(_))), "{waited}");
}

#[test]
fn a_component_of_the_same_draft_before_it_changed_is_found_out() {
    let outdated = load("outdated", &[]).unwrap();
    let mut instance = outdated.instantiate(Arc::new(Recorder::default()), Limits::COLD).unwrap();
    let why = instance.load_scheduling().unwrap_err();
    expect!["the addon was built for another draft of the contract than this host speaks: build it anew"]
        .assert_eq(&why.to_string());
}

/// A folder to read, one to write, and a secret beside them.
fn folders() -> (TempDir, [Folder; 2]) {
    let root = tempfile::tempdir().unwrap();
    let folder = |name: &str, access| {
        let path = root.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("file"), name).unwrap();
        Folder { name: name.to_owned(), path, access }
    };
    let folders = [folder("seen", FolderAccess::Read), folder("own", FolderAccess::Write)];
    std::fs::write(root.path().join("secret"), "secret").unwrap();
    for folder in &folders {
        std::os::unix::fs::symlink("../secret", folder.path.join("up")).unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), folder.path.join("away")).unwrap();
        std::os::unix::fs::symlink(root.path(), folder.path.join("out")).unwrap();
    }
    (root, folders)
}

#[test]
fn a_granted_folder_is_read_and_written_as_it_was_granted() {
    let (root, folders) = folders();
    let mut instance = instance(&Arc::default(), &folders);
    assert_eq!(done(&mut instance, "read /seen/file"), "seen");
    assert_ne!(done(&mut instance, "write /seen/file"), "written");
    assert_ne!(done(&mut instance, "rename /seen/file /seen/other"), "renamed");
    assert_eq!(done(&mut instance, "write /own/new"), "written");
    assert_eq!(std::fs::read_to_string(root.path().join("own/new")).unwrap(), "written");
    assert_eq!(std::fs::read_to_string(root.path().join("seen/file")).unwrap(), "seen");
}

#[test]
fn nothing_leads_out_of_a_granted_folder() {
    let (root, folders) = folders();
    let mut instance = instance(&Arc::default(), &folders);
    for path in [
        "/own/../secret",
        "/own/../../../etc/passwd",
        "/own/up",
        "/own/up/",
        "/own/away",
        "/own/out/secret",
        "/own/./../own/../secret",
        "/secret",
        "/etc/passwd",
        "secret",
    ] {
        for words in [format!("read {path}"), format!("write {path}"), format!("write {path}/")] {
            let told = done(&mut instance, &words);
            assert!(told != "secret" && told != "written" && !told.contains("root:"), "{words}: {told}");
        }
        for words in [format!("link {path} /own/linked"), format!("rename {path} /own/moved")] {
            done(&mut instance, &words);
        }
    }
    assert_eq!(std::fs::read_to_string(root.path().join("secret")).unwrap(), "secret");
    assert!(done(&mut instance, "read /own/linked") != "secret");
    assert!(done(&mut instance, "read /own/moved") != "secret");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let missing = Folder { name: "x".to_owned(), path: "/nowhere".into(), access: FolderAccess::Read };
    let made = ABLE.instantiate_with(Arc::new(Recorder::default()), Limits::COLD, &[missing]);
    assert!(matches!(made.err().unwrap(), CallError::Folder(_)));
}
