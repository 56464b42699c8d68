//! An APIService as it is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::{Tree, meta};

use crate::backend::ServiceRef;

pub(super) const ROW: (&str, &str, &str) = ("apiregistration.k8s.io", "v1", "apiservices");
const HTTPS: i64 = 443;

/// A group version that another server answers for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remote {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) service: ServiceRef,
    /// In PEM, empty for those that this machine trusts; `None` where the server is not to be verified.
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) group_priority: i64,
    pub(crate) version_priority: i64,
    /// As its condition says.
    pub(crate) available: bool,
}

/// The APIServices that name a service; the others are this server's own.
pub(super) fn read_all(services: Vec<Tree>) -> Vec<Arc<Remote>> {
    services.iter().filter_map(read).map(Arc::new).collect()
}

fn read(tree: &Tree) -> Option<Remote> {
    let spec = tree.get("spec")?;
    let service = spec.get("service").filter(|service| !service.is_null())?;
    let text = |tree: &Tree, key: &str| tree.str_at(&[key]).unwrap_or_default().to_owned();
    let bundle = STANDARD.decode(text(spec, "caBundle")).unwrap_or_default();
    let verified = spec.bool_at(&["insecureSkipTLSVerify"]) != Some(true);
    Some(Remote {
        name: meta::name(tree).to_owned(),
        group: text(spec, "group"),
        version: text(spec, "version"),
        service: ServiceRef {
            namespace: text(service, "namespace"),
            name: text(service, "name"),
            port: service.i64_at(&["port"]).unwrap_or(HTTPS).to_string(),
        },
        authorities: verified.then_some(bundle),
        group_priority: spec.i64_at(&["groupPriorityMinimum"]).unwrap_or(0),
        version_priority: spec.i64_at(&["versionPriority"]).unwrap_or(0),
        available: is_available(tree),
    })
}

pub(super) fn is_available(tree: &Tree) -> bool {
    let conditions = tree.items_at(&["status", "conditions"]).iter();
    let mut available = conditions.filter(|row| row.str_at(&["type"]) == Some("Available"));
    available.any(|row| row.str_at(&["status"]) == Some("True"))
}
