//! The addons ask the API, as the user `system:addon:NAME`, over the in-process transport.

use std::time::Duration;

use addons::ports::{KubeAccess, ObjectSource, ObjectUpdate};
use addons::{Kind, KubeRequest, KubeResponse, Object, ObjectChange, ObjectKey, Refusal, Target};
use client::{
    Api, ApiError, ApiResource, Client, DeleteOptions, ListOptions, Watch, WatchEvent, WatchOptions,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use objects::status::Reason;
use objects::{Tree, meta};
use tracing::debug;

use crate::adapt::clients::Clients;

const VERSION: &[&str] = &["metadata", "resourceVersion"];
/// Pause before an addon's objects are listed anew after a failure.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(crate) struct AddonKube {
    clients: Clients,
}

impl AddonKube {
    pub(crate) fn new(clients: Clients) -> Self {
        Self { clients }
    }
}

fn resource(kind: &Kind) -> ApiResource {
    ApiResource {
        group: kind.group.clone().into(),
        version: kind.version.clone().into(),
        plural: kind.resource.clone().into(),
    }
}

fn namespace(target: &Target) -> Option<&str> {
    (!target.namespace.is_empty()).then_some(target.namespace.as_str())
}

impl KubeAccess for AddonKube {
    fn call<'a>(
        &'a self,
        addon: &'a str,
        request: KubeRequest,
    ) -> BoxFuture<'a, Result<KubeResponse, Refusal>> {
        let client = self.clients.addon(addon);
        Box::pin(async move { answer(&client, request).await })
    }
}

/// Subresources that are read and replaced as objects are.
const SUBRESOURCES: [&str; 3] = ["", "scale", "status"];

async fn answer(client: &Client, request: KubeRequest) -> Result<KubeResponse, Refusal> {
    let (KubeRequest::Get(target)
    | KubeRequest::List(target)
    | KubeRequest::Put(target, _)
    | KubeRequest::Delete(target)) = &request;
    let is_of_one = matches!(request, KubeRequest::Get(_) | KubeRequest::Put(..));
    if !SUBRESOURCES.contains(&&*target.subresource) || !(target.subresource.is_empty() || is_of_one) {
        let told = format!(
            "{:?} is no subresource that can be got and put: status and scale are",
            target.subresource
        );
        return Err(Refusal::Invalid(told));
    }
    match request {
        KubeRequest::Get(target) => {
            let api: Api<Tree> = client.dynamic(&resource(&target.kind), namespace(&target));
            let found = api.get_subresource(&target.name, &target.subresource).await;
            Ok(vec![found.map_err(refusal)?.to_json()])
        }
        KubeRequest::List(target) => {
            let api = client.dynamic(&resource(&target.kind), namespace(&target));
            let options = ListOptions {
                label_selector: target.label_selector,
                field_selector: target.field_selector,
                ..ListOptions::default()
            };
            let list = api.list_all(&options).await.map_err(refusal)?;
            Ok(list.items.iter().map(Tree::to_json).collect())
        }
        KubeRequest::Put(target, object) => {
            let wanted = Tree::from_json(&object).map_err(|why| Refusal::Invalid(why.to_string()))?;
            let api = client.dynamic(&resource(&target.kind), namespace(&target));
            let written = match target.subresource.as_str() {
                "" => replace(&api, &target.name, wanted).await,
                subresource => replace_part(&api, &target.name, subresource, wanted).await,
            };
            Ok(vec![written.map_err(refusal)?.to_json()])
        }
        KubeRequest::Delete(target) => {
            let api = client.dynamic(&resource(&target.kind), namespace(&target));
            api.delete(&target.name, &DeleteOptions::default()).await.map_err(refusal)?;
            Ok(Vec::new())
        }
    }
}

/// Creates an object of cluster scope, or replaces the one of its name.
pub(crate) async fn put(client: &Client, resource: &ApiResource, wanted: Tree) -> Result<Tree, ApiError> {
    let name = meta::name(&wanted).to_owned();
    replace(&client.dynamic(resource, None), &name, wanted).await
}

/// Creates the object, or replaces the one of its name; one that says which version it replaces, that version alone.
async fn replace(api: &Api<Tree>, name: &str, mut wanted: Tree) -> Result<Tree, ApiError> {
    if wanted.at(VERSION).is_some() {
        return api.update(name, &wanted).await;
    }
    match api.create(&wanted).await {
        Err(why) if why.is_already_exists() => {}
        other => return other,
    }
    let present = api.get(name).await?;
    if let Some(version) = present.at(VERSION) {
        wanted.set_at(VERSION, version.clone());
    }
    api.update(name, &wanted).await
}

