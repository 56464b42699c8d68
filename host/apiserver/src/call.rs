//! The seam between HTTP and the objects: one authorized request for a resource, and its answer.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::StatusCode;
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
}

impl Call {
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
    Table,
    /// `as=PartialObjectMetadata` and its list.
    Metadata,
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
