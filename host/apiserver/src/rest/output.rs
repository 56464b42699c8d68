//! Objects, lists and watch events as the client wants them: whole, as metadata alone, or as a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use datastore::Revision;
use objects::resource::Verb;
use objects::status::Status;
use objects::validate::{FieldError, Path};
use objects::{Tree, meta, tree};

use super::table::{self, Form, Headers};
use crate::cache::{Change, Entry, EventType};
use crate::call::{Answer, Call, MetaVersion, Output};
use crate::registry::Served;
use crate::storage::convert;

pub(crate) struct Render {
    resource: Arc<Served>,
    /// The row in whose version entries are.
    hub: Arc<Served>,
    output: Output,
    include: Include,
    /// Whether lines of events are the same for all who see entries as they are.
    shared: bool,
    /// Of a watch: whether it has told its columns.
    told: Option<AtomicBool>,
    /// `{"kind":…,"apiVersion":…,`: what goes before the body of an entry, without its brace.
    head: String,
}

/// How much of an object the rows of a table carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub(crate) fn of(call: &Call) -> Self {
        match call.query("includeObject") {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }

    /// Refuses a word that is none of these.
    pub(crate) fn check(call: &Call) -> Result<(), Status> {
        let said = call.query("includeObject").unwrap_or("Metadata");
        if !matches!(call.output, Output::Table(_)) || ["None", "Metadata", "Object"].contains(&said) {
            return Ok(());
        }
        let supported = ["None", "Metadata", "Object", ""];
        let error = FieldError::not_supported(&Path::new("includeObject"), said, &supported);
        Err(Status::bad_request(format!("Unable to convert to Table as requested: {error}")))
    }
}

/// The metadata of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListMeta {
    pub(crate) revision: Revision,
    pub(crate) continued: String,
    pub(crate) remaining: Option<usize>,
}

impl Render {
    pub(crate) fn new(call: &Call, hub: &Arc<Served>) -> Self {
        let head =
            format!("{{\"kind\":{:?},\"apiVersion\":{:?},", call.resource.kind, call.resource.api_version());
        let include = Include::of(call);
        Self {
            resource: Arc::clone(&call.resource),
            hub: Arc::clone(hub),
            output: call.output,
            include,
            shared: true,
            told: (call.verb == Verb::Watch).then(AtomicBool::default),
            head,
        }
    }

    /// For entries that were converted to the version of the call.
    pub(crate) fn converted(call: &Call) -> Self {
        Self { shared: false, ..Self::new(call, &call.resource) }
    }

    /// The answer that shows an object which is not stored.
    pub(crate) fn unstored(call: &Call, mut tree: Tree) -> Answer {
        meta::set_gvk(&mut tree, &call.resource.gvk());
        Answer::ok(Self::converted(call).object(tree))
    }

    /// The same for a list of them.
    pub(crate) fn unstored_list(call: &Call, trees: Vec<Tree>) -> Answer {
        let (resource, meta) = (&call.resource, Tree::object());
        let items = |kind: &str, version: String, items: Vec<Tree>| tree!({ "kind": kind, "apiVersion": version, "metadata": {}, "items": items });
        let document = match call.output {
            Output::Table(version) => {
                let form = Form { version, include: Include::of(call), headers: Headers::Shown };
                table::document(resource, meta, form, trees)
            }
            Output::Metadata(version) => {
                let trees = trees.iter().map(|tree| metadata_of(tree, version)).collect();
                items("PartialObjectMetadataList", version.as_str().to_owned(), trees)
            }
            Output::Objects => items(&resource.list_kind, resource.api_version(), trees),
        };
        Answer::ok(document.to_json())
    }

    /// Whether entries go out with the bytes that they have.
    fn is_plain(&self) -> bool {
        self.output == Output::Objects && Arc::ptr_eq(&self.resource, &self.hub)
    }

    /// The complete object of an entry.
    fn tree(&self, entry: &Entry) -> Tree {
        let mut tree = convert(entry.tree(), &self.hub, &self.resource);
        meta::set_gvk(&mut tree, &self.resource.gvk());
        tree
    }

    pub(crate) fn entry(&self, entry: &Entry) -> Bytes {
        if self.is_plain() { self.plain(entry).into() } else { self.object(self.tree(entry)) }
    }

