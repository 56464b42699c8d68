//! The table of kinds that differ from [`Kind::GENERIC`].

use super::{
    Generation, Kind, Part, StatusOnCreate, apps, autoscaler, cron_job, data, disruption, endpoints, event,
    ingress, job, lease, namespace, network_policy, node, pod, rbac, replication, secret, service,
    service_network,
};
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
    defaults: pod::defaults::pod,
    create: pod::create,
    status: pod::prepare_status,
    validate: pod::validate,
    validate_new: pod::validate_new,
    validate_update: pod::validate_update,
    validate_status: pod::validate_status,
    parts: &[
        (
            "ephemeralcontainers",
            Part {
                generation: Generation::Counts,
                prepare: pod::part::prepare_ephemeral,
                validate: pod::part::validate_ephemeral,
            },
        ),
        (
            "resize",
            Part {
                generation: Generation::Counts,
                prepare: pod::part::prepare_resize,
                validate: pod::part::validate_resize,
            },
        ),
    ],
    grace: Some(pod::grace),
    ..Kind::GENERIC
};

const SERVICE: Kind = Kind {
    name_rule: NameRule::Label,
    create_on_update: true,
    defaults: service::defaults,
    update: service::update,
    validate: service::validate,
    validate_update: service::validate_update,
    validate_status: service::validate_status,
    ..Kind::GENERIC
};

const NAMESPACE: Kind = Kind {
    name_rule: NameRule::Label,
    defaults: namespace::defaults,
    create: namespace::create,
    update: namespace::update,
    validate: namespace::validate,
    validate_status: namespace::validate_status,
    parts: &[(
        "finalize",
        Part {
            generation: Generation::None,
            prepare: namespace::prepare_finalize,
            validate: namespace::validate_finalize,
        },
    )],
    ..Kind::GENERIC
};

const NODE: Kind = Kind {
    on_create: StatusOnCreate::Kept,
    defaults: node::defaults,
    validate: node::validate,
    validate_update: node::validate_update,
    validate_status: node::validate_status,
    ..Kind::GENERIC
};

/// What has a specification whose changes count.
const COUNTED: Kind = Kind { generation: Generation::Counts, ..Kind::GENERIC };

const REPLICATION_CONTROLLER: Kind = Kind {
    defaults: replication::defaults,
    validate: replication::validate,
    validate_status: apps::replicas_status,
    ..COUNTED
};

const DEPLOYMENT: Kind = Kind {
    generation: Generation::CountsAnnotations,
    defaults: apps::default_deployment,
    status: apps::keep_labels,
    validate: apps::deployment,
    validate_update: apps::selector_stays,
    validate_status: apps::deployment_status,
    ..Kind::GENERIC
};

const REPLICA_SET: Kind = Kind {
    validate: apps::replica_set,
    validate_update: apps::selector_stays,
    validate_status: apps::replicas_status,
    ..COUNTED
};

const DAEMON_SET: Kind = Kind {
    defaults: apps::default_daemon_set,
    create: apps::create_daemon_set,
    update: apps::update_daemon_set,
    validate: apps::daemon_set,
    validate_update: apps::selector_stays,
    validate_status: apps::daemon_set_status,
    ..COUNTED
};

const STATEFUL_SET: Kind = Kind {
    name_rule: NameRule::Label,
    defaults: apps::default_stateful_set,
    create: apps::drop_max_unavailable,
    update: |new, _| apps::drop_max_unavailable(new),
    validate: apps::stateful_set,
    validate_new: apps::stateful_set_new,
    validate_update: apps::stateful_set_update,
    validate_status: apps::stateful_set_status,
    ..COUNTED
};

const JOB: Kind = Kind {
    defaults: job::defaults,
    create: job::create,
    validate: job::validate,
    validate_update: job::validate_update,
    validate_status: job::validate_status,
    ..COUNTED
};

const CRON_JOB: Kind = Kind {
    validate: cron_job::validate,
    validate_new: cron_job::validate_new,
    validate_update: cron_job::validate_update,
    ..COUNTED
};

const AUTOSCALER: Kind = Kind {
    defaults: autoscaler::defaults,
    validate: autoscaler::validate,
    validate_new: autoscaler::validate_new,
    validate_update: autoscaler::validate_update,
    validate_status: autoscaler::validate_status,
    ..Kind::GENERIC
};

const DISRUPTION_BUDGET: Kind = Kind {
    unconditional_update: false,
    validate: disruption::validate,
    validate_status: disruption::validate_status,
    ..COUNTED
};

