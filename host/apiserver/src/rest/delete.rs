//! DELETE and DELETECOLLECTION: preconditions, grace, finalizers, propagation.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use jiff::Timestamp;
use objects::resource::Resource;
use objects::status::Status;
use objects::validate::{FieldError, Path};
use objects::{Tree, kind, meta};

use super::output::Render;
use super::query::{Execution, WriteOptions, integer, refuse};
use super::select::Selection;
use super::{Rest, body};
use crate::admission::{Write, address};
use crate::call::{Answer, Call};
use crate::registry::Served;
use crate::storage::Found;
use crate::strategy;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Propagation {
    /// As its finalizers say.
    Unsaid,
    Orphan,
    Background,
    Foreground,
}

#[derive(Clone, Debug)]
pub(super) struct DeleteOptions {
    execution: Execution,
    grace_period_seconds: Option<i64>,
    uid: Option<String>,
    resource_version: Option<String>,
    propagation: Propagation,
}

/// What a deletion does to an object.
#[derive(Debug, PartialEq)]
enum Step {
    /// It goes now, and was this at last.
    Remove(Tree),
    /// It stays, marked.
    Mark(Tree),
    /// It stays as it is: it was marked before.
    Nothing,
}

impl Rest {
    pub(super) async fn delete(&self, call: &Call) -> Result<Answer, Status> {
        let options = DeleteOptions::read(call)?;
        self.delete_with(call, &options).await
    }

    pub(super) async fn delete_with(&self, call: &Call, options: &DeleteOptions) -> Result<Answer, Status> {
        let resource = &*call.resource;
        let cache = self.cache(resource)?;
        loop {
            let old = self.found(call).await?;
            options.preconditions(call, &old)?;
            let execution = WriteOptions { execution: options.execution, ..WriteOptions::default() };
            let mut write = Write::new(self, call, Tree::Null, Some(&old.tree), execution);
            self.admission().mutate(&mut write).await?;
            self.admission().validate(&mut write).await?;
            let warnings = std::mem::take(&mut write.warnings);
            let answer = |body| Ok(Answer { warnings: warnings.clone(), ..Answer::ok(body) });
            let render = Render::new(call, &cache.hub);
            let step = step(resource, &old.tree, options, supervise::clock::now());
            let dry = options.execution == Execution::Dry;
            match step {
                Step::Nothing => return answer(render.object(old.tree)),
                Step::Mark(new) if dry => return answer(render.object(new)),
                Step::Mark(new) => {
                    if let Some(found) = self.storage().replace(resource, &old, new).await? {
                        return answer(render.object(found.tree));
                    }
                }
                Step::Remove(last) => {
                    let companions = address::companions(self.registry(), resource, Some(&last), None);
                    let gone = match options.execution {
                        Execution::Dry => Some(Found { tree: last, ..old.clone() }),
                        Execution::Real => self.storage().remove(resource, &old, last, &companions).await?,
                    };
                    let Some(gone) = gone else { continue };
                    if kind::is_shown_deleted(resource) {
                        return answer(render.object(gone.tree));
                    }
                    let gone = Status::deleted(&resource.group_resource(), &call.name, meta::uid(&gone.tree));
                    return Ok(Answer { warnings, ..Answer::status(&gone, StatusCode::OK) });
                }
            }
        }
    }

    /// Deletes what is selected, some at a time so that they share flushes of the store; the answer is the list of what
    /// was there.
    pub(super) async fn delete_collection(&self, call: &Call) -> Result<Answer, Status> {
        let options = DeleteOptions::read(call)?;
        let cache = self.cache(&call.resource)?;
        let listed = call.list_options()?;
        self.fresh(listed.freshness).await?;
        let selection = Selection {
            resource: call.resource.clone(),
            hub: cache.hub.clone(),
            namespace: call.namespace.clone(),
            labels: listed.labels,
            fields: listed.fields,
        };
        let snapshot = cache.snapshot(&call.namespace, |entry| selection.selects(entry));
        let deletions = stream::iter(snapshot.entries.clone()).map(|entry| {
            let (name, namespace) = (entry.name.to_string(), entry.namespace.to_string());
            let one = Call { name, namespace, ..call.clone() };
            let options = &options;
            async move {
                match self.delete_with(&one, options).await {
                    Err(status) if status.code != 404 => Err(status),
                    _ => Ok(()),
                }
            }
        });
        deletions.buffer_unordered(self.0.deletions.max(1)).try_collect::<()>().await?;
        let list = super::output::ListMeta { revision: snapshot.revision, ..Default::default() };
        Ok(Answer::ok(Render::new(call, &cache.hub).list(&snapshot.entries, &list)))
    }
}

impl DeleteOptions {
    /// From the body, and from the query what the body does not say.
    pub(super) fn read(call: &Call) -> Result<Self, Status> {
        Self::from(call, &body::options(call)?)
    }

