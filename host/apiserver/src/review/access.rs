//! SubjectAccessReview and its kin: what somebody may do.

use objects::status::Status;
use objects::{Tree, tree};

use super::{Question, ReviewDeps, texts};
use crate::authn::UserInfo;
use crate::authz::{self, Attributes, Decision, NonResourceRule, ResourceRule, Target};
use crate::call::{Answer, Call};

/// What somebody may do, in a namespace or everywhere.
pub(super) fn anybody(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    answer(deps, Question::read(call)?, subject)
}

pub(super) fn oneself(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    answer(deps, Question::read(call)?, |_| call.user.clone())
}

pub(super) fn rules(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let question = Question::read(call)?;
    let namespace = question.tree.str_at(&["spec", "namespace"]).unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let rules = authz::rules(&*deps.authorizer, &call.user, namespace);
    let mut status = tree!({
        "resourceRules": (rules.resource.into_iter().map(resource_rule).collect::<Vec<_>>()),
        "nonResourceRules": (rules.non_resource.into_iter().map(non_resource_rule).collect::<Vec<_>>()),
        "incomplete": (rules.incomplete)
    });
    insert_text(&mut status, "evaluationError", rules.evaluation_error);
    Ok(question.answered(status))
}

fn answer(
    deps: &ReviewDeps,
    question: Question,
    user: impl FnOnce(&Tree) -> UserInfo,
) -> Result<Answer, Status> {
    question.refuse(&objects::review::validate(&question.kind.kind, &question.tree))?;
    let spec = question.tree.get("spec").cloned().unwrap_or_default();
    let decision = authz::decide(&*deps.authorizer, &user(&spec), &attributes(&spec));
    Ok(question.answered(status(decision)))
}

fn status(decision: Decision) -> Tree {
    let (allowed, denied, reason, error) = match decision {
        Decision::Allow { reason } => (true, false, reason, String::new()),
        Decision::Deny { reason } => (false, true, reason, String::new()),
        Decision::NoOpinion { reason } => (false, false, reason, String::new()),
        Decision::Unavailable { why } => (false, false, String::new(), why),
    };
    let mut status = tree!({ "allowed": allowed });
    if denied {
        status.insert("denied", true);
    }
    insert_text(&mut status, "reason", reason);
    insert_text(&mut status, "evaluationError", error);
    status
}

fn insert_text(tree: &mut Tree, key: &str, text: String) {
    if !text.is_empty() {
        tree.insert(key, text);
    }
}

/// The user that a review asks about.
fn subject(spec: &Tree) -> UserInfo {
    let text = |key: &str| spec.str_at(&[key]).unwrap_or_default().to_owned();
    let mut extra: Vec<_> = spec
        .at(&["extra"])
        .into_iter()
        .flat_map(Tree::fields)
        .map(|(key, values)| (key.to_owned(), texts(values, &[])))
        .collect();
    extra.sort_unstable();
    UserInfo { name: text("user"), uid: text("uid"), groups: texts(spec, &["groups"]), extra }
}

fn attributes(spec: &Tree) -> Attributes {
    if let Some(asked) = spec.get("nonResourceAttributes") {
        let text = |key: &str| asked.str_at(&[key]).unwrap_or_default().to_owned();
        return Attributes { verb: text("verb"), target: Target::Path(text("path")) };
    }
    let text = |key: &str| spec.str_at(&["resourceAttributes", key]).unwrap_or_default().to_owned();
    let target = Target::Resource {
        group: text("group"),
        version: text("version"),
        resource: text("resource"),
        subresource: text("subresource"),
        namespace: text("namespace"),
        name: text("name"),
    };
    Attributes { verb: text("verb"), target }
}

fn resource_rule(rule: ResourceRule) -> Tree {
    let mut tree =
        tree!({ "verbs": (rule.verbs), "apiGroups": (rule.api_groups), "resources": (rule.resources) });
    if !rule.resource_names.is_empty() {
        tree.insert("resourceNames", rule.resource_names);
    }
    tree
}

fn non_resource_rule(rule: NonResourceRule) -> Tree {
    tree!({ "verbs": (rule.verbs), "nonResourceURLs": (rule.paths) })
}
