//! The table of kinds that differ from [`Kind::GENERIC`].

use super::{Generation, Kind, StatusOnCreate, secret};
use crate::validate::NameRule;

const CORE: &str = "";
const RBAC: &str = "rbac.authorization.k8s.io";

const RBAC_KIND: Kind = Kind { name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::GENERIC };

/// What is written as text is kept as bytes.
const SECRET: Kind =
    Kind { create: secret::keep_text, update: |new, _| secret::keep_text(new), ..Kind::GENERIC };

/// Custom resources, and what has no row: whatever is not metadata or status is a specification.
static CUSTOM: Kind = Kind { generation: Generation::Counts, ..Kind::GENERIC };

static ROWS: &[(&str, &str, Kind)] = &[
    (CORE, "ConfigMap", Kind { ..Kind::GENERIC }),
    (CORE, "Endpoints", Kind { create_on_update: true, ..Kind::GENERIC }),
    (CORE, "Event", Kind { name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::GENERIC }),
    (CORE, "LimitRange", Kind { create_on_update: true, ..Kind::GENERIC }),
    (CORE, "Namespace", Kind { name_rule: NameRule::Label, ..Kind::GENERIC }),
    (CORE, "Node", Kind { on_create: StatusOnCreate::Kept, ..Kind::GENERIC }),
    (CORE, "PersistentVolume", Kind { ..Kind::GENERIC }),
    (CORE, "PersistentVolumeClaim", Kind { ..Kind::GENERIC }),
    (CORE, "Pod", Kind { generation: Generation::Counts, ..Kind::GENERIC }),
    (CORE, "PodTemplate", Kind { ..Kind::GENERIC }),
    (CORE, "ReplicationController", Kind { generation: Generation::Counts, ..Kind::GENERIC }),
    (CORE, "ResourceQuota", Kind { ..Kind::GENERIC }),
    (CORE, "Secret", SECRET),
    (CORE, "Service", Kind { name_rule: NameRule::Dns1035Label, create_on_update: true, ..Kind::GENERIC }),
    (CORE, "ServiceAccount", Kind { ..Kind::GENERIC }),
    ("events.k8s.io", "Event", Kind { create_on_update: true, ..Kind::GENERIC }),
    (RBAC, "ClusterRole", RBAC_KIND),
    (RBAC, "ClusterRoleBinding", RBAC_KIND),
    (RBAC, "Role", RBAC_KIND),
    (RBAC, "RoleBinding", RBAC_KIND),
    (
        "coordination.k8s.io",
        "Lease",
        Kind { create_on_update: true, unconditional_update: false, ..Kind::GENERIC },
    ),
    ("discovery.k8s.io", "EndpointSlice", Kind { generation: Generation::Counts, ..Kind::GENERIC }),
];

pub(super) fn find(group: &str, kind: &str) -> &'static Kind {
    ROWS.iter().find(|row| row.1 == kind && row.0 == group).map_or(&CUSTOM, |row| &row.2)
}

#[cfg(test)]
pub(super) fn has(group: &str, kind: &str) -> bool {
    ROWS.iter().any(|row| row.1 == kind && row.0 == group)
}
