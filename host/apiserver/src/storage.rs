//! Objects in the store: `/registry/…` keys, JSON values, the resourceVersion as the revision of the last write. Every
//! write is answered when the own caches show it.

mod convert;
mod converter;
mod encryption;
mod expiry;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

use datastore::{
    Compare, Datastore, KeyRange, KeyValue, LeaseId, Op, RangeError, RangeRequest, Revision, StoreError, Txn,
};
use objects::status::Status;
use objects::{Tree, meta};

use crate::registry::Served;
use crate::view::View;

pub(crate) use convert::convert;
pub(crate) use converter::Converter;
pub(crate) use encryption::Age;
pub use encryption::{Encryption, EncryptionError, KeyRotation};
pub(crate) use expiry::Expiry;
pub(crate) use value::{ValueError, Values};

#[derive(Clone)]
pub(crate) struct Storage {
    store: Datastore,
    view: View,
    expiry: Expiry,
    values: Values,
    converter: Converter,
}

/// A stored object in the version of a request, complete with kind, apiVersion and resourceVersion.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) tree: Tree,
    pub(crate) revision: Revision,
    pub(crate) age: Age,
}

/// What is written together with an object, or not at all.
#[derive(Debug)]
pub(crate) enum Companion {
    /// An object that is new; there must be none of its name.
    Created { resource: Arc<Served>, tree: Tree },
    /// An object that goes, if it is there.
    Removed { resource: Arc<Served>, name: String },
}

impl Storage {
    pub(crate) fn new(store: Datastore, view: View, expiry: Expiry, values: Values) -> Self {
        let converter = Converter::new(view.clone());
        Self { store, view, expiry, values, converter }
    }

