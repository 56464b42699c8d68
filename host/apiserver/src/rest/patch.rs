//! PATCH: the patch types, each a row, and server-side apply, which makes an object that is not there.

use objects::Tree;
use objects::decode::{self, FieldValidation, Notation};
use objects::meta;
use objects::patch::{PatchError, json, merge, strategic, undecodable};
use objects::resource::{Resource, Verb};
use objects::schema::{self, Type};
use objects::status::{Reason, Status};
use objects::validate::{FieldError, Path};

use super::managed::Ownership;
use super::query::{WriteOptions, refuse};
use super::update::{Change, Part, Tracking};
use super::{Rest, body, warned};
use crate::authz::{Attributes, Decision, Target, decide};
use crate::call::{Answer, Call};
use crate::strategy::{self, ShapeError};

type Apply = fn(&mut Tree, &Tree, &Resource) -> Result<(), PatchError>;

/// The patches that say what changes.
const TYPES: &[(&str, Apply)] = &[
    ("application/json-patch+json", |tree, patch, _| json::apply(tree, patch)),
    ("application/merge-patch+json", |tree, patch, _| merge::apply(tree, patch)),
    (STRATEGIC, |tree, patch, resource| {
        match schema::by_gvk(&resource.group, &resource.version, &resource.kind) {
            Some(row) => strategic::apply(tree, patch, row),
            None => Err(PatchError::Unsupported("no strategic merge patch for custom resources".to_owned())),
        }
    }),
];

const STRATEGIC: &str = "application/strategic-merge-patch+json";
/// The one that says what there is to be.
const APPLY: &str = "application/apply-patch+yaml";

/// The patch types of a kind with or without a row in the schema table: custom resources have no strategic merge.
pub(crate) fn media_types(row: Option<&'static Type>) -> impl Iterator<Item = &'static str> {
    offered(row).map(|(name, _)| *name).chain([APPLY])
}

fn offered(row: Option<&'static Type>) -> impl Iterator<Item = &'static (&'static str, Apply)> {
    TYPES.iter().filter(move |(name, _)| row.is_some() || *name != STRATEGIC)
}

/// A patch of one of the types that say what changes.
pub(super) struct Patch<'a> {
    apply: Apply,
    resource: &'a Resource,
    tree: Tree,
    /// Fields that the patch says twice.
    duplicates: Vec<String>,
}

impl<'a> Patch<'a> {
    /// The patch in the body of a call, for an object of a resource.
    pub(super) fn read(call: &Call, resource: &'a Resource) -> Result<Self, Status> {
        let row = schema::by_gvk(&resource.group, &resource.version, &resource.kind);
        let wanted = call.body.patch_type();
        let Some((_, apply)) = offered(row).find(|(name, _)| *name == wanted) else {
            let names: Vec<&str> = media_types(row).collect();
            return Err(Status::unsupported_media_type(&names));
        };
        let (tree, duplicates) = decode::value(&call.body.bytes, Notation::Json).map_err(|error| {
            let step = if wanted == STRATEGIC { "" } else { "error decoding patch: " };
            Status::bad_request(format!("{step}{error}"))
        })?;
        Ok(Self { apply: *apply, resource, tree, duplicates })
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) fn apply(&self, object: &mut Tree) -> Result<(), Status> {
        (self.apply)(object, &self.tree, self.resource).map_err(|error| error.to_status())
    }
}

impl Rest {
    pub(super) async fn patch(&self, call: &Call, part: Part) -> Result<Answer, Status> {
        let options = call.write_options("PatchOptions")?;
        let resource = &*call.resource;
        if call.body.patch_type() == APPLY {
            return self.apply(call, part, options).await;
        }
        if call.flag("force").is_some() {
            let why = "may not be specified for non-apply patch";
            refuse("PatchOptions", &[FieldError::forbidden(&Path::new("force"), why)])?;
        }
        let patch = Patch::read(call, resource)?;
        let change = |old: &Tree| {
            let mut new = old.clone();
            patch.apply(&mut new)?;
            shaped(call, new, &patch.tree, &patch.duplicates, options.validation)
        };
        self.write(call, part, options, Tracking::Update, change).await
    }

    /// Makes an object what the configuration says, as far as its manager has a say.
    async fn apply(&self, call: &Call, part: Part, options: WriteOptions) -> Result<Answer, Status> {
        if call.query("fieldManager").is_none() {
            let why = "is required for apply patch";
            refuse("PatchOptions", &[FieldError::required(&Path::new("fieldManager"), why)])?;
        }
        let (mut applied, duplicates) = decode::value(&call.body.bytes, Notation::Yaml)
            .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
        if !matches!(applied, Tree::Object(_)) {
            return Err(Status::bad_request("error decoding YAML: the configuration is no object"));
        }
        if options.validation == FieldValidation::Strict && !duplicates.is_empty() {
            return Err(Status::bad_request(format!(
                "error strict decoding YAML: error converting YAML to JSON: {}",
                duplicates.join(", ")
            )));
        }
        if meta::name(&applied).is_empty() {
            meta::set_name(&mut applied, &call.name);
        }
        body::expect_identity(call, &mut applied)?;
        let ownership = Ownership::of(call, part);
        let change = |old: &Tree| {
            let new = ownership.applied(Some(old), &applied)?;
            shaped(call, new, &applied, &duplicates, options.validation)
        };
        loop {
            match self.write(call, part, options, Tracking::Applied, &change).await {
                Err(status) if status.is(Reason::NotFound) && part == Part::Whole => {}
                answer => return answer,
            }
            self.may_create(call)?;
            let new = ownership.applied(None, &applied)?;
            let Change { tree, warnings } = shaped(call, new, &applied, &duplicates, options.validation)?;
            match self.create_tree(call, tree, options, Tracking::Applied).await {
                // Somebody else was faster.
                Err(status) if status.is(Reason::AlreadyExists) => {}
                answer => return warned(answer, warnings),
            }
        }
    }

    /// Whether the user may make the object that an apply finds missing.
    fn may_create(&self, call: &Call) -> Result<(), Status> {
        let resource = &call.resource;
        let attributes = Attributes {
            verb: Verb::Create.as_str().to_owned(),
            target: Target::Resource {
                group: resource.group.to_string(),
                version: resource.version.to_string(),
                resource: resource.plural.to_string(),
                subresource: String::new(),
                namespace: call.namespace.clone(),
                name: call.name.clone(),
            },
        };
        match decide(self.authorizer(), &call.user, &attributes) {
            Decision::Allow { .. } => Ok(()),
            Decision::Unavailable { why } => Err(Status::internal(why)),
            Decision::Deny { reason } | Decision::NoOpinion { reason } => {
                Err(Status::forbidden(&resource.group_resource(), &call.name, reason))
            }
        }
    }
}

/// A patched object in the shape of its kind.
fn shaped(
    call: &Call,
    mut new: Tree,
    patch: &Tree,
    duplicates: &[String],
    validation: FieldValidation,
) -> Result<Change, Status> {
    let mut reports = duplicates.to_vec();
    reports.extend(strategy::of(&call.resource).shape(&mut new).map_err(|error| match error {
        ShapeError::BuiltIn(error) => undecodable(patch, error),
        ShapeError::Custom(status) => status,
    })?);
    if validation == FieldValidation::Strict && !reports.is_empty() {
        return Err(undecodable(patch, decode::DecodeError::Strict(reports)));
    }
    body::expect_identity(call, &mut new)?;
    let warnings = if validation == FieldValidation::Warn { reports } else { Vec::new() };
    Ok(Change { tree: new, warnings })
}
