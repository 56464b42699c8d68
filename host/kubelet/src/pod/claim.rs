//! What the claims of a pod come to on this node: the volumes that they are bound to, if those are of a kind that the
//! node has.

use k8s_openapi::api::core::v1::{
    HostPathVolumeSource, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, Pod, Volume,
};

use super::facts::PodFacts;

/// A claim that a volume of a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) readonly: bool,
    /// Made for the pod, of the template in it.
    is_ephemeral: bool,
}

/// Where a persistent volume is on the node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place<'a> {
    HostPath(&'a HostPathVolumeSource),
    /// A folder that is there.
    Local(&'a str),
}

/// As upstream words them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("persistentvolumeclaim {0:?} not found")]
    NoClaim(String),
    #[error("PVC {claim} was not created for pod {pod} (pod is not owner)")]
    Foreign { claim: String, pod: String },
    #[error("PVC is being deleted")]
    Going,
    #[error("PVC is not bound")]
    Unbound,
    #[error("persistentvolume {0:?} not found")]
    NoVolume(String),
    #[error(
        "found PV object {0} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
    )]
    Unclaimed(String),
    #[error(
        "found PV object {volume} but its pv.Spec.ClaimRef.UID {uid} does not point to claim.UID {claim}"
    )]
    Another { volume: String, uid: String, claim: String },
    #[error("volume {0} has volumeMode Block, which this node does not have")]
    Block(String),
    #[error("no volume plugin matched: this node has no volumes of type {0}")]
    Unsupported(&'static str),
}

/// The claim that a volume of a pod is, if it is one.
pub(crate) fn claim(pod: &Pod, volume: &Volume) -> Option<Claim> {
    if let Some(source) = &volume.persistent_volume_claim {
        let readonly = source.read_only == Some(true);
        return Some(Claim { name: source.claim_name.clone(), readonly, is_ephemeral: false });
    }
    volume.ephemeral.as_ref()?;
    let name = format!("{}-{}", pod.name(), volume.name);
    Some(Claim { name, readonly: false, is_ephemeral: true })
}

/// The name of the volume that a claim is bound to.
pub(crate) fn bound<'a>(
    pod: &Pod,
    claim: &Claim,
    object: Option<&'a PersistentVolumeClaim>,
) -> Result<&'a str, ClaimError> {
    let object = object.ok_or_else(|| ClaimError::NoClaim(claim.name.clone()))?;
    if claim.is_ephemeral {
        let mut owners = object.metadata.owner_references.iter().flatten();
        if !owners.any(|owner| owner.controller == Some(true) && owner.uid == pod.uid().0) {
            let named = |name: &str| format!("{}/{name}", pod.namespace());
            return Err(ClaimError::Foreign { claim: named(&claim.name), pod: named(pod.name()) });
        }
    }
    if object.metadata.deletion_timestamp.is_some() {
        return Err(ClaimError::Going);
    }
    let phase = object.status.as_ref().and_then(|status| status.phase.as_deref());
    let volume = object.spec.as_ref().and_then(|spec| spec.volume_name.as_deref());
    volume.filter(|name| phase == Some("Bound") && !name.is_empty()).ok_or(ClaimError::Unbound)
}

/// Where the volume `name` is that a claim is bound to.
pub(crate) fn place<'a>(
    claim: &PersistentVolumeClaim,
    name: &str,
    volume: Option<&'a PersistentVolume>,
) -> Result<Place<'a>, ClaimError> {
    let spec = volume.and_then(|volume| volume.spec.as_ref());
    let spec = spec.ok_or_else(|| ClaimError::NoVolume(name.to_owned()))?;
    let back = spec.claim_ref.as_ref().ok_or_else(|| ClaimError::Unclaimed(name.to_owned()))?;
    if back.uid != claim.metadata.uid {
        return Err(ClaimError::Another {
            volume: name.to_owned(),
            uid: back.uid.clone().unwrap_or_default(),
            claim: claim.metadata.uid.clone().unwrap_or_default(),
        });
    }
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(ClaimError::Block(name.to_owned()));
    }
    if let Some(source) = &spec.host_path {
        return Ok(Place::HostPath(source));
    }
    spec.local.as_ref().map(|source| Place::Local(&source.path)).ok_or(ClaimError::Unsupported(kind(spec)))
}

