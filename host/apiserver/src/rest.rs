//! The verbs of every resource, over [`Storage`] and [`Caches`]. One machinery: what differs by kind is a row of
//! [`objects::kind`].

pub(crate) mod body;
mod continuation;
mod create;
mod delete;
mod derived;
mod escalation;
mod eviction;
mod managed;
mod output;
mod patch;
mod present;
mod query;
pub(crate) mod random;
mod read;
mod scale;
mod select;
mod subresource;
mod table;
mod update;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use derived::Derived;
pub(crate) use managed::overlay;
pub(crate) use output::Render;
pub(crate) use patch::media_types as patch_types;
pub(crate) use query::{Execution, WriteOptions};
pub(crate) use random::uid;

use std::sync::Arc;

use bytes::Bytes;
use datastore::{Datastore, Revision};
use http::StatusCode;
use objects::Tree;
use objects::resource::Verb;
use objects::status::Status;
use supervise::Scope;
use tokio::sync::watch as follow;

use crate::admission::Admission;
use crate::authz::Authorize;
use crate::cache::{Cache, Caches};
use crate::call::{Answer, AnswerBody, Call};
use crate::definitions::Definitions;
use crate::registry::{Registry, Served};
use crate::storage::{Expiry, Found, Storage, Values};
use crate::view::View;

/// The end of the name of a volume that admission adds.
pub(crate) fn volume_suffix() -> String {
    objects::meta::generate_name("", random::suffix())
}

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rest(Arc<Parts>);

struct Parts {
    view: View,
    storage: Storage,
    admission: Admission,
    authorizer: Arc<dyn Authorize>,
    /// How often every definition was looked at.
    definitions: follow::Receiver<u64>,
    deletions: usize,
}

/// What the verbs stand on.
pub(crate) struct Foundation {
    pub(crate) store: Datastore,
    pub(crate) admission: Admission,
    pub(crate) expiry: Expiry,
    pub(crate) authorizer: Arc<dyn Authorize>,
    pub(crate) values: Values,
    /// How many objects of a collection are deleted beside each other.
    pub(crate) deletions: usize,
}

impl Rest {
    /// Opens the caches of every stored resource and fills them in a task of the scope.
    pub(crate) fn open(foundation: Foundation, scope: &Scope) -> Self {
        let Foundation { store, admission, expiry, authorizer, values, deletions } = foundation;
        let registry = Registry::builtin();
        let caches = Caches::open(&store, values.clone(), &registry, scope);
        let view = View { registry, caches };
        let storage = Storage::new(store, view.clone(), expiry, values);
        let (served, definitions) = follow::channel(0);
        let rest = Self(Arc::new(Parts { view, storage, admission, authorizer, definitions, deletions }));
        scope.spawn("definitions", Definitions::new(rest.clone()).run(served, scope.token()));
        rest
    }

    pub(crate) fn authorizer(&self) -> &dyn Authorize {
        self.0.authorizer.as_ref()
    }

    pub(crate) fn view(&self) -> &View {
        &self.0.view
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.view().registry
    }

    /// Whether the caches were filled.
    pub(crate) fn is_synced(&self) -> bool {
        self.caches().revision() > Revision::NEVER
    }

