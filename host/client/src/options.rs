//! What a request may ask beside its object.

use std::time::Duration;

use objects::Tree;
use serde::Serialize;

use crate::resource::Query;

/// Options of a list. Empty texts and zero are left out of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    pub label_selector: String,
    pub field_selector: String,
    /// Of the custom metrics API alone: the series of a metric.
    pub metric_label_selector: String,
    /// Empty: as of now. `0`: whatever the server has at hand.
    pub resource_version: String,
    /// Items a chunk; 0 asks for all at once.
    pub limit: u32,
    pub continue_token: String,
}

impl ListOptions {
    pub fn labels(selector: impl Into<String>) -> Self {
        Self { label_selector: selector.into(), ..Self::default() }
    }

    pub fn fields(selector: impl Into<String>) -> Self {
        Self { field_selector: selector.into(), ..Self::default() }
    }

    pub(crate) fn query(&self) -> Query {
        let mut query = Query::default();
        query.push("labelSelector", &self.label_selector);
        query.push("fieldSelector", &self.field_selector);
        query.push("metricLabelSelector", &self.metric_label_selector);
        query.push("resourceVersion", &self.resource_version);
        if self.limit != 0 {
            query.push("limit", &self.limit.to_string());
        }
        query.push("continue", &self.continue_token);
        query
    }
}

/// Options of a watch; bookmarks are always asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchOptions {
    pub label_selector: String,
    pub field_selector: String,
    /// Events after this version; empty: the present state first, as Added events.
    pub resource_version: String,
    /// When the server shall end the watch.
    pub timeout: Option<Duration>,
}

impl WatchOptions {
    pub(crate) fn query(&self) -> Query {
        let mut query = Query::default();
        query.push("watch", "true");
        query.push("allowWatchBookmarks", "true");
        query.push("labelSelector", &self.label_selector);
        query.push("fieldSelector", &self.field_selector);
        query.push("resourceVersion", &self.resource_version);
        if let Some(timeout) = self.timeout {
            query.push("timeoutSeconds", &timeout.as_secs().to_string());
        }
        query
    }
}

/// What becomes of an object's dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Propagation {
    Orphan,
    Background,
    Foreground,
}

/// A DeleteOptions body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation_policy: Option<Propagation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preconditions: Option<Preconditions>,
}

/// What must hold of the object for it to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preconditions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    pub fn grace(seconds: u32) -> Self {
        Self { grace_period_seconds: Some(seconds), ..Self::default() }
    }

    /// Only the object of this uid.
    pub fn of_uid(mut self, uid: impl Into<String>) -> Self {
        self.preconditions.get_or_insert_default().uid = Some(uid.into());
        self
    }
}

/// A patch and its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    Json(Tree),
    Merge(Tree),
    Strategic(Tree),
}

impl Patch {
    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json-patch+json",
            Self::Merge(_) => "application/merge-patch+json",
            Self::Strategic(_) => "application/strategic-merge-patch+json",
        }
    }

    pub(crate) fn body(&self) -> &Tree {
        match self {
            Self::Json(body) | Self::Merge(body) | Self::Strategic(body) => body,
        }
    }
}
