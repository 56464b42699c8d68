//! `spec` of a definition.

use objects::Tree;
use objects::validate::{FieldError, Path, dns1123_subdomain};

use super::schema::{self, Demands};
use super::{Part, Spec, conversion, names, version};
use crate::props::Props;
use crate::schema_rules::Asked;

pub(super) fn validate(spec: &Spec<'_>, old: Option<&Spec<'_>>, errors: &mut Vec<FieldError>) {
    let path = Path::new("spec");
    group_and_scope(spec, &path, errors);
    schemas_are_there(spec, old, &path, errors);
    let has = |ask: fn(Props<'_>) -> bool| spec.schemas().any(|schema| schema.any(&mut |props| ask(props)));
    let has_defaults = has(|props| props.get("default").is_some());
    if has_defaults && spec.preserves_unknown_fields() {
        let detail = "must be false in order to use defaults in the schema";
        errors.push(FieldError::invalid(&path.child("preserveUnknownFields"), true, detail));
    }
    let demands = Demands {
        status_enabled: false,
        structural: !spec.preserves_unknown_fields() || has_defaults || has(has_extensions),
        asked: old.map_or(Asked::ALL, |old| Asked::beside(old.schemas())),
    };
    let walk = Walk { spec, old, demands };
    for (index, version) in spec.versions().iter().enumerate() {
        walk.version(version, &path.child("versions").index(index), errors);
    }
    let versions = path.child("versions");
    unlike_versions(spec, &versions, errors);
    if let Some(name) = spec.versions().first().map(name) {
        // The first version stands at the top of the specification as well.
        errors.extend(names::refused(name).map(|why| FieldError::invalid(&path.child("version"), name, why)));
    }
    let name_path = path.child("names");
    for name in ["plural", "singular", "kind", "listKind"] {
        if spec.text(&["names", name]).is_empty() {
            errors.push(FieldError::required(&name_path.child(name), ""));
        }
    }
    names::validate(spec.tree.get("names").unwrap_or(&Tree::Null), &name_path, errors);
    walk.shared(&path, errors);
    conversion::validate(spec, old, &path.child("conversion"), errors);
}

fn name(version: &Tree) -> &str {
    version.str_at(&["name"]).unwrap_or_default()
}

fn has_extensions(props: Props<'_>) -> bool {
    [
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ]
    .into_iter()
    .any(|keyword| props.is_set(keyword))
        || props.get("x-kubernetes-preserve-unknown-fields").is_some()
}

fn group_and_scope(spec: &Spec<'_>, path: &Path, errors: &mut Vec<FieldError>) {
    let (group, group_path) = (spec.text(&["group"]), path.child("group"));
    let refused = dns1123_subdomain(group);
    if group.is_empty() {
        errors.push(FieldError::required(&group_path, ""));
    } else if !refused.is_empty() {
        errors.push(FieldError::invalid(&group_path, group, refused.join(",")));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid(&group_path, group, "should be a domain with at least one dot"));
    }
    match spec.text(&["scope"]) {
        "" => errors.push(FieldError::required(&path.child("scope"), "")),
        "Cluster" | "Namespaced" => {}
        scope => {
            errors.push(FieldError::not_supported(&path.child("scope"), scope, &["Cluster", "Namespaced"]));
        }
    }
}

/// Every version has a schema; where versions of the old definition had none, the served ones.
fn schemas_are_there(spec: &Spec<'_>, old: Option<&Spec<'_>>, path: &Path, errors: &mut Vec<FieldError>) {
    let has = |version: &&Tree| version.at(&["schema", "openAPIV3Schema"]).is_some();
    let all_had = old.is_none_or(|old| old.versions().iter().all(|version| has(&version)));
    for (index, version) in spec.versions().iter().enumerate() {
        let served = version.bool_at(&["served"]) == Some(true) && !spec.preserves_unknown_fields();
        if has(&version) || !all_had && !served {
            continue;
        }
        let path = path.child("versions").index(index).children(&["schema", "openAPIV3Schema"]);
        let detail = if all_had { "" } else { "because otherwise all fields are pruned" };
        errors.push(FieldError::required(&path, detail));
    }
}

/// Versions have names of their own, and one is stored.
fn unlike_versions(spec: &Spec<'_>, path: &Path, errors: &mut Vec<FieldError>) {
    let all = || Tree::Array(spec.versions().to_vec());
    let mut names: Vec<&str> = spec.versions().iter().map(name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        errors.push(FieldError::invalid(path, all(), "must contain unique version names"));
    }
    let stored = spec.versions().iter().filter(|version| version.bool_at(&["storage"]) == Some(true));
    if stored.count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(path, all(), detail));
    }
}

struct Walk<'s> {
    spec: &'s Spec<'s>,
    old: Option<&'s Spec<'s>>,
    demands: Demands,
}

impl Walk<'_> {
    fn version(&self, version: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
        let refused = names::refused(name(version));
        errors.extend(refused.map(|why| FieldError::invalid(&path.child("name"), name(version), why)));
        version::deprecation_warning(version, path, errors);
        for part in [Part::Schema, Part::Subresources, Part::Columns, Part::SelectableFields] {
            if !self.spec.shares(part)
                && let Some(value) = part.of(version)
            {
                let status_enabled = has_status(version);
                self.part(part, value, version, &path.child(part.field()), status_enabled, errors);
            }
        }
    }

    /// What all versions have alike.
    fn shared(&self, path: &Path, errors: &mut Vec<FieldError>) {
        let Some(first) = self.spec.versions().first() else { return };
        for part in [Part::Schema, Part::Subresources, Part::Columns, Part::SelectableFields] {
            if self.spec.shares(part)
                && let Some(value) = part.of(first)
            {
                let status_enabled = self.spec.versions().iter().any(has_status);
                self.part(part, value, first, &path.child(part.shared_field()), status_enabled, errors);
            }
        }
    }

    fn part(
        &self,
        part: Part,
        value: &Tree,
        version: &Tree,
        path: &Path,
        status_enabled: bool,
        errors: &mut Vec<FieldError>,
    ) {
        match part {
            Part::Schema => {
                if let Some(schema) = value.get("openAPIV3Schema") {
                    schema::validate(Props(schema), path, Demands { status_enabled, ..self.demands }, errors);
                }
            }
            Part::Subresources => version::subresources(value, path, errors),
            Part::Columns => version::columns(value, path, errors),
            Part::SelectableFields => match version.at(&["schema", "openAPIV3Schema"]) {
                Some(schema) => {
                    let unchanged = self.had(name(version), Part::SelectableFields) == Some(value);
                    version::selectable_fields(value, Props(schema), unchanged, path, errors);
                }
                None => errors.push(FieldError::invalid(
                    path,
                    "",
                    "may only be set when `version.schema.openAPIV3Schema` is not included",
                )),
            },
        }
    }

    /// What the old definition has of a version.
    fn had(&self, version: &str, part: Part) -> Option<&Tree> {
        part.of(self.old?.versions().iter().find(|old| name(old) == version)?)
    }
}

fn has_status(version: &Tree) -> bool {
    version.at(&["subresources", "status"]).is_some()
}
