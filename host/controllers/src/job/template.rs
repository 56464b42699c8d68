//! The pods of a job, made of its template.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod};

use super::plan::Creation;
use super::pods::{FAILURES, IGNORED_FAILURES, INDEX, TRACKING};
use crate::dependents::Owner;
use crate::pod_template::pod_of;

const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";
const INDEX_FIELD: &str = "metadata.labels['batch.kubernetes.io/job-completion-index']";
/// What a prefix of a name that the API server completes may have.
const LONGEST_PREFIX: usize = 58;

pub(super) fn pod(job: &Job, owner: &Owner, creation: &Creation) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let mut pod = pod_of(&template, owner);
    let metadata = &mut pod.metadata;
    let finalizers = metadata.finalizers.get_or_insert_default();
    if finalizers.iter().all(|finalizer| finalizer != TRACKING) {
        finalizers.push(TRACKING.to_owned());
    }
    let Some(index) = creation.index else { return pod };
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(INDEX.to_owned(), index.to_string());
    if let Some((counted, ignored)) = creation.failures {
        annotations.insert(FAILURES.to_owned(), counted.to_string());
        if ignored > 0 {
            annotations.insert(IGNORED_FAILURES.to_owned(), ignored.to_string());
        }
    }
    metadata.labels.get_or_insert_default().insert(INDEX.to_owned(), index.to_string());
    metadata.generate_name = Some(prefix(&owner.name, index));
    if let Some(spec) = &mut pod.spec {
        spec.hostname = Some(format!("{}-{index}", owner.name));
        let inits = spec.init_containers.iter_mut().flatten();
        inits.chain(&mut spec.containers).for_each(tell_index);
    }
    pod
}

/// Of the pod's name; the index stays when the job's name is too long.
fn prefix(job: &str, index: i32) -> String {
    let suffix = format!("-{index}-");
    let room = LONGEST_PREFIX.saturating_sub(suffix.len());
    format!("{}{suffix}", job.get(..room).unwrap_or(job))
}

fn tell_index(container: &mut Container) {
    let variables = container.env.get_or_insert_default();
    if variables.iter().any(|variable| variable.name == INDEX_VARIABLE) {
        return;
    }
    let field = ObjectFieldSelector { api_version: None, field_path: INDEX_FIELD.to_owned() };
    variables.push(EnvVar {
        name: INDEX_VARIABLE.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
    });
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree;
    use objects::tree::{from_tree, to_tree};

    use super::*;

    fn job() -> Job {
        from_tree(&tree!({
            "metadata": { "name": "pi", "namespace": "web", "uid": "1" },
            "spec": { "template": { "spec": { "containers": [{ "name": "c" }] } } }
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_is_held_until_it_is_counted() {
        let (job, creation) = (job(), Creation { index: None, failures: None });
        let pod = pod(&job, &Owner::of(&job), &creation);
        assert_eq!(pod.metadata.finalizers, Some(vec![TRACKING.to_owned()]));
        assert_eq!(pod.metadata.generate_name.as_deref(), Some("pi-"));
    }

    #[test]
    fn a_pod_of_an_index_knows_it_and_how_often_that_failed() {
        let (job, creation) = (job(), Creation { index: Some(3), failures: Some((2, 1)) });
        let pod = to_tree(&pod(&job, &Owner::of(&job), &creation)).unwrap();
        expect![[r#"{"annotations":{"batch.kubernetes.io/job-completion-index":"3","batch.kubernetes.io/job-index-failure-count":"2","batch.kubernetes.io/job-index-ignored-failure-count":"1"},"finalizers":["batch.kubernetes.io/job-tracking"],"generateName":"pi-3-","labels":{"batch.kubernetes.io/job-completion-index":"3"},"namespace":"web","ownerReferences":[{"apiVersion":"batch/v1","blockOwnerDeletion":true,"controller":true,"kind":"Job","name":"pi","uid":"1"}]}"#]]
        .assert_eq(&pod.get("metadata").unwrap().to_json_string());
        expect![[r#"{"containers":[{"env":[{"name":"JOB_COMPLETION_INDEX","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['batch.kubernetes.io/job-completion-index']"}}}],"name":"c"}],"hostname":"pi-3"}"#]]
        .assert_eq(&pod.get("spec").unwrap().to_json_string());
    }

    #[test]
    fn the_index_has_room_in_every_name() {
        assert_eq!(prefix("pi", 12), "pi-12-");
        assert_eq!(prefix(&"a".repeat(63), 7), format!("{}-7-", "a".repeat(55)));
    }
}
