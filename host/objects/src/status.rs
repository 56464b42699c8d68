//! Status objects: what a failed request is answered with, worded as upstream words it.

mod build;

use std::fmt;

use crate::resource::Text;
use crate::tree;
use crate::tree::{Object, Tree};

/// A meta/v1 Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub outcome: Outcome,
    pub code: u16,
    /// `None` for success and for what upstream gives no reason.
    pub reason: Option<Reason>,
    pub message: String,
    pub details: Option<Box<Details>>,
    /// Where a list may go on that is not consistent any more.
    pub continued: Option<Box<str>>,
    /// What the client is warned of beside; no part of the object.
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub name: String,
    pub group: Text,
    /// The resource (`pods`) in most reasons, the kind (`Pod`) in Invalid: as upstream.
    pub kind: Text,
    pub uid: String,
    pub causes: Vec<Cause>,
    pub retry_after_seconds: u32,
}

/// One cause: of an Invalid status, one field error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueRequired`, …
    pub reason: Text,
    pub message: String,
    pub field: String,
}

macro_rules! reasons {
    ($($reason:ident = $code:literal),* $(,)?) => {
        /// Why a request failed; each reason has the HTTP status that upstream answers it with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($reason),* }

        impl Reason {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$reason => stringify!($reason)),* }
            }

            pub const fn code(self) -> u16 {
                match self { $(Self::$reason => $code),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $(stringify!($reason) => Some(Self::$reason),)* _ => None }
            }
        }
    };
}

reasons! {
    Unauthorized = 401,
    Forbidden = 403,
    NotFound = 404,
    AlreadyExists = 409,
    Conflict = 409,
    Gone = 410,
    Invalid = 422,
    ServerTimeout = 500,
    StoreReadError = 500,
    Timeout = 504,
    TooManyRequests = 429,
    BadRequest = 400,
    MethodNotAllowed = 405,
    NotAcceptable = 406,
    RequestEntityTooLarge = 413,
    UnsupportedMediaType = 415,
    InternalError = 500,
    Expired = 410,
    ServiceUnavailable = 503,
}

impl Status {
    /// The object itself, fields in upstream's order.
    pub fn to_tree(&self) -> Tree {
        let mut fields = Object::with_capacity(8);
        fields.insert("kind", "Status");
        fields.insert("apiVersion", "v1");
        let continued = self.continued.as_deref();
        fields.insert("metadata", continued.map_or_else(Tree::object, |token| tree!({ "continue": token })));
        fields.insert(
            "status",
            match self.outcome {
                Outcome::Success => "Success",
                Outcome::Failure => "Failure",
            },
        );
        insert_text(&mut fields, "message", &self.message);
        if let Some(reason) = self.reason {
            fields.insert("reason", reason.as_str());
        }
        if let Some(details) = &self.details {
            fields.insert("details", details.to_tree());
        }
        if self.code != 0 {
            fields.insert("code", self.code);
        }
        Tree::Object(fields)
    }

    /// Reads a Status object; a tree that is none is `None`.
    pub fn from_tree(tree: &Tree) -> Option<Self> {
        if tree.str_at(&["kind"]) != Some("Status") {
            return None;
        }
        Some(Self {
            outcome: match tree.str_at(&["status"]) {
                Some("Success") => Outcome::Success,
                _ => Outcome::Failure,
            },
            code: tree.i64_at(&["code"]).and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
            reason: tree.str_at(&["reason"]).and_then(Reason::parse),
            message: tree.str_at(&["message"]).unwrap_or_default().to_owned(),
            details: tree.get("details").map(Details::from_tree).map(Box::new),
            continued: tree.str_at(&["metadata", "continue"]).map(Box::from),
            warnings: Vec::new(),
        })
    }

    pub fn is(&self, reason: Reason) -> bool {
        self.reason == Some(reason)
    }

    /// After how many seconds the client may try again.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.details.as_ref().map(|details| details.retry_after_seconds).filter(|seconds| *seconds != 0)
    }
}

impl Details {
    fn to_tree(&self) -> Tree {
        let mut fields = Object::new();
        insert_text(&mut fields, "name", &self.name);
        insert_text(&mut fields, "group", &self.group);
        insert_text(&mut fields, "kind", &self.kind);
        insert_text(&mut fields, "uid", &self.uid);
        if !self.causes.is_empty() {
            fields.insert("causes", Tree::Array(self.causes.iter().map(Cause::to_tree).collect()));
        }
        if self.retry_after_seconds != 0 {
            fields.insert("retryAfterSeconds", self.retry_after_seconds);
        }
        Tree::Object(fields)
    }

    fn from_tree(tree: &Tree) -> Self {
        let text = |key: &str| tree.str_at(&[key]).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            group: text("group").into(),
            kind: text("kind").into(),
            uid: text("uid"),
            causes: tree.items_at(&["causes"]).iter().map(Cause::from_tree).collect(),
            retry_after_seconds: tree
                .i64_at(&["retryAfterSeconds"])
                .and_then(|seconds| u32::try_from(seconds).ok())
                .unwrap_or(0),
        }
    }
}

impl Cause {
    fn to_tree(&self) -> Tree {
        let mut fields = Object::new();
        insert_text(&mut fields, "reason", &self.reason);
        insert_text(&mut fields, "message", &self.message);
        insert_text(&mut fields, "field", &self.field);
        Tree::Object(fields)
    }

    fn from_tree(tree: &Tree) -> Self {
        let text = |key: &str| tree.str_at(&[key]).unwrap_or_default().to_owned();
        Self { reason: text("reason").into(), message: text("message"), field: text("field") }
    }
}

fn insert_text(fields: &mut Object, key: &str, text: &str) {
    if !text.is_empty() {
        fields.insert(key, text);
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests;
