//! AdmissionReview: what a webhook is asked, and what it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::status::{Outcome, Status};
use objects::{Tree, meta, tree};

use super::hook::Hook;
use crate::admission::Write;
use crate::admission::request::request;
use crate::registry::Served;
use crate::storage::convert;

const GROUP: &str = "admission.k8s.io";
const FORBIDDEN: u16 = 403;

/// What a webhook says about a write.
pub(super) struct Verdict {
    /// What the client is told, where the write is refused.
    pub(super) refusal: Option<Status>,
    /// A JSON patch.
    pub(super) patch: Option<Tree>,
    pub(super) warnings: Vec<String>,
}

/// The question, in the version of a resource that the webhook is for.
pub(super) fn question(write: &Write<'_>, hook: &Hook, resource: &Served, uid: &str) -> Tree {
    let call = write.call;
    let own = &call.resource;
    let in_version = |tree: &Tree| match tree {
        Tree::Null => Tree::Null,
        tree => {
            let mut tree = convert(tree.clone(), own, resource);
            if call.subresource.is_empty() || call.subresource == "status" {
                meta::set_gvk(&mut tree, &resource.gvk());
            }
            tree
        }
    };
    let mut question = tree!({ "uid": uid });
    for (name, value) in request(write, resource).fields() {
        question.insert(name, value.clone());
    }
    question.insert("object", in_version(&write.object));
    question.insert("oldObject", write.old.map_or(Tree::Null, in_version));
    tree!({
        "kind": "AdmissionReview", "apiVersion": (format!("{GROUP}/{}", hook.review_version)), "request": question
    })
}

/// The answer, if it is one to this question; an error says what is wrong with it.
pub(super) fn verdict(answer: &Tree, uid: &str, hook: &Hook) -> Result<Verdict, String> {
    let version = format!("{GROUP}/{}", hook.review_version);
    let said = (answer.str_at(&["apiVersion"]), answer.str_at(&["kind"]));
    if said != (Some(version.as_str()), Some("AdmissionReview")) {
        return Err(format!(
            "expected webhook response of {version}, Kind=AdmissionReview, got {}, Kind={}",
            said.0.unwrap_or_default(),
            said.1.unwrap_or_default()
        ));
    }
    let response = answer.get("response").ok_or("webhook response was absent")?;
    let own = response.str_at(&["uid"]).unwrap_or_default();
    if own != uid {
        return Err(format!("expected response.uid={uid:?}, got {own:?}"));
    }
    let texts = response.items_at(&["warnings"]).iter().filter_map(Tree::as_str);
    let refusal = match response.bool_at(&["allowed"]) {
        Some(true) => None,
        _ => Some(refusal(&hook.name, response.get("status"))),
    };
    let patch = match (refusal.is_none(), response.str_at(&["patch"])) {
        (true, Some(text)) if !text.is_empty() => Some(patch(response, text)?),
        _ => None,
    };
    Ok(Verdict { refusal, patch, warnings: texts.map(str::to_owned).collect() })
}

fn patch(response: &Tree, text: &str) -> Result<Tree, String> {
    if response.str_at(&["patchType"]) != Some("JSONPatch") {
        return Err("webhook returned response.patch but not a response.patchType of JSONPatch".to_owned());
    }
    let bytes = STANDARD.decode(text).map_err(|error| format!("response.patch: {error}"))?;
    Tree::from_json(&bytes).map_err(|error| format!("response.patch: {error}"))
}

fn refusal(name: &str, status: Option<&Tree>) -> Status {
    let denied = format!("admission webhook {name:?} denied the request");
    let said = |key: &str| status.and_then(|status| status.str_at(&[key])).filter(|text| !text.is_empty());
    let message = match (said("message"), said("reason")) {
        (Some(message), _) => format!("{denied}: {message}"),
        (None, Some(reason)) => format!("{denied}: {reason}"),
        (None, None) => format!("{denied} without explanation"),
    };
    let code = status.and_then(|status| status.i64_at(&["code"])).and_then(|code| u16::try_from(code).ok());
    let base = status.and_then(|status| {
        let mut status = status.clone();
        status.insert("kind", "Status");
        Status::from_tree(&status)
    });
    Status {
        outcome: Outcome::Failure,
        code: code.filter(|code| *code >= 400).unwrap_or(FORBIDDEN),
        reason: base.as_ref().and_then(|base| base.reason),
        message,
        details: base.and_then(|base| base.details),
        continued: None,
        warnings: Vec::new(),
    }
}
