//! The resources that are answered and not stored: who somebody is, what somebody may do, and tokens for accounts.

mod access;
mod identity;
mod token_request;

use std::sync::Arc;

use http::StatusCode;
use objects::resource::{GroupKind, Verb};
use objects::status::Status;
use objects::validate::{FieldError, to_status};
use objects::{Tree, tree};

use crate::authn::UserInfo;
use crate::authz::Authorize;
use crate::call::{Answer, Call};
use crate::rest::{Rest, body};
use crate::tokens::{Bearer, Signer};

/// Asks everybody who knows bearer tokens whom one is of, for the given audiences (none: those of the API). The user
/// has the groups of every authenticated user already; an error says why nobody could tell.
pub(crate) type AskBearer = dyn Fn(&str, &[String]) -> Result<Option<Bearer>, String> + Send + Sync + 'static;

/// What the answers are made of. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReviewDeps {
    pub(crate) rest: Rest,
    pub(crate) authorizer: Arc<dyn Authorize>,
    pub(crate) ask_bearer: Arc<AskBearer>,
    pub(crate) signer: Signer,
    /// The issuer of the tokens.
    pub(crate) issuer: String,
    /// The audiences of tokens that are asked for without any.
    pub(crate) audiences: Vec<String>,
}

type Review = fn(&ReviewDeps, &Call) -> Result<Answer, Status>;

/// By group, resource and subresource.
const REVIEWS: &[(&str, &str, &str, Review)] = &[
    ("", "serviceaccounts", "token", token_request::answer),
    ("authentication.k8s.io", "selfsubjectreviews", "", identity::oneself),
    ("authentication.k8s.io", "tokenreviews", "", identity::token),
    ("authorization.k8s.io", "localsubjectaccessreviews", "", access::anybody),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "", access::oneself),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "", access::rules),
    ("authorization.k8s.io", "subjectaccessreviews", "", access::anybody),
];

/// The answer to a review; `None` where the call is for something else.
pub(crate) fn answer(deps: &ReviewDeps, call: &Call) -> Option<Result<Answer, Status>> {
    let is = |(group, plural, subresource, _): &&(&str, &str, &str, Review)| {
        call.resource.group == *group && call.resource.plural == *plural && call.subresource == *subresource
    };
    let (_, _, _, review) = REVIEWS.iter().find(is)?;
    if call.verb != Verb::Create {
        return Some(Err(Status::method_not_supported(&call.resource.group_resource(), call.verb.as_str())));
    }
    Some(review(deps, call))
}

/// What was asked, with what the client is to be warned of.
struct Question {
    kind: GroupKind,
    tree: Tree,
    warnings: Vec<String>,
}

impl Question {
    fn read(call: &Call) -> Result<Self, Status> {
        let options = call.write_options("CreateOptions")?;
        let kind = match call.resource.subresource(&call.subresource) {
            Some(row) => objects::resource::GroupVersionKind::new(
                row.group.clone(),
                row.version.clone(),
                row.kind.clone(),
            ),
            None => call.resource.gvk(),
        };
        let decoded = body::object(call, &kind, options.validation)?;
        let mut tree = decoded.tree;
        tree.make(&["metadata"]).object_mut();
        body::settle_namespace(call, &mut tree)?;
        Ok(Self { kind: kind.group_kind(), tree, warnings: decoded.warnings })
    }

    fn refuse(&self, errors: &[FieldError]) -> Result<(), Status> {
        to_status(&self.kind, "", errors).map_or(Ok(()), Err)
    }

    fn answered(mut self, status: Tree) -> Answer {
        self.tree.insert("status", status);
        Answer { code: StatusCode::CREATED, warnings: self.warnings, ..Answer::ok(self.tree.to_json()) }
    }
}

/// The texts of a list.
fn texts(tree: &Tree, path: &[&str]) -> Vec<String> {
    tree.items_at(path).iter().filter_map(Tree::as_str).map(str::to_owned).collect()
}

/// A user as reviews show one.
pub(crate) fn user_tree(user: &UserInfo) -> Tree {
    let mut tree = tree!({ "username": (user.name.as_str()) });
    if !user.uid.is_empty() {
        tree.insert("uid", user.uid.as_str());
    }
    if !user.groups.is_empty() {
        tree.insert("groups", user.groups.clone());
    }
    for (key, values) in &user.extra {
        tree.set_at(&["extra", key], values.clone());
    }
    tree
}

#[cfg(test)]
mod tests;
