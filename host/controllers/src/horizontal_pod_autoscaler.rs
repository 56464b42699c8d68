//! HorizontalPodAutoscalers scale what they name to what their metrics ask for.

mod behavior;
mod counted;
mod metrics;
mod replicas;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::events::{EventType, Recorder};
use client::{Api, ApiError, Client};
use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use objects::Tree;
use objects::selector::LabelSelector;
use objects::tree::from_tree;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};
use tokio::time::Instant;

use crate::conditions::Condition;
use crate::dependents::{Owner, matches};
use crate::discovery::kind_of;
use crate::pod::Pod;
use crate::wiring::Wiring;
use behavior::History;
use counted::{Action, Counted, Looked};
use metrics::{Metrics, Scene, Unknown};
use replicas::Tolerance;

const ABLE: &str = "AbleToScale";
const ACTIVE: &str = "ScalingActive";
const LIMITED: &str = "ScalingLimited";

/// How autoscalers look at what their pods use.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaling {
    /// From one look to the next.
    pub period: Duration,
    /// A ratio that differs from one by no more asks for nothing, unless the autoscaler has its own word.
    pub tolerance: f64,
    /// As long as something more was asked for, it is not scaled down, unless the autoscaler has its own word.
    pub downscale_window: Duration,
    /// So long after a pod's start what it uses of the CPU counts only if it was ready all along.
    pub cpu_initialization: Duration,
    /// A pod that got unready within this time of its start has not been ready yet.
    pub initial_readiness: Duration,
}

impl Autoscaling {
    /// Upstream's `--horizontal-pod-autoscaler-sync-period`.
    pub const PERIOD: Duration = Duration::from_secs(15);
    /// Upstream's `--horizontal-pod-autoscaler-tolerance`.
    pub const TOLERANCE: f64 = 0.1;
    /// Upstream's `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub const DOWNSCALE_WINDOW: Duration = Duration::from_secs(300);
    /// Upstream's `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub const CPU_INITIALIZATION: Duration = Duration::from_secs(300);
    /// Upstream's `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub const INITIAL_READINESS: Duration = Duration::from_secs(30);
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self {
            period: Self::PERIOD,
            tolerance: Self::TOLERANCE,
            downscale_window: Self::DOWNSCALE_WINDOW,
            cpu_initialization: Self::CPU_INITIALIZATION,
            initial_readiness: Self::INITIAL_READINESS,
        }
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("horizontalpodautoscaler");
    let recorder = wiring.recorder("horizontal-pod-autoscaler");
    let due = queue.clone();
    wiring.on_change(move |change: &reconcile::Change<'_, HorizontalPodAutoscaler>| {
        let spec = |scaler: &std::sync::Arc<HorizontalPodAutoscaler>| scaler.spec.clone();
        // What it writes into its status is no reason to look before it is time.
        if change.old.map(spec) != change.new.map(spec) {
            due.add(change.key.clone());
        }
    });
    let (scalers, pods) = (wiring.store(), wiring.store());
    let (client, metrics) = (wiring.client(), Metrics(wiring.client()));
    let histories = Mutex::default();
    let config = wiring.config().autoscaling.clone();
    let counted = Counted::new(wiring.metrics());
    let autoscalers = Autoscalers { client, recorder, metrics, counted, scalers, pods, histories, config };
    let workers = wiring.config().autoscaler_syncs;
    wiring.reconcile(autoscalers, queue, workers);
}

struct Autoscalers {
    client: Client,
    recorder: Recorder,
    metrics: Metrics,
    counted: Counted,
    scalers: Store<HorizontalPodAutoscaler>,
    pods: Store<Pod>,
    histories: Mutex<HashMap<ObjectKey, History>>,
    config: Autoscaling,
}

/// One look at one autoscaler.
struct Look<'a> {
    scaler: &'a HorizontalPodAutoscaler,
    owner: Owner,
    status: HorizontalPodAutoscalerStatus,
    now: Timestamp,
}

impl Look<'_> {
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: impl Into<String>) {
        let message = message.into();
        let mut new: HorizontalPodAutoscalerCondition =
            Condition::new(kind, status, reason, message, self.now);
        let all = self.status.conditions.get_or_insert_default();
        match all.iter_mut().find(|old| old.type_ == kind) {
            None => all.push(new),
            Some(old) => {
                if old.status == new.status {
                    new.last_transition_time = old.last_transition_time.take();
                }
                *old = new;
            }
        }
    }

    fn bounds(&self) -> (i32, i32) {
        (self.scaler.spec.min_replicas.unwrap_or(1), self.scaler.spec.max_replicas)
    }
}

/// The scale of the target.
struct Scale {
    api: Api<Tree>,
    tree: Tree,
}

