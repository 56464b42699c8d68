//! SubjectAccessReview and its kin: what somebody may do.

use objects::status::Status;
use objects::validate::{FieldError, Path};
use objects::{Tree, meta, tree};

use super::{Question, ReviewDeps, texts};
use crate::authn::UserInfo;
use crate::authz::{self, Attributes, Decision, NonResourceRule, ResourceRule, Target};
use crate::call::{Answer, Call};

pub(super) fn anybody(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let question = Question::read(call)?;
    let mut errors = Vec::from_iter(spec_error(&question.tree));
    errors.extend(subject_error(&question.tree));
    errors.extend(metadata_error(&question.tree));
    answer(deps, question, &errors, subject)
}

pub(super) fn local(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let question = Question::read(call)?;
    let mut errors = Vec::from_iter(spec_error(&question.tree));
    errors.extend(subject_error(&question.tree));
    let mut bare = question.tree.clone();
    meta::set_namespace(&mut bare, "");
    errors.extend(metadata_error(&bare));
    let spec = Path::new("spec");
    let asked = question.tree.at(&["spec", "resourceAttributes"]);
    let namespace = asked.and_then(|asked| asked.str_at(&["namespace"])).unwrap_or_default();
    if asked.is_some() && namespace != call.namespace {
        let field = spec.children(&["resourceAttributes", "namespace"]);
        errors.push(FieldError::invalid(&field, namespace, "must match metadata.namespace"));
    }
    if let Some(path) = question.tree.at(&["spec", "nonResourceAttributes"]) {
        let field = spec.child("nonResourceAttributes");
        errors.push(FieldError::invalid(&field, path.clone(), "disallowed on this kind of request"));
    }
    answer(deps, question, &errors, subject)
}

pub(super) fn oneself(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let question = Question::read(call)?;
    let mut errors = Vec::from_iter(spec_error(&question.tree));
    errors.extend(metadata_error(&question.tree));
    answer(deps, question, &errors, |_| call.user.clone())
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
    errors: &[FieldError],
    user: impl FnOnce(&Tree) -> UserInfo,
) -> Result<Answer, Status> {
    question.refuse(errors)?;
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

/// A review asks about a resource or about a path.
fn spec_error(tree: &Tree) -> Option<FieldError> {
    let (resource, path) =
        (tree.at(&["spec", "resourceAttributes"]), tree.at(&["spec", "nonResourceAttributes"]));
    let spec = Path::new("spec");
    match (resource, path) {
        (Some(_), Some(path)) => Some(FieldError::invalid(
            &spec.child("nonResourceAttributes"),
            path.clone(),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => Some(FieldError::invalid(
            &spec.child("resourceAttributes"),
            Tree::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => None,
    }
}

fn subject_error(tree: &Tree) -> Option<FieldError> {
    let named = tree.str_at(&["spec", "user"]).is_some_and(|user| !user.is_empty());
    let grouped = !tree.items_at(&["spec", "groups"]).is_empty();
    let field = Path::new("spec").child("user");
    (!named && !grouped)
        .then(|| FieldError::invalid(&field, "", "at least one of user or group must be specified"))
}

fn metadata_error(tree: &Tree) -> Option<FieldError> {
    let metadata = tree.get("metadata").filter(|metadata| !metadata.is_empty_value())?;
    Some(FieldError::invalid(&Path::new("metadata"), metadata.clone(), "must be empty"))
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