/// Replaces a subresource of an object that is there; one that says which version it replaces, of that version alone.
async fn replace_part(
    api: &Api<Tree>,
    name: &str,
    subresource: &str,
    mut wanted: Tree,
) -> Result<Tree, ApiError> {
    if wanted.at(VERSION).is_none() {
        let present = api.get_subresource(name, subresource).await?;
        if let Some(version) = present.at(VERSION) {
            wanted.set_at(VERSION, version.clone());
        }
    }
    api.update_subresource(name, subresource, &wanted).await
}

fn refusal(why: ApiError) -> Refusal {
    let text = why.to_string();
    match () {
        () if why.is_not_found() => Refusal::NotFound(text),
        () if why.is_conflict() => Refusal::Conflict(text),
        () if why.is_forbidden() => Refusal::Denied(text),
        () if why.reason() == Some(Reason::Invalid) => Refusal::Invalid(text),
        () => Refusal::Unavailable(text),
    }
}

impl ObjectSource for AddonKube {
    fn follow(&self, addon: &str, kind: &Kind) -> BoxStream<'static, ObjectUpdate> {
        follow(&self.clients.addon(addon), kind)
    }
}

/// The objects of a kind as a client sees them: a snapshot first, then what changes.
pub(crate) fn follow(client: &Client, kind: &Kind) -> BoxStream<'static, ObjectUpdate> {
    let api = client.dynamic(&resource(kind), None);
    let follower = Follower { api, version: None, watch: None };
    unfold(follower, |mut follower| async move { Some((follower.next().await, follower)) }).boxed()
}

/// Lists once, and again whenever the server no longer holds what came since.
struct Follower {
    api: Api<Tree>,
    /// Up to where the news were told.
    version: Option<String>,
    watch: Option<Watch<Tree>>,
}

impl Follower {
    async fn next(&mut self) -> ObjectUpdate {
        loop {
            match self.step().await {
                Ok(Some(update)) => return update,
                Ok(None) => {}
                Err(why) => {
                    debug!(path = self.api.path(), %why, "follow the objects of an addon");
                    self.watch = None;
                    if why.is_gone() {
                        self.version = None;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<ObjectUpdate>, ApiError> {
        let Some(version) = self.version.clone() else {
            let list = self.api.list_all(&ListOptions::default()).await?;
            self.version = Some(list.resource_version().to_owned());
            return Ok(Some(ObjectUpdate::Snapshot(list.items.into_iter().map(object).collect())));
        };
        let watch = match &mut self.watch {
            Some(watch) => watch,
            None => {
                let options = WatchOptions { resource_version: version, ..WatchOptions::default() };
                self.watch.insert(self.api.watch(&options).await?)
            }
        };
        let Some(event) = watch.next().await.transpose()? else {
            self.watch = None;
            return Ok(None);
        };
        let (version, change) = match event {
            WatchEvent::Bookmark { resource_version, .. } => (resource_version, None),
            WatchEvent::Unread { object, .. } => (object.resource_version, None),
            WatchEvent::Added(tree) | WatchEvent::Modified(tree) => {
                (text(&tree, "resourceVersion"), Some(ObjectChange::Put(object(tree))))
            }
            WatchEvent::Deleted(tree) => {
                (text(&tree, "resourceVersion"), Some(ObjectChange::Delete(key(&tree))))
            }
        };
        self.version = Some(version);
        Ok(change.map(|change| ObjectUpdate::Changes(vec![change])))
    }
}

/// Who manages which field is often more than the object, and no addon's business.
fn object(mut tree: Tree) -> Object {
    tree.remove_at(&["metadata", "managedFields"]);
    Object { key: key(&tree), json: tree.to_json() }
}

fn key(tree: &Tree) -> ObjectKey {
    ObjectKey { namespace: text(tree, "namespace"), name: text(tree, "name") }
}

fn text(tree: &Tree, field: &str) -> String {
    tree.str_at(&["metadata", field]).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    #[test]
    fn an_object_is_pushed_without_who_manages_it() {
        let pushed = object(tree!({
            "metadata": { "namespace": "a", "name": "b", "managedFields": [{ "manager": "kubectl" }] },
            "data": { "k": "v" }
        }));
        assert_eq!(pushed.key, ObjectKey { namespace: "a".to_owned(), name: "b".to_owned() });
        assert_eq!(pushed.json, r#"{"metadata":{"namespace":"a","name":"b"},"data":{"k":"v"}}"#);
    }
}
