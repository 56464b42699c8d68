//! The table of kinds that differ from [`Kind::GENERIC`].

use super::{Generation, Kind, StatusOnCreate, data, endpoints, lease, pod, rbac, secret, service};
use crate::validate::NameRule;

const CORE: &str = "";
const RBAC: &str = "rbac.authorization.k8s.io";

const RBAC_KIND: Kind = Kind { name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::GENERIC };

const ROLE: Kind = Kind { validate: rbac::role, ..RBAC_KIND };
const CLUSTER_ROLE: Kind = Kind { validate: rbac::cluster_role, ..RBAC_KIND };
const BINDING: Kind = Kind { validate: rbac::binding, validate_update: rbac::binding_update, ..RBAC_KIND };
const CLUSTER_BINDING: Kind = Kind { validate: rbac::cluster_binding, ..BINDING };

const CONFIG_MAP: Kind =
    Kind { validate: data::config_map, validate_update: data::config_map_update, ..Kind::GENERIC };

/// What is written as text is kept as bytes.
const SECRET: Kind = Kind {
    create: secret::keep_text,
    update: |new, _| secret::keep_text(new),
    validate: secret::validate,
    validate_update: secret::validate_update,
    ..Kind::GENERIC
};

const POD: Kind = Kind {
    generation: Generation::Counts,
    defaults: pod::defaults,
    validate: pod::validate,
    validate_update: pod::validate_update,
    ..Kind::GENERIC
};

const SERVICE: Kind = Kind {
    name_rule: NameRule::Dns1035Label,
    create_on_update: true,
    validate: service::validate,
    validate_update: service::validate_update,
    ..Kind::GENERIC
};

const LEASE: Kind =
    Kind { create_on_update: true, unconditional_update: false, validate: lease::validate, ..Kind::GENERIC };

const ENDPOINT_SLICE: Kind = Kind {
    generation: Generation::Counts,
    validate: endpoints::slice,
    validate_update: endpoints::slice_update,
    ..Kind::GENERIC
};

/// Custom resources, and what has no row: whatever is not metadata or status is a specification.
static CUSTOM: Kind = Kind { generation: Generation::Counts, ..Kind::GENERIC };

static ROWS: &[(&str, &str, Kind)] = &[
    (CORE, "ConfigMap", CONFIG_MAP),
    (CORE, "Endpoints", Kind { create_on_update: true, validate: endpoints::endpoints, ..Kind::GENERIC }),
    (CORE, "Event", Kind { name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::GENERIC }),
    (CORE, "LimitRange", Kind { create_on_update: true, ..Kind::GENERIC }),
    (CORE, "Namespace", Kind { name_rule: NameRule::Label, ..Kind::GENERIC }),
    (CORE, "Node", Kind { on_create: StatusOnCreate::Kept, ..Kind::GENERIC }),
    (CORE, "PersistentVolume", Kind { ..Kind::GENERIC }),
    (CORE, "PersistentVolumeClaim", Kind { ..Kind::GENERIC }),
    (CORE, "Pod", POD),
    (CORE, "PodTemplate", Kind { ..Kind::GENERIC }),
    (CORE, "ReplicationController", Kind { generation: Generation::Counts, ..Kind::GENERIC }),
    (CORE, "ResourceQuota", Kind { ..Kind::GENERIC }),
    (CORE, "Secret", SECRET),
    (CORE, "Service", SERVICE),
    (CORE, "ServiceAccount", Kind { ..Kind::GENERIC }),
    ("events.k8s.io", "Event", Kind { create_on_update: true, ..Kind::GENERIC }),
    (RBAC, "ClusterRole", CLUSTER_ROLE),
    (RBAC, "ClusterRoleBinding", CLUSTER_BINDING),
    (RBAC, "Role", ROLE),
    (RBAC, "RoleBinding", BINDING),
    ("coordination.k8s.io", "Lease", LEASE),
    ("discovery.k8s.io", "EndpointSlice", ENDPOINT_SLICE),
];

pub(super) fn find(group: &str, kind: &str) -> &'static Kind {
    ROWS.iter().find(|row| row.1 == kind && row.0 == group).map_or(&CUSTOM, |row| &row.2)
}

#[cfg(test)]
pub(super) fn has(group: &str, kind: &str) -> bool {
    ROWS.iter().any(|row| row.1 == kind && row.0 == group)
}
