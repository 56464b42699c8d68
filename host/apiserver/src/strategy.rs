//! What is done to the objects of a resource between a request and the store: for built-in kinds what their row of
//! [`objects::kind`] says, for custom resources what their definition does, for definitions what the schemas in them need.

use jiff::Timestamp;
use objects::decode::{self, DecodeError};
use objects::kind::{self, Kind, scale};
use objects::resource::Resource;
use objects::status::Status;
use objects::validate::FieldError;
use objects::{Tree, meta, schema};
use structural::{Malformed, Version};

use crate::admission::expression;
use crate::registry::Served;
use crate::rules::{self, Rules};

/// Keeps a deleted definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(crate) struct Strategy<'a> {
    resource: &'a Resource,
    row: &'static Kind,
    special: Special<'a>,
}

enum Special<'a> {
    None,
    /// The resource is the definitions of others.
    Definition,
    Custom(&'a Version, Option<&'a Rules>),
}

/// The strategy of a resource.
pub(crate) fn of(resource: &Served) -> Strategy<'_> {
    let special = match resource.custom() {
        Some(version) => Special::Custom(version, resource.rules()),
        None if is_definition(resource) => Special::Definition,
        None => Special::None,
    };
    Strategy { resource, row: kind::of(resource), special }
}

/// Adds what the rules in CEL say of an object that is right enough for them.
fn with_rules(
    mut errors: Vec<FieldError>,
    rules: Option<&Rules>,
    new: &Tree,
    old: Option<&Tree>,
    warnings: &mut Vec<String>,
) -> Vec<FieldError> {
    let Some(rules) = rules else { return errors };
    if let Some(blocked) = structural::rules_blocked(&errors) {
        errors.push(blocked);
        return errors;
    }
    let verdict = rules.check(new, old);
    errors.extend(verdict.errors);
    warnings.extend(verdict.warnings);
    errors
}

fn is_definition(resource: &Resource) -> bool {
    resource.plural == "customresourcedefinitions" && resource.group == "apiextensions.k8s.io"
}

