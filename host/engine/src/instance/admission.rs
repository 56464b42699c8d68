//! The calls of `admission`.

use super::{Borrowed, CallError, Instance, Wait, later};
use crate::bindings::exports::mk8s::addon::admission;
use crate::convert;
use crate::inspect::Role;
use crate::values::{AdmissionRequest, Denial, Mutation, Review, WriteOperation};

impl Instance {
    /// Completes an object.
    pub async fn mutate(&mut self, request: &AdmissionRequest) -> Result<Mutation, CallError> {
        let user = Borrowed::of(&request.user);
        let extra = user.extra();
        let asked = asked(request, &user, &extra);
        let mutation =
            call!(self, admission, Admission, later, |guest, store| guest.call_mutate(store, asked))?;
        Ok(Mutation { review: review(mutation.review), patch: mutation.patch.map(Into::into) })
    }

    /// Judges an object.
    pub async fn validate(&mut self, request: &AdmissionRequest) -> Result<Review, CallError> {
        let user = Borrowed::of(&request.user);
        let extra = user.extra();
        let asked = asked(request, &user, &extra);
        call!(self, admission, Admission, later, |guest, store| guest.call_validate(store, asked)).map(review)
    }
}

fn asked<'a>(
    request: &'a AdmissionRequest,
    user: &'a Borrowed<'a>,
    extra: &'a [(&'a str, &'a [&'a str])],
) -> admission::Request<'a> {
    admission::Request {
        operation: match request.operation {
            WriteOperation::Create => admission::Operation::Create,
            WriteOperation::Update => admission::Operation::Update,
            WriteOperation::Delete => admission::Operation::Delete,
            WriteOperation::Connect => admission::Operation::Connect,
        },
        resource: convert::kind(&request.resource),
        subresource: &request.subresource,
        object_kind: &request.object_kind,
        namespace: &request.namespace,
        name: &request.name,
        user: user.param(&request.user, extra),
        object: request.object.as_deref(),
        old_object: request.old_object.as_deref(),
        options: &request.options,
        dry_run: request.dry_run,
        extra: &[],
    }
}

fn review(review: admission::Review) -> Review {
    let denial = |denial: admission::Denial| Denial {
        message: denial.message,
        code: denial.code,
        reason: denial.reason,
    };
    Review { denied: review.denied.map(denial), warnings: review.warnings }
}
