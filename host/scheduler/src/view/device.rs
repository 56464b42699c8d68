//! Claims of devices, and which of them a pod uses.

use objects::placement::NodeSelector;
use objects::{Tree, meta};

use super::{Head, Taken, some_text, text};

/// A claim of devices that a pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceUse {
    /// `None` until it is made of its template.
    pub(crate) claim: Option<Box<str>>,
    /// Whether it is made for the pod alone.
    pub(crate) is_own: bool,
}

impl DeviceUse {
    /// Those of a pod, but for templates of which nothing needs to be made.
    pub(super) fn of_pod(pod: &Tree) -> Box<[Self]> {
        let made = pod.items_at(&["status", "resourceClaimStatuses"]);
        let one = |entry: &Tree| {
            if let Some(claim) = some_text(entry, &["resourceClaimName"]) {
                return Some(Self { claim: Some(claim), is_own: false });
            }
            let name = text(entry, &["name"]);
            let claim = match made.iter().find(|made| text(made, &["name"]) == name) {
                Some(made) => Some(some_text(made, &["resourceClaimName"])?),
                None => None,
            };
            Some(Self { claim, is_own: true })
        };
        pod.items_at(&["spec", "resourceClaims"]).iter().filter_map(one).collect()
    }
}

/// A ResourceClaim.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct DeviceClaimView {
    pub(crate) head: Head,
    pub(crate) is_deleting: bool,
    /// The uid of its controller.
    pub(crate) owner: Option<Box<str>>,
    pub(crate) is_allocated: bool,
    /// Where its devices can be used; `None`: everywhere.
    pub(crate) nodes: Option<NodeSelector>,
    /// `spec.devices`
    pub(crate) devices: Tree,
    /// The devices that it has, or shares of them.
    pub(crate) taken: Taken,
    /// Uids of who uses it.
    pub(crate) users: Box<[Box<str>]>,
}

impl DeviceClaimView {
    pub(crate) fn read(claim: &Tree) -> Self {
        let allocation = claim.at(&["status", "allocation"]).filter(|allocation| !allocation.is_null());
        let nodes = allocation.and_then(|allocation| allocation.get("nodeSelector"));
        let users = claim.items_at(&["status", "reservedFor"]);
        Self {
            head: Head::of(claim),
            is_deleting: meta::is_deleting(claim),
            owner: meta::controller_of(claim).map(|owner| owner.uid.into()),
            is_allocated: allocation.is_some(),
            devices: claim.at(&["spec", "devices"]).cloned().unwrap_or(Tree::Null),
            taken: allocation.map(Taken::of).unwrap_or_default(),
            nodes: nodes.filter(|nodes| !nodes.is_null()).map(NodeSelector::read),
            users: users.iter().map(|user| text(user, &["uid"]).into()).collect(),
        }
    }

    pub(crate) fn is_used_by(&self, uid: &str) -> bool {
        self.users.iter().any(|user| **user == *uid)
    }
}
