//! TokenRequest: a token for a service account, bound to it and to a pod, a secret or a node if wanted.

use jiff::Timestamp;
use objects::resource::{GroupKind, GroupResource, GroupVersion, GroupVersionKind};
use objects::status::Status;
use objects::validate::{FieldError, Path, to_status};
use objects::{Tree, meta, tree};

use super::{Question, ReviewDeps, texts};
use crate::call::{Answer, Call};
use crate::rest::random;
use crate::tokens::{Claims, Reference, core};
use crate::view::View;

const DEFAULT_SECONDS: i64 = 60 * 60;
const MIN_SECONDS: i64 = 10 * 60;
const MAX_SECONDS: i64 = 1 << 32;

pub(super) fn answer(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let mut question = Question::read(call)?;
    let name = meta::name(&question.tree);
    if !name.is_empty() && name != call.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name
        )));
    }
    let account = core(deps.rest.view(), "serviceaccounts", &call.namespace, &call.name)
        .ok_or_else(|| Status::not_found(&call.resource.group_resource(), &call.name))?;
    let seconds = question.tree.i64_at(&["spec", "expirationSeconds"]).unwrap_or(DEFAULT_SECONDS);
    check_lifetime(&question.kind, &call.name, seconds)?;
    let mut audiences = texts(&question.tree, &["spec", "audiences"]);
    if audiences.is_empty() {
        audiences.clone_from(&deps.audiences);
    }
    let now = supervise::clock::now().as_second();
    let mut claims = Claims {
        issuer: deps.issuer.clone(),
        audiences: audiences.clone(),
        issued: now,
        not_before: now,
        expires: now + seconds,
        id: random::uid(),
        namespace: call.namespace.clone(),
        account: reference(&account),
        pod: None,
        secret: None,
        node: None,
    };
    if let Some(bound) = question.tree.at(&["spec", "boundObjectRef"]) {
        bind(deps.rest.view(), bound, &mut claims)?;
    }
    let token = deps.signer.sign(&claims.to_tree()).map_err(Status::internal)?;
    let expires = Timestamp::from_second(claims.expires).map_err(Status::internal)?;
    meta::set_name(&mut question.tree, &call.name);
    meta::set_creation_timestamp(&mut question.tree, supervise::clock::now());
    question.tree.set_at(&["spec", "audiences"], audiences);
    question.tree.set_at(&["spec", "expirationSeconds"], seconds);
    Ok(question.answered(tree!({ "token": token, "expirationTimestamp": (meta::rfc3339(expires)) })))
}

fn check_lifetime(kind: &GroupKind, name: &str, seconds: i64) -> Result<(), Status> {
    let detail = match seconds {
        ..MIN_SECONDS => "may not specify a duration less than 10 minutes",
        MIN_SECONDS..=MAX_SECONDS => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let field = Path::new("spec").child("expirationSeconds");
    to_status(kind, name, &[FieldError::invalid(&field, seconds, detail)]).map_or(Ok(()), Err)
}

/// Writes what the token is to be bound to into the claims.
fn bind(view: &View, bound: &Tree, claims: &mut Claims) -> Result<(), Status> {
    let text = |key: &str| bound.str_at(&[key]).unwrap_or_default();
    let kind = GroupVersion::parse(text("apiVersion")).map(|version| version.kind(text("kind").to_owned()));
    let core_v1 = GroupVersion::new("", "v1");
    let plural = match &kind {
        Some(kind) if kind.group_version() == core_v1 => match &*kind.kind {
            "Pod" => "pods",
            "Secret" => "secrets",
            "Node" => "nodes",
            _ => return Err(unbindable(kind)),
        },
        Some(kind) => return Err(unbindable(kind)),
        None => {
            return Err(Status::bad_request(format!(
                "unexpected GroupVersion string: {}",
                text("apiVersion")
            )));
        }
    };
    let (name, uid) = (text("name"), text("uid"));
    let namespace = if plural == "nodes" { "" } else { claims.namespace.as_str() };
    let resource = GroupResource::new("", plural);
    let object = core(view, plural, namespace, name).ok_or_else(|| Status::not_found(&resource, name))?;
    if !uid.is_empty() && uid != meta::uid(&object) {
        let of_kind = GroupResource::new("", text("kind").to_owned());
        return Err(Status::conflict(
            &of_kind,
            name,
            format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            ),
        ));
    }
    match plural {
        "pods" => {
            if object.str_at(&["spec", "serviceAccountName"]).unwrap_or_default() != claims.account.name {
                return Err(Status::bad_request(format!(
                    "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
                    claims.account.name
                )));
            }
            claims.node = node_of(view, &object);
            claims.pod = Some(reference(&object));
        }
        "secrets" => claims.secret = Some(reference(&object)),
        _ => claims.node = Some(reference(&object)),
    }
    Ok(())
}

fn unbindable(kind: &GroupVersionKind) -> Status {
    Status::bad_request(format!("cannot bind token to object of type {kind}"))
}

/// The node on which a pod is.
fn node_of(view: &View, pod: &Tree) -> Option<Reference> {
    let name = pod.str_at(&["spec", "nodeName"]).filter(|name| !name.is_empty())?;
    let node = core(view, "nodes", "", name);
    let uid = node.as_ref().map(|node| meta::uid(node).to_owned()).unwrap_or_default();
    Some(Reference { name: name.to_owned(), uid })
}

fn reference(object: &Tree) -> Reference {
    Reference { name: meta::name(object).to_owned(), uid: meta::uid(object).to_owned() }
}
