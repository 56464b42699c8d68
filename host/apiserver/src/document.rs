//! The documents that describe the API, discovery and OpenAPI, as HTTP answers: made of a snapshot of the registry
//! when first asked for, kept until the registry changes.

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
use crate::discovery::Root;
use crate::registry::{Registry, Served};
use crate::{discovery, openapi};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Documents(Arc<Parts>);

struct Parts {
    registry: Registry,
    server_address: String,
    snapshot: ArcSwap<Snapshot>,
}

/// The documents of one state of the registry.
struct Snapshot {
    rows: Arc<Vec<Arc<Served>>>,
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
    pub(crate) fn new(registry: Registry, server_address: impl Into<String>) -> Self {
        let snapshot = ArcSwap::from_pointee(Snapshot::of(&registry));
        Self(Arc::new(Parts { registry, server_address: server_address.into(), snapshot }))
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
        if Arc::ptr_eq(&current.rows, &self.0.registry.rows()) {
            return current;
        }
        let next = Arc::new(Snapshot::of(&self.0.registry));
        self.0.snapshot.store(Arc::clone(&next));
        next
    }
}

impl Snapshot {
    fn of(registry: &Registry) -> Self {
        Self { rows: registry.rows(), made: Mutex::default() }
    }

    /// Whether there is anything at a page.
    fn has(&self, page: &Page) -> bool {
        let rows = || self.rows.iter();
        match page {
            Page::Group(group) => rows().any(|row| row.group == *group),
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
        let rows = self.rows.as_slice();
        let tree = match (page, form) {
            (Page::Versions, Form::Aggregated(version)) => discovery::aggregated(rows, Root::Api, version),
            (Page::Groups, Form::Aggregated(version)) => discovery::aggregated(rows, Root::Apis, version),
            (Page::Versions, _) => discovery::versions(rows, server_address),
            (Page::Groups, _) => discovery::group_list(rows),
            (Page::Group(group), _) => discovery::group(rows, group)?,
            (Page::Resources(of), _) => discovery::resource_list(rows, of)?,
            (Page::OpenApi2, Form::Protobuf) => return Some(openapi::gnostic(&openapi::version_2(rows))),
            (Page::OpenApi2, _) => openapi::version_2(rows),
            (Page::OpenApi3, _) => {
                let hash = |of: &GroupVersion| {
                    let page = Page::OpenApi3Of(of.clone());
                    self.document(&page, Form::Json, server_address).map(|document| document.hash.clone())
                };
                openapi::index(rows, hash)
            }
            (Page::OpenApi3Of(of), _) => openapi::version_3(rows, of)?,
        };
        Some(tree.to_json())
    }
}

#[cfg(test)]
mod tests;
