//! What the API server serves: every resource in every version, with its kind and its verbs.

use std::borrow::Cow;
use std::collections::HashSet;

use client::{ApiError, ApiResource, Client};
use futures_util::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIGroupList, APIResourceList};
use objects::resource::{GroupVersion, Verb, Verbs};

/// One resource in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) resource: ApiResource,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Verbs,
}

impl Served {
    /// `v1`, `apps/v1`
    pub(crate) fn api_version(&self) -> String {
        match &*self.resource.group {
            "" => self.resource.version.to_string(),
            group => format!("{group}/{}", self.resource.version),
        }
    }

    pub(crate) fn is_pods(&self) -> bool {
        self.resource.group.is_empty() && self.resource.plural == "pods"
    }

    fn can(&self, verbs: &[Verb]) -> bool {
        verbs.iter().all(|verb| self.verbs.contains(*verb))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Discovered {
    /// Of each group its preferred version comes first.
    pub(crate) served: Vec<Served>,
    /// Versions of groups whose resources are not known, each with the reason.
    pub(crate) failures: Vec<String>,
}

impl Discovered {
    /// Each resource once, in the first version that has all these verbs.
    pub(crate) fn with(&self, verbs: &[Verb]) -> Vec<&Served> {
        let mut seen = HashSet::new();
        let able = self.served.iter().filter(|served| served.can(verbs));
        able.filter(|served| seen.insert((&served.resource.group, &served.resource.plural))).collect()
    }
}

pub(crate) async fn discover(client: &Client) -> Discovered {
    let mut discovered = Discovered::default();
    let mut versions = vec![("v1".to_owned(), "/api/v1".to_owned())];
    match client.get_path::<APIGroupList>("/apis").await {
        Ok(list) => versions.extend(list.groups.iter().flat_map(versions_of)),
        Err(error) => discovered.failures.push(error.to_string()),
    }
    let answers = versions.iter().map(|(_, path)| client.get_path::<APIResourceList>(path));
    for ((version, _), answer) in versions.iter().zip(join_all(answers).await) {
        let failed = |error: ApiError| format!("{version}: {error}");
        match answer.map_err(failed) {
            Ok(list) => discovered.served.extend(rows(&list)),
            Err(failure) => discovered.failures.push(failure),
        }
    }
    discovered
}

/// What a kind is served as, if it is.
pub(crate) async fn kind_of(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<Option<Served>, ApiError> {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    match client.get_path::<APIResourceList>(&format!("/{root}/{api_version}")).await {
        Ok(list) => Ok(rows(&list).into_iter().find(|served| served.kind == kind)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The versions of a group with their paths, the preferred one first.
fn versions_of(group: &APIGroup) -> Vec<(String, String)> {
    let preferred = group.preferred_version.as_ref().map(|version| version.group_version.as_str());
    let mut versions: Vec<&str> =
        group.versions.iter().map(|version| version.group_version.as_str()).collect();
    versions.sort_by_key(|version| Some(*version) != preferred);
    versions.into_iter().map(|version| (version.to_owned(), format!("/apis/{version}"))).collect()
}

fn rows(list: &APIResourceList) -> Vec<Served> {
    let Some(GroupVersion { group, version }) = GroupVersion::parse(&list.group_version) else {
        return Vec::new();
    };
    let whole = list.resources.iter().filter(|row| !row.name.contains('/'));
    whole
        .map(|row| Served {
            resource: ApiResource {
                group: group.clone(),
                version: version.clone(),
                plural: Cow::Owned(row.name.clone()),
            },
            kind: row.kind.clone(),
            namespaced: row.namespaced,
            verbs: row.verbs.iter().filter_map(|verb| Verb::parse(verb)).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIResource, GroupVersionForDiscovery};

    use super::*;

    fn list(version: &str, rows: &[(&str, &str)]) -> APIResourceList {
        let row = |(name, verbs): &(&str, &str)| {
            let verbs = verbs.split(' ').map(str::to_owned).collect();
            APIResource { name: (*name).to_owned(), verbs, ..APIResource::default() }
        };
        APIResourceList { group_version: version.to_owned(), resources: rows.iter().map(row).collect() }
    }

    #[test]
    fn a_resource_is_taken_in_the_first_version_that_has_the_verbs() {
        let lists = [
            list("example.com/v2", &[("a", "list"), ("b", "delete list"), ("b/status", "delete list")]),
            list("example.com/v1", &[("a", "delete list"), ("b", "delete list")]),
        ];
        let discovered = Discovered { served: lists.iter().flat_map(rows).collect(), failures: Vec::new() };
        let found = discovered.with(&[Verb::Delete, Verb::List]);
        let found: Vec<_> =
            found.iter().map(|row| format!("{} {}", row.api_version(), row.resource.plural)).collect();
        assert_eq!(found, ["example.com/v2 b", "example.com/v1 a"]);
    }

    #[test]
    fn the_preferred_version_of_a_group_comes_first() {
        let version = |name: &str| GroupVersionForDiscovery {
            group_version: format!("g/{name}"),
            version: name.to_owned(),
        };
        let group = APIGroup {
            name: "g".to_owned(),
            preferred_version: Some(version("v1")),
            versions: vec![version("v2alpha1"), version("v1")],
            ..APIGroup::default()
        };
        let versions: Vec<_> = versions_of(&group).into_iter().map(|(version, _)| version).collect();
        assert_eq!(versions, ["g/v1", "g/v2alpha1"]);
    }
}