    /// Waits until the caches are filled, and custom resources are served that were.
    pub(crate) async fn synced(&self) -> Result<(), Status> {
        self.caches().reached(Revision::INITIAL).await?;
        let mut definitions = self.0.definitions.clone();
        match definitions.wait_for(|count| *count > 0).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Status::unavailable("custom resources are not served any more")),
        }
    }

    /// Waits until the caches show what the store has now.
    pub(crate) async fn caught_up(&self) -> Result<(), Status> {
        self.caches().reached(self.storage().revision().await?).await
    }

    /// The object as the cache has it.
    pub(crate) fn get_tree(&self, resource: &Served, namespace: &str, name: &str) -> Option<Tree> {
        self.view().get(resource, namespace, name)
    }

    /// Every object of a resource as the cache has them.
    pub(crate) fn list_trees(&self, resource: &Served) -> Vec<Tree> {
        self.view().list(resource, "", |_| true)
    }

    /// The number of objects of a resource; none of a virtual one.
    pub(crate) fn count(&self, resource: &Served) -> usize {
        self.caches().of(resource).map_or(0, |cache| cache.count())
    }

    /// The object as soon as the cache has it; `None` where it does not come in time.
    pub(crate) async fn wait_for(
        &self,
        resource: &Served,
        namespace: &str,
        name: &str,
        patience: std::time::Duration,
    ) -> Option<Tree> {
        let mut changed = self.caches().of(resource)?.subscribe();
        let appears = async {
            loop {
                changed.mark_unchanged();
                if let Some(tree) = self.get_tree(resource, namespace, name) {
                    break Some(tree);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, appears).await.ok().flatten()
    }

    /// The object as the store has it.
    pub(crate) async fn stored(
        &self,
        resource: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Tree>, Status> {
        let found = self.storage().read(resource, namespace, name).await?;
        Ok(found.map(|found| found.tree))
    }

    /// The object as the store has it, to be replaced.
    pub(crate) async fn read_stored(
        &self,
        resource: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Found>, Status> {
        self.storage().read(resource, namespace, name).await
    }

    /// Writes an object over the one that was read, past admission and validation; false where it has changed since.
    pub(crate) async fn replace_stored(
        &self,
        resource: &Served,
        old: &Found,
        new: Tree,
    ) -> Result<bool, Status> {
        Ok(self.storage().replace(resource, old, new).await?.is_some())
    }

    /// Writes anew what is stored under an older key than the one in force.
    pub(crate) async fn encrypt_anew(&self) -> Result<usize, Status> {
        let mut written = 0;
        for row in self.registry().rows().iter().filter(|row| self.storage().values().are_configured(row)) {
            let Some(cache) = self.caches().of(row).filter(|cache| Arc::ptr_eq(&cache.hub, row)) else {
                continue;
            };
            for entry in cache.snapshot("", |_| true).entries {
                written += usize::from(self.storage().renew(row, &entry.namespace, &entry.name).await?);
            }
        }
        Ok(written)
    }

    pub(crate) async fn answer(&self, call: Call) -> Result<Answer, Status> {
        output::Include::check(&call)?;
        if !call.subresource.is_empty() {
            return self.answer_subresource(&call).await;
        }
        match call.verb {
            Verb::Get => self.get(&call).await,
            Verb::List => self.list(&call).await,
            Verb::Watch => self.watch(&call).await,
            Verb::Create if call.resource.plural == "bindings" => self.bind(&call).await,
            Verb::Create => self.create(&call).await,
            Verb::Update => self.update(&call, update::Part::Whole).await,
            Verb::Patch => self.patch(&call, update::Part::Whole).await,
            Verb::Delete => self.delete(&call).await,
            Verb::DeleteCollection => self.delete_collection(&call).await,
        }
    }

    fn caches(&self) -> &Caches {
        &self.view().caches
    }

    fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    fn cache(&self, resource: &Served) -> Result<Arc<Cache>, Status> {
        self.caches().of(resource).ok_or_else(Status::no_such_path)
    }

    /// The object as the store has it, or NotFound.
    async fn found(&self, call: &Call) -> Result<Found, Status> {
        let found = self.storage().read(&call.resource, &call.namespace, &call.name).await?;
        found.ok_or_else(|| Status::not_found(&call.resource.group_resource(), &call.name))
    }
}

/// An answer or a refusal, with what the client is warned of before all else.
fn warned(mut answer: Result<Answer, Status>, warnings: Vec<String>) -> Result<Answer, Status> {
    let told = match &mut answer {
        Ok(answer) => &mut answer.warnings,
        Err(status) => &mut status.warnings,
    };
    told.splice(0..0, warnings);
    answer
}

impl Answer {
    pub(crate) fn ok(body: Bytes) -> Self {
        Self { code: StatusCode::OK, body: AnswerBody::Json(body), warnings: Vec::new() }
    }

    /// A Status object.
    pub(crate) fn status(status: &Status, code: StatusCode) -> Self {
        Self { code, body: AnswerBody::Json(status.to_tree().to_json()), warnings: Vec::new() }
    }
}
