//! What an addon says of itself, held against what its component is.

mod admission;
mod scheduling;
mod wants;

use std::collections::BTreeSet;
use std::fmt;

use engine::{Import, Inspection, Role};
use serde::{Deserialize, Serialize};

pub use admission::Written;
pub(crate) use admission::{AdmissionSpec, Failure, Rule};
pub use scheduling::Pod;
pub(crate) use scheduling::SchedulingSpec;
pub(crate) use wants::{
    Allowance, Capability, DocumentWant, FolderWant, KubeWant, Origin, PkiWant, Place, Quota, Wants,
};

/// The contract that the metadata names: the one that was released last.
pub(crate) const CONTRACT: &str = "0.1";
/// The contracts that metadata may name, the oldest first, with the versions of their interfaces.
const CONTRACTS: &[(&str, &str)] = &[(CONTRACT, "0.1.0"), ("0.2-draft", "0.2.0-draft")];
pub(crate) const LONGEST_NAME: usize = 63;

/// The custom section `mk8s:addon`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub contract: String,
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub(crate) settings: Vec<SettingSpec>,
    #[serde(default)]
    pub(crate) wants: Wants,
    /// What it is shown of writes, where it has the role.
    #[serde(default)]
    pub(crate) admission: Option<AdmissionSpec>,
    /// Of which pods it is asked, where it has the role.
    #[serde(default)]
    pub(crate) scheduling: Option<SchedulingSpec>,
    /// Addons that cannot be enabled beside it.
    #[serde(default)]
    pub conflicts: Vec<String>,
}

