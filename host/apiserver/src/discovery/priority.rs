//! In which order groups and versions are told: by the priorities that their APIServices have.

/// Of a group version; what is greater comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Priority {
    /// A group has the greatest of its versions.
    pub(crate) group: i64,
    pub(crate) version: i64,
}

/// Of every group version that a CustomResourceDefinition defines.
pub(crate) const CUSTOM: Priority = Priority { group: 1000, version: 100 };

/// What is served without an APIService, which are of this group themselves, comes first.
const UNREGISTERED: Priority = Priority { group: 20_000, version: 15 };

/// Upstream's, of built-in group versions.
const BUILTIN: &[(&str, &str, i64, i64)] = &[
    ("", "v1", 18_000, 1),
    ("apps", "v1", 17_800, 15),
    ("events.k8s.io", "v1", 17_750, 15),
    ("authentication.k8s.io", "v1", 17_700, 15),
    ("authorization.k8s.io", "v1", 17_600, 15),
    ("autoscaling", "v2", 17_500, 30),
    ("autoscaling", "v1", 17_500, 15),
    ("batch", "v1", 17_400, 15),
    ("certificates.k8s.io", "v1", 17_300, 15),
    ("networking.k8s.io", "v1", 17_200, 15),
    ("policy", "v1", 17_100, 15),
    ("rbac.authorization.k8s.io", "v1", 17_000, 15),
    ("storage.k8s.io", "v1", 16_800, 15),
    ("admissionregistration.k8s.io", "v1", 16_700, 15),
    ("apiextensions.k8s.io", "v1", 16_700, 15),
    ("scheduling.k8s.io", "v1", 16_600, 15),
    ("coordination.k8s.io", "v1", 16_500, 15),
    ("node.k8s.io", "v1", 16_300, 15),
    ("discovery.k8s.io", "v1", 16_200, 15),
    ("resource.k8s.io", "v1", 16_200, 15),
    ("flowcontrol.apiserver.k8s.io", "v1", 16_100, 21),
];

impl Priority {
    /// That of a built-in group version, if it has an APIService.
    pub(crate) fn registered(group: &str, version: &str) -> Option<Self> {
        let row = BUILTIN.iter().find(|(known, of, ..)| (*known, *of) == (group, version));
        row.map(|(_, _, group, version)| Self { group: *group, version: *version })
    }

    pub(super) fn builtin(group: &str, version: &str) -> Self {
        Self::registered(group, version).unwrap_or(UNREGISTERED)
    }
}

#[cfg(test)]
mod tests {
    use super::Priority;
    use crate::registry::Registry;

    #[test]
    fn every_built_in_group_version_has_a_priority_but_that_of_api_services() {
        for row in Registry::builtin().rows().iter() {
            let has = Priority::registered(&row.group, &row.version).is_some();
            assert_eq!(has, row.group != "apiregistration.k8s.io", "{}", row.api_version());
        }
    }
}
