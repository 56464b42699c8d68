//! What a pod can be told of itself: `fieldRef` and `resourceFieldRef`, for environments and downward volumes alike.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Pod, ResourceFieldSelector};
use objects::quantity::Quantity;

use super::facts::PodFacts;
use super::resources::{Bound, quantity};

/// Where a pod is: its node and addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) node_name: String,
    pub(crate) host_ips: Vec<IpAddr>,
    pub(crate) pod_ips: Vec<IpAddr>,
    /// What a container without a limit may use, by resource.
    pub(crate) allocatable: BTreeMap<&'static str, Quantity>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    #[error("unsupported fieldPath: {0}")]
    Field(String),
    #[error("container {0} not found")]
    Container(String),
    #[error("unsupported container resource : {0}")]
    Resource(String),
    #[error("invalid divisor {0}")]
    Divisor(String),
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn first(addresses: &[IpAddr]) -> String {
    addresses.first().map(ToString::to_string).unwrap_or_default()
}

/// `key="value"` lines, as upstream writes maps to files.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map.into_iter().flatten().map(|(key, value)| format!("{key}={value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// `metadata.labels['app']`: the map and the key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    Some((map, key))
}

pub(crate) fn field(pod: &Pod, place: &Place, path: &str) -> Result<String, FieldError> {
    let metadata = &pod.metadata;
    if let Some((map, key)) = subscript(path) {
        let map = match map {
            "metadata.labels" => metadata.labels.as_ref(),
            "metadata.annotations" => metadata.annotations.as_ref(),
            _ => return Err(FieldError::Field(path.to_owned())),
        };
        return Ok(map.and_then(|map| map.get(key)).cloned().unwrap_or_default());
    }
    Ok(match path {
        "metadata.name" => pod.name().to_owned(),
        "metadata.namespace" => pod.namespace().to_owned(),
        "metadata.uid" => pod.uid().0,
        "metadata.labels" => lines(metadata.labels.as_ref()),
        "metadata.annotations" => lines(metadata.annotations.as_ref()),
        "spec.nodeName" => place.node_name.clone(),
        "spec.serviceAccountName" => pod.service_account().to_owned(),
        "status.hostIP" => first(&place.host_ips),
        "status.hostIPs" => joined(&place.host_ips),
        "status.podIP" => first(&place.pod_ips),
        "status.podIPs" => joined(&place.pod_ips),
        _ => return Err(FieldError::Field(path.to_owned())),
    })
}

/// A request or limit in units of the divisor, rounded up; `container` is the one that asks, unless another is named.
pub(crate) fn resource(
    pod: &Pod,
    place: &Place,
    container: &str,
    selector: &ResourceFieldSelector,
) -> Result<String, FieldError> {
    let name = selector.container_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(container);
    let container = pod.container(name).ok_or_else(|| FieldError::Container(name.to_owned()))?;
    let unsupported = || FieldError::Resource(selector.resource.clone());
    let (bound, resource) = selector.resource.split_once('.').ok_or_else(unsupported)?;
    let amount = match bound {
        "limits" => {
            let node = || place.allocatable.get(resource).copied();
            quantity(&container, Bound::Limit, resource).filter(|limit| !limit.is_zero()).or_else(node)
        }
        "requests" => {
            let limit = || quantity(&container, Bound::Limit, resource);
            quantity(&container, Bound::Request, resource).or_else(limit)
        }
        _ => return Err(unsupported()),
    };
    let divisor = selector.divisor.as_ref().map_or("1", |divisor| divisor.0.as_str());
    let parsed: Quantity = divisor.parse().map_err(|_| FieldError::Divisor(divisor.to_owned()))?;
    let divisor = if parsed.is_zero() { 1000 } else { i128::from(parsed.milli_value()) };
    let amount = i128::from(amount.map_or(0, |amount| amount.milli_value()));
    Ok(((amount + divisor - 1) / divisor).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Pod {
        let text = r#"{"metadata":{"name":"p","labels":{"a":"x","b":"y\"z"}},"spec":{"containers":[
            {"name":"c","resources":{"limits":{"cpu":"1500m","memory":"64Mi"}}},{"name":"free"}]}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn of(container: &str, selector: &str) -> Result<String, FieldError> {
        let place =
            Place { allocatable: BTreeMap::from([("cpu", "4".parse().unwrap())]), ..Place::default() };
        resource(&pod(), &place, container, &serde_json::from_str(selector).unwrap())
    }

    #[test]
    fn maps_are_told_whole_and_by_key() {
        let place = Place::default();
        assert_eq!(field(&pod(), &place, "metadata.labels").unwrap(), "a=\"x\"\nb=\"y\\\"z\"");
        assert_eq!(field(&pod(), &place, "metadata.labels['a']").unwrap(), "x");
        assert_eq!(field(&pod(), &place, "spec.x"), Err(FieldError::Field("spec.x".to_owned())));
    }

    #[test]
    fn resources_are_divided_and_rounded_up() {
        assert_eq!(of("c", r#"{"resource":"limits.cpu"}"#).unwrap(), "2");
        assert_eq!(of("c", r#"{"resource":"limits.memory","divisor":"1Mi"}"#).unwrap(), "64");
        assert_eq!(of("c", r#"{"resource":"requests.cpu","divisor":"1m"}"#).unwrap(), "1500");
        assert_eq!(of("free", r#"{"resource":"limits.cpu"}"#).unwrap(), "4", "the node's");
        assert_eq!(of("x", r#"{"resource":"limits.cpu"}"#), Err(FieldError::Container("x".to_owned())));
    }
}