const INGRESS: Kind = Kind {
    validate: ingress::validate,
    validate_new: ingress::validate_new,
    validate_status: ingress::validate_status,
    ..COUNTED
};

const INGRESS_CLASS: Kind =
    Kind { validate: ingress::class, validate_update: ingress::class_update, ..COUNTED };

const NETWORK_POLICY: Kind =
    Kind { defaults: network_policy::defaults, validate: network_policy::validate, ..COUNTED };

const IP_ADDRESS: Kind = Kind {
    name_rule: NameRule::IpAddress,
    validate: service_network::address,
    validate_update: service_network::address_update,
    ..Kind::GENERIC
};

const SERVICE_CIDR: Kind = Kind {
    validate: service_network::cidrs,
    validate_update: service_network::cidrs_update,
    ..Kind::GENERIC
};

const CONTROLLER_REVISION: Kind =
    Kind { validate: apps::revision, validate_update: apps::revision_update, ..Kind::GENERIC };

const CORE_EVENT: Kind =
    Kind { name_rule: NameRule::PathSegment, create_on_update: true, validate: event::core, ..Kind::GENERIC };

const EVENT: Kind = Kind {
    create_on_update: true,
    validate: event::events,
    validate_new: event::events_new,
    validate_update: event::events_update,
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
    (CORE, "Event", CORE_EVENT),
    (CORE, "LimitRange", limit_range::KIND),
    (CORE, "Namespace", NAMESPACE),
    (CORE, "Node", NODE),
    (CORE, "PersistentVolume", persistent_volume::KIND),
    (CORE, "PersistentVolumeClaim", volume_claim::KIND),
    (CORE, "Pod", POD),
    (CORE, "PodTemplate", Kind { validate: replication::pod_template, ..COUNTED }),
    (CORE, "ReplicationController", REPLICATION_CONTROLLER),
    (CORE, "ResourceQuota", quota::KIND),
    (CORE, "Secret", SECRET),
    (CORE, "Service", SERVICE),
    (CORE, "ServiceAccount", Kind { ..Kind::GENERIC }),
    ("apps", "ControllerRevision", CONTROLLER_REVISION),
    ("apps", "DaemonSet", DAEMON_SET),
    ("apps", "Deployment", DEPLOYMENT),
    ("apps", "ReplicaSet", REPLICA_SET),
    ("apps", "StatefulSet", STATEFUL_SET),
    ("autoscaling", "HorizontalPodAutoscaler", AUTOSCALER),
    ("batch", "CronJob", CRON_JOB),
    ("batch", "Job", JOB),
    ("events.k8s.io", "Event", EVENT),
    ("networking.k8s.io", "IPAddress", IP_ADDRESS),
    ("networking.k8s.io", "Ingress", INGRESS),
    ("networking.k8s.io", "IngressClass", INGRESS_CLASS),
    ("networking.k8s.io", "NetworkPolicy", NETWORK_POLICY),
    ("networking.k8s.io", "ServiceCIDR", SERVICE_CIDR),
    ("policy", "PodDisruptionBudget", DISRUPTION_BUDGET),
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

/// Kinds whose deletion is answered with the object that is gone; of the others it is told that one is.
const SHOWN_DELETED: &[(&str, &str)] = &[
    (CORE, "PersistentVolume"),
    (CORE, "PersistentVolumeClaim"),
    (CORE, "Pod"),
    (CORE, "PodTemplate"),
    (CORE, "ResourceQuota"),
    (CORE, "Service"),
    (CORE, "ServiceAccount"),
    (STORAGE, "CSIDriver"),
    (STORAGE, "CSINode"),
    (STORAGE, "StorageClass"),
    (STORAGE, "VolumeAttachment"),
    (STORAGE, "VolumeAttributesClass"),
    (DEVICES, "DeviceClass"),
    (DEVICES, "ResourceClaim"),
    (DEVICES, "ResourceClaimTemplate"),
    (DEVICES, "ResourceSlice"),
];

pub(super) fn is_shown_deleted(group: &str, kind: &str) -> bool {
    SHOWN_DELETED.contains(&(group, kind))
}

pub(super) fn find(group: &str, kind: &str) -> &'static Kind {
    ROWS.iter().find(|row| row.1 == kind && row.0 == group).map_or(&CUSTOM, |row| &row.2)
}

#[cfg(test)]
pub(super) fn has(group: &str, kind: &str) -> bool {
    ROWS.iter().any(|row| row.1 == kind && row.0 == group)
}
