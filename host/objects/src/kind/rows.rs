//! The table of kinds that differ from [`Kind::GENERIC`].

use super::{Generation, Kind, StatusOnCreate, data, endpoints, lease, pod, rbac, secret, service};
use super::{
    admission_policy, api_service, certificate, class, csi, custom_resource, device, flow, limit_range,
    persistent_volume, quota, storage_class, volume_attachment, volume_claim, webhook,
};
use crate::validate::NameRule;

const CORE: &str = "";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const DEVICES: &str = "resource.k8s.io";

const RBAC_KIND: Kind = Kind { name_rule: NameRule::PathSegment, create_on_update: true, ..Kind::GENERIC };

const ROLE: Kind = Kind { validate: rbac::role, ..RBAC_KIND };
const CLUSTER_ROLE: Kind = Kind { validate: rbac::cluster_role, ..RBAC_KIND };
const BINDING: Kind = Kind {
    defaults: rbac::defaults,
    validate: rbac::binding,
    validate_update: rbac::binding_update,
    ..RBAC_KIND
};
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

const ENDPOINT_SLICE: Kind = Kind {
    generation: Generation::CountsLabels,
    create: endpoints::drop_topology,
    update: |new, old| {
        if new.get("endpoints") != old.get("endpoints") {
            endpoints::drop_topology(new);
        }
    },
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
    (CORE, "LimitRange", limit_range::KIND),
    (CORE, "Namespace", Kind { name_rule: NameRule::Label, ..Kind::GENERIC }),
    (CORE, "Node", Kind { on_create: StatusOnCreate::Kept, ..Kind::GENERIC }),
    (CORE, "PersistentVolume", persistent_volume::KIND),
    (CORE, "PersistentVolumeClaim", volume_claim::KIND),
    (CORE, "Pod", POD),
    (CORE, "PodTemplate", Kind { ..Kind::GENERIC }),
    (CORE, "ReplicationController", Kind { generation: Generation::Counts, ..Kind::GENERIC }),
    (CORE, "ResourceQuota", quota::KIND),
    (CORE, "Secret", SECRET),
    (CORE, "Service", SERVICE),
    (CORE, "ServiceAccount", Kind { ..Kind::GENERIC }),
    ("events.k8s.io", "Event", Kind { create_on_update: true, ..Kind::GENERIC }),
    (RBAC, "ClusterRole", CLUSTER_ROLE),
    (RBAC, "ClusterRoleBinding", CLUSTER_BINDING),
    (RBAC, "Role", ROLE),
    (RBAC, "RoleBinding", BINDING),
    ("coordination.k8s.io", "Lease", lease::KIND),
    ("discovery.k8s.io", "EndpointSlice", ENDPOINT_SLICE),
    (STORAGE, "CSIDriver", csi::DRIVER),
    (STORAGE, "CSINode", csi::NODE),
    (STORAGE, "CSIStorageCapacity", storage_class::CAPACITY),
    (STORAGE, "StorageClass", storage_class::KIND),
    (STORAGE, "VolumeAttachment", volume_attachment::KIND),
    (STORAGE, "VolumeAttributesClass", storage_class::ATTRIBUTES),
    ("scheduling.k8s.io", "PriorityClass", class::PRIORITY),
    ("node.k8s.io", "RuntimeClass", class::RUNTIME),
    ("certificates.k8s.io", "CertificateSigningRequest", certificate::KIND),
    (ADMISSION, "MutatingAdmissionPolicy", admission_policy::MUTATING),
    (ADMISSION, "MutatingAdmissionPolicyBinding", admission_policy::BINDING),
    (ADMISSION, "MutatingWebhookConfiguration", webhook::KIND),
    (ADMISSION, "ValidatingAdmissionPolicy", admission_policy::VALIDATING),
    (ADMISSION, "ValidatingAdmissionPolicyBinding", admission_policy::VALIDATING_BINDING),
    (ADMISSION, "ValidatingWebhookConfiguration", webhook::KIND),
    ("apiregistration.k8s.io", "APIService", api_service::KIND),
    ("apiextensions.k8s.io", "CustomResourceDefinition", custom_resource::KIND),
    (FLOW, "FlowSchema", flow::SCHEMA),
    (FLOW, "PriorityLevelConfiguration", flow::LEVEL),
    (DEVICES, "DeviceClass", device::CLASS),
    (DEVICES, "ResourceClaim", device::CLAIM),
    (DEVICES, "ResourceClaimTemplate", device::TEMPLATE),
    (DEVICES, "ResourceSlice", device::SLICE),
];

pub(super) fn find(group: &str, kind: &str) -> &'static Kind {
    ROWS.iter().find(|row| row.1 == kind && row.0 == group).map_or(&CUSTOM, |row| &row.2)
}

#[cfg(test)]
pub(super) fn has(group: &str, kind: &str) -> bool {
    ROWS.iter().any(|row| row.1 == kind && row.0 == group)
}
