//! The policy by which the API server audits: who did what is told of everything that changes something, and of secrets
//! no content.

use std::fs;
use std::path::Path;

use sdk::Error;

/// Where the node has it, for the API server's flag.
pub(crate) const POLICY: &str = "${SNAP_DATA}/var/cis-hardening/audit-policy.yaml";
/// Where the addon has it.
const OWN: &str = "/own/audit-policy.yaml";

const CONTENT: &str = "\
# Written by the addon cis-hardening. For a policy of your own set --audit-policy-file in args/kube-apiserver.
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
# What components read and renew all the time.
- level: None
  verbs: [get, list, watch]
  users: ['system:kube-proxy', 'system:kube-scheduler', 'system:kube-controller-manager', 'system:apiserver']
- level: None
  resources:
  - group: coordination.k8s.io
    resources: [leases]
- level: None
  nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/openapi*']
# Their content is secret.
- level: Metadata
  resources:
  - group: ''
    resources: [secrets, configmaps, serviceaccounts/token]
  - group: authentication.k8s.io
    resources: [tokenreviews]
- level: Metadata
";

/// Writes the policy where there is another or none.
pub(crate) fn keep_policy() -> Result<(), Error> {
    let path = Path::new(OWN);
    if fs::read_to_string(path).is_ok_and(|content| content == CONTENT) {
        return Ok(());
    }
    fs::write(path, CONTENT).map_err(|why| Error::Unavailable(format!("write the audit policy: {why}")))
}
