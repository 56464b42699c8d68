//! The API server asks the addons about writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use addons::{AddonsHandle, Kind, Written};
use apiserver::{AdmissionStep, Admit, Denial, Judge, Judgement, WriteOperation, WriteRequest, WriteScope};
use futures_util::future::BoxFuture;

use crate::slot::Slot;

#[derive(Clone)]
pub(crate) struct AddonAdmission {
    addons: Slot<AddonsHandle>,
    /// Before the addons ran for the first time, only what this process makes at its start is written, and there is
    /// nobody to ask. From then on nothing is written while they are away.
    ran: Arc<AtomicBool>,
}

impl AddonAdmission {
    pub(crate) fn new(addons: Slot<AddonsHandle>) -> Self {
        Self { addons, ran: Arc::default() }
    }
}

impl Admit for AddonAdmission {
    fn judges(&self, scope: &WriteScope<'_>) -> Result<Vec<Judge>, String> {
        let Some(addons) = self.addons.get() else {
            return match self.ran.load(Ordering::Relaxed) {
                true => Err("the addons are not running".to_owned()),
                false => Ok(Vec::new()),
            };
        };
        self.ran.store(true, Ordering::Relaxed);
        let written = Written {
            operation: operation(scope.operation),
            group: scope.group,
            resource: scope.resource,
            subresource: scope.subresource,
        };
        let step = match scope.step {
            AdmissionStep::Mutate => addons::AdmissionStep::Mutate,
            AdmissionStep::Validate => addons::AdmissionStep::Validate,
        };
        let shown = addons.shown(step, written, &scope.user.name).into_iter();
        Ok(shown.map(|shown| Judge { name: shown.addon, reinvoke: shown.reinvoke }).collect())
    }

    fn judge<'a>(
        &'a self,
        judge: &'a str,
        scope: &'a WriteScope<'a>,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Judgement, String>> {
        let addons = self.addons.get();
        let asked = asked(scope, request);
        let step = scope.step;
        Box::pin(async move {
            let addons = addons.ok_or("the addons are not running")?;
            let (review, patch) = match step {
                AdmissionStep::Mutate => {
                    let mutation = addons.mutate(judge, asked).await.map_err(|why| why.to_string())?;
                    (mutation.review, mutation.patch.map(Into::into))
                }
                AdmissionStep::Validate => {
                    (addons.validate(judge, asked).await.map_err(|why| why.to_string())?, None)
                }
            };
            let denial = |denial: addons::Denial| Denial {
                message: denial.message,
                code: denial.code,
                reason: denial.reason,
            };
            Ok(Judgement { denied: review.denied.map(denial), warnings: review.warnings, patch })
        })
    }
}

fn operation(operation: WriteOperation) -> addons::WriteOperation {
    match operation {
        WriteOperation::Create => addons::WriteOperation::Create,
        WriteOperation::Update => addons::WriteOperation::Update,
        WriteOperation::Delete => addons::WriteOperation::Delete,
        WriteOperation::Connect => addons::WriteOperation::Connect,
    }
}

fn asked(scope: &WriteScope<'_>, request: &WriteRequest) -> addons::AdmissionRequest {
    let WriteRequest { kind, namespace, name, object, old_object, options, is_dry } = request.clone();
    let apiserver::authn::UserInfo { name: user, uid, groups, extra } = scope.user.clone();
    addons::AdmissionRequest {
        operation: operation(scope.operation),
        resource: Kind {
            group: scope.group.to_owned(),
            version: scope.version.to_owned(),
            resource: scope.resource.to_owned(),
        },
        subresource: scope.subresource.to_owned(),
        object_kind: kind,
        namespace,
        name,
        user: addons::User { name: user, uid, groups, extra },
        object: object.map(Into::into),
        old_object: old_object.map(Into::into),
        options: options.into(),
        dry_run: is_dry,
    }
}
