//! What an object controls: dependents that its selector matches are adopted, others released, and whatever happens to
//! one queues its owner.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use client::{ApiError, Client, Patch};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta, ObjectMeta, OwnerReference};
use objects::selector::LabelSelector;
use objects::status::Reason;
use objects::tree;
use objects::tree::to_tree;
use reconcile::{Change, ObjectKey, Queue, Store};

use crate::pod::controller_of;
use crate::wiring::{Kind, Wiring};

/// What happens to dependents happens to many at a time: their owner is looked at once for all of this time.
const GATHER: Duration = Duration::from_millis(10);

/// A kind in namespaces.
pub(crate) trait Namespaced: Kind + k8s_openapi::Resource<Scope = NamespaceResourceScope> {}

impl<K: Kind + k8s_openapi::Resource<Scope = NamespaceResourceScope>> Namespaced for K {}

/// A kind that owns what its selector matches.
pub(crate) trait Selects: Namespaced {
    /// What a dependent has from its adoption on.
    const FINALIZERS: &[&str] = &[];

    /// `None` where nothing is selected: no selector, an empty one, or one that is wrong.
    fn selector(&self) -> Option<LabelSelector>;
}

/// The selector of an object, as [`Selects`] wants it.
pub(crate) fn selector_of(selector: &meta::LabelSelector) -> Option<LabelSelector> {
    let selector = LabelSelector::from_object(&to_tree(selector).ok()?).ok()?;
    (!selector.is_everything()).then_some(selector)
}

pub(crate) fn matches(selector: &LabelSelector, metadata: &ObjectMeta) -> bool {
    selector.matches(|key| metadata.labels.as_ref()?.get(key).map(String::as_str))
}

/// Who an owner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    api_version: &'static str,
    kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Owner {
    pub(crate) fn of<K: Kind>(object: &K) -> Self {
        let metadata = object.metadata();
        Self {
            api_version: K::API_VERSION,
            kind: K::KIND,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
        }
    }

    /// What makes it the controller of a dependent.
    pub(crate) fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: self.api_version.to_owned(),
            kind: self.kind.to_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }

    /// What events about it name.
    pub(crate) fn object(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(self.api_version.to_owned()),
            kind: Some(self.kind.to_owned()),
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            uid: Some(self.uid.clone()),
            ..ObjectReference::default()
        }
    }

    pub(crate) fn controls(&self, dependent: &ObjectMeta) -> bool {
        controller_of(dependent).is_some_and(|controller| controller.uid == self.uid)
    }
}

/// What a dependent is to an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Ours,
    /// Nobody's yet.
    Adopt,
    /// Ours until now.
    Release,
    Foreign,
}

impl Claim {
    /// `owner` is the metadata of the object that is `identity`.
    pub(crate) fn on(
        identity: &Owner,
        owner: &ObjectMeta,
        selector: &LabelSelector,
        dependent: &ObjectMeta,
    ) -> Self {
        let is_going = |metadata: &ObjectMeta| metadata.deletion_timestamp.is_some();
        match controller_of(dependent).map(|controller| controller.uid == identity.uid) {
            Some(false) => Self::Foreign,
            Some(true) if matches(selector, dependent) => Self::Ours,
            Some(true) if is_going(owner) => Self::Foreign,
            Some(true) => Self::Release,
            None if is_going(owner) || is_going(dependent) => Self::Foreign,
            None if matches(selector, dependent) => Self::Adopt,
            None => Self::Foreign,
        }
    }
}

