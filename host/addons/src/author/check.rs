//! What stands in the way of an addon, or would annoy its operator: `plugin check`. One finding, one thing to do.

use std::fmt;

use bytes::Bytes;
use engine::{CallError, InspectError, Inspection, LARGEST, Limits, LoadError};
use objects::resource::served;

use crate::author::{Subject, Workshop};
use crate::library::ComponentError;
use crate::metadata::{CONTRACT, Lie, Metadata, Quota};

/// From here on a component is remarkably large.
const LARGE: usize = LARGEST / 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// No node takes it.
    Error,
    Warning,
}

/// Something to mend, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    what: String,
    advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.what, self.advice)
    }
}

fn error(what: impl ToString, advice: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, what: what.to_string(), advice: advice.into() }
}

fn warning(what: impl ToString, advice: impl Into<String>) -> Finding {
    Finding { severity: Severity::Warning, what: what.to_string(), advice: advice.into() }
}

/// Reads the component and, where nothing stands in the way yet, compiles and starts it as a node would.
pub async fn check(workshop: &Workshop, component: Bytes) -> Vec<Finding> {
    let mut findings = read(&component);
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        findings.extend(start(workshop, component).await);
    }
    findings
}

/// What can be told without running anything.
fn read(component: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let size = component.len();
    if (LARGE..=LARGEST).contains(&size) {
        findings.push(warning(
            format!("it has {size} bytes"),
            "each node compiles and maps all of it: leave out what is not needed",
        ));
    }
    let inspection = match engine::inspect(component) {
        Ok(inspection) => inspection,
        Err(why) => {
            let advice = unreadable(&why);
            findings.push(error(told(&why), advice));
            return findings;
        }
    };
    for import in inspection.unknown_imports() {
        findings.push(error(
            format!("it imports {import}, which no host has"),
            "import of `mk8s:addon` and of WASI alone; state and network come through `kv` and `kube`",
        ));
    }
    match serde_json::from_slice::<Metadata>(&inspection.metadata) {
        Ok(metadata) => findings.extend(judge(&metadata, &inspection)),
        Err(why) => findings.push(error(
            format!("its metadata cannot be read: {why}"),
            "mend addon.json: plugins/README.md lists its fields",
        )),
    }
    findings
}

fn judge(metadata: &Metadata, inspection: &Inspection) -> Vec<Finding> {
    let lies = metadata.lies(inspection);
    let mut findings: Vec<_> = lies.iter().map(|lie| error(lie, amends(lie))).collect();
    for import in metadata.wants.imports().difference(&inspection.imports) {
        findings.push(warning(
            format!("it wants {} and never imports it", import.name()),
            format!("take {:?} out of \"wants\": the operator would be asked for it in vain", import.name()),
        ));
    }
    if metadata.description.is_empty() {
        findings.push(warning("it has no description", "say in \"description\" what it does, in one line"));
    }
    if inspection.roles.is_empty() {
        findings
            .push(warning("it has no role", "export an interface of the contract: nothing calls it so far"));
    }
    if metadata.conflicts.contains(&metadata.name) {
        findings.push(warning("it conflicts with itself", "take its own name out of \"conflicts\""));
    }
    let nothing = metadata.wants.quota.iter().flat_map(Quota::given).filter(|(_, value)| *value == 0);
    findings.extend(nothing.map(|(what, _)| {
        warning(format!("it wants a quota of {what} of 0"), "leave it out, or want enough to answer with")
    }));
    findings.extend(misnamed(metadata).map(|(resource, group)| {
        let group = if group.is_empty() { "core" } else { group };
        warning(
            format!("a rule of its admission names {resource}, and the group {group} has no such resource"),
            "write resources as `kubectl api-resources` does, in the plural: it is shown nothing by this rule",
        )
    }));
    // Each line ends in the reason.
    for want in metadata.wants.lines().iter().filter_map(|line| line.trim_end().strip_suffix(':')) {
        findings.push(warning(
            format!("it does not say why it {want}"),
            "give the reason in \"why\": the operator decides by it",
        ));
    }
    findings
}