/// Of the kinds that are not here, the one that a volume is of.
fn kind(spec: &PersistentVolumeSpec) -> &'static str {
    let rows = [
        (spec.csi.is_some(), "csi"),
        (spec.nfs.is_some(), "nfs"),
        (spec.iscsi.is_some(), "iscsi"),
        (spec.fc.is_some(), "fc"),
    ];
    rows.iter().find(|(is, _)| *is).map_or("a driver of its own", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::fixture::pod;

    fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }

    const BOUND: &str =
        r#"{"metadata":{"name":"data","uid":"c1"},"spec":{"volumeName":"v"},"status":{"phase":"Bound"}}"#;

    fn claims() -> Vec<Claim> {
        let pod = pod(r#"{"containers":[],"volumes":[
                {"name":"a","persistentVolumeClaim":{"claimName":"data","readOnly":true}},
                {"name":"b","ephemeral":{}},
                {"name":"c","emptyDir":{}}]}"#);
        let volumes = pod.spec().unwrap().volumes.clone().unwrap();
        volumes.iter().filter_map(|volume| claim(&pod, volume)).collect()
    }

    #[test]
    fn a_pod_names_claims_or_brings_them_along() {
        let named =
            |name: &str, readonly, is_ephemeral| Claim { name: name.to_owned(), readonly, is_ephemeral };
        assert_eq!(claims(), [named("data", true, false), named("p-b", false, true)]);
    }

    #[test]
    fn a_claim_is_used_once_it_is_bound_and_while_it_stays() {
        let pod = pod(r#"{"containers":[]}"#);
        let [data, brought] = &claims()[..] else { panic!("the pod has two claims") };
        let check = |claim: &Claim, object: &str| {
            let object: Option<PersistentVolumeClaim> = read(object);
            bound(&pod, claim, object.as_ref()).map(str::to_owned).map_err(|error| error.to_string())
        };
        assert_eq!(check(data, BOUND), Ok("v".to_owned()));
        let unbound = r#"{"metadata":{},"spec":{"volumeName":"v"},"status":{"phase":"Pending"}}"#;
        let going = r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"volumeName":"v"},"status":{"phase":"Bound"}}"#;
        let cases = [
            (data, "null", "persistentvolumeclaim \"data\" not found"),
            (data, unbound, "PVC is not bound"),
            (data, going, "PVC is being deleted"),
            (brought, BOUND, "PVC ns/p-b was not created for pod ns/p (pod is not owner)"),
        ];
        for (claim, object, expected) in cases {
            assert_eq!(check(claim, object), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_volume_must_point_back_and_be_of_a_kind_that_is_here() {
        let claim: PersistentVolumeClaim = read(BOUND);
        let check = |spec: &str| {
            let volume: PersistentVolume = read(&format!(r#"{{"metadata":{{}},"spec":{spec}}}"#));
            match place(&claim, "v", Some(&volume)) {
                Ok(Place::HostPath(source)) => source.path.clone(),
                Ok(Place::Local(path)) => path.to_owned(),
                Err(error) => error.to_string(),
            }
        };
        let cases = [
            (r#"{"claimRef":{"uid":"c1"},"hostPath":{"path":"/h"}}"#, "/h"),
            (r#"{"claimRef":{"uid":"c1"},"local":{"path":"/l"}}"#, "/l"),
            (
                r#"{"hostPath":{"path":"/h"}}"#,
                "found PV object v but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim",
            ),
            (
                r#"{"claimRef":{"uid":"c2"},"hostPath":{"path":"/h"}}"#,
                "found PV object v but its pv.Spec.ClaimRef.UID c2 does not point to claim.UID c1",
            ),
            (
                r#"{"claimRef":{"uid":"c1"},"volumeMode":"Block","local":{"path":"/l"}}"#,
                "volume v has volumeMode Block, which this node does not have",
            ),
            (
                r#"{"claimRef":{"uid":"c1"},"nfs":{"server":"s","path":"/n"}}"#,
                "no volume plugin matched: this node has no volumes of type nfs",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(check(spec), expected);
        }
        assert_eq!(place(&claim, "v", None), Err(ClaimError::NoVolume("v".to_owned())));
    }
}
