//! What the metrics APIs say, and how many replicas each metric asks for by that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client::{ApiError, ApiResource, Client, ListOptions};
use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, MetricIdentifier, MetricSpec, MetricTarget,
};
use objects::quantity::{Notation, Quantity};
use objects::resources::Amounts;
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use objects::{Tree, tree};

use super::Autoscaling;
use super::replicas::{Sample, Target, Tolerance, Usage, by_ratio, by_share, group, name};
use crate::discovery::kind_of;
use crate::pod::{Container, Pod};

const RESOURCE: (&str, &str) = ("metrics.k8s.io", "v1beta1");
const CUSTOM: (&str, &str) = ("custom.metrics.k8s.io", "v1beta2");
const EXTERNAL: (&str, &str) = ("external.metrics.k8s.io", "v1beta1");
/// A sample that does not say what time it covers; upstream's.
const WINDOW: Duration = Duration::from_secs(60);

/// What is scaled.
pub(super) struct Scene<'a> {
    pub(super) namespace: &'a str,
    /// Selects the pods.
    pub(super) selector: &'a str,
    pub(super) pods: &'a [Arc<Pod>],
    /// As many as there are now.
    pub(super) replicas: i32,
    pub(super) tolerance: Tolerance,
    pub(super) config: &'a Autoscaling,
    pub(super) now: Timestamp,
}

/// What one metric asks for.
pub(super) struct Proposal {
    pub(super) replicas: i32,
    /// The metric in words.
    pub(super) name: String,
    /// A MetricStatus.
    pub(super) status: Tree,
}

/// Why a metric asks for nothing: the reason of the condition, and upstream's message.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Reads metrics through the API server, under the autoscaler's identity.
pub(super) struct Metrics(pub(super) Client);

impl Metrics {
    pub(super) async fn propose(&self, scene: &Scene<'_>, spec: &MetricSpec) -> Result<Proposal, Unknown> {
        let unknown =
            |reason, what: String| move |why: String| Unknown { reason, message: format!("{what}: {why}") };
        match spec.type_.as_str() {
            "Resource" => {
                let source = spec.resource.clone().unwrap_or_default();
                let found = self.resource(scene, &source.name, None, &source.target).await;
                let what = format!("failed to get {} resource metric value", source.name);
                found.map_err(unknown("FailedGetResourceMetric", what))
            }
            "ContainerResource" => {
                let source = spec.container_resource.clone().unwrap_or_default();
                let found = self.resource(scene, &source.name, Some(&source.container), &source.target).await;
                let what = format!("failed to get {} container metric value", source.name);
                found.map_err(unknown("FailedGetContainerResourceMetric", what))
            }
            "Pods" => {
                let source = spec.pods.clone().unwrap_or_default();
                let found = self.of_pods(scene, &source.metric, &source.target).await;
                found.map_err(unknown("FailedGetPodsMetric", "failed to get pods metric value".to_owned()))
            }
            "Object" => {
                let source = spec.object.clone().unwrap_or_default();
                let found =
                    self.of_object(scene, &source.described_object, &source.metric, &source.target).await;
                found
                    .map_err(unknown("FailedGetObjectMetric", "failed to get object metric value".to_owned()))
            }
            "External" => {
                let source = spec.external.clone().unwrap_or_default();
                let found = self.external(scene, &source.metric, &source.target).await;
                let what = format!("failed to get {} external metric value", source.metric.name);
                found.map_err(unknown("FailedGetExternalMetric", what))
            }
            other => Err(Unknown {
                reason: "InvalidMetricSourceType",
                message: format!("unknown metric source type {other:?}"),
            }),
        }
    }

    async fn list(
        &self,
        (api, version): (&'static str, &'static str),
        namespace: &str,
        path: String,
        options: &ListOptions,
    ) -> Result<Vec<Tree>, ApiError> {
        let resource = ApiResource { plural: path.into(), ..ApiResource::new(api, version, "") };
        Ok(self.0.dynamic(&resource, Some(namespace)).list(options).await?.items)
    }