impl Strategy<'_> {
    pub(crate) fn creates_on_update(&self) -> bool {
        self.row.create_on_update
    }

    /// Whether a write that names no resourceVersion is done whatever is there.
    pub(crate) fn updates_unconditionally(&self) -> bool {
        match self.special {
            Special::Custom(..) => false,
            Special::None | Special::Definition => self.row.unconditional_update,
        }
    }

    /// Brings what a client sent into the shape of the kind; gives what its type does not know.
    pub(crate) fn shape(&self, tree: &mut Tree) -> Result<Vec<String>, ShapeError> {
        match self.special {
            Special::Custom(version, _) => version
                .coerce(tree, Malformed::Refuse)
                .map_err(|error| ShapeError::Custom(Status::bad_request(error.to_string()))),
            Special::None | Special::Definition => {
                let resource = self.resource;
                match schema::by_gvk(&resource.group, &resource.version, &resource.kind) {
                    Some(row) => decode::check(tree, row).map_err(ShapeError::BuiltIn),
                    None => Ok(Vec::new()),
                }
            }
        }
    }

    /// What the store has, in today's shape: a definition may have changed since it was written.
    pub(crate) fn refresh(&self, tree: &mut Tree) {
        if let Special::Custom(version, _) = self.special {
            // What does not fit is dropped, so that an object can always be read.
            let shaped = version.coerce(tree, Malformed::Drop).is_ok();
            // Defaults are bounded: an object that has too many keeps what it has.
            let _complete = shaped && version.default(tree).is_ok();
        }
    }

    pub(crate) fn apply_defaults(&self, tree: &mut Tree) -> Result<(), Status> {
        match self.special {
            Special::Custom(version, _) => return version.default(tree).map_err(Status::internal),
            Special::Definition => {
                self.row.apply_defaults(self.resource, tree);
                structural::default_definition(tree);
            }
            Special::None => self.row.apply_defaults(self.resource, tree),
        }
        Ok(())
    }

    pub(crate) fn prepare_create(&self, tree: &mut Tree) {
        match self.special {
            Special::Custom(version, _) => version.prepare_create(tree),
            Special::Definition => {
                self.row.prepare_create(self.resource, tree);
                structural::prepare_definition(tree);
            }
            Special::None => self.row.prepare_create(self.resource, tree),
        }
    }

    pub(crate) fn prepare_update(&self, new: &mut Tree, old: &Tree) {
        match self.special {
            Special::Custom(version, _) => version.prepare_update(new, old),
            Special::Definition => {
                self.row.prepare_update(self.resource, new, old);
                structural::prepare_definition_update(new, old);
            }
            Special::None => self.row.prepare_update(self.resource, new, old),
        }
    }

    pub(crate) fn prepare_status(&self, new: &mut Tree, old: &Tree) {
        match self.special {
            Special::Custom(version, _) => version.prepare_status(new, old),
            Special::None | Special::Definition => self.row.prepare_status(self.resource, new, old),
        }
    }

    /// What is wrong with a new object.
    pub(crate) fn validate(&self, tree: &Tree) -> Vec<FieldError> {
        match self.special {
            Special::Custom(version, rules) => {
                with_rules(version.validate(tree), rules, tree, None, &mut Vec::new())
            }
            Special::Definition => {
                let mut errors = structural::validate_definition(tree);
                errors.extend(rules::definition_errors(tree, None, &errors));
                errors
            }
            Special::None => {
                let mut errors = self.row.validate_new(self.resource, tree);
                errors.extend(expression::errors(self.resource, tree, None));
                errors
            }
        }
    }

    /// The Scale of an object that says how many replicas it is to have.
    pub(crate) fn scale_of(&self, object: &Tree) -> Result<Tree, Status> {
        self.scale(object, structural::Scale::read)
    }

    /// The Scale that a write of an object begins with.
    pub(crate) fn scale_to_write(&self, object: &Tree) -> Result<Tree, Status> {
        self.scale(object, structural::Scale::read_for_update)
    }

    fn scale(
        &self,
        object: &Tree,
        read: fn(&structural::Scale, &Tree) -> Result<Tree, structural::ScaleError>,
    ) -> Result<Tree, Status> {
        match self.special {
            Special::Custom(version, _) => {
                let scale = version.scale.as_ref().ok_or_else(Status::no_such_path)?;
                read(scale, object).map_err(Status::internal)
            }
            Special::None | Special::Definition => {
                scale::read(self.resource, object).ok_or_else(Status::no_such_path)
            }
        }
    }

    pub(crate) fn validate_scale(&self, scale: &Tree) -> Vec<FieldError> {
        scale::validate(self.resource, scale)
    }

    /// The object with the replicas of a Scale.
    pub(crate) fn with_scale(&self, object: &Tree, scale: &Tree) -> Result<Tree, Status> {
        match self.special {
            Special::Custom(version, _) => {
                let paths = version.scale.as_ref().ok_or_else(Status::no_such_path)?;
                let mut object = object.clone();
                paths.write(&mut object, scale).map_err(|error| Status::bad_request(error.to_string()))?;
                Ok(object)
            }
            Special::None | Special::Definition => {
                scale::write(self.resource, object, scale).ok_or_else(Status::no_such_path)
            }
        }
    }

    /// What is wrong with an object that is written over an old one; what was wrong before the client is warned of.
    pub(crate) fn validate_update(
        &self,
        new: &Tree,
        old: &Tree,
        warnings: &mut Vec<String>,
    ) -> Vec<FieldError> {
        match self.special {
            Special::Custom(version, rules) => {
                with_rules(version.validate_update(new, old), rules, new, Some(old), warnings)
            }
            Special::Definition => {
                let mut errors = structural::validate_definition_update(new, old);
                errors.extend(rules::definition_errors(new, Some(old), &errors));
                errors
            }
            Special::None => {
                let mut errors = self.row.validate(self.resource, new);
                for error in self.row.validate_update(new, old) {
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                }
                errors.extend(expression::errors(self.resource, new, Some(old)));
                errors
            }
        }
    }

    pub(crate) fn validate_status(
        &self,
        new: &Tree,
        old: &Tree,
        warnings: &mut Vec<String>,
    ) -> Vec<FieldError> {
        match self.special {
            Special::Custom(version, rules) => {
                with_rules(version.validate_status(new, old), rules, new, Some(old), warnings)
            }
            Special::Definition => structural::validate_definition_status(new, old),
            Special::None => self.row.validate_status(new, old),
        }
    }

    /// What the client of a write is warned of.
    pub(crate) fn warnings(&self, new: &Tree, old: Option<&Tree>) -> Vec<String> {
        match self.special {
            Special::Custom(version, _) => version.warnings(new, old),
            Special::Definition => structural::definition_warnings(new, old),
            Special::None => Vec::new(),
        }
    }

    /// What a deletion does to an object beside marking it.
    pub(crate) fn begin_deletion(&self, tree: &mut Tree, now: Timestamp) {
        if matches!(self.special, Special::Definition) && !meta::is_deleting(tree) {
            meta::add_finalizer(tree, CLEANUP);
            structural::Condition {
                kind: "Terminating".into(),
                status: "True".into(),
                reason: "InstanceDeletionPending".into(),
                message:
                    "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
                        .to_owned(),
            }
            .set(tree, now);
        }
        if self.resource.plural == "namespaces" && self.resource.group.is_empty() {
            tree.set_at(&["status", "phase"], "Terminating");
        }
    }

    /// Sets the times that a write sets.
    pub(crate) fn stamp(&self, new: &mut Tree, old: Option<&Tree>, now: Timestamp) {
        self.row.stamp(new, old, now);
    }

    /// A sub-resource that writes a part of the object, other than its status.
    pub(crate) fn part(&self, subresource: &str) -> Option<&'static kind::Part> {
        self.row.part(subresource)
    }

    pub(crate) fn prepare_part(&self, part: &kind::Part, new: &mut Tree, old: &Tree) {
        part.prepare(self.row, self.resource, new, old);
    }

    pub(crate) fn grace_period_seconds(&self, tree: &Tree, asked: Option<i64>) -> Option<i64> {
        self.row.grace_period_seconds(tree, asked)
    }
}

/// Why something is no object of a kind.
pub(crate) enum ShapeError {
    BuiltIn(DecodeError),
    Custom(Status),
}
