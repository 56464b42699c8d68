//! Request bodies: media types, and what an object must agree with the path about.

use objects::decode::{self, Decoded, FieldValidation, Notation};
use objects::meta;
use objects::patch::undecodable;
use objects::resource::GroupVersionKind;
use objects::schema::{self, Type};
use objects::status::Status;
use objects::{Tree, decode::SyntaxError};

use crate::call::{Call, Content};
use crate::strategy::{self, ShapeError};

/// What a write takes; protobuf only where the kind has messages.
const NOTATIONS: &[(&str, Notation)] = &[
    ("application/json", Notation::Json),
    ("application/yaml", Notation::Yaml),
    ("application/x-yaml", Notation::Yaml),
    ("text/yaml", Notation::Yaml),
    ("application/vnd.kubernetes.protobuf", Notation::Protobuf),
];

/// The media types that a refusal names.
const ACCEPTED: [&str; 3] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

impl Content {
    fn essence(&self) -> &str {
        self.media_type.split(';').next().unwrap_or_default().trim()
    }

    fn notation(&self, kind: &GroupVersionKind) -> Result<Notation, Status> {
        let essence = self.essence();
        if essence.is_empty() {
            return Ok(Notation::Json);
        }
        let is_message = schema::by_gvk(&kind.group, &kind.version, &kind.kind).is_some_and(Type::is_message);
        let row = NOTATIONS.iter().find(|(name, _)| *name == essence).map(|(_, notation)| *notation);
        row.filter(|notation| is_message || *notation != Notation::Protobuf).ok_or_else(|| {
            Status::unsupported_media_type(if is_message { &ACCEPTED } else { &ACCEPTED[..2] })
        })
    }

    /// The name in a table of patches.
    pub(crate) fn patch_type(&self) -> &str {
        self.essence()
    }
}

/// The object of a write.
pub(crate) fn object(
    call: &Call,
    kind: &GroupVersionKind,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let mut decoded = decode::object(&call.body.bytes, call.body.notation(kind)?, kind, validation)?;
    if call.resource.custom().is_some() && *kind == call.resource.gvk() {
        let unknown = shape(call, &mut decoded.tree)?;
        let shaped = decode::finish(decoded.tree, unknown, validation)
            .map_err(|error| decode::cannot_handle(kind, &kind.kind, &error))?;
        decoded.warnings.extend(shaped.warnings);
        decoded.tree = shaped.tree;
    }
    Ok(decoded)
}

/// Brings an object of the call's resource into its shape; gives what its type does not know.
pub(crate) fn shape(call: &Call, tree: &mut Tree) -> Result<Vec<String>, Status> {
    strategy::of(&call.resource).shape(tree).map_err(|error| match error {
        ShapeError::BuiltIn(error) => undecodable(tree, error),
        ShapeError::Custom(status) => status,
    })
}

/// Options in a body, which may be empty.
pub(crate) fn options(call: &Call) -> Result<Tree, Status> {
    if call.body.bytes.is_empty() {
        return Ok(Tree::object());
    }
    let notation = call.body.notation(&GroupVersionKind::new("", "v1", "DeleteOptions"))?;
    let unreadable = |error: SyntaxError| {
        Status::bad_request(match error {
            SyntaxError::Protobuf(error) => error.to_string(),
            error => format!("couldn't get version/kind; json parse error: {error}"),
        })
    };
    let (tree, _) = decode::value(&call.body.bytes, notation).map_err(unreadable)?;
    Ok(tree)
}

/// The namespace of a new object is that of the path.
pub(crate) fn settle_namespace(call: &Call, tree: &mut Tree) -> Result<(), Status> {
    let own = meta::namespace(tree);
    if own == call.namespace {
        Ok(())
    } else if own.is_empty() || call.namespace.is_empty() {
        meta::set_namespace(tree, &call.namespace);
        Ok(())
    } else {
        Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ))
    }
}

/// An object that is written over another has its name and namespace.
pub(crate) fn expect_identity(call: &Call, tree: &mut Tree) -> Result<(), Status> {
    let name = meta::name(tree);
    if !name.is_empty() && name != call.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name
        )));
    }
    let namespace = meta::namespace(tree);
    if !namespace.is_empty() && namespace != call.namespace {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({})",
            call.namespace
        )));
    }
    if name.is_empty() {
        let what = "name must be provided";
        return Err(Status::bad_request(what));
    }
    meta::set_namespace(tree, &call.namespace);
    Ok(())
}
