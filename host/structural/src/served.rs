//! [`CustomResource`]: a definition compiled to what serves its objects, version by version.

mod compile;
mod order;

use std::sync::Arc;

use objects::resource::Resource;
use objects::validate::{ErrorKind, FieldError, NameRule, Path, metadata, metadata_update};
use objects::{Tree, meta};

pub use compile::CompileError;
pub use order::compare_versions;

use crate::column::Columns;
use crate::conversion::Conversion;
use crate::default::{TooManyDefaults, default, prune_nulls};
use crate::embedded::{Malformed, coerce_metadata, coerce_root, validate_embedded};
use crate::list_type::validate_lists;
use crate::prune::{Place, prune};
use crate::scale::Scale;
use crate::schema::Schema;
use crate::value::{validate_value, validate_value_update};

/// What a definition serves.
#[derive(Debug)]
pub struct CustomResource {
    /// In the order of the definition; those that are neither served nor stored too.
    pub versions: Vec<Version>,
    /// Which of the versions is stored.
    pub storage: usize,
    pub conversion: Conversion,
}

/// One version of a custom resource.
#[derive(Debug)]
pub struct Version {
    /// Its row: `served` tells whether clients see it.
    pub resource: Arc<Resource>,
    /// `None` where an old definition has no schema: nothing is validated.
    pub schema: Option<Arc<Schema>>,
    pub columns: Columns,
    pub scale: Option<Scale>,
    /// What its clients are warned of.
    pub deprecation_warning: Option<String>,
    /// `spec.preserveUnknownFields` of definitions from before v1.
    pub preserve_unknown_fields: bool,
}

/// Why an object cannot be taken for one of its kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoerceError {
    /// apiVersion, kind or metadata do not fit their types.
    #[error("{0}")]
    Metadata(String),
    /// Those of an embedded object.
    #[error(transparent)]
    Embedded(#[from] FieldError),
}

impl CustomResource {
    /// Compiles a definition whose names are accepted.
    pub fn compile(crd: &Tree) -> Result<Self, CompileError> {
        compile::compile(crd)
    }

    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.resource.version == name)
    }

    pub fn storage_version(&self) -> &Version {
        &self.versions[self.storage]
    }
}

impl Version {
    /// Brings what was decoded into the form of the kind: unknown fields and nulls go, metadata gets its form. Gives
    /// `unknown field "spec.foo"` for each unknown field, for `objects::decode::finish` to judge. Defaults are not
    /// filled in.
    pub fn coerce(&self, tree: &mut Tree, malformed: Malformed) -> Result<Vec<String>, CoerceError> {
        let mut unknown = coerce_root(tree, malformed).map_err(CoerceError::Metadata)?;
        let schema = self.schema.as_deref();
        if !self.preserve_unknown_fields {
            unknown.extend(prune(tree, schema, Place::Root));
            if let Some(schema) = schema {
                prune_nulls(tree, schema);
            }
        }
        unknown.extend(coerce_metadata(tree, schema, Place::Within, malformed)?);
        Ok(unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect())
    }

    /// Fills in defaults.
    pub fn default(&self, tree: &mut Tree) -> Result<(), TooManyDefaults> {
        self.schema.as_ref().map_or(Ok(()), |schema| default(tree, schema))
    }

    /// A new object has no status yet where status is written apart.
    pub fn prepare_create(&self, tree: &mut Tree) {
        if self.resource.has_status() {
            tree.remove("status");
        }
        meta::set_generation(tree, 1);
    }

    /// A written object keeps its status where that is written apart; the generation counts changes of all but
    /// metadata.
    pub fn prepare_update(&self, tree: &mut Tree, old: &Tree) {
        if self.resource.has_status() {
            match old.get("status") {
                Some(status) => drop(tree.insert("status", status.clone())),
                None => drop(tree.remove("status")),
            }
        }
        if differ(tree, old) {
            meta::set_generation(tree, meta::generation(old) + 1);
        }
    }

    /// Of an object that is written to the status sub-resource status and managedFields count; that its
    /// resourceVersion is the old one's is seen to before.
    pub fn prepare_status(&self, tree: &mut Tree, old: &Tree) {
        let mut written = old.clone();
        for path in [&["status"][..], &["metadata", "managedFields"]] {
            match tree.at(path) {
                Some(value) => written.set_at(path, value.clone()),
                None => drop(written.remove_at(path)),
            }
        }
        *tree = written;
    }

    /// What is wrong with a new object, rules in CEL left aside; see [`rules_blocked`].
    pub fn validate(&self, tree: &Tree) -> Vec<FieldError> {
        let mut errors = self.type_meta(tree);
        if !errors.is_empty() {
            return errors;
        }
        errors.extend(metadata(tree, &self.resource, NameRule::Subdomain));
        if let Some(schema) = &self.schema {
            errors.extend(validate_value(tree, schema, None));
        }
        self.scale_errors(tree, &mut errors);
        if let Some(schema) = &self.schema {
            errors.extend(validate_embedded(tree, schema, Place::Within));
            errors.extend(validate_lists(tree, schema));
        }
        errors
    }