impl Reconcile for Autoscalers {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(scaler) = self.scalers.get(&key.namespace, &key.name) else {
            self.histories().remove(key);
            return Ok(Outcome::Done);
        };
        let old = scaler.status.clone().unwrap_or_default();
        let mut look = Look {
            owner: Owner::of(&*scaler),
            scaler: &scaler,
            status: HorizontalPodAutoscalerStatus {
                observed_generation: scaler.metadata.generation,
                ..old.clone()
            },
            now: supervise::clock::now(),
        };
        let begun = Instant::now();
        let looked = self.look(key, &mut look).await;
        self.counted.looked(looked, begun.elapsed());
        let status = look.status;
        if status != old {
            let scaler = HorizontalPodAutoscaler { status: Some(status), ..(*scaler).clone() };
            let scalers = self.client.namespaced::<HorizontalPodAutoscaler>(&key.namespace);
            match scalers.update_status(&key.name, &scaler).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(Outcome::After(self.config.period))
    }
}

impl Autoscalers {
    fn histories(&self) -> MutexGuard<'_, HashMap<ObjectKey, History>> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warn(&self, look: &Look<'_>, reason: &str, message: impl Into<String>) {
        self.recorder.record(look.owner.object(), EventType::Warning, reason, message);
    }

    /// What goes wrong is told in conditions and events; it is tried again when the next look is due.
    async fn look(&self, key: &ObjectKey, look: &mut Look<'_>) -> Looked {
        let scale = match self.scale(look).await {
            Ok(scale) => scale,
            Err(why) => {
                let message =
                    format!("the HPA controller was unable to get the target's current scale: {why}");
                look.set(ABLE, "False", "FailedGetScale", message);
                self.warn(look, "FailedGetScale", why);
                return Looked::failed();
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        look.set(ABLE, "True", "SucceededGetScale", message);
        let replicas = |field| scale.tree.i64_at(&[field, "replicas"]).and_then(|n| i32::try_from(n).ok());
        let current = replicas("spec").unwrap_or(0);
        look.status.current_replicas = Some(replicas("status").unwrap_or(0));
        let (least, most) = look.bounds();
        let (desired, why) = if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            look.set(ACTIVE, "False", "ScalingDisabled", message);
            look.status.desired_replicas = 0;
            return Looked::done(Action::None);
        } else if current > most {
            (most, "Current number of replicas above Spec.MaxReplicas".to_owned())
        } else if current < least {
            (least, "Current number of replicas below Spec.MinReplicas".to_owned())
        } else {
            match self.measured(key, look, &scale.tree, current).await {
                Some(found) => found,
                None => {
                    look.status.desired_replicas = current;
                    return Looked::failed();
                }
            }
        };
        look.status.desired_replicas = desired;
        if desired == current {
            return Looked::done(Action::None);
        }
        match self.rescale(key, look, scale, current, desired, &why).await {
            Ok(()) => Looked::done(Action::of(current, desired)),
            Err(_) => Looked::failed(),
        }
    }

    async fn scale(&self, look: &Look<'_>) -> Result<Scale, String> {
        let target = &look.scaler.spec.scale_target_ref;
        let api_version = target.api_version.as_deref().unwrap_or("v1");
        let kind =
            kind_of(&self.client, api_version, &target.kind).await.map_err(|error| error.to_string())?;
        let none = || format!("no matches for kind {:?} in group of {api_version:?}", target.kind);
        let api = self.client.dynamic(&kind.ok_or_else(none)?.resource, Some(&look.owner.namespace));
        let path = format!("{}/{}/scale", api.path(), target.name);
        let tree: Tree = self.client.get_path(&path).await.map_err(|error| error.to_string())?;
        Ok(Scale { api, tree })
    }

    /// What the metrics ask for and what is let through of it, with the reason in words; nothing where they cannot tell.
    async fn measured(
        &self,
        key: &ObjectKey,
        look: &mut Look<'_>,
        scale: &Tree,
        current: i32,
    ) -> Option<(i32, String)> {
        let selector = scale.str_at(&["status", "selector"]).unwrap_or_default().to_owned();
        let Some(selects) = LabelSelector::parse(&selector).ok().filter(|_| !selector.is_empty()) else {
            let message = "the HPA target's scale is missing a selector";
            look.set(ACTIVE, "False", "InvalidSelector", message);
            self.warn(look, "SelectorRequired", "selector is required");
            return None;
        };
        let pods = self.pods.in_namespace(&key.namespace).into_iter();
        let pods: Vec<_> = pods.filter(|pod| matches(&selects, &pod.metadata)).collect();
        let scene = Scene {
            namespace: &key.namespace,
            selector: &selector,
            pods: &pods,
            replicas: current,
            tolerance: tolerance(look.scaler, self.config.tolerance),
            config: &self.config,
            now: look.now,
        };
        let (wanted, metric) = self.combined(look, &scene, current).await?;
        let why = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => format!("{metric} above target"),
            _ => "All metrics below target".to_owned(),
        };
        let behavior = look.scaler.spec.behavior.as_ref();
        let bounds = look.bounds();
        let normal = {
            let mut histories = self.histories();
            let history = histories.entry(key.clone()).or_default();
            history.normalize(behavior, self.config.downscale_window, bounds, current, wanted, look.now)
        };
        let (reason, message) =
            normal.stabilized.unwrap_or(("ReadyForNewScale", "recommended size matches current size"));
        look.set(ABLE, "True", reason, message);
        match normal.limited {
            Some((reason, message)) => look.set(LIMITED, "True", reason, message),
            None => {
                let message = "the desired count is within the acceptable range";
                look.set(LIMITED, "False", "DesiredWithinRange", message);
            }
        }
        Some((normal.replicas, why))
    }

    /// The most that any metric asks for, and that metric. With one that cannot be read it is not scaled down.
    async fn combined(&self, look: &mut Look<'_>, scene: &Scene<'_>, current: i32) -> Option<(i32, String)> {
        let specs = look.scaler.spec.metrics.clone().unwrap_or_default();
        let (mut best, mut told, mut unknown): (Option<(i32, String)>, Vec<Tree>, Vec<Unknown>) =
            Default::default();
        for spec in &specs {
            let begun = Instant::now();
            let proposed = self.metrics.propose(scene, spec).await;
            let wanted = proposed.as_ref().ok().map(|found| Action::of(current, found.replicas));
            self.counted.measured(&spec.type_, wanted, begun.elapsed());
            match proposed {
                Ok(found) => {
                    if best.as_ref().is_none_or(|(most, _)| found.replicas > *most) {
                        best = Some((found.replicas, found.name));
                    }
                    told.push(found.status);
                }
                Err(why) => {
                    self.warn(look, why.reason, why.message.clone());
                    unknown.push(why);
                }
            }
        }
        let told: Vec<_> = told.iter().filter_map(|status| from_tree(status).ok()).collect();
        look.status.current_metrics = Some(told).filter(|told| !told.is_empty());
        let is_enough = best.as_ref().is_some_and(|(replicas, _)| *replicas >= current);
        match (best, unknown.first()) {
            (Some((replicas, metric)), first) if first.is_none() || is_enough => {
                let message =
                    format!("the HPA was able to successfully calculate a replica count from {metric}");
                look.set(ACTIVE, "True", "ValidMetricFound", message);
                Some((replicas, metric))
            }
            (_, first) => {
                let (reason, message) = first.map_or(("InvalidMetricSourceType", "no metrics"), |first| {
                    (first.reason, first.message.as_str())
                });
                let condition = format!("the HPA was unable to compute the replica count: {message}");
                look.set(ACTIVE, "False", reason, condition);
                let (failed, all) = (unknown.len(), specs.len());
                let message =
                    format!("invalid metrics ({failed} invalid out of {all}), first error is: {message}");
                self.warn(look, "FailedComputeMetricsReplicas", message);
                None
            }
        }
    }

    async fn rescale(
        &self,
        key: &ObjectKey,
        look: &mut Look<'_>,
        scale: Scale,
        current: i32,
        desired: i32,
        why: &str,
    ) -> Result<(), ApiError> {
        let Scale { api, mut tree } = scale;
        tree.set_at(&["spec", "replicas"], desired);
        let name = &look.scaler.spec.scale_target_ref.name;
        match api.update_subresource(name, "scale", &tree).await {
            Ok(_) => {
                let message = format!("the HPA controller was able to update the target scale to {desired}");
                look.set(ABLE, "True", "SucceededRescale", message);
                let message = format!("New size: {desired}; reason: {why}");
                self.recorder.record(look.owner.object(), EventType::Normal, "SuccessfulRescale", message);
                self.histories().entry(key.clone()).or_default().scaled(current, desired, look.now);
                look.status.last_scale_time = Some(Time(look.now));
                Ok(())
            }
            Err(error) => {
                let message = format!("the HPA controller was unable to update the target scale: {error}");
                look.set(ABLE, "False", "FailedUpdateScale", message);
                self.warn(
                    look,
                    "FailedRescale",
                    format!("New size: {desired}; reason: {why}; error: {error}"),
                );
                look.status.desired_replicas = current;
                Err(error)
            }
        }
    }
}

fn tolerance(scaler: &HorizontalPodAutoscaler, otherwise: f64) -> Tolerance {
    let behavior = scaler.spec.behavior.as_ref();
    let read = |rules: Option<&k8s_openapi::api::autoscaling::v2::HPAScalingRules>| {
        let quantity = rules.and_then(|rules| rules.tolerance.as_ref())?;
        Some(quantity.0.parse::<objects::quantity::Quantity>().ok()?.as_f64())
    };
    Tolerance {
        up: read(behavior.and_then(|behavior| behavior.scale_up.as_ref())).unwrap_or(otherwise),
        down: read(behavior.and_then(|behavior| behavior.scale_down.as_ref())).unwrap_or(otherwise),
    }
}