/// The resources of admission rules, with their groups, that are none of a group of Kubernetes.
fn misnamed(metadata: &Metadata) -> impl Iterator<Item = (&str, &str)> {
    let rules = metadata.admission.iter().flat_map(|spec| spec.mutate.iter().chain(&spec.validate));
    let named = rules.flat_map(|rule| {
        let of_group = |group| rule.resources.iter().map(move |resource| (resource.as_str(), group));
        rule.groups.iter().map(String::as_str).flat_map(of_group)
    });
    named.filter(|(resource, group)| {
        let plural = resource.split('/').next().unwrap_or_default();
        let mut of_group = served().filter(|row| row.group == *group).peekable();
        plural != "*" && of_group.peek().is_some() && !of_group.any(|row| row.plural == plural)
    })
}

async fn start(workshop: &Workshop, component: Bytes) -> Option<Finding> {
    let subject = match Subject::load(workshop, component).await {
        Ok(subject) => subject,
        Err(why) => {
            let advice = match &why {
                ComponentError::Compile(_) => {
                    "make its functions smaller, or fewer: a node compiles within a minute"
                }
                ComponentError::Load(LoadError::Link(_)) => {
                    "build it against the contract of this release: `mk8s-host plugin new` writes it out"
                }
                ComponentError::File { .. } => {
                    "let this user write there, or say in XDG_CACHE_HOME where it may"
                }
                _ => "mend that and build it anew",
            };
            return Some(error(told(&why), advice));
        }
    };
    let made = subject.instance(&subject.stand_in(), Limits::HOT).err()?;
    let advice = match made {
        CallError::Memory => "take less memory at the start",
        CallError::Deadline(_) => "do less at the start, or do it at the first call",
        _ => "whatever runs when the component starts has to succeed without files, sockets and environment",
    };
    Some(error(format!("it does not start: {made}"), advice))
}

/// An error with its causes, in one line.
fn told(why: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(why.source(), |cause| cause.source());
    causes.fold(why.to_string(), |told, cause| format!("{told}: {cause}"))
}

fn unreadable(why: &InspectError) -> String {
    match why {
        InspectError::Size(_) => "leave debug information and data out of it".to_owned(),
        InspectError::NotWasm => "give the file that the build made".to_owned(),
        InspectError::CoreModule => {
            "build for wasm32-wasip2, or by componentize-py or componentize-qjs".to_owned()
        }
        InspectError::Torn | InspectError::Malformed(_) => {
            "the file is damaged or not finished: build or copy it anew".to_owned()
        }
        InspectError::NoMetadata => {
            "`mk8s-host plugin annotate FILE --metadata addon.json`, or the macro `sdk::addon!`".to_owned()
        }
        InspectError::LongMetadata => "shorten addon.json".to_owned(),
        InspectError::OtherContract { .. } => {
            format!("build it against wit/{CONTRACT}: `mk8s-host plugin new` writes it out")
        }
        InspectError::UnknownRole(_) => "export interfaces of the contract alone".to_owned(),
    }
}