    /// What is wrong with an object that is written over an old one. What was wrong before and is not changed is
    /// passed over.
    pub fn validate_update(&self, tree: &Tree, old: &Tree) -> Vec<FieldError> {
        let mut errors = self.type_meta(tree);
        if !errors.is_empty() {
            return errors;
        }
        errors.extend(metadata_update(tree, old));
        if let Some(schema) = &self.schema {
            errors.extend(validate_value_update(tree, old, schema, None));
        }
        self.scale_errors(tree, &mut errors);
        if let Some(schema) = &self.schema {
            errors.extend(validate_embedded(tree, schema, Place::Within));
            errors.extend(new_list_errors(tree, old, schema));
        }
        errors
    }

    /// What is wrong with an object that is written to the status sub-resource.
    pub fn validate_status(&self, tree: &Tree, old: &Tree) -> Vec<FieldError> {
        let mut errors = self.type_meta(tree);
        if !errors.is_empty() {
            return errors;
        }
        errors.extend(metadata_update(tree, old));
        let schema = self.schema.as_deref();
        let status = schema.and_then(|schema| schema.property("status"));
        if let (Some(schema), Some(status)) = (status, tree.get("status")) {
            let path = Some(Path::new("status"));
            let old = old.get("status").unwrap_or(&Tree::Null);
            errors.extend(validate_value_update(status, old, schema, path.as_ref()));
        }
        if let Some(scale) = &self.scale {
            errors.extend(scale.validate_status(tree));
        }
        if let Some(schema) = schema {
            errors.extend(new_list_errors(tree, old, schema));
        }
        errors
    }

    /// What the client of a write is warned of: new finalizers whose names may clash.
    pub fn warnings(&self, tree: &Tree, old: Option<&Tree>) -> Vec<String> {
        let mut added: Vec<&str> = meta::finalizers(tree)
            .filter(|name| !old.is_some_and(|old| meta::has_finalizer(old, name)))
            .collect();
        added.sort_unstable();
        added.dedup();
        added.into_iter().flat_map(finalizer_warnings).collect()
    }

    fn type_meta(&self, tree: &Tree) -> Vec<FieldError> {
        let expected =
            [("kind", self.resource.kind.to_string()), ("apiVersion", self.resource.api_version())];
        let wrong = |(name, expected): (&str, String)| {
            let actual = tree.str_at(&[name]).unwrap_or_default();
            let error = || FieldError::invalid(&Path::new(name), actual, format!("must be {expected}"));
            (actual != expected).then(error)
        };
        expected.into_iter().filter_map(wrong).collect()
    }

    fn scale_errors(&self, tree: &Tree, errors: &mut Vec<FieldError>) {
        if let Some(scale) = &self.scale {
            errors.extend(scale.validate_spec(tree));
            errors.extend(scale.validate_status(tree));
        }
    }
}

/// Lists that had something twice before may still have.
fn new_list_errors(tree: &Tree, old: &Tree, schema: &Schema) -> Vec<FieldError> {
    let errors = validate_lists(tree, schema);
    if errors.is_empty() || validate_lists(old, schema).is_empty() { errors } else { Vec::new() }
}

/// Whether two objects differ in more than their metadata.
fn differ(tree: &Tree, old: &Tree) -> bool {
    let counts = |(name, _): &(&str, &Tree)| *name != "metadata";
    let covered = |one: &Tree, two: &Tree| {
        one.fields().filter(counts).all(|(name, value)| two.get(name) == Some(value))
    };
    !covered(tree, old) || !covered(old, tree)
}

fn finalizer_warnings(name: &str) -> Vec<String> {
    const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    let told = |message: &str| format!("metadata.finalizers: {name:?}: {message}");
    let mut warnings: Vec<String> =
        objects::validate::label_key(name).iter().map(|message| told(message)).collect();
    if !name.contains('/') && !STANDARD.contains(&name) {
        let path = if name.contains('.') { " including a path (/)" } else { "" };
        warnings.push(told(&format!(
            "prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        )));
    }
    warnings
}

/// What is told instead of running the rules in CEL, where an object is too wrong for them.
pub fn rules_blocked(errors: &[FieldError]) -> Option<FieldError> {
    const BLOCKING: [ErrorKind; 5] = [
        ErrorKind::NotSupported,
        ErrorKind::Required,
        ErrorKind::TooLong,
        ErrorKind::TooMany,
        ErrorKind::TypeInvalid,
    ];
    errors.iter().any(|error| BLOCKING.contains(&error.kind)).then(|| {
        FieldError::invalid(
            &Path::none(),
            Tree::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
        )
    })
}

#[cfg(test)]
mod tests;