    pub(crate) fn converter(&self) -> &Converter {
        &self.converter
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// The present revision.
    pub(crate) async fn revision(&self) -> Result<Revision, Status> {
        self.store.revision().await.map_err(status)
    }

    /// The object as the store has it now.
    pub(crate) async fn read(
        &self,
        resource: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Found>, Status> {
        let key = key(resource, namespace, name)?;
        let range = self.store.range(RangeRequest::new(KeyRange::key(key))).await.map_err(status)?;
        match range.kvs.first() {
            Some(kv) => self.decode(resource, kv).await.map(Some),
            None => Ok(None),
        }
    }

    /// Writes a new object; `None` where there is one of its name, or a companion cannot be made.
    pub(crate) async fn create(
        &self,
        resource: &Served,
        tree: Tree,
        companions: &[Companion],
    ) -> Result<Option<Found>, Status> {
        let key = key(resource, meta::namespace(&tree), meta::name(&tree))?;
        let value = self.sealed(resource, &key, &*self.encode(resource, &tree).await?)?;
        let put = Op::leased(key.clone(), value, self.lease(resource).await?);
        self.write(Txn::guarded(Compare::absent(key), put), companions, tree).await
    }

    /// Writes an object over the one that was read; `None` where that has changed since.
    pub(crate) async fn replace(
        &self,
        resource: &Served,
        old: &Found,
        tree: Tree,
    ) -> Result<Option<Found>, Status> {
        self.replace_with(resource, old, tree, &[]).await
    }

    /// Writes an object over the one that was read; `None` where that has changed since, or a companion cannot be made.
    pub(crate) async fn replace_with(
        &self,
        resource: &Served,
        old: &Found,
        mut tree: Tree,
        companions: &[Companion],
    ) -> Result<Option<Found>, Status> {
        let key = key(resource, meta::namespace(&old.tree), meta::name(&old.tree))?;
        meta::set_resource_version(&mut tree, meta::resource_version(&old.tree));
        if old.age == Age::Current && self.is_same(resource, &tree, &old.tree).await? {
            return Ok(Some(old.clone()));
        }
        meta::set_resource_version(&mut tree, "");
        let value = self.sealed(resource, &key, &*self.encode(resource, &tree).await?)?;
        let put = Op::leased(key.clone(), value, self.lease(resource).await?);
        self.write(Txn::guarded(Compare::unchanged(key, old.revision), put), companions, tree).await
    }

    /// Writes an object anew if it is stored otherwise than it would be today; whether it was.
    pub(crate) async fn renew(&self, resource: &Served, namespace: &str, name: &str) -> Result<bool, Status> {
        while let Some(old) = self.read(resource, namespace, name).await? {
            if old.age == Age::Current {
                return Ok(false);
            }
            if self.replace(resource, &old, old.tree.clone()).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the object that was read; `None` where it has changed since. The tree is its last state.
    pub(crate) async fn remove(
        &self,
        resource: &Served,
        old: &Found,
        last: Tree,
        companions: &[Companion],
    ) -> Result<Option<Found>, Status> {
        let key = key(resource, meta::namespace(&old.tree), meta::name(&old.tree))?;
        let delete = Op::delete(key.clone());
        self.write(Txn::guarded(Compare::unchanged(key, old.revision), delete), companions, last).await
    }

    /// At most `limit` objects of a range as of a revision, and how many more there are.
    pub(crate) async fn range_at(
        &self,
        range: KeyRange,
        revision: Revision,
        limit: Option<usize>,
    ) -> Result<(Vec<Arc<KeyValue>>, usize), StoreError> {
        let mut request = RangeRequest::new(range).at(revision);
        request.limit = limit;
        let result = self.store.range(request).await?;
        let remaining = result.count.saturating_sub(result.kvs.len());
        Ok((result.kvs, remaining))
    }

    async fn lease(&self, resource: &Served) -> Result<LeaseId, Status> {
        if !resource.expires {
            return Ok(LeaseId::NONE);
        }
        self.expiry.lease(&self.store).await.map_err(status)
    }

    async fn write(
        &self,
        mut txn: Txn,
        companions: &[Companion],
        mut tree: Tree,
    ) -> Result<Option<Found>, Status> {
        for companion in companions {
            let (compare, op) = self.companion(companion).await?;
            txn.compare.extend(compare);
            txn.success.push(op);
        }
        let result = self.store.txn(txn).await.map_err(status)?;
        if !result.succeeded && companions.is_empty() {
            return Ok(None);
        }
        // Whoever tries again sees what was in the way.
        self.view.caches.reached(result.revision).await?;
        if !result.succeeded {
            return Ok(None);
        }
        meta::set_resource_version(&mut tree, &result.revision.to_string());
        Ok(Some(Found { tree, revision: result.revision, age: Age::Current }))
    }

    async fn companion(&self, companion: &Companion) -> Result<(Option<Compare>, Op), Status> {
        match companion {
            Companion::Created { resource, tree } => {
                let key = key(resource, meta::namespace(tree), meta::name(tree))?;
                let value = self.sealed(resource, &key, &*self.encode(resource, tree).await?)?;
                let put = Op::leased(key.clone(), value, self.lease(resource).await?);
                Ok((Some(Compare::absent(key)), put))
            }
            Companion::Removed { resource, name } => Ok((None, Op::delete(key(resource, "", name)?))),
        }
    }

    /// Whether two states of an object are stored alike.
    async fn is_same(&self, resource: &Served, one: &Tree, two: &Tree) -> Result<bool, Status> {
        let is_stored = std::ptr::eq(&raw const *self.hub(resource)?, resource);
        Ok(one == two
            || !is_stored && self.encode(resource, one).await? == self.encode(resource, two).await?)
    }

    /// An object as it is stored, before it is bytes.
    async fn encode<'t>(&self, resource: &Served, tree: &'t Tree) -> Result<Cow<'t, Tree>, Status> {
        let hub = self.hub(resource)?;
        if std::ptr::eq(&raw const *hub, resource) && meta::resource_version(tree).is_empty() {
            return Ok(Cow::Borrowed(tree));
        }
        let mut tree = self.converter.one(tree.clone(), resource, &hub).await?;
        meta::set_resource_version(&mut tree, "");
        Ok(Cow::Owned(tree))
    }

    fn sealed(&self, resource: &Served, key: &str, tree: &Tree) -> Result<bytes::Bytes, Status> {
        Ok(self.values.write(&*self.hub(resource)?, key, tree))
    }

    async fn decode(&self, resource: &Served, kv: &KeyValue) -> Result<Found, Status> {
        let hub = self.hub(resource)?;
        let (tree, age) = self.values.read(&hub, &kv.key, &kv.value).map_err(|error| {
            Status::internal(format_args!("{}: {error}", String::from_utf8_lossy(&kv.key)))
        })?;
        let mut tree = self.converter.one(tree, &hub, resource).await?;
        meta::set_resource_version(&mut tree, &kv.mod_revision.to_string());
        Ok(Found { tree, revision: kv.mod_revision, age })
    }

    fn hub(&self, resource: &Served) -> Result<Arc<Served>, Status> {
        self.view.caches.of(resource).map(|cache| Arc::clone(&cache.hub)).ok_or_else(|| not_stored(resource))
    }
}

fn key(resource: &Served, namespace: &str, name: &str) -> Result<String, Status> {
    resource.key(Some(namespace), name).ok_or_else(|| not_stored(resource))
}

fn not_stored(resource: &Served) -> Status {
    Status::internal(format_args!("{} are not stored", resource.group_resource()))
}

/// What a client is told of a store that does not answer.
pub(crate) fn status(error: StoreError) -> Status {
    match error {
        StoreError::Range(RangeError::Compacted { .. }) => Status::list_too_old(),
        error if error.is_retryable() => Status::unavailable(error.to_string()),
        error => Status::internal(error),
    }
}