    pub(super) fn from(call: &Call, body: &Tree) -> Result<Self, Status> {
        let text = |name: &str| body.str_at(&[name]).or_else(|| call.query(name));
        let mut errors = Vec::new();
        let orphan = body.bool_at(&["orphanDependents"]).or_else(|| call.flag("orphanDependents"));
        let policy = text("propagationPolicy");
        if orphan.is_some() && policy.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            let path = Path::new("propagationPolicy");
            errors.push(FieldError::invalid(&path, policy.unwrap_or_default(), why));
        }
        let propagation = match (policy, orphan) {
            (Some("Orphan"), _) | (None, Some(true)) => Propagation::Orphan,
            (Some("Background"), _) | (None, Some(false)) => Propagation::Background,
            (Some("Foreground"), _) => Propagation::Foreground,
            (None, None) => Propagation::Unsaid,
            (Some(other), _) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                let path = Path::new("propagationPolicy");
                errors.push(FieldError::not_supported(&path, other, &supported));
                Propagation::Unsaid
            }
        };
        let mut execution = call.write_options("DeleteOptions")?.execution;
        for value in body.items_at(&["dryRun"]).iter().filter_map(Tree::as_str) {
            if value == "All" {
                execution = Execution::Dry;
            } else {
                errors.push(FieldError::not_supported(&Path::new("dryRun"), value, &["All"]));
            }
        }
        refuse("DeleteOptions", &errors)?;
        let grace = match (body.i64_at(&["gracePeriodSeconds"]), call.query("gracePeriodSeconds")) {
            (Some(seconds), _) => Some(seconds),
            (None, None) => None,
            (None, Some(text)) => Some(integer(text)?),
        };
        let precondition = |name: &str| body.str_at(&["preconditions", name]).map(str::to_owned);
        Ok(Self {
            execution,
            grace_period_seconds: grace,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            propagation,
        })
    }

    pub(super) fn execution(&self) -> Execution {
        self.execution
    }

    fn preconditions(&self, call: &Call, old: &Found) -> Result<(), Status> {
        let resource = call.resource.group_resource();
        let (uid, version) = (meta::uid(&old.tree), meta::resource_version(&old.tree));
        match (&self.uid, &self.resource_version) {
            (Some(wanted), _) if wanted != uid => {
                Err(Status::uid_precondition(&resource, (&call.name, &call.key()), wanted, uid))
            }
            (_, Some(wanted)) if wanted != version => {
                Err(Status::version_precondition(&resource, (&call.name, &call.key()), wanted, version))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an object that is marked as deleted has nothing left that keeps it.
pub(super) fn may_end(resource: &Resource, tree: &Tree) -> bool {
    meta::finalizers(tree).next().is_none()
        && tree.i64_at(&["metadata", "deletionGracePeriodSeconds"]).unwrap_or(0) == 0
        && !keeps_content(resource, tree)
}

/// Whether it is a namespace whose content was not removed yet.
fn keeps_content(resource: &Resource, tree: &Tree) -> bool {
    is_namespace(resource) && !tree.items_at(&["spec", "finalizers"]).is_empty()
}

fn is_namespace(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "namespaces"
}

fn step(resource: &Served, old: &Tree, options: &DeleteOptions, now: Timestamp) -> Step {
    let mut new = old.clone();
    strategy::of(resource).begin_deletion(&mut new, now);
    propagate(&mut new, options.propagation);
    let asked = options.grace_period_seconds;
    let given = strategy::of(resource).grace_period_seconds(old, asked);
    let grace = given.unwrap_or(0).max(0);
    let left = old.i64_at(&["metadata", "deletionGracePeriodSeconds"]);
    match (meta::is_deleting(old), left) {
        (false, _) => mark(&mut new, now, grace),
        // A second deletion may only shorten the grace.
        (true, Some(left)) if asked.is_some() && grace < left => mark(&mut new, now, grace),
        (true, _) => {}
    }
    if may_end(resource, &new) {
        // What knows no grace is not seen as one that is going.
        Step::Remove(if given.is_some() { new } else { old.clone() })
    } else if new == *old {
        Step::Nothing
    } else {
        Step::Mark(new)
    }
}

fn mark(tree: &mut Tree, now: Timestamp, grace: i64) {
    let end = now + Duration::from_secs(u64::try_from(grace).unwrap_or(0));
    if !meta::is_deleting(tree) && meta::generation(tree) > 0 {
        meta::set_generation(tree, meta::generation(tree) + 1);
    }
    meta::set_deletion(tree, Some(end), Some(grace));
}

fn propagate(tree: &mut Tree, propagation: Propagation) {
    let (add, remove): (Option<&str>, &[&str]) = match propagation {
        Propagation::Unsaid => return,
        Propagation::Orphan => (Some(ORPHAN), &[FOREGROUND]),
        Propagation::Foreground => (Some(FOREGROUND), &[ORPHAN]),
        Propagation::Background => (None, &[ORPHAN, FOREGROUND]),
    };
    remove.iter().for_each(|name| meta::remove_finalizer(tree, name));
    if let Some(name) = add {
        meta::add_finalizer(tree, name);
    }
}
