//! CustomResourceDefinitions as objects: their defaults, and what is wrong with them.
//!
//! Upstream validates a form of the definition in which what all versions have alike stands once, beside them:
//! `spec.validation` for `spec.versions[*].schema`. Paths of errors are of that form, and so is [`Spec`].

mod approval;
mod conversion;
mod names;
mod schema;
mod spec;
mod version;

use std::collections::BTreeSet;

use objects::resource::{self, Resource};
use objects::validate::{FieldError, NameRule, Path, immutable, metadata, metadata_update};
use objects::{Tree, tree};

pub use approval::{API_APPROVED, Approval, approval};
pub(crate) use conversion::refused_ca_bundle;

use crate::props::Props;

/// Fills in what a client may leave out: singular, listKind, conversion, the port of a webhook, storedVersions.
pub fn default_definition(crd: &mut Tree) {
    let kind = crd.str_at(&["spec", "names", "kind"]).unwrap_or_default().to_owned();
    for (field, value) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
        let path = ["spec", "names", field];
        if crd.str_at(&path).unwrap_or_default().is_empty() && !kind.is_empty() {
            crd.set_at(&path, value);
        }
    }
    if crd.at(&["spec", "conversion"]).is_none() {
        crd.set_at(&["spec", "conversion", "strategy"], "None");
    }
    let service = ["spec", "conversion", "webhook", "clientConfig", "service"];
    if let Some(service) = crd.at_mut(&service).filter(|service| service.get("port").is_none()) {
        service.insert("port", 443);
    }
    store_version(crd);
}

/// A new definition has no status but the version that is stored.
pub fn prepare_definition(crd: &mut Tree) {
    crd.remove("status");
    store_version(crd);
}

/// An updated definition keeps its status, and adds the version that is stored from now on.
pub fn prepare_definition_update(crd: &mut Tree, old: &Tree) {
    match old.get("status") {
        Some(status) => drop(crd.insert("status", status.clone())),
        None => drop(crd.remove("status")),
    }
    store_version(crd);
}

/// Adds the storage version to `status.storedVersions`.
fn store_version(crd: &mut Tree) {
    let versions = crd.items_at(&["spec", "versions"]);
    let storage = versions.iter().find(|version| version.bool_at(&["storage"]) == Some(true));
    let Some(name) = storage.and_then(|version| version.str_at(&["name"])).map(str::to_owned) else { return };
    let stored = crd.make(&["status", "storedVersions"]);
    match stored.as_array_mut() {
        Some(items) if items.iter().any(|item| item.as_str() == Some(&name)) => {}
        Some(items) => items.push(Tree::from(name)),
        None => *stored = tree!([name]),
    }
}

/// What is wrong with a new definition, defaults filled in. Rules in CEL are listed by [`crate::rules`] for who
/// compiles them.
pub fn validate_definition(crd: &Tree) -> Vec<FieldError> {
    let mut errors = metadata(crd, row(), NameRule::Subdomain);
    let text = |path: &[&str]| crd.str_at(path).unwrap_or_default();
    let name = text(&["metadata", "name"]);
    if name != format!("{}.{}", text(&["spec", "names", "plural"]), text(&["spec", "group"])) {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid(&Path::new("metadata").child("name"), name, detail));
    }
    spec::validate(&Spec::of(crd), None, &mut errors);
    status(crd, &mut errors);
    approval::validate(crd, None, &mut errors);
    preserve_unknown_fields(crd, None, &mut errors);
    errors
}

/// What is wrong with a definition that is written over an old one.
pub fn validate_definition_update(crd: &Tree, old: &Tree) -> Vec<FieldError> {
    let mut errors = metadata_update(crd, old);
    spec::validate(&Spec::of(crd), Some(&Spec::of(old)), &mut errors);
    let established = is_condition_true(old, "Established");
    let fixed: &[&[&str]] = &[&["scope"], &["names", "kind"], &["group"], &["names", "plural"]];
    // Scope and kind may change until the first objects can be.
    for path in &fixed[if established { 0 } else { 2 }..] {
        errors.extend(immutable(crd, old, &[&["spec"], *path].concat()));
    }
    status(crd, &mut errors);
    approval::validate(crd, Some(old), &mut errors);
    preserve_unknown_fields(crd, Some(old), &mut errors);
    errors
}

/// What is wrong with a definition that is written to the status sub-resource.
pub fn validate_definition_status(crd: &Tree, old: &Tree) -> Vec<FieldError> {
    let mut errors = metadata_update(crd, old);
    accepted_names(crd, &mut errors);
    errors
}

/// What a client is warned of: formats that nothing checks, those of the old definition left aside.
pub fn definition_warnings(crd: &Tree, old: Option<&Tree>) -> Vec<String> {
    let known = old.map(unknown_formats).unwrap_or_default();
    let formats = unknown_formats(crd);
    formats.difference(&known).map(|format| format!("unrecognized format {format:?}")).collect()
}