/// A setting that an operator can give.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingSpec {
    pub(crate) name: String,
    pub(crate) r#type: SettingType,
    pub(crate) default: SettingValue,
    #[serde(default)]
    pub(crate) description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SettingType {
    String,
    Bool,
    Integer,
    StringList,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SettingValue {
    Bool(bool),
    Integer(i64),
    String(String),
    StringList(Vec<String>),
}

impl SettingValue {
    fn type_of(&self) -> SettingType {
        match self {
            Self::Bool(_) => SettingType::Bool,
            Self::Integer(_) => SettingType::Integer,
            Self::String(_) => SettingType::String,
            Self::StringList(_) => SettingType::StringList,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("read the metadata of the component: {0}")]
    Json(serde_json::Error),
    #[error("the metadata of the component is not true: {0}")]
    Lies(Lies),
}

/// What a role makes of an addon, where its metadata says no more of it.
const SAYS: &[(Role, &str)] = &[
    (Role::Authenticator, "says who users are"),
    (Role::Authorizer, "says what users may do; all but system:masters are refused while it fails"),
    (Role::Dns, "answers DNS, once a part of this node asks it"),
    (Role::Overlay, "plans the network of pods, once a part of this node asks it"),
];

/// What the metadata says and the component is not, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    #[error("it speaks contract {0:?}, this host {speaks}", speaks = spoken())]
    Contract(String),
    #[error("it speaks contract {contract:?}, and {interface} is of {of:?}")]
    Newer { contract: String, interface: &'static str, of: &'static str },
    #[error(
        "its name is {0:?}: lower-case letters, digits and dashes, a letter first, at most {LONGEST_NAME}"
    )]
    Name(String),
    #[error("it has no version")]
    NoVersion,
    /// Its texts are shown to the operator on a terminal.
    #[error("its metadata holds control characters")]
    ControlCharacters,
    #[error("it claims the role {0}, which the contract does not know")]
    UnknownRole(String),
    #[error("it claims the role {0}, which the component does not export")]
    NotExported(&'static str),
    #[error("the component exports {0}, which is not among its roles")]
    NotClaimed(&'static str),
    #[error("the component imports {0}, which it does not want")]
    NotWanted(&'static str),
    #[error("it wants {wants}, and has no role {role} that would take them")]
    NoTaker { wants: &'static str, role: &'static str },
    #[error("it has two {what} called {name:?}")]
    Twice { what: &'static str, name: String },
    #[error("the default of its setting {0:?} is of another type")]
    Default(String),
    #[error("it has the role admission, and its metadata does not say which writes it is to be shown")]
    NoRules,
    #[error("it says which writes it is to be shown, and does not have the role admission")]
    NoAdmission,
    #[error("a rule of its admission {0}")]
    Rule(&'static str),
    #[error("it has the role scheduling, and its metadata does not say of which pods it is asked")]
    NoPods,
    #[error("it says of which pods it is asked, and does not have the role scheduling")]
    NoScheduling,
    #[error("its part in scheduling {0}")]
    Scheduling(&'static str),
    #[error(
        "its folder {0:?} is to be at a path below the data directory where the host keeps nothing of its own"
    )]
    FolderPlace(String),
    #[error(
        "its document {0:?} is to be either at the URL of a setting or at one that a document before it names"
    )]
    DocumentPlace(String),
    #[error("it wants certificates {0}")]
    Pki(&'static str),
    #[error("it wants a quota of {what} beyond {most}")]
    Quota { what: &'static str, most: u32 },
    #[error("its file {0:?} is to be either at the path of a flag or at a path below the data directory")]
    FilePlace(String),
}

/// Every lie, not only the first.
#[derive(Debug)]
pub struct Lies(pub Vec<Lie>);

impl fmt::Display for Lies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl Metadata {
    /// What its roles make of it, as an operator decides by: a line each.
    pub(crate) fn says(&self) -> impl Iterator<Item = String> {
        let has = |role: Role| self.roles.iter().any(|own| own == role.name());
        let roles = SAYS.iter().filter(move |(role, _)| has(*role)).map(|(_, says)| (*says).to_owned());
        let writes = self.admission.iter().map(ToString::to_string);
        roles.chain(writes).chain(self.scheduling.iter().map(ToString::to_string))
    }

    pub(crate) fn of(inspection: &Inspection) -> Result<Self, MetadataError> {
        let metadata: Self = serde_json::from_slice(&inspection.metadata).map_err(MetadataError::Json)?;
        let lies = metadata.lies(inspection);
        if lies.is_empty() { Ok(metadata) } else { Err(MetadataError::Lies(Lies(lies))) }
    }

    /// Every lie of it.
    pub(crate) fn lies(&self, inspection: &Inspection) -> Vec<Lie> {
        let mut lies = Vec::new();
        let mut claim = |is_lie: bool, lie: Lie| lies.extend(is_lie.then_some(lie));
        let spoken = CONTRACTS.iter().position(|(name, _)| *name == self.contract);
        claim(spoken.is_none(), Lie::Contract(self.contract.clone()));
        let roles = inspection.roles.iter().map(|role| (role.name(), role.version()));
        let imports = inspection.imports.iter().map(|import| (import.name(), import.version()));
        for (interface, version) in roles.chain(imports) {
            let (at, of) = contract_of(version);
            let contract = self.contract.clone();
            claim(spoken.is_some_and(|spoken| spoken < at), Lie::Newer { contract, interface, of });
        }
        claim(!is_name(&self.name), Lie::Name(self.name.clone()));
        claim(self.version.is_empty(), Lie::NoVersion);
        claim(holds_control_characters(&inspection.metadata), Lie::ControlCharacters);
        for role in self.roles.iter().filter(|role| Role::named(role).is_none()) {
            claim(true, Lie::UnknownRole(role.clone()));
        }
        let claimed: BTreeSet<Role> = self.roles.iter().filter_map(|role| Role::named(role)).collect();
        for role in claimed.difference(&inspection.roles) {
            claim(true, Lie::NotExported(role.name()));
        }
        for role in inspection.roles.difference(&claimed) {
            claim(true, Lie::NotClaimed(role.name()));
        }
        let wanted = self.wants.imports();
        for import in Import::ALL.iter().copied().filter(|import| import.is_capability()) {
            let undeclared = inspection.imports.contains(&import) && !wanted.contains(&import);
            claim(undeclared, Lie::NotWanted(import.name()));
        }
        let takers = [
            ("objects", self.wants.objects.is_empty(), Role::Objects),
            ("files", self.wants.files.is_empty(), Role::Files),
            ("documents", self.wants.documents.is_empty(), Role::Files),
        ];
        for (wants, none, role) in takers {
            claim(!none && !inspection.roles.contains(&role), Lie::NoTaker { wants, role: role.name() });
        }
        for name in repeated(self.settings.iter().map(|setting| &setting.name)) {
            claim(true, Lie::Twice { what: "settings", name });
        }
        claim(inspection.roles.contains(&Role::Admission) && self.admission.is_none(), Lie::NoRules);
        claim(!inspection.roles.contains(&Role::Admission) && self.admission.is_some(), Lie::NoAdmission);
        for wrong in self.admission.iter().flat_map(AdmissionSpec::wrong) {
            claim(true, Lie::Rule(wrong));
        }
        let decides = inspection.roles.contains(&Role::Scheduling);
        claim(decides && self.scheduling.is_none(), Lie::NoPods);
        claim(!decides && self.scheduling.is_some(), Lie::NoScheduling);
        for wrong in self.scheduling.iter().flat_map(SchedulingSpec::wrong) {
            claim(true, Lie::Scheduling(wrong));
        }
        for name in repeated(self.wants.folders.iter().map(|folder| &folder.name)) {
            claim(true, Lie::Twice { what: "folders", name });
        }
        for folder in &self.wants.folders {
            claim(!folder.is_allowed(), Lie::FolderPlace(folder.name.clone()));
        }
        for wrong in self.wants.pki.iter().filter_map(PkiWant::wrong) {
            claim(true, Lie::Pki(wrong));
        }
        for (what, most) in self.wants.quota.iter().flat_map(Quota::excess) {
            claim(true, Lie::Quota { what, most });
        }
        let documents = &self.wants.documents;
        let files = self.wants.files.iter().map(|file| &file.name);
        for name in repeated(files.chain(documents.iter().map(|document| &document.name))) {
            claim(true, Lie::Twice { what: "files", name });
        }
        for (at, document) in documents.iter().enumerate() {
            let placed = document.is_placed(&self.settings, &documents[..at]);
            claim(!placed, Lie::DocumentPlace(document.name.clone()));
        }
        for setting in &self.settings {
            claim(setting.default.type_of() != setting.r#type, Lie::Default(setting.name.clone()));
        }
        for file in &self.wants.files {
            claim(file.place().is_none(), Lie::FilePlace(file.name.clone()));
        }
        lies
    }

    /// The settings with their defaults filled in, as an addon gets them.
    pub(crate) fn settings(
        &self,
        given: &std::collections::BTreeMap<String, SettingValue>,
    ) -> Vec<engine::Setting> {
        let value = |spec: &SettingSpec| {
            let value = given.get(&spec.name).filter(|value| value.type_of() == spec.r#type);
            serde_json::to_string(value.unwrap_or(&spec.default)).expect("plain values have a form as JSON")
        };
        self.settings
            .iter()
            .map(|spec| engine::Setting { name: spec.name.clone(), value: value(spec) })
            .collect()
    }
}

/// The contracts that metadata may name, for people.
fn spoken() -> String {
    CONTRACTS.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(" and ")
}

/// The contract that interfaces of a version are of, and its place among them.
fn contract_of(version: &str) -> (usize, &'static str) {
    let found = CONTRACTS.iter().enumerate().find(|(_, (_, of))| *of == version);
    found.map(|(at, (name, _))| (at, *name)).unwrap_or_default()
}

/// Looks into every text of the JSON, where such a character may be an escape.
fn holds_control_characters(metadata: &[u8]) -> bool {
    fn any(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => text.chars().any(char::is_control),
            serde_json::Value::Array(items) => items.iter().any(any),
            serde_json::Value::Object(fields) => fields.values().any(any),
            _ => false,
        }
    }
    serde_json::from_slice(metadata).is_ok_and(|value| any(&value))
}

pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The names that come again.
fn repeated<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(name.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn inspection(metadata: &str, roles: &[Role], imports: &[Import]) -> Inspection {
        Inspection {
            metadata: metadata.as_bytes().to_vec(),
            roles: roles.iter().copied().collect(),
            imports: imports.iter().copied().collect(),
            other_imports: BTreeSet::new(),
        }
    }

    fn check(metadata: &str, roles: &[Role], imports: &[Import], expected: Expect) {
        let told = match Metadata::of(&inspection(metadata, roles, imports)) {
            Ok(_) => "true".to_owned(),
            Err(why) => why.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn metadata_that_is_true_is_taken() {
        let text = r#"{"contract":"0.1","name":"a1","version":"1","roles":["lifecycle"],
            "wants":{"kv":{"why":"x"}}}"#;
        check(text, &[Role::Lifecycle], &[Import::Kv, Import::Log], expect!["true"]);
    }

    #[test]
    fn each_lie_is_named() {
        let text = r#"{"contract":"0.3","name":"A","version":"","roles":["config","oracle"],
            "settings":[{"name":"s","type":"bool","default":"yes"},{"name":"s","type":"integer","default":1}],
            "wants":{"objects":[{"group":"","version":"v1","resource":"pods","why":"x"}],
                     "files":[{"name":"f","path":"../etc/shadow","why":"x"}]}}"#;
        check(
            text,
            &[Role::Authorizer],
            &[Import::Kube, Import::Kv],
            expect![[
                r#"the metadata of the component is not true: it speaks contract "0.3", this host "0.1" and "0.2-draft"; its name is "A": lower-case letters, digits and dashes, a letter first, at most 63; it has no version; it claims the role oracle, which the contract does not know; it claims the role config, which the component does not export; the component exports authorizer, which is not among its roles; the component imports kv, which it does not want; the component imports kube, which it does not want; it wants objects, and has no role objects that would take them; it wants files, and has no role files that would take them; it has two settings called "s"; the default of its setting "s" is of another type; its file "f" is to be either at the path of a flag or at a path below the data directory"#
            ]],
        );
    }

    #[test]
    fn whoever_has_a_role_of_the_draft_says_so_and_of_which_pods_it_is_asked() {
        let spec = r#","scheduling":{"selector":"a=b"}"#;
        let text = |contract: &str, spec: &str| {
            format!(r#"{{"contract":"{contract}","name":"a","version":"1","roles":["scheduling"]{spec}}}"#)
        };
        check(&text("0.2-draft", spec), &[Role::Scheduling], &[], expect!["true"]);
        check(
            &text("0.1", ""),
            &[Role::Scheduling],
            &[],
            expect![[
                r#"the metadata of the component is not true: it speaks contract "0.1", and scheduling is of "0.2-draft"; it has the role scheduling, and its metadata does not say of which pods it is asked"#
            ]],
        );
        check(
            &text("0.2-draft", r#","scheduling":{"weight":0}"#),
            &[],
            &[],
            expect![[
                r#"the metadata of the component is not true: it claims the role scheduling, which the component does not export; it says of which pods it is asked, and does not have the role scheduling; its part in scheduling has neither a selector nor resources; its part in scheduling has a weight that is not of 1 to 100"#
            ]],
        );
    }

    #[test]
    fn a_text_that_could_steer_a_terminal_is_refused() {
        let text =
            r#"{"contract":"0.1","name":"a","version":"1","roles":["lifecycle"],"description":"\u001b[2J"}"#;
        check(
            text,
            &[Role::Lifecycle],
            &[],
            expect!["the metadata of the component is not true: its metadata holds control characters"],
        );
    }

    #[test]
    fn a_misspelt_field_is_an_error() {
        let text = r#"{"contract":"0.1","name":"a","version":"1","wants":{"objekts":[]}}"#;
        let told = Metadata::of(&inspection(text, &[], &[])).unwrap_err().to_string();
        assert!(told.contains("unknown field `objekts`"), "{told}");
    }
}