    async fn resource(
        &self,
        scene: &Scene<'_>,
        resource: &str,
        container: Option<&str>,
        target: &MetricTarget,
    ) -> Result<Proposal, String> {
        let kind = if target.average_utilization.is_some() { "utilization" } else { "usage" };
        let failed = |why: String| format!("failed to get {resource} {kind}: {why}");
        let unread = |why: String| failed(format!("unable to get metrics for resource {resource}: {why}"));
        let list = self
            .list(RESOURCE, scene.namespace, "pods".to_owned(), &ListOptions::labels(scene.selector))
            .await;
        let list = list
            .map_err(|error| unread(format!("unable to fetch metrics from resource metrics API: {error}")))?;
        if list.is_empty() {
            return Err(unread("no metrics returned from resource metrics API".to_owned()));
        }
        let samples: BTreeMap<String, Sample> =
            list.iter().filter_map(|pod| used(pod, resource, container)).collect();
        let groups = group(scene.pods, &samples, resource == "cpu", scene.config, scene.now);
        let (wanted, words) = match target.average_utilization {
            Some(percent) => {
                let requests = requests(scene.pods, resource, container).map_err(failed)?;
                (
                    Target::Utilization(i64::from(percent), requests),
                    "resource utilization (percentage of request)",
                )
            }
            None => (Target::Average(milli(target.average_value.as_ref())), "resource"),
        };
        let (replicas, usage) =
            wanted.replicas(samples, &groups, scene.replicas, scene.tolerance).map_err(failed)?;
        let notation = if resource == "cpu" { Notation::DecimalSi } else { Notation::BinarySi };
        let current = current(usage, notation);
        let (field, status) = match container {
            None => ("resource", tree!({ "name": resource, "current": current })),
            Some(container) => {
                ("containerResource", tree!({ "name": resource, "container": container, "current": current }))
            }
        };
        let kind = if container.is_some() { "ContainerResource" } else { "Resource" };
        let mut told = tree!({ "type": kind });
        told.insert(field, status);
        let words = match container {
            None => format!("{resource} {words}"),
            Some(_) => format!("{resource} container {words}"),
        };
        Ok(Proposal { replicas, name: words, status: told })
    }

    async fn of_pods(
        &self,
        scene: &Scene<'_>,
        metric: &MetricIdentifier,
        target: &MetricTarget,
    ) -> Result<Proposal, String> {
        let path = format!("pods/*/{}", metric.name);
        let options = ListOptions { label_selector: scene.selector.to_owned(), ..of_metric(metric) };
        let list = self.list(CUSTOM, scene.namespace, path, &options).await;
        let failed = |why: String| format!("unable to get metric {}: {why}", metric.name);
        let list = list
            .map_err(|error| failed(format!("unable to fetch metrics from custom metrics API: {error}")))?;
        if list.is_empty() {
            return Err(failed("no metrics returned from custom metrics API".to_owned()));
        }
        let samples: BTreeMap<String, Sample> = list.iter().filter_map(custom).collect();
        let groups = group(scene.pods, &samples, false, scene.config, scene.now);
        let wanted = Target::Average(milli(target.average_value.as_ref()));
        let (replicas, usage) = wanted.replicas(samples, &groups, scene.replicas, scene.tolerance)?;
        let current = current(usage, Notation::DecimalSi);
        let status = tree!({ "type": "Pods", "pods": { "metric": (told(metric)), "current": current } });
        Ok(Proposal { replicas, name: format!("pods metric {}", metric.name), status })
    }

    async fn of_object(
        &self,
        scene: &Scene<'_>,
        object: &CrossVersionObjectReference,
        metric: &MetricIdentifier,
        target: &MetricTarget,
    ) -> Result<Proposal, String> {
        let failed = |error: ApiError| {
            format!("unable to get metric {}: {} on {}: {error}", metric.name, object.kind, scene.namespace)
        };
        let api_version = object.api_version.as_deref().unwrap_or("v1");
        let kind = kind_of(&self.0, api_version, &object.kind).await.map_err(failed)?;
        let kind =
            kind.ok_or_else(|| format!("no matches for kind {:?} in version {api_version:?}", object.kind))?;
        let dot = if kind.resource.group.is_empty() { "" } else { "." };
        let path = match object.kind.as_str() {
            "Namespace" => format!("metrics/{}", metric.name),
            _ => format!(
                "{}{dot}{}/{}/{}",
                kind.resource.plural, kind.resource.group, object.name, metric.name
            ),
        };
        let list = self.list(CUSTOM, scene.namespace, path, &of_metric(metric)).await.map_err(failed)?;
        let value = list.first().and_then(|item| item.str_at(&["value"])?.parse::<Quantity>().ok());
        let value = value.ok_or_else(|| "no metrics returned from custom metrics API".to_owned())?;
        let (replicas, current) = self.by_value(scene, value.milli_value(), target);
        let described = to_tree(object).expect("a reference is JSON");
        let status = tree!({ "type": "Object", "object": {
            "metric": (told(metric)), "current": current, "describedObject": described
        } });
        Ok(Proposal { replicas, name: format!("{} metric {}", object.kind, metric.name), status })
    }

