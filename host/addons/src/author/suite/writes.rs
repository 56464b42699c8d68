//! Claims of what is said of writes to the API: `admission`.

use bytes::Bytes;
use engine::{AdmissionRequest, Kind, Limits, Mutation, Review, Role, User, WriteOperation};
use serde_json::{Value, json};

use super::{Broken, Claim, Run, Trial, answered, broken, inputs, pushes};
use crate::author::case::patched;
use crate::metadata::{Rule, Written};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Admission),
        text: "leaves its own result as it is",
        holds: |trial| Box::pin(own_result_stays(trial)),
    },
    Claim {
        role: Some(Role::Admission),
        text: "says the same of a write again",
        holds: |trial| Box::pin(reviews_stay(trial)),
    },
    Claim {
        role: Some(Role::Admission),
        text: "survives the worst writes, each within its time",
        holds: |trial| Box::pin(worst_writes(trial)),
    },
];

/// A fresh instance, which was told that there is nothing.
fn fresh(trial: &Trial<'_>) -> Result<Run, Broken> {
    let mut run = trial.instance_on(trial.subject.stand_in(), Limits::ADMISSION)?;
    pushes::nothing(trial, &mut run)?;
    Ok(run)
}

/// The rules of the metadata: what is completed, and what is judged.
fn rules<'a>(trial: &Trial<'a>) -> (&'a [Rule], &'a [Rule]) {
    let spec = trial.subject.metadata.admission.as_ref();
    spec.map(|spec| (spec.mutate.as_slice(), spec.validate.as_slice())).unwrap_or_default()
}

async fn mutate(trial: &Trial<'_>, what: &str, request: &AdmissionRequest) -> Result<Mutation, Broken> {
    if !Written::of(request).is_shown(rules(trial).0) {
        return Ok(Mutation::default());
    }
    let mut run = fresh(trial)?;
    Ok(answered(what, run.instance.mutate(request).await)?.unwrap_or_default())
}

async fn validate(trial: &Trial<'_>, what: &str, request: &AdmissionRequest) -> Result<Review, Broken> {
    if !Written::of(request).is_shown(rules(trial).1) {
        return Ok(Review::default());
    }
    let mut run = fresh(trial)?;
    Ok(answered(what, run.instance.validate(request).await)?.unwrap_or_default())
}

fn bytes(object: &Value) -> Bytes {
    object.to_string().into()
}

/// A write of an object: this one where the addon is shown such, else one that it is shown.
fn write(
    trial: &Trial<'_>,
    operation: WriteOperation,
    resource: &str,
    object_kind: &str,
    object: &Value,
) -> AdmissionRequest {
    let wanted = Written { operation, group: "", resource, subresource: "" };
    let (completed, judged) = rules(trial);
    let mut all = completed.iter().chain(judged);
    let is_shown = all.clone().any(|rule| rule.covers(wanted));
    let other = if is_shown { None } else { all.find_map(|rule| rule.like(wanted)) };
    let (operation, group, resource, subresource) = other.unwrap_or((operation, "", resource, ""));
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let is_there = |operations: &[WriteOperation]| operations.contains(&operation).then(|| bytes(object));
    AdmissionRequest {
        operation,
        resource: Kind { group: group.to_owned(), version: "v1".to_owned(), resource: resource.to_owned() },
        subresource: subresource.to_owned(),
        object_kind: object_kind.to_owned(),
        namespace: text("namespace"),
        name: text("name"),
        user: User { name: "alice".to_owned(), groups: vec!["developers".to_owned()], ..User::default() },
        object: is_there(&[WriteOperation::Create, WriteOperation::Update]),
        old_object: is_there(&[WriteOperation::Update, WriteOperation::Delete]),
        options: Bytes::from_static(b"{}"),
        dry_run: false,
    }
}

/// What is written every day.
fn ordinary(trial: &Trial<'_>) -> Vec<(&'static str, AdmissionRequest)> {
    let metadata = json!({"name": "a", "namespace": "default", "labels": {"app": "a"}});
    let containers = json!([{"name": "a", "image": "nginx"}, {"name": "b", "image": "example.com/b:1"}]);
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}});
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}});
    vec![
        ("a new pod", write(trial, WriteOperation::Create, "pods", "Pod", &pod)),
        ("a changed ConfigMap", write(trial, WriteOperation::Update, "configmaps", "ConfigMap", &map)),
        ("a deleted namespace", write(trial, WriteOperation::Delete, "namespaces", "Namespace", &namespace)),
    ]
}

async fn own_result_stays(trial: &Trial<'_>) -> Result<(), Broken> {
    for (what, mut request) in ordinary(trial) {
        let first = mutate(trial, what, &request).await?;
        let Some(patch) = first.patch.filter(|_| first.review.denied.is_none()) else { continue };
        let Some(object) = &request.object else {
            return broken(format!("it patches {what}: where nothing is written, give no patch"));
        };
        let once = patched(object, &patch).map_err(|why| {
            format!("its patch of {what} does not fit: {why}: give a JSON patch of the object")
        })?;
        request.object = Some(once.clone());
        let Some(patch) = mutate(trial, what, &request).await?.patch else { continue };
        if patched(&once, &patch).ok() != Some(once) {
            return broken(format!(
                "it changes its own result of {what}: give no patch for what is as wanted"
            ));
        }
    }
    Ok(())
}

async fn reviews_stay(trial: &Trial<'_>) -> Result<(), Broken> {
    for (what, request) in ordinary(trial) {
        let first = (mutate(trial, what, &request).await?, validate(trial, what, &request).await?);
        let again = (mutate(trial, what, &request).await?, validate(trial, what, &request).await?);
        if first != again {
            return broken(format!(
                "of {what} it says another thing: decide by the write and what was pushed"
            ));
        }
    }
    Ok(())
}

async fn worst_writes(trial: &Trial<'_>) -> Result<(), Broken> {
    for (name, text) in inputs::texts() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": text, "namespace": text, "labels": {"app": text}, "annotations": {"note": text}},
            "spec": {"containers": [{"name": text, "image": text, "args": [text]}]},
        });
        let mut request = write(trial, WriteOperation::Create, "pods", "Pod", &object);
        request.user = User { name: text.clone(), groups: vec![text], ..User::default() };
        judge(trial, &format!("a pod of {name}"), &request).await?;
    }
    for (what, object) in [
        ("an object that has nothing", json!({})),
        ("a pod without a spec", json!({"metadata": {"name": "a"}})),
        ("a pod whose lists are null", json!({"metadata": {"labels": null}, "spec": {"containers": null}})),
        ("a pod of empty containers", json!({"metadata": {}, "spec": {"containers": [{}, {}]}})),
    ] {
        for operation in
            [WriteOperation::Create, WriteOperation::Update, WriteOperation::Delete, WriteOperation::Connect]
        {
            let what = format!("{what}, by {operation:?}");
            judge(trial, &what, &write(trial, operation, "pods", "Pod", &object)).await?;
        }
    }
    Ok(())
}

/// Both calls answer, and what they refuse can be told.
async fn judge(trial: &Trial<'_>, what: &str, request: &AdmissionRequest) -> Result<(), Broken> {
    let mutation = mutate(trial, what, request).await?;
    for review in [mutation.review, validate(trial, what, request).await?] {
        let Some(denial) = review.denied else { continue };
        if !(400..600).contains(&denial.code) {
            return broken(format!(
                "it refuses {what} with the status {}: give one of 400 to 599",
                denial.code
            ));
        }
    }
    Ok(())
}
