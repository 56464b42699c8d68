//! A write to the API, and what an addon says of it: completed and then judged, as a node does.

use std::sync::Arc;

use bytes::Bytes;
use engine::{AdmissionRequest, Kind, Limits, Mutation, Review, User, WriteOperation};
use objects::Tree;
use objects::patch::json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, RunError, call};
use crate::author::Subject;
use crate::author::stand_in::StandIn;
use crate::metadata::Written;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RequestCase {
    operation: Operation,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    object_kind: String,
    namespace: String,
    name: String,
    object: Option<Value>,
    old_object: Option<Value>,
    options: Option<Value>,
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    #[default]
    Create,
    Update,
    Delete,
    Connect,
}

impl RequestCase {
    pub(super) fn request(&self, user: User) -> AdmissionRequest {
        let bytes = |value: &Value| Bytes::from(value.to_string());
        AdmissionRequest {
            operation: match self.operation {
                Operation::Create => WriteOperation::Create,
                Operation::Update => WriteOperation::Update,
                Operation::Delete => WriteOperation::Delete,
                Operation::Connect => WriteOperation::Connect,
            },
            resource: Kind {
                group: self.group.clone(),
                version: self.version.clone(),
                resource: self.resource.clone(),
            },
            subresource: self.subresource.clone(),
            object_kind: self.object_kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            user,
            object: self.object.as_ref().map(bytes),
            old_object: self.old_object.as_ref().map(bytes),
            options: self.options.as_ref().map_or(Bytes::from_static(b"{}"), bytes),
            dry_run: self.dry_run,
        }
    }
}

impl Case {
    pub(super) async fn judge(&self, subject: &Subject, host: &Arc<StandIn>) -> Result<Value, RunError> {
        let mut request = self.write()?;
        let spec = subject.metadata.admission.as_ref().ok_or(RunError::NotShown)?;
        let mut answer = json!({});
        if Written::of(&request).is_shown(&spec.mutate) {
            let mutation =
                self.fresh(subject, host, Limits::ADMISSION)?.mutate(&request).await.map_err(call)?;
            let Mutation { review: said, patch } = &mutation;
            let denied = said.denied.is_some();
            let patch =
                patch.as_deref().map(|patch| read_patch(patch).map(|read| (patch, read))).transpose()?;
            answer["mutate"] = review(said);
            answer["mutate"]["patch"] = patch.as_ref().map_or(Value::Null, |(_, read)| read.clone());
            if denied {
                return Ok(answer);
            }
            if let (Some((patch, _)), Some(object)) = (patch, &request.object) {
                request.object = Some(patched(object, patch).map_err(RunError::Patch)?);
            }
        }
        if Written::of(&request).is_shown(&spec.validate) {
            answer["validate"] = review(
                &self.fresh(subject, host, Limits::ADMISSION)?.validate(&request).await.map_err(call)?,
            );
        }
        match answer.as_object().is_some_and(serde_json::Map::is_empty) {
            true => Err(RunError::NotShown),
            false => Ok(answer),
        }
    }

    pub(in crate::author) fn write(&self) -> Result<AdmissionRequest, RunError> {
        let missing = RunError::Missing { role: "admission", field: "request" };
        Ok(self.request.as_ref().ok_or(missing)?.request(self.user()))
    }
}

fn read_patch(patch: &[u8]) -> Result<Value, RunError> {
    serde_json::from_slice(patch).map_err(|why| RunError::Patch(format!("it is no JSON: {why}")))
}

/// The object after the JSON patch, or why it cannot be patched.
pub(in crate::author) fn patched(object: &[u8], patch: &[u8]) -> Result<Bytes, String> {
    let patch = Tree::from_json(patch).map_err(|why| format!("it is no JSON: {why}"))?;
    let mut tree = Tree::from_json(object).map_err(|why| why.to_string())?;
    json::apply(&mut tree, &patch).map_err(|why| why.to_status().message)?;
    Ok(tree.to_json())
}

fn review(review: &Review) -> Value {
    let denied = review
        .denied
        .as_ref()
        .map(|denial| json!({"message": denial.message, "code": denial.code, "reason": denial.reason}));
    json!({"denied": denied, "warnings": review.warnings})
}