/// What makes a lie true.
fn amends(lie: &Lie) -> String {
    match lie {
        Lie::Contract(_) => format!("write \"contract\": {CONTRACT:?} and build against it"),
        Lie::NotExported(role) => format!("export {role}, or take it out of \"roles\""),
        Lie::NotClaimed(role) => format!("add {role:?} to \"roles\", or do not export it"),
        Lie::NotWanted(import) => {
            format!("add {import:?} to \"wants\" with the reason in \"why\", or do not call it")
        }
        Lie::NoRules => {
            r#"add "admission": {"validate": [{"operations": ["create"], "groups": [""], "resources": ["pods"]}]}"#
                .to_owned()
        }
        Lie::NoPods => {
            r#"add "scheduling": {"selector": "example.com/mine=true"}; an empty selector is every pod"#.to_owned()
        }
        Lie::NoScheduling => "export scheduling, or take \"scheduling\" out".to_owned(),
        Lie::Scheduling(_) => {
            "name labels in \"selector\" or \"resources\", and a \"weight\" of 1 to 100".to_owned()
        }
        Lie::Newer { of, .. } => format!("write \"contract\": {of:?}"),
        Lie::NoAdmission => "export admission, or take \"admission\" out".to_owned(),
        Lie::Rule(_) => "each rule names operations, groups and resources; \"*\" is any".to_owned(),
        Lie::DocumentPlace(_) => {
            "name the setting with the URL in \"setting\", or a document before it in \"document\" with its \"field\"".to_owned()
        }
        Lie::FolderPlace(_) => "choose a folder that is nobody else's, `addon-data/NAME` for one".to_owned(),
        Lie::Pki(_) => "name who the certificates are for, and no group that rules the cluster".to_owned(),
        Lie::Quota { most, .. } => format!("want at most {most}"),
        _ => "mend addon.json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::tests::node::{hollow, hollow_addon, plugin, workshop};

    async fn found(component: &[u8], expected: Expect) {
        let (_folder, workshop) = workshop();
        let findings = check(&workshop, Bytes::copy_from_slice(component)).await;
        let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[tokio::test]
    async fn first_party_addons_are_without_findings() {
        for name in ["auth-basic", "auth-token", "auth-x509", "rbac"] {
            found(&plugin(name), expect![""]).await;
        }
    }

    #[tokio::test]
    async fn each_thing_to_mend_is_a_line_of_its_own() {
        let wants = r#","wants":{"kv":{"why":""},"kube":[{"verbs":["get"],"groups":[""],"resources":["pods"],"why":"x"}]},
            "roles":["config"]"#;
        found(&hollow_addon("a", "1", wants), expect![[r#"
            error: it claims the role config, which the component does not export: export config, or take it out of "roles"
            warning: it wants kv and never imports it: take "kv" out of "wants": the operator would be asked for it in vain
            warning: it wants kube and never imports it: take "kube" out of "wants": the operator would be asked for it in vain
            warning: it has no description: say in "description" what it does, in one line
            warning: it has no role: export an interface of the contract: nothing calls it so far
            warning: it does not say why it keeps data of its own in the datastore: give the reason in "why": the operator decides by it"#]]).await;
    }

    #[tokio::test]
    async fn what_would_never_be_called_is_told() {
        let metadata = r#","description":"d","conflicts":["a"],"wants":{"quota":{"callMillis":0,"why":"x"}},"roles":["admission"],
            "admission":{"validate":[{"operations":["*"],"groups":["","example.org"],"resources":["pod","pods/exec","*"]}]}"#;
        found(&hollow_addon("a", "1", metadata), expect![[r#"
            error: it claims the role admission, which the component does not export: export admission, or take it out of "roles"
            error: it says which writes it is to be shown, and does not have the role admission: export admission, or take "admission" out
            warning: it has no role: export an interface of the contract: nothing calls it so far
            warning: it conflicts with itself: take its own name out of "conflicts"
            warning: it wants a quota of callMillis of 0: leave it out, or want enough to answer with
            warning: a rule of its admission names pod, and the group core has no such resource: write resources as `kubectl api-resources` does, in the plural: it is shown nothing by this rule"#]]).await;
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_with_the_way_out() {
        found(
            b"",
            expect!["error: read the component: it is no WebAssembly: give the file that the build made"],
        )
        .await;
        found(b"\0asm\x01\0\0\0", expect!["error: read the component: it is a core module; make a component of it, as the target wasm32-wasip2 does: build for wasm32-wasip2, or by componentize-py or componentize-qjs"]).await;
        found(b"\0asm\x0d\0\x01\0", expect!["error: read the component: it carries no metadata (custom section `mk8s:addon`): `mk8s-host plugin annotate FILE --metadata addon.json`, or the macro `sdk::addon!`"]).await;
        found(&hollow("{"), expect!["error: its metadata cannot be read: EOF while parsing an object at line 1 column 1: mend addon.json: plugins/README.md lists its fields"]).await;
    }
}
