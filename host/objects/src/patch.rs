//! The three kinds of patch: JSON patch, JSON merge patch and strategic merge patch.

pub mod json;
pub mod merge;
pub mod strategic;

use crate::resource::GroupKind;
use crate::status::{Details, Reason, Status};
use crate::tree::Tree;
use crate::validate::{FieldError, Path, to_status};

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is no patch of its kind.
    #[error("{0}")]
    Malformed(String),
    /// There is more of it than is taken.
    #[error("{0}")]
    TooLarge(String),
    /// The patch is one, but does not fit the object: a path is missing, a `test` fails.
    #[error("{0}")]
    NotApplicable(String),
    /// What upstream answers with an internal error.
    #[error("{0}")]
    Unsupported(String),
}

impl PatchError {
    /// The status that upstream answers this with; of a patch that does not fit it tells no more.
    pub fn to_status(&self) -> Status {
        match self {
            Self::Malformed(message) => Status::bad_request(message),
            Self::TooLarge(message) => Status::too_large(message),
            Self::NotApplicable(_) => Status::failure(
                Reason::Invalid,
                "the server rejected our request due to an error in our request",
            )
            .with_details(Details::default()),
            Self::Unsupported(message) => Status::internal(message),
        }
    }
}

/// The status of a patch whose result cannot be decoded: the patch is shown as the invalid value.
pub fn undecodable(patch: &Tree, error: impl std::fmt::Display) -> Status {
    let error = FieldError::invalid(&Path::new("patch"), patch.to_json_string(), error.to_string());
    to_status(&GroupKind::default(), "", &[error]).unwrap_or_else(|| Status::bad_request("invalid patch"))
}

fn expected(wanted: &str, got: &Tree) -> String {
    let got = match got {
        Tree::Object(_) => "map",
        Tree::Array(_) => "slice",
        other => other.shape(),
    };
    format!("expected a {wanted}, but received a {got}")
}
