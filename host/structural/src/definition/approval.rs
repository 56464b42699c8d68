//! Groups of the community: their definitions say in an annotation who approved them.

use objects::Tree;
use objects::meta;
use objects::validate::{FieldError, Path};

use crate::schema::Url;

/// The annotation that says where an API was approved.
pub const API_APPROVED: &str = "api-approved.kubernetes.io";

/// What the annotation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// A URL.
    Approved,
    /// A reason that begins with `unapproved`.
    Bypassed,
    Missing,
    /// Neither of them.
    Invalid,
}

/// What the annotation of a definition says, in upstream's words; `None` for groups that need no approval.
pub fn approval(crd: &Tree) -> Option<(Approval, String)> {
    const SEE: &str = "see https://github.com/kubernetes/enhancements/pull/1111";
    let group = crd.str_at(&["spec", "group"]).unwrap_or_default();
    let protected = ["k8s.io", "kubernetes.io"]
        .into_iter()
        .any(|name| group.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with('.')));
    if !protected {
        return None;
    }
    let annotation = meta::annotation(crd, API_APPROVED).unwrap_or_default();
    let is_url =
        Url::parse_request(annotation).is_ok_and(|url| !url.host.is_empty() && !url.scheme.is_empty());
    Some(if annotation.is_empty() {
        let why = format!("protected groups must have approval annotation {API_APPROVED:?}, {SEE}");
        (Approval::Missing, why)
    } else if annotation.starts_with("unapproved") {
        (Approval::Bypassed, format!("not approved: {annotation:?}"))
    } else if is_url {
        (Approval::Approved, format!("approved in {annotation}"))
    } else {
        let why = format!(
            "protected groups must have approval annotation {API_APPROVED:?} with either a URL or a reason starting with \"unapproved\", {SEE}"
        );
        (Approval::Invalid, why)
    })
}

/// An approval that is as bad as it was before is left alone.
pub(super) fn validate(crd: &Tree, old: Option<&Tree>, errors: &mut Vec<FieldError>) {
    let Some((state, why)) = approval(crd) else { return };
    let before = old.and_then(approval).map(|(state, _)| state);
    if before == Some(state) {
        return;
    }
    let path = Path::new("metadata").child("annotations").key(API_APPROVED);
    match state {
        Approval::Approved | Approval::Bypassed => {}
        Approval::Missing => errors.push(FieldError::required(&path, why)),
        Approval::Invalid => {
            let annotation = meta::annotation(crd, API_APPROVED).unwrap_or_default();
            errors.push(FieldError::invalid(&path, annotation, why));
        }
    }
}
