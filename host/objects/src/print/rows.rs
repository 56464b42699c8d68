//! The table of printers.

use super::{
    Printer, endpoints, event, job, network, node, plain, pod, rbac, scaling, service, volume, workload,
};
use super::{admission, cluster, storage};

const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const DEVICES: &str = "resource.k8s.io";

static ROWS: &[(&str, &str, Printer)] = &[
    ("", "ComponentStatus", plain::COMPONENT_STATUS),
    ("", "ConfigMap", plain::CONFIG_MAP),
    ("", "Endpoints", endpoints::ENDPOINTS),
    ("", "Event", event::EVENT),
    ("", "Namespace", plain::NAMESPACE),
    ("", "Node", node::NODE),
    ("", "PersistentVolume", volume::PERSISTENT_VOLUME),
    ("", "PersistentVolumeClaim", volume::PERSISTENT_VOLUME_CLAIM),
    ("", "Pod", pod::POD),
    ("", "PodTemplate", workload::POD_TEMPLATE),
    ("", "ReplicationController", workload::REPLICATION_CONTROLLER),
    ("", "ResourceQuota", plain::RESOURCE_QUOTA),
    ("", "Secret", plain::SECRET),
    ("", "Service", service::SERVICE),
    ("", "ServiceAccount", plain::SERVICE_ACCOUNT),
    ("apps", "ControllerRevision", workload::CONTROLLER_REVISION),
    ("apps", "DaemonSet", workload::DAEMON_SET),
    ("apps", "Deployment", workload::DEPLOYMENT),
    ("apps", "ReplicaSet", workload::REPLICA_SET),
    ("apps", "StatefulSet", workload::STATEFUL_SET),
    ("autoscaling", "HorizontalPodAutoscaler", scaling::AUTOSCALER),
    ("batch", "CronJob", job::CRON_JOB),
    ("batch", "Job", job::JOB),
    ("coordination.k8s.io", "Lease", plain::LEASE),
    ("discovery.k8s.io", "EndpointSlice", endpoints::ENDPOINT_SLICE),
    ("events.k8s.io", "Event", event::EVENT),
    ("networking.k8s.io", "IPAddress", network::IP_ADDRESS),
    ("networking.k8s.io", "Ingress", network::INGRESS),
    ("networking.k8s.io", "IngressClass", network::INGRESS_CLASS),
    ("networking.k8s.io", "NetworkPolicy", network::NETWORK_POLICY),
    ("networking.k8s.io", "ServiceCIDR", network::SERVICE_CIDR),
    ("policy", "PodDisruptionBudget", scaling::DISRUPTION_BUDGET),
    (RBAC, "ClusterRoleBinding", rbac::CLUSTER_ROLE_BINDING),
    (RBAC, "RoleBinding", rbac::ROLE_BINDING),
    (STORAGE, "CSIDriver", storage::CSI_DRIVER),
    (STORAGE, "CSINode", storage::CSI_NODE),
    (STORAGE, "CSIStorageCapacity", storage::CSI_STORAGE_CAPACITY),
    (STORAGE, "StorageClass", storage::STORAGE_CLASS),
    (STORAGE, "VolumeAttachment", storage::VOLUME_ATTACHMENT),
    (STORAGE, "VolumeAttributesClass", storage::VOLUME_ATTRIBUTES_CLASS),
    ("scheduling.k8s.io", "PriorityClass", cluster::PRIORITY_CLASS),
    ("node.k8s.io", "RuntimeClass", cluster::RUNTIME_CLASS),
    ("certificates.k8s.io", "CertificateSigningRequest", cluster::CERTIFICATE_SIGNING_REQUEST),
    (ADMISSION, "MutatingAdmissionPolicy", admission::MUTATING_POLICY),
    (ADMISSION, "MutatingAdmissionPolicyBinding", admission::BINDING),
    (ADMISSION, "MutatingWebhookConfiguration", admission::WEBHOOKS),
    (ADMISSION, "ValidatingAdmissionPolicy", admission::VALIDATING_POLICY),
    (ADMISSION, "ValidatingAdmissionPolicyBinding", admission::BINDING),
    (ADMISSION, "ValidatingWebhookConfiguration", admission::WEBHOOKS),
    ("apiregistration.k8s.io", "APIService", admission::API_SERVICE),
    (FLOW, "FlowSchema", cluster::FLOW_SCHEMA),
    (FLOW, "PriorityLevelConfiguration", cluster::PRIORITY_LEVEL),
    (DEVICES, "DeviceClass", cluster::NAME_AND_AGE),
    (DEVICES, "ResourceClaim", cluster::RESOURCE_CLAIM),
    (DEVICES, "ResourceClaimTemplate", cluster::NAME_AND_AGE),
    (DEVICES, "ResourceSlice", cluster::RESOURCE_SLICE),
];

pub(super) fn find(group: &str, kind: &str) -> &'static Printer {
    ROWS.iter().find(|row| row.1 == kind && row.0 == group).map_or(&plain::ANY, |row| &row.2)
}
