//! The documents that describe the API, discovery and OpenAPI, as HTTP answers: made of a snapshot of the registry and
//! of what other servers tell when first asked for, kept until these change.

mod answer;
mod page;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Response};
use objects::resource::GroupVersion;

use self::answer::{answer, moved, not_acceptable};
use self::page::{Form, Page};
use crate::aggregation::{Neighbour, Neighbours};
use crate::discovery::{Offer, Root};
use crate::registry::{Registry, Served};
use crate::{discovery, openapi};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Documents(Arc<Parts>);

struct Parts {
    registry: Registry,
    neighbours: Neighbours,
    server_address: String,
    snapshot: ArcSwap<Snapshot>,
}

/// The documents of one state of what is served.
struct Snapshot {
    rows: Arc<Vec<Arc<Served>>>,
    neighbours: Arc<Vec<Arc<Neighbour>>>,
    made: Mutex<HashMap<(Page, Form), Arc<Document>>>,
}

struct Document {
    media_type: &'static str,
    bytes: Bytes,
    /// Hexadecimal, of the bytes.
    hash: String,
}

impl Documents {
    /// `server_address` is the `host:port` that `/api` tells clients.
    pub(crate) fn new(registry: Registry, neighbours: Neighbours, server_address: impl Into<String>) -> Self {
        let first = Snapshot { rows: registry.rows(), neighbours: neighbours.all(), made: Mutex::default() };
        let snapshot = ArcSwap::from_pointee(first);
        Self(Arc::new(Parts { registry, neighbours, server_address: server_address.into(), snapshot }))
    }

    /// The paths of groups and their versions below `/apis`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let groups = discovery::groups(snapshot.offer());
        let named = groups.iter().filter(|group| !group.name.is_empty());
        named
            .flat_map(|group| {
                let path = format!("/apis/{}", group.name);
                let versions: Vec<String> =
                    group.versions.iter().map(|version| format!("{path}/{}", version.name)).collect();
                std::iter::once(path).chain(versions)
            })
            .collect()
    }

    /// Answers a GET or HEAD of `/api`, `/apis` or `/openapi` or of a path below them, with its ETag; `None` where
    /// there is no document of that path, so that a path of objects comes to its own. `query` is raw.
    pub(crate) fn get(
        &self,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Response<Bytes>> {
        let page = Page::read(path)?;
        let snapshot = self.snapshot();
        let Some(form) = page.choose(headers) else {
            return snapshot.has(&page).then(|| not_acceptable(&page.media_types()));
        };
        let document = snapshot.document(&page, form, &self.0.server_address)?;
        let hash =
            query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("hash="));
        Some(match hash {
            Some(hash) if page.is_hashed() && hash != document.hash => {
                moved(&format!("{path}?hash={}", document.hash))
            }
            hash => answer(&document, headers, page.is_hashed() && hash.is_some()),
        })
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let current = self.0.snapshot.load_full();
        let (rows, neighbours) = (self.0.registry.rows(), self.0.neighbours.all());
        if Arc::ptr_eq(&current.rows, &rows) && Arc::ptr_eq(&current.neighbours, &neighbours) {
            return current;
        }
        let next = Arc::new(current.followed_by(rows, neighbours));
        self.0.snapshot.store(Arc::clone(&next));
        next
    }
}

impl Snapshot {
    /// What is made of others; the OpenAPI of group versions whose rows stay is kept.
    fn followed_by(&self, rows: Arc<Vec<Arc<Served>>>, neighbours: Arc<Vec<Arc<Neighbour>>>) -> Self {
        let rows_of = |rows: &[Arc<Served>], of: &GroupVersion| -> Vec<*const Served> {
            rows.iter().filter(|row| row.group_version() == *of).map(Arc::as_ptr).collect()
        };
        let stays = |page: &Page| match page {
            Page::OpenApi3Of(of) => rows_of(&self.rows, of) == rows_of(&rows, of),
            _ => false,
        };
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = made.iter().filter(|((page, _), _)| stays(page));
        let kept = kept.map(|(key, document)| (key.clone(), Arc::clone(document))).collect();
        Self { rows, neighbours, made: Mutex::new(kept) }
    }

    fn offer(&self) -> Offer<'_> {
        Offer { rows: &self.rows, neighbours: &self.neighbours }
    }

    /// Whether there is anything at a page.
    fn has(&self, page: &Page) -> bool {
        let rows = || self.rows.iter();
        match page {
            Page::Group(name) => discovery::groups(self.offer()).iter().any(|group| group.name == name),
            Page::Resources(of) | Page::OpenApi3Of(of) => rows().any(|row| row.group_version() == *of),
            Page::Versions | Page::Groups | Page::OpenApi2 | Page::OpenApi3 => true,
        }
    }

    fn document(&self, page: &Page, form: Form, server_address: &str) -> Option<Arc<Document>> {
        let key = (page.clone(), form);
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = made().get(&key) {
            return Some(Arc::clone(document));
        }
        let bytes = self.bytes(page, form, server_address)?;
        let document =
            Arc::new(Document { media_type: form.media_type(), hash: answer::hash(&bytes), bytes });
        Some(Arc::clone(made().entry(key).or_insert(document)))
    }

    fn bytes(&self, page: &Page, form: Form, server_address: &str) -> Option<Bytes> {
        let (rows, offer) = (self.rows.as_slice(), self.offer());
        let tree = match (page, form) {
            (Page::Versions, Form::Aggregated(version)) => discovery::aggregated(offer, Root::Api, version),
            (Page::Groups, Form::Aggregated(version)) => discovery::aggregated(offer, Root::Apis, version),
            (Page::Versions, _) => discovery::versions(offer, server_address),
            (Page::Groups, _) => discovery::group_list(offer),
            (Page::Group(group), _) => discovery::group(offer, group)?,
            (Page::Resources(of), _) => discovery::resource_list(rows, of)?,
            (Page::OpenApi2, Form::Protobuf) => return Some(openapi::gnostic(&openapi::version_2(offer))),
            (Page::OpenApi2, _) => openapi::version_2(offer),
            (Page::OpenApi3, _) => {
                let hash = |of: &GroupVersion| {
                    let page = Page::OpenApi3Of(of.clone());
                    self.document(&page, Form::Json, server_address).map(|document| document.hash.clone())
                };
                openapi::index(offer, hash)
            }
            (Page::OpenApi3Of(of), _) => openapi::version_3(rows, of)?,
        };
        Some(tree.to_json())
    }
}

#[cfg(test)]
mod tests;
