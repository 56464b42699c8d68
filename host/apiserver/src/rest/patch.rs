//! PATCH: the patch types, each a row. Server-side apply is not among them yet.

use objects::Tree;
use objects::decode::{self, FieldValidation};
use objects::patch::{PatchError, json, merge, strategic, undecodable};
use objects::resource::Resource;
use objects::schema::{self, Type};
use objects::status::Status;

use super::update::Part;
use super::{Rest, body};
use crate::call::{Answer, Call};
use crate::strategy::{self, ShapeError};

type Apply = fn(&mut Tree, &Tree, &Resource) -> Result<(), PatchError>;

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

/// The patch types of a kind with or without a row in the schema table: custom resources have none.
pub(crate) fn media_types(row: Option<&'static Type>) -> impl Iterator<Item = &'static str> {
    offered(row).map(|(name, _)| *name)
}

fn offered(row: Option<&'static Type>) -> impl Iterator<Item = &'static (&'static str, Apply)> {
    TYPES.iter().filter(move |(name, _)| row.is_some() || *name != STRATEGIC)
}

impl Rest {
    pub(super) async fn patch(&self, call: &Call, part: Part) -> Result<Answer, Status> {
        let options = call.write_options("PatchOptions")?;
        let resource = &*call.resource;
        let row = schema::by_gvk(&resource.group, &resource.version, &resource.kind);
        let wanted = call.body.patch_type();
        let Some((_, apply)) = offered(row).find(|(name, _)| *name == wanted) else {
            let names: Vec<&str> = media_types(row).collect();
            return Err(Status::unsupported_media_type(&names));
        };
        let (patch, duplicates) = decode::value(&call.body.bytes, decode::Notation::Json)
            .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
        let warnings = std::sync::Mutex::new(Vec::new());
        let change = |old: &Tree| {
            let mut new = old.clone();
            apply(&mut new, &patch, resource).map_err(|error| error.to_status())?;
            let mut reports = duplicates.clone();
            reports.extend(strategy::of(resource).shape(&mut new).map_err(|error| match error {
                ShapeError::BuiltIn(error) => undecodable(&patch, error),
                ShapeError::Custom(status) => status,
            })?);
            if options.validation == FieldValidation::Strict && !reports.is_empty() {
                let error = decode::DecodeError::Strict(reports);
                return Err(undecodable(&patch, error));
            }
            body::expect_identity(call, &mut new)?;
            if options.validation == FieldValidation::Warn {
                *warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = reports;
            }
            Ok(new)
        };
        let mut answer = self.write(call, part, options, change).await?;
        let reports = warnings.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        answer.warnings.splice(0..0, reports);
        Ok(answer)
    }
}