    fn plain(&self, entry: &Entry) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.head.len() + entry.len());
        out.extend_from_slice(self.head.as_bytes());
        entry.write_fields(&mut out);
        out
    }

    /// A complete object in the version of the request.
    pub(crate) fn object(&self, tree: Tree) -> Bytes {
        match self.output {
            Output::Objects => tree.to_json(),
            Output::Metadata(version) => metadata_of(&tree, version).to_json(),
            Output::Table(version) => {
                let revision = meta::resource_version(&tree).to_owned();
                let list = tree!({ "resourceVersion": revision });
                let form = Form { version, include: self.include, headers: self.headers() };
                table::document(&self.resource, list, form, [tree]).to_json()
            }
        }
    }

    /// The first event of a watch describes the columns of all.
    fn headers(&self) -> Headers {
        match &self.told {
            Some(told) if told.swap(true, Ordering::Relaxed) => Headers::Known,
            _ => Headers::Shown,
        }
    }

    pub(crate) fn list(&self, entries: &[Arc<Entry>], list: &ListMeta) -> Bytes {
        let list = list.to_tree();
        let (kind, version) = match self.output {
            Output::Table(version) => {
                let trees = entries.iter().map(|entry| self.tree(entry));
                let form = Form { version, include: self.include, headers: Headers::Shown };
                return table::document(&self.resource, list, form, trees).to_json();
            }
            Output::Metadata(version) => ("PartialObjectMetadataList", version.as_str().to_owned()),
            Output::Objects => (self.resource.list_kind.as_ref(), self.resource.api_version()),
        };
        let size: usize = entries.iter().map(|entry| entry.len() + 2).sum();
        let mut out = Vec::with_capacity(size + 256);
        out.extend_from_slice(
            format!("{{\"kind\":{kind:?},\"apiVersion\":{version:?},\"metadata\":{list},\"items\":[")
                .as_bytes(),
        );
        // Upstream has custom resources without a type, which therefore say their kind wherever they are.
        let says_kind = self.resource.custom().is_some();
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if self.is_plain() {
                out.extend_from_slice(if says_kind { self.head.as_bytes() } else { b"{" });
                entry.write_fields(&mut out);
            } else if let Output::Metadata(version) = self.output {
                metadata_of(&entry.tree(), version).write_json(&mut out);
            } else {
                let mut tree = self.tree(entry);
                if !says_kind {
                    tree.remove("kind");
                    tree.remove("apiVersion");
                }
                tree.write_json(&mut out);
            }
        }
        out.extend_from_slice(b"]}");
        out.into()
    }

    /// The line of an event that a watch of this output sees.
    pub(crate) fn event(&self, change: &Change, event: EventType, entry: &Entry) -> Bytes {
        let make = || match event {
            EventType::Deleted => self.last_state(entry, change.revision),
            _ => line(event.as_str(), &self.entry(entry)),
        };
        if self.shared && self.is_plain() { change.line(event, make) } else { make() }
    }

    /// An object that goes is shown as it was, at the revision at which it went.
    fn last_state(&self, entry: &Entry, revision: Revision) -> Bytes {
        let mut tree = self.tree(entry);
        meta::set_resource_version(&mut tree, &revision.to_string());
        line(EventType::Deleted.as_str(), &self.object(tree))
    }

    /// The line of an object of the state that a watch begins with.
    pub(crate) fn initial(&self, entry: &Entry) -> Bytes {
        line(EventType::Added.as_str(), &self.entry(entry))
    }

    /// The line of a bookmark. Its object has nothing but the revision.
    pub(crate) fn bookmark(&self, revision: Revision, annotations: Tree) -> Bytes {
        let mut metadata = tree!({ "resourceVersion": (revision.to_string()) });
        if !annotations.is_empty_value() {
            metadata.insert("annotations", annotations);
        }
        let object = match self.output {
            Output::Table(version) => {
                let form = Form { version, include: self.include, headers: self.headers() };
                table::bookmark(&self.resource, form, partial(metadata, version))
            }
            Output::Metadata(version) => partial(metadata, version),
            Output::Objects => {
                let (kind, version) = (self.resource.kind.as_ref(), self.resource.api_version());
                tree!({ "kind": kind, "apiVersion": version, "metadata": metadata })
            }
        };
        line("BOOKMARK", &object.to_json())
    }
}

/// One watch event with its line end.
pub(crate) fn line(event: &str, object: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(object.len() + 40);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
    out.into()
}

/// An object's metadata as an object of its own.
pub(crate) fn metadata_of(tree: &Tree, version: MetaVersion) -> Tree {
    partial(tree.get("metadata").cloned().unwrap_or_else(Tree::object), version)
}

fn partial(metadata: Tree, version: MetaVersion) -> Tree {
    tree!({ "kind": "PartialObjectMetadata", "apiVersion": (version.as_str()), "metadata": metadata })
}

impl ListMeta {
    fn to_tree(&self) -> Tree {
        let mut tree = tree!({ "resourceVersion": (self.revision.to_string()) });
        if !self.continued.is_empty() {
            tree.insert("continue", self.continued.as_str());
        }
        if let Some(remaining) = self.remaining {
            tree.insert("remainingItemCount", i64::try_from(remaining).unwrap_or(i64::MAX));
        }
        tree
    }
}
