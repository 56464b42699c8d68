//! The seam between HTTP and the objects: one authorized request for a resource, and its answer.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::StatusCode;
use objects::Tree;
use objects::resource::Verb;

use crate::authn::UserInfo;
use crate::registry::Served;

/// One request for a resource, already authenticated and authorized.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) resource: Arc<Served>,
    /// Empty for the resource itself.
    pub(crate) subresource: String,
    /// Empty for cluster scope and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for collections.
    pub(crate) name: String,
    pub(crate) verb: Verb,
    /// Decoded `name=value` pairs of the query, in their order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Content,
    pub(crate) output: Output,
    pub(crate) user: UserInfo,
    /// What the client calls itself; empty where it does not.
    pub(crate) user_agent: String,
    pub(crate) notes: Notes,
}

/// What the audit is to tell of a call beside what was asked and answered: annotations by their keys. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(String, String)>>>);

impl Notes {
    /// The first note of a key stays.
    pub(crate) fn add(&self, key: String, value: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.iter().all(|(known, _)| *known != key) {
            notes.push((key, value));
        }
    }

    pub(crate) fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where a write of the API server's own goes; empty parts are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
}

impl Call {
    /// A call of the API server's own: nobody is asked whether it may, admission sees it as any other.
    pub(crate) fn own(resource: Arc<Served>, verb: Verb, place: Place<'_>, body: &Tree) -> Self {
        const USER: &str = "system:apiserver";
        Self {
            resource,
            subresource: place.subresource.to_owned(),
            namespace: place.namespace.to_owned(),
            name: place.name.to_owned(),
            verb,
            query: Vec::new(),
            body: Content { media_type: "application/json".to_owned(), bytes: body.to_json() },
            output: Output::Objects,
            user: UserInfo { name: USER.to_owned(), ..UserInfo::default() },
            user_agent: "kube-apiserver".to_owned(),
            notes: Notes::default(),
        }
    }

    /// The key of the object in the store; empty where it is not stored.
    pub(crate) fn key(&self) -> String {
        self.resource.key(Some(&self.namespace), &self.name).unwrap_or_default()
    }
}

/// A body with its media type; both empty where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// The form in which objects are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    #[default]
    Objects,
    /// `as=Table`: rows of printer columns.
    Table(MetaVersion),
    /// `as=PartialObjectMetadata` and its list.
    Metadata(MetaVersion),
}

/// The version of meta.k8s.io in which a document is wanted; they have the same fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaVersion {
    V1,
    V1beta1,
}

impl MetaVersion {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// A successful answer. Everything else is an [`objects::status::Status`].
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) body: AnswerBody,
    /// For `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

pub(crate) enum AnswerBody {
    /// One JSON document.
    Json(Bytes),
    /// Watch events, each a JSON document with its line end. Ends when the watch does; dropping it ends the watch.
    Watch(BoxStream<'static, Bytes>),
}
