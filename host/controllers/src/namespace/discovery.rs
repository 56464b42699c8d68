//! What a namespace can hold: the resources that the API server serves, lists and deletes.

use std::borrow::Cow;

use client::{ApiError, ApiResource, Client};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResourceList};
use objects::resource::GroupVersion;

/// One resource to be emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: ApiResource,
    /// Whether one request deletes all of it.
    pub(super) collection: bool,
}

impl Target {
    pub(super) fn is_pods(&self) -> bool {
        self.resource.group.is_empty() && self.resource.plural == "pods"
    }
}

#[derive(Debug, Default)]
pub(super) struct Discovered {
    pub(super) targets: Vec<Target>,
    /// Groups whose resources are not known, each with the reason.
    pub(super) failures: Vec<String>,
}

pub(super) async fn discover(client: &Client) -> Discovered {
    let mut discovered = Discovered::default();
    let mut paths = vec![("v1".to_owned(), "/api/v1".to_owned())];
    match client.get_path::<APIGroupList>("/apis").await {
        Ok(list) => paths.extend(list.groups.into_iter().filter_map(|group| {
            let version = group.preferred_version?.group_version;
            let path = format!("/apis/{version}");
            Some((version, path))
        })),
        Err(error) => discovered.failures.push(error.to_string()),
    }
    for (version, path) in paths {
        let found = client.get_path::<APIResourceList>(&path).await;
        let failed = |error: ApiError| format!("{version}: {error}");
        match found.map_err(failed) {
            Ok(list) => discovered.targets.extend(targets(&list)),
            Err(failure) => discovered.failures.push(failure),
        }
    }
    discovered
}

/// The resources of a group that are namespaced and can be listed and deleted.
fn targets(list: &APIResourceList) -> Vec<Target> {
    let Some(GroupVersion { group, version }) = GroupVersion::parse(&list.group_version) else {
        return Vec::new();
    };
    let can = |verbs: &[String], verb: &str| verbs.iter().any(|one| one == verb);
    let rows = list.resources.iter().filter(|row| {
        row.namespaced && !row.name.contains('/') && can(&row.verbs, "list") && can(&row.verbs, "delete")
    });
    rows.map(|row| Target {
        resource: ApiResource {
            group: group.clone(),
            version: version.clone(),
            plural: Cow::Owned(row.name.clone()),
        },
        collection: can(&row.verbs, "deletecollection"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;

    use super::*;

    fn row(name: &str, namespaced: bool, verbs: &str) -> APIResource {
        let verbs = verbs.split(' ').map(str::to_owned).collect();
        APIResource { name: name.to_owned(), namespaced, verbs, ..APIResource::default() }
    }

    #[test]
    fn only_what_is_namespaced_and_can_be_listed_and_deleted_is_emptied() {
        let resources = vec![
            row("jobs", true, "delete deletecollection list"),
            row("jobs/status", true, "delete list"),
            row("leases", true, "delete list"),
            row("reviews", true, "create"),
            row("nodes", false, "delete deletecollection list"),
        ];
        let list = APIResourceList { group_version: "batch/v1".to_owned(), resources };
        let target = |plural: &'static str, collection| Target {
            resource: ApiResource::new("batch", "v1", plural),
            collection,
        };
        assert_eq!(targets(&list), [target("jobs", true), target("leases", false)]);
    }
}