    async fn external(
        &self,
        scene: &Scene<'_>,
        metric: &MetricIdentifier,
        target: &MetricTarget,
    ) -> Result<Proposal, String> {
        // Series of external metrics are selected as objects are elsewhere.
        let options = ListOptions::labels(of_metric(metric).metric_label_selector);
        let list = self.list(EXTERNAL, scene.namespace, metric.name.clone(), &options).await;
        let failed =
            |why: String| format!("unable to get external metric {}/{}: {why}", scene.namespace, metric.name);
        let list = list
            .map_err(|error| failed(format!("unable to fetch metrics from external metrics API: {error}")))?;
        if list.is_empty() {
            return Err(failed("no metrics returned from external metrics API".to_owned()));
        }
        let values = list.iter().filter_map(|item| item.str_at(&["value"])?.parse::<Quantity>().ok());
        let total = values.map(|value| value.milli_value()).sum();
        let (replicas, current) = self.by_value(scene, total, target);
        let status =
            tree!({ "type": "External", "external": { "metric": (told(metric)), "current": current } });
        Ok(Proposal { replicas, name: format!("external metric {}", metric.name), status })
    }

    /// By one value, of which each replica may take a share, or which is to be reached by all together.
    fn by_value(&self, scene: &Scene<'_>, value: i64, target: &MetricTarget) -> (i32, Tree) {
        let shown = |milli: i64| Quantity::from_milli(milli, Notation::DecimalSi).to_string();
        if target.average_value.is_some() {
            let share = milli(target.average_value.as_ref());
            let replicas = by_share(value, share, scene.replicas, scene.tolerance);
            let each = value / i64::from(scene.replicas.max(1));
            return (replicas, tree!({ "averageValue": (shown(each)) }));
        }
        let ratio = value as f64 / milli(target.value.as_ref()) as f64;
        let ready = scene.pods.iter().filter(|pod| pod.is_ready()).count();
        let replicas = by_ratio(ratio, ready, scene.replicas, scene.tolerance);
        (replicas, tree!({ "value": (shown(value)) }))
    }
}

/// Selects the series of a metric.
fn of_metric(metric: &MetricIdentifier) -> ListOptions {
    let selector = metric.selector.as_ref().and_then(|selector| to_tree(selector).ok());
    let selector = selector.and_then(|selector| LabelSelector::from_object(&selector).ok());
    let metric_label_selector = selector.map_or_else(String::new, |selector| selector.to_string());
    ListOptions { metric_label_selector, ..ListOptions::default() }
}

fn told(metric: &MetricIdentifier) -> Tree {
    to_tree(metric).expect("a metric identifier is JSON")
}

fn current(usage: Usage, notation: Notation) -> Tree {
    let mut current = tree!({ "averageValue": (Quantity::from_milli(usage.average, notation).to_string()) });
    if let Some(utilization) = usage.utilization {
        current.insert("averageUtilization", utilization);
    }
    current
}

/// In thousandths, and never nothing: it is divided by.
fn milli(quantity: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity>) -> i64 {
    let quantity = quantity.and_then(|quantity| quantity.0.parse::<Quantity>().ok());
    quantity.map_or(1, |quantity| quantity.milli_value().max(1))
}