/// The candidates that belong to `owner`, after adoptions and releases.
pub(crate) async fn claim<O: Selects, D: Namespaced>(
    client: &Client,
    owner: &O,
    selector: &LabelSelector,
    candidates: Vec<Arc<D>>,
) -> Result<Vec<Arc<D>>, ApiError> {
    let identity = Owner::of(owner);
    let dependents = client.namespaced::<D>(&identity.namespace);
    let mut claimed = Vec::new();
    let mut may_adopt = None;
    for candidate in candidates {
        match Claim::on(&identity, owner.metadata(), selector, candidate.metadata()) {
            Claim::Ours => claimed.push(candidate),
            Claim::Foreign => {}
            Claim::Release => {
                let patch = released(&identity, candidate.metadata());
                let answer = dependents.patch(name_of(candidate.metadata()), &patch).await;
                // Invalid: another owner lost it meanwhile; it is no longer ours either way.
                let is_settled =
                    |error: &ApiError| error.is_not_found() || error.reason() == Some(Reason::Invalid);
                answer.map(drop).or_else(|error| if is_settled(&error) { Ok(()) } else { Err(error) })?;
            }
            Claim::Adopt => {
                let may = match may_adopt {
                    Some(may) => may,
                    None => *may_adopt.insert(is_there_to_stay::<O>(client, &identity).await?),
                };
                if !may {
                    continue;
                }
                let patch = adopted(&identity, candidate.metadata(), O::FINALIZERS);
                match dependents.patch(name_of(candidate.metadata()), &patch).await {
                    Ok(dependent) => claimed.push(Arc::new(dependent)),
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(claimed)
}

fn name_of(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// Asks the API server: what a store holds may be older than the owner's deletion.
async fn is_there_to_stay<O: Namespaced>(client: &Client, owner: &Owner) -> Result<bool, ApiError> {
    let found = client.namespaced::<O>(&owner.namespace).find(&owner.name).await?;
    Ok(found.is_some_and(|found| {
        let metadata = found.metadata();
        metadata.uid.as_deref() == Some(&owner.uid) && metadata.deletion_timestamp.is_none()
    }))
}

/// The uids make sure that the patches mean the objects that were looked at.
fn adopted(owner: &Owner, dependent: &ObjectMeta, finalizers: &[&str]) -> Patch {
    let reference = to_tree(&owner.reference()).expect("an owner reference is JSON");
    let uid = dependent.uid.clone();
    let mut metadata = tree!({ "uid": uid, "ownerReferences": [reference] });
    if !finalizers.is_empty() {
        metadata.insert("finalizers", finalizers.to_vec());
    }
    Patch::Strategic(tree!({ "metadata": metadata }))
}

fn released(owner: &Owner, dependent: &ObjectMeta) -> Patch {
    let (uid, owner) = (dependent.uid.clone(), owner.uid.clone());
    Patch::Strategic(tree!({
        "metadata": { "uid": uid, "ownerReferences": [{ "$patch": "delete", "uid": owner }] }
    }))
}

/// Every dependent of a kind. Whatever happens to one queues its controller, if that is of the kind `O`; of one that
/// nobody controls everyone who may adopt it.
pub(crate) fn feed_owners<O: Selects, D: Namespaced>(
    wiring: &mut Wiring<'_>,
    queue: &Queue<ObjectKey>,
) -> Store<D> {
    let (owners, queue) = (wiring.store::<O>(), queue.clone());
    wiring.on_change(move |change: &Change<'_, D>| {
        let [old, new] = [change.old, change.new].map(|state| state.map(|object| object.metadata()));
        let controllers = [old, new].into_iter().flatten().filter_map(owner_key::<O>);
        controllers.for_each(|key| queue.add_after(key, GATHER));
        if let Some(new) = new.filter(|new| is_new_orphan(old, new)) {
            suitors(&owners, new).for_each(|key| queue.add_after(key, GATHER));
        }
    });
    wiring.store()
}

/// The controller of a dependent, if it is of the kind.
pub(crate) fn owner_key<O: Kind>(dependent: &ObjectMeta) -> Option<ObjectKey> {
    let controller = controller_of(dependent)?;
    let is_of_kind = controller.kind == O::KIND && controller.api_version == O::API_VERSION;
    is_of_kind.then(|| ObjectKey::new(dependent.namespace.clone().unwrap_or_default(), &controller.name))
}

/// Whether it can be adopted now as it could not before.
fn is_new_orphan(old: Option<&ObjectMeta>, new: &ObjectMeta) -> bool {
    let is_orphan = controller_of(new).is_none() && new.deletion_timestamp.is_none();
    is_orphan && old.is_none_or(|old| old.labels != new.labels || controller_of(old).is_some())
}

/// Who would adopt an orphan.
fn suitors<O: Selects>(owners: &Store<O>, orphan: &ObjectMeta) -> impl Iterator<Item = ObjectKey> {
    let owners = owners.in_namespace(orphan.namespace.as_deref().unwrap_or_default());
    owners.into_iter().filter_map(|owner| {
        let is_match = owner.selector().is_some_and(|selector| matches(&selector, orphan));
        is_match.then(|| ObjectKey::of(owner.metadata()))
    })
}