fn unknown_formats(crd: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for schema in Spec::of(crd).schemas() {
        schema.any(&mut |props| {
            let format = props.text("format");
            if !format.is_empty() && !crate::schema::Format::is_known(format, props.kind()) {
                found.insert(format.to_owned());
            }
            false
        });
    }
    found
}

fn row() -> &'static Resource {
    resource::by_name("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        .expect("the table of resources has definitions")
}

pub(crate) fn is_condition_true(crd: &Tree, kind: &str) -> bool {
    condition(crd, kind).is_some_and(|condition| condition.str_at(&["status"]) == Some("True"))
}

pub(crate) fn condition<'a>(crd: &'a Tree, kind: &str) -> Option<&'a Tree> {
    crd.items_at(&["status", "conditions"]).iter().find(|condition| condition.str_at(&["type"]) == Some(kind))
}

fn accepted_names(crd: &Tree, errors: &mut Vec<FieldError>) {
    let path = Path::new("status").child("acceptedNames");
    names::validate(crd.at(&["status", "acceptedNames"]).unwrap_or(&Tree::Null), &path, errors);
}

fn status(crd: &Tree, errors: &mut Vec<FieldError>) {
    accepted_names(crd, errors);
    let path = Path::new("status").child("storedVersions");
    let stored = crd.items_at(&["status", "storedVersions"]);
    let all = || Tree::Array(stored.to_vec());
    if stored.is_empty() {
        errors.push(FieldError::invalid(&path, all(), "must have at least one stored version"));
        return;
    }
    let versions = crd.items_at(&["spec", "versions"]);
    let name = |version: &'_ Tree| version.get("name").cloned().unwrap_or_default();
    for version in versions.iter().filter(|version| version.bool_at(&["storage"]) == Some(true)) {
        if !stored.contains(&name(version)) {
            let detail =
                format!("must have the storage version {}", version.str_at(&["name"]).unwrap_or_default());
            errors.push(FieldError::invalid(&path, all(), detail));
        }
    }
    for (index, gone) in stored.iter().enumerate() {
        if !versions.iter().any(|version| name(version) == *gone) {
            let text = gone.as_str().unwrap_or_default();
            let detail = format!(
                "missing from spec.versions; {text} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {text} and removes {text} from status.storedVersions"
            );
            errors.push(FieldError::invalid(&path.index(index), gone.clone(), detail));
        }
    }
}

fn preserve_unknown_fields(crd: &Tree, old: Option<&Tree>, errors: &mut Vec<FieldError>) {
    let set = |crd: &Tree| crd.bool_at(&["spec", "preserveUnknownFields"]) == Some(true);
    if set(crd) && !old.is_some_and(set) {
        let path = Path::new("spec").child("preserveUnknownFields");
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid(&path, true, detail));
    }
}

/// The specification of a definition.
pub(crate) struct Spec<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) established: bool,
}

/// What versions have, or share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Schema,
    Subresources,
    Columns,
    SelectableFields,
}

impl Part {
    const fn field(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Subresources => "subresources",
            Self::Columns => "additionalPrinterColumns",
            Self::SelectableFields => "selectableFields",
        }
    }

    /// Its name where it stands once for all versions.
    const fn shared_field(self) -> &'static str {
        match self {
            Self::Schema => "validation",
            other => other.field(),
        }
    }

    fn of(self, version: &Tree) -> Option<&Tree> {
        let value = version.get(self.field())?;
        let says = match self {
            Self::Schema | Self::Subresources => !value.is_null(),
            Self::Columns | Self::SelectableFields => !value.is_empty_value(),
        };
        says.then_some(value)
    }
}

impl<'a> Spec<'a> {
    pub(crate) fn of(crd: &'a Tree) -> Self {
        static NOTHING: Tree = Tree::Null;
        Self { tree: crd.get("spec").unwrap_or(&NOTHING), established: is_condition_true(crd, "Established") }
    }

    pub(crate) fn versions(&self) -> &'a [Tree] {
        self.tree.items_at(&["versions"])
    }

    fn text(&self, path: &[&str]) -> &'a str {
        self.tree.str_at(path).unwrap_or_default()
    }

    fn preserves_unknown_fields(&self) -> bool {
        self.tree.bool_at(&["preserveUnknownFields"]).unwrap_or(false)
    }

    /// Whether all versions have a part alike.
    fn shares(&self, part: Part) -> bool {
        self.versions().windows(2).all(|pair| part.of(&pair[0]) == part.of(&pair[1]))
    }

    pub(crate) fn shares_schema(&self) -> bool {
        self.shares(Part::Schema)
    }

    /// The schemas of all versions; one that they share, once.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = Props<'a>> + Clone + use<'a> {
        let versions = self.versions();
        let count = if self.shares_schema() { versions.len().min(1) } else { versions.len() };
        versions[..count].iter().filter_map(|version| version.at(&["schema", "openAPIV3Schema"])).map(Props)
    }
}

#[cfg(test)]
pub(crate) mod tests;
