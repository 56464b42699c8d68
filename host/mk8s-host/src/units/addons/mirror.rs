//! The addons as objects of the API, for whoever looks by `kubectl get addons`: written by the host alone, from what the
//! addons say of themselves. What an operator should see at once is told by an Event about the node.

use std::collections::BTreeMap;
use std::time::Duration;

use addons::{AddonsHandle, Report, State};
use client::events::{EventType, Recorder, Source, recorder};
use client::{ApiError, ApiResource, Client, DeleteOptions, ListOptions};
use k8s_openapi::api::core::v1::ObjectReference;
use objects::{Tree, meta, tree};
use tracing::debug;

use crate::adapt::clients::HOST;
use crate::adapt::kube;

const GROUP: &str = "mk8s.io";
const VERSION: &str = "v1alpha1";
/// Looks follow one another no sooner.
const PAUSE: Duration = Duration::from_secs(1);
/// The definition of the kind, and a policy by which nobody else writes its objects.
const DEFINITIONS: &str = include_str!("mirror.json");

/// Keeps the objects as the addons are, for as long as it is polled.
pub(super) async fn keep(client: Client, addons: AddonsHandle, node: String) {
    let source = Source { component: HOST.trim_start_matches("system:").to_owned(), host: node.clone() };
    let (recorder, recording) = recorder(client.clone(), source);
    let mirror = Mirror { client, recorder, node, seen: BTreeMap::new(), is_defined: false };
    tokio::join!(mirror.run(addons), recording.run());
}

struct Mirror {
    client: Client,
    recorder: Recorder,
    node: String,
    /// What was told last.
    seen: BTreeMap<String, Report>,
    is_defined: bool,
}

impl Mirror {
    async fn run(mut self, addons: AddonsHandle) {
        let mut news = addons.news();
        addons.ready().await;
        loop {
            news.mark_unchanged();
            let reports: BTreeMap<_, _> =
                addons.list().into_iter().map(|report| (report.name.clone(), report)).collect();
            self.tell(&reports);
            let kept = self.bring_about(&reports).await;
            if let Err(why) = &kept {
                debug!(%why, "show the addons in the API");
            }
            tokio::time::sleep(PAUSE).await;
            // A failed look is tried again; otherwise there is something to do when there are news.
            if kept.is_ok() && news.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells what became worse since the last look.
    fn tell(&mut self, reports: &BTreeMap<String, Report>) {
        for (name, report) in reports {
            for (reason, message) in notices(self.seen.get(name), report) {
                self.recorder.record(self.reference(), EventType::Warning, reason, message);
            }
        }
        self.seen.clone_from(reports);
    }

    fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(self.node.clone()),
            // As the kubelet has it: events of a node are found by its name.
            uid: Some(self.node.clone()),
            ..ObjectReference::default()
        }
    }

    async fn bring_about(&mut self, reports: &BTreeMap<String, Report>) -> Result<(), ApiError> {
        if !self.is_defined {
            for definition in definitions() {
                kube::put(&self.client, &resource_of(&definition), definition).await?;
            }
            self.is_defined = true;
        }
        let api = self.client.dynamic(&resource(GROUP, VERSION, "addons"), None);
        let there = api.list_all(&ListOptions::default()).await?;
        let there: BTreeMap<_, _> =
            there.items.into_iter().map(|tree| (meta::name(&tree).to_owned(), tree)).collect();
        for (name, report) in reports {
            let wanted = object(report);
            let is_so = there
                .get(name)
                .is_some_and(|tree| ["spec", "status"].iter().all(|part| tree.get(part) == wanted.get(part)));
            if !is_so {
                kube::put(&self.client, &resource(GROUP, VERSION, "addons"), wanted).await?;
            }
        }
        for name in there.keys().filter(|name| !reports.contains_key(*name)) {
            api.delete(name, &DeleteOptions::default()).await?;
        }
        Ok(())
    }
}