/// A pod and what it or one of its containers uses.
fn used(pod: &Tree, resource: &str, container: Option<&str>) -> Option<(String, Sample)> {
    let containers = pod.items_at(&["containers"]).iter();
    let wanted = containers.filter(|one| container.is_none_or(|name| one.str_at(&["name"]) == Some(name)));
    let values: Option<Vec<i64>> = wanted
        .map(|one| Some(one.str_at(&["usage", resource])?.parse::<Quantity>().ok()?.milli_value()))
        .collect();
    let value = values.filter(|values| !values.is_empty())?.into_iter().sum();
    let window = pod.str_at(&["window"]).and_then(|window| window.parse::<jiff::SignedDuration>().ok());
    let window = window.and_then(|window| Duration::try_from(window).ok()).unwrap_or(WINDOW);
    let at = pod.str_at(&["timestamp"])?.parse().ok()?;
    Some((objects::meta::name(pod).to_owned(), Sample { value, at, window }))
}

/// A pod and the value of a custom metric.
fn custom(item: &Tree) -> Option<(String, Sample)> {
    let name = item.str_at(&["describedObject", "name"])?.to_owned();
    let value = item.str_at(&["value"])?.parse::<Quantity>().ok()?.milli_value();
    let seconds = item.i64_at(&["windowSeconds"]).and_then(|seconds| u64::try_from(seconds).ok());
    let at = item.str_at(&["timestamp"])?.parse().ok()?;
    Some((name, Sample { value, at, window: seconds.map_or(WINDOW, Duration::from_secs) }))
}

/// What each pod, or one container of it, requests.
fn requests(
    pods: &[Arc<Pod>],
    resource: &str,
    container: Option<&str>,
) -> Result<BTreeMap<String, i64>, String> {
    pods.iter()
        .map(|pod| {
            let sidecars =
                pod.spec.init_containers.iter().filter(|one| one.restart_policy.as_deref() == Some("Always"));
            let mut total = 0;
            for one in pod.spec.containers.iter().chain(sidecars) {
                if container.is_none_or(|name| one.name == name) {
                    let missing = || {
                        format!(
                            "missing request for {resource} in container {} of Pod {}",
                            one.name,
                            name(pod)
                        )
                    };
                    total += request(one, resource).ok_or_else(missing)?;
                }
            }
            Ok((name(pod), total))
        })
        .collect()
}

fn request(container: &Container, resource: &str) -> Option<i64> {
    let requests = to_tree(container.resources.as_ref()?.requests.as_ref()?).ok()?;
    Amounts::read(Some(&requests)).get(resource).map(|amount| amount.milli_value())
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;

    use super::*;

    #[test]
    fn the_series_of_a_metric_are_selected_as_it_says() {
        let selector = tree!({ "matchLabels": { "verb": "GET" } });
        let metric = from_tree(&tree!({ "name": "hits", "selector": selector })).unwrap();
        assert_eq!(of_metric(&metric).metric_label_selector, "verb=GET");
        let plain = from_tree(&tree!({ "name": "hits" })).unwrap();
        assert_eq!(of_metric(&plain), ListOptions::default());
    }

    #[test]
    fn a_pod_uses_what_its_containers_do() {
        let pod = tree!({
            "metadata": { "name": "p" }, "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
            "containers": [{ "name": "a", "usage": { "cpu": "250m" } }, { "name": "b", "usage": { "cpu": "1" } }]
        });
        let value = |container| {
            used(&pod, "cpu", container).map(|(_, sample)| (sample.value, sample.window.as_secs()))
        };
        assert_eq!(value(None), Some((1250, 15)));
        assert_eq!(value(Some("b")), Some((1000, 15)));
        assert_eq!(value(Some("c")), None);
        assert_eq!(used(&pod, "memory", None), None);
    }

    #[test]
    fn a_container_that_requests_nothing_is_named() {
        let container = tree!({ "name": "a", "resources": { "requests": { "cpu": "100m" } } });
        let spec = tree!({ "containers": [(container.clone()), { "name": "b" }] });
        let pod: Arc<Pod> =
            Arc::new(from_tree(&tree!({ "metadata": { "name": "p" }, "spec": spec })).unwrap());
        let error = requests(std::slice::from_ref(&pod), "cpu", None).unwrap_err();
        assert_eq!(error, "missing request for cpu in container b of Pod p");
        assert_eq!(requests(&[pod], "cpu", Some("a")).unwrap(), [("p".to_owned(), 100)].into());
    }
}
