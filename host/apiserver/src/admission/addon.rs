//! Addons are asked about writes beside webhooks: what they are shown, and what becomes of their answers.

use futures_util::future::BoxFuture;
use objects::patch::json;
use objects::status::{Outcome, Reason, Status};
use objects::{Tree, meta};

use super::round::Turn;
use super::{Operation, Write};
use crate::authn::UserInfo;

/// What is done to an object, in lower case as a verb: `create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOperation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A part of admission: to complete an object, or to judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionStep {
    Mutate,
    Validate,
}

/// What a write is about: enough to say who wants to see it.
#[derive(Clone, Copy, Debug)]
pub struct WriteScope<'a> {
    pub step: AdmissionStep,
    pub operation: WriteOperation,
    pub group: &'a str,
    pub version: &'a str,
    /// Plural name.
    pub resource: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
    pub user: &'a UserInfo,
}

/// The rest of a write, objects and options as JSON.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// `Deployment`.
    pub kind: String,
    /// Empty for cluster scope.
    pub namespace: String,
    /// Empty where the server is to make one.
    pub name: String,
    /// None for a deletion.
    pub object: Option<Vec<u8>>,
    /// None for a creation.
    pub old_object: Option<Vec<u8>>,
    pub options: Vec<u8>,
    pub is_dry: bool,
}

/// Somebody who wants to see a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    pub name: String,
    /// Again where somebody else changed the object after it.
    pub reinvoke: bool,
}

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub message: String,
    pub code: u16,
    /// May be empty.
    pub reason: String,
}

/// What a judge says of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    pub denied: Option<Denial>,
    pub warnings: Vec<String>,
    /// A JSON patch; none where it only judges.
    pub patch: Option<Vec<u8>>,
}

/// Knows the addons that judge writes.
pub trait Admit: Send + Sync + 'static {
    /// Those that want to see a write, in the order in which they are asked. An error says why that is not known.
    fn judges(&self, scope: &WriteScope<'_>) -> Result<Vec<Judge>, String>;

    /// Asks one of them. An error says why it did not answer: nothing is written then.
    fn judge<'a>(
        &'a self,
        judge: &'a str,
        scope: &'a WriteScope<'a>,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Judgement, String>>;
}

/// Where there are no addons.
pub struct Nobody;

impl Admit for Nobody {
    fn judges(&self, _: &WriteScope<'_>) -> Result<Vec<Judge>, String> {
        Ok(Vec::new())
    }

    fn judge<'a>(
        &'a self,
        _: &'a str,
        _: &'a WriteScope<'a>,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Judgement, String>> {
        Box::pin(std::future::ready(Ok(Judgement::default())))
    }
}

pub(super) async fn mutate(write: &mut Write<'_>) -> Result<(), Status> {
    let judges = judges(write, AdmissionStep::Mutate)?;
    let mut turn = Turn::begin(std::mem::take(&mut write.added), write.pass, &write.object);
    for Judge { name, reinvoke } in judges {
        if !turn.asks(&name) {
            continue;
        }
        let patch = ask(write, &name, AdmissionStep::Mutate).await?;
        let changed = match patch {
            Some(patch) => patched(write, &name, &patch)?,
            None => false,
        };
        turn.asked(&name, changed, reinvoke);
    }
    write.added = turn.end(&write.object);
    Ok(())
}

pub(super) async fn validate(write: &mut Write<'_>) -> Result<(), Status> {
    for Judge { name, .. } in judges(write, AdmissionStep::Validate)? {
        ask(write, &name, AdmissionStep::Validate).await?;
    }
    Ok(())
}

fn judges(write: &Write<'_>, step: AdmissionStep) -> Result<Vec<Judge>, Status> {
    let judges = write.rest.admission().addons().judges(&scope(write, step));
    judges.map_err(|why| Status::internal(format!("failed calling the admission addons: {why}")))
}

fn scope<'a>(write: &Write<'a>, step: AdmissionStep) -> WriteScope<'a> {
    let call = write.call;
    WriteScope {
        step,
        operation: match write.operation {
            Operation::Create => WriteOperation::Create,
            Operation::Update => WriteOperation::Update,
            Operation::Delete => WriteOperation::Delete,
            Operation::Connect => WriteOperation::Connect,
        },
        group: &call.resource.group,
        version: &call.resource.version,
        resource: &call.resource.plural,
        subresource: &call.subresource,
        user: &call.user,
    }
}

/// Asks an addon; its patch, where it lets the write go on.
async fn ask(write: &mut Write<'_>, name: &str, step: AdmissionStep) -> Result<Option<Vec<u8>>, Status> {
    let (scope, request) = (scope(write, step), request(write));
    let asked = write.rest.admission().addons().judge(name, &scope, &request).await;
    let judgement = asked.map_err(|why| failed(name, &why))?;
    write.warnings.extend(judgement.warnings);
    match judgement.denied {
        Some(denial) => Err(refusal(name, denial)),
        None => Ok(judgement.patch),
    }
}

fn failed(name: &str, why: &str) -> Status {
    Status::internal(format!("failed calling admission addon {name:?}: {why}"))
}

fn request(write: &Write<'_>) -> WriteRequest {
    let resource = &write.call.resource;
    let json = |tree: &Tree| match tree {
        Tree::Null => None,
        tree => {
            let mut tree = tree.clone();
            // A sub-resource with a kind of its own has it in the object.
            if resource.subresource(&write.call.subresource).is_none_or(|row| row.kind == resource.kind) {
                meta::set_gvk(&mut tree, &resource.gvk());
            }
            Some(tree.to_json().to_vec())
        }
    };
    WriteRequest {
        kind: write.kind(resource).kind.to_string(),
        namespace: write.namespace().unwrap_or_default().to_owned(),
        name: write.name().to_owned(),
        object: json(&write.object),
        old_object: write.old.and_then(json),
        options: write.options.to_json().to_vec(),
        is_dry: write.is_dry(),
    }
}

/// Patches the object; whether that changed it. A deletion has nothing to patch.
fn patched(write: &mut Write<'_>, name: &str, patch: &[u8]) -> Result<bool, Status> {
    if write.object == Tree::Null {
        return Err(failed(name, "it patches an object that is deleted"));
    }
    let patch = Tree::from_json(patch).map_err(|why| failed(name, &format!("read its patch: {why}")))?;
    let mut tree = write.object.clone();
    json::apply(&mut tree, &patch).map_err(|why| failed(name, &why.to_status().message))?;
    let same = |path: &[&str]| tree.str_at(path) == write.object.str_at(path);
    if !same(&["metadata", "name"]) || !same(&["metadata", "namespace"]) || !same(&["metadata", "uid"]) {
        return Err(failed(name, "it makes another object of the one that is written"));
    }
    let resource = write.call.resource.clone();
    write.replace(&resource, tree, &format!("admission addon {name:?}"))
}

fn refusal(name: &str, denial: Denial) -> Status {
    const FORBIDDEN: u16 = 403;
    let denied = format!("admission addon {name:?} denied the request");
    let message = match denial.message.is_empty() {
        true => format!("{denied} without explanation"),
        false => format!("{denied}: {}", denial.message),
    };
    let code = Some(denial.code).filter(|code| (400..600).contains(code)).unwrap_or(FORBIDDEN);
    let reason = Reason::parse(&denial.reason);
    Status {
        outcome: Outcome::Failure,
        code,
        reason,
        message,
        details: None,
        continued: None,
        warnings: Vec::new(),
    }
}