/// What an operator should know of the change: a reason and words.
fn notices(before: Option<&Report>, now: &Report) -> Vec<(&'static str, String)> {
    let name = &now.name;
    let mut notices = Vec::new();
    if before.map(|before| before.state) != Some(now.state) {
        let why = now.message.as_deref().unwrap_or("see `mk8s-host plugin logs`");
        match now.state {
            State::Quarantined => notices.push(("AddonQuarantined", format!("addon {name}: {why}"))),
            State::Broken => notices.push(("AddonBroken", format!("addon {name}: {why}"))),
            State::Disabled | State::Starting | State::Enabled => {}
        }
    }
    if now.denied > before.map_or(0, |before| before.denied) {
        let told = format!("addon {name} was denied what it was not granted: `mk8s-host plugin info {name}`");
        notices.push(("AddonDenied", told));
    }
    notices
}

fn object(report: &Report) -> Tree {
    let state = match report.state {
        State::Disabled => "Disabled",
        State::Starting => "Starting",
        State::Broken => "Broken",
        State::Enabled => "Enabled",
        State::Quarantined => "Quarantined",
    };
    let mut status = tree!({ "state": state, "denied": (i64::try_from(report.denied).unwrap_or(i64::MAX)) });
    if let Some(message) = &report.message {
        status.insert("message", message.as_str());
    }
    tree!({
        "apiVersion": (format!("{GROUP}/{VERSION}")),
        "kind": "Addon",
        "metadata": { "name": (report.name.as_str()) },
        "spec": {
            "version": (report.version.as_str()),
            "digest": (format!("sha256:{}", report.digest)),
            "source": (if report.builtin { "built-in" } else { "installed" }),
            "roles": (report.roles.clone())
        },
        "status": (status)
    })
}

fn definitions() -> Vec<Tree> {
    let text = DEFINITIONS.replace("HOST", HOST);
    let list = Tree::from_json(text.as_bytes()).expect("mirror.json is a list of objects");
    list.items_at(&["items"]).to_vec()
}

fn resource_of(definition: &Tree) -> ApiResource {
    let (group, version) = definition
        .str_at(&["apiVersion"])
        .and_then(|text| text.split_once('/'))
        .expect("every object of mirror.json is of a group");
    let plural = match definition.str_at(&["kind"]) {
        Some("CustomResourceDefinition") => "customresourcedefinitions",
        Some("ValidatingAdmissionPolicy") => "validatingadmissionpolicies",
        _ => "validatingadmissionpolicybindings",
    };
    resource(group, version, plural)
}

fn resource(group: &str, version: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned().into(),
        version: version.to_owned().into(),
        plural: plural.to_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report(state: State, denied: u64) -> Report {
        Report {
            name: "a".to_owned(),
            version: "1".to_owned(),
            roles: vec!["dns".to_owned()],
            state,
            digest: "00".to_owned(),
            message: Some("it failed".to_owned()),
            builtin: false,
            denied,
        }
    }

    #[test]
    fn what_became_worse_is_told_once() {
        let well = report(State::Enabled, 0);
        let ill = report(State::Quarantined, 2);
        assert_eq!(notices(None, &well), []);
        let told: Vec<_> = notices(Some(&well), &ill).into_iter().map(|(reason, _)| reason).collect();
        assert_eq!(told, ["AddonQuarantined", "AddonDenied"]);
        assert_eq!(notices(Some(&ill), &ill), []);
        assert_eq!(notices(Some(&ill), &well), []);
    }

    #[test]
    fn an_addon_is_an_object_of_its_kind() {
        expect![[r#"{"apiVersion":"mk8s.io/v1alpha1","kind":"Addon","metadata":{"name":"a"},"spec":{"version":"1","digest":"sha256:00","source":"installed","roles":["dns"]},"status":{"state":"Broken","denied":0,"message":"it failed"}}"#]]
        .assert_eq(&object(&report(State::Broken, 0)).to_json_string());
        let kinds: Vec<_> = definitions().iter().map(|one| resource_of(one).plural.to_string()).collect();
        assert_eq!(
            kinds,
            ["customresourcedefinitions", "validatingadmissionpolicies", "validatingadmissionpolicybindings"]
        );
    }
}
