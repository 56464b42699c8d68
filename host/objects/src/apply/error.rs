//! Why a configuration cannot be applied.

use std::fmt;

use super::check::{TypeError, TypeErrors};
use super::fields::{FieldSet, Path, show};
use super::managers::{ManagerId, ManagersError, Operation};
use crate::resource::GroupVersionKind;
use crate::status::{Cause, Details, Outcome, Reason, Status};

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The configuration is not of the kind that it is applied to.
    #[error("invalid object type: {0}")]
    WrongKind(GroupVersionKind),
    #[error("metadata.managedFields must be nil")]
    ManagedFields,
    /// What is stored of the managers cannot be read.
    #[error("failed to decode managed fields: {0}")]
    Managers(String),
    #[error("failed to create typed patch object ({object}): {errors}")]
    Applied { object: String, errors: TypeErrors },
    #[error("failed to create typed live object ({object}): {errors}")]
    Live { object: String, errors: TypeErrors },
    #[error("{step}: {error}")]
    Step { step: &'static str, error: TypeErrors },
    #[error("{0}")]
    Conflicts(Conflicts),
}

/// Fields that others own and that would change.
#[derive(Clone, Debug)]
pub struct Conflicts(Vec<(ManagerId, FieldSet)>);

/// One field of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// As messages name the owner: `"kubectl-client-side-apply" using apps/v1`.
    pub manager: String,
    /// `.spec.template.spec.containers[name="a"].image`
    pub path: String,
}

impl Conflicts {
    /// By the managers' names, what each owns that would change; `None` where that is nothing.
    pub(super) fn new(mut owned: Vec<(ManagerId, FieldSet)>) -> Option<Self> {
        owned.retain(|(_, set)| !set.is_empty());
        owned.sort_by_cached_key(|(id, _)| id.key());
        (!owned.is_empty()).then_some(Self(owned))
    }

    /// The conflicts about other fields.
    pub(super) fn without(mut self, set: &FieldSet) -> Option<Self> {
        for (_, owned) in &mut self.0 {
            owned.subtract(set);
        }
        Self::new(self.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = Conflict> {
        self.0.iter().flat_map(|(id, set)| {
            let of = |path: Path<'_>| Conflict { manager: manager(id), path: show(&path) };
            set.paths().into_iter().map(of)
        })
    }
}

/// How messages name a manager.
fn manager(id: &ManagerId) -> String {
    let mut text = format!("{:?}", id.name);
    if !id.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", id.subresource));
    }
    if id.operation == Operation::Update {
        text.push_str(&format!(" using {}", id.api_version));
    }
    text
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.iter().collect();
        if let [Conflict { manager, path }] = all.as_slice() {
            return write!(f, "Apply failed with 1 conflict: conflict with {manager}: {path}");
        }
        write!(f, "Apply failed with {} conflicts:", all.len())?;
        let mut gap = ' ';
        for (id, set) in &self.0 {
            write!(f, "{gap}conflicts with {}:", manager(id))?;
            set.paths().iter().try_for_each(|path| write!(f, "\n- {}", show(path)))?;
            gap = '\n';
        }
        Ok(())
    }
}

impl ApplyError {
    /// What failed on the way.
    pub(super) fn step(step: &'static str) -> impl Fn(TypeError) -> Self {
        move |error| Self::Step { step, error: error.into() }
    }

    /// The status that upstream answers this with; most of it has no reason there.
    pub fn to_status(&self) -> Status {
        match self {
            Self::WrongKind(_) | Self::ManagedFields => Status::bad_request(self.to_string()),
            Self::Conflicts(conflicts) => {
                let cause = |conflict: Conflict| Cause {
                    reason: "FieldManagerConflict".into(),
                    message: format!("conflict with {}", conflict.manager),
                    field: conflict.path,
                };
                let causes = conflicts.iter().map(cause).collect();
                Status::failure(Reason::Conflict, self.to_string())
                    .with_details(Details { causes, ..Details::default() })
            }
            Self::Managers(_) | Self::Applied { .. } | Self::Live { .. } | Self::Step { .. } => Status {
                outcome: Outcome::Failure,
                code: Reason::InternalError.code(),
                reason: None,
                message: self.to_string(),
                details: None,
                continued: None,
                warnings: Vec::new(),
            },
        }
    }
}

impl From<ManagersError> for ApplyError {
    fn from(error: ManagersError) -> Self {
        Self::Managers(error.to_string())
    }
}
