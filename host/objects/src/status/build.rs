//! The failures by reason, each with upstream's message, details and code.

use std::fmt::Display;

use super::{Cause, Details, Outcome, Reason, Status};
use crate::resource::{GroupKind, GroupResource};

/// What a write says whose resourceVersion is not the object's.
const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl Status {
    pub fn failure(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Failure,
            code: reason.code(),
            reason: Some(reason),
            message: message.into(),
            details: None,
            continued: None,
            warnings: Vec::new(),
        }
    }

    /// The same, with what the client is warned of before all else.
    pub fn warned(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.splice(0..0, warnings);
        self
    }

    /// What a deletion of an object that is gone at once is answered with.
    pub fn deleted(resource: &GroupResource, name: &str, uid: &str) -> Self {
        let details = Details { uid: uid.to_owned(), ..of_resource(resource, name) };
        Self::success().with_details(details)
    }

    /// A plain success, as a deletion of a collection is answered with.
    pub fn success() -> Self {
        Self { outcome: Outcome::Success, code: 0, reason: None, ..Self::failure(Reason::InternalError, "") }
    }

    /// `pods "x" not found`
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        Self::failure(Reason::NotFound, format!("{resource} {name:?} not found"))
            .with_details(of_resource(resource, name))
    }

    /// No such path or resource at all.
    pub fn no_such_path() -> Self {
        Self::failure(Reason::NotFound, "the server could not find the requested resource")
            .with_details(Details::default())
    }

    /// `pods "x" already exists`
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::failure(Reason::AlreadyExists, format!("{resource} {name:?} already exists"))
            .with_details(of_resource(resource, name))
    }

    /// A generated name is taken: the client may try again.
    pub fn generated_name_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!(
            "{resource} {name:?} already exists, the server was not able to generate a unique name for the object"
        );
        Self::failure(Reason::AlreadyExists, message)
            .with_details(Details { retry_after_seconds: 1, ..of_resource(resource, name) })
    }

    /// `Operation cannot be fulfilled on pods "x": …`
    pub fn conflict(resource: &GroupResource, name: &str, why: impl Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::failure(Reason::Conflict, message).with_details(of_resource(resource, name))
    }

    /// The resourceVersion of a write is not that of the object.
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        Self::conflict(resource, name, MODIFIED)
    }

    /// The precondition on the uid does not hold, of the object at a key of the store.
    pub fn uid_precondition(
        resource: &GroupResource,
        (name, key): (&str, &str),
        wanted: &str,
        actual: &str,
    ) -> Self {
        let why = format_args!("UID in precondition: {wanted}, UID in object meta: {actual}").to_string();
        Self::conflict(resource, name, precondition(key, &why))
    }

    /// The precondition on the resourceVersion does not hold, of the object at a key of the store.
    pub fn version_precondition(
        resource: &GroupResource,
        (name, key): (&str, &str),
        wanted: &str,
        actual: &str,
    ) -> Self {
        let why =
            format!("ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {actual}");
        Self::conflict(resource, name, precondition(key, &why))
    }

    /// `pods "x" is forbidden: …`; without a resource `forbidden: …`.
    pub fn forbidden(resource: &GroupResource, name: &str, why: impl Display) -> Self {
        let message = match (resource.resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{resource} is forbidden: {why}"),
            (false, false) => format!("{resource} {name:?} is forbidden: {why}"),
        };
        Self::failure(Reason::Forbidden, message).with_details(of_resource(resource, name))
    }

    pub fn unauthorized() -> Self {
        Self::failure(Reason::Unauthorized, "Unauthorized")
    }

    /// `Pod "x" is invalid: …`; `message` is the aggregate of the field errors, `causes` one for each.
    pub fn invalid(kind: &GroupKind, name: &str, message: impl Display, causes: Vec<Cause>) -> Self {
        let details = Details {
            name: name.to_owned(),
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            causes,
            ..Details::default()
        };
        Self::failure(Reason::Invalid, format!("{kind} {name:?} is invalid: {message}")).with_details(details)
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(Reason::BadRequest, message)
    }

    /// `list is not supported on resources of kind "tokenreviews.authentication.k8s.io"`
    pub fn method_not_supported(resource: &GroupResource, action: &str) -> Self {
        let message = format!("{action} is not supported on resources of kind \"{resource}\"");
        Self::failure(Reason::MethodNotAllowed, message).with_details(of_resource(resource, ""))
    }

    /// The HTTP method fits no operation of the path.
    pub fn method_not_allowed() -> Self {
        Self::failure(
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )
        .with_details(Details::default())
    }

    /// None of the media types of `Accept` can be produced.
    pub fn not_acceptable(produced: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", produced.join(", "));
        Self::failure(Reason::NotAcceptable, message)
    }

    /// The body's media type cannot be read.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::failure(Reason::UnsupportedMediaType, message)
    }

    pub fn too_large(message: impl Display) -> Self {
        Self::failure(Reason::RequestEntityTooLarge, format!("Request entity too large: {message}"))
    }

    pub fn expired(message: impl Into<String>) -> Self {
        Self::failure(Reason::Expired, message)
    }

    /// A watch from a revision that is compacted.
    pub fn watch_too_old() -> Self {
        Self::expired("The resourceVersion for the provided watch is too old.")
    }

    /// A list at, or a watch from, a revision before the oldest known one.
    pub fn too_old_resource_version(wanted: i64, oldest: i64) -> Self {
        Self::expired(format!("too old resource version: {wanted} ({oldest})"))
    }

    /// A list at an exact revision that is compacted.
    pub fn list_too_old() -> Self {
        Self::expired("The resourceVersion for the provided list is too old.")
    }

    /// A continue token of a revision that is compacted; `next` is one for what is there now.
    pub fn continue_too_old(next: &str) -> Self {
        let status = Self::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the \
             list.",
        );
        Self { continued: Some(next.into()), ..status }
    }

    /// A read at a revision that the store has not reached.
    pub fn too_large_resource_version(wanted: i64, current: i64) -> Self {
        let cause = Cause {
            reason: "ResourceVersionTooLarge".into(),
            message: "Too large resource version".to_owned(),
            field: String::new(),
        };
        let mut status =
            Self::timeout(format_args!("Too large resource version: {wanted}, current: {current}"), 1);
        if let Some(details) = &mut status.details {
            details.causes.push(cause);
        }
        status
    }

    pub fn gone(message: impl Into<String>) -> Self {
        Self::failure(Reason::Gone, message)
    }

    /// `Internal error occurred: …`
    pub fn internal(error: impl Display) -> Self {
        let cause = Cause { message: error.to_string(), ..Cause::default() };
        Self::failure(Reason::InternalError, format!("Internal error occurred: {error}"))
            .with_details(Details { causes: vec![cause], ..Details::default() })
    }

    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::failure(Reason::TooManyRequests, message).retry_after(retry_after_seconds)
    }

    /// `Timeout: …`
    pub fn timeout(message: impl Display, retry_after_seconds: u32) -> Self {
        Self::failure(Reason::Timeout, format!("Timeout: {message}")).retry_after(retry_after_seconds)
    }

    pub fn server_timeout(resource: &GroupResource, operation: &str, retry_after_seconds: u32) -> Self {
        let message = format!(
            "The {operation} operation against {resource} could not be completed at this time, please try again."
        );
        Self::failure(Reason::ServerTimeout, message).with_details(Details {
            name: operation.to_owned(),
            retry_after_seconds,
            ..of_resource(resource, "")
        })
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::failure(Reason::ServiceUnavailable, message)
    }

    /// Tells the client when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }
}

fn of_resource(resource: &GroupResource, name: &str) -> Details {
    Details {
        name: name.to_owned(),
        group: resource.group.clone(),
        kind: resource.resource.clone(),
        ..Details::default()
    }
}

/// How upstream's store says that a precondition does not hold.
fn precondition(key: &str, why: &str) -> String {
    format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: {why}"
    )
}
