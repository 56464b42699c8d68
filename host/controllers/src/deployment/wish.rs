//! [`Wish`]: what a Deployment asks for, with everything that it may leave out.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::int_or_percent::{Round, part_of};

/// As long as this is no limit at all.
const UNLIMITED: i32 = i32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Recreate,
    /// So many pods may be too many, and so many not available.
    Rolling {
        surge: i32,
        unavailable: i32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) replicas: i32,
    pub(super) strategy: Strategy,
    pub(super) min_ready_seconds: i32,
    pub(super) is_paused: bool,
    /// Old sets that are kept.
    pub(super) history: Option<usize>,
    /// In seconds.
    pub(super) progress_deadline: Option<i32>,
}

impl Wish {
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        let spec = deployment.spec.as_ref()?;
        let replicas = spec.replicas.unwrap_or(1);
        let limit = |value: Option<i32>| value.filter(|value| *value != UNLIMITED);
        Some(Self {
            replicas,
            strategy: strategy(spec, replicas),
            min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
            is_paused: spec.paused.unwrap_or(false),
            history: limit(spec.revision_history_limit).and_then(|limit| usize::try_from(limit).ok()),
            progress_deadline: limit(spec.progress_deadline_seconds),
        })
    }

    pub(super) fn surge(&self) -> i32 {
        match self.strategy {
            Strategy::Recreate => 0,
            Strategy::Rolling { surge, .. } => surge,
        }
    }

    pub(super) fn max_unavailable(&self) -> i32 {
        match self.strategy {
            Strategy::Rolling { unavailable, .. } if self.replicas > 0 => unavailable.min(self.replicas),
            _ => 0,
        }
    }

    pub(super) fn min_available(&self) -> i32 {
        self.replicas - self.max_unavailable()
    }
}

/// Where neither number lets anything happen, one pod may be missing.
fn strategy(spec: &DeploymentSpec, replicas: i32) -> Strategy {
    let Some(strategy) = spec.strategy.as_ref().filter(|one| one.type_.as_deref() != Some("Recreate")) else {
        return Strategy::Recreate;
    };
    let rolling = strategy.rolling_update.as_ref();
    let number =
        |value: Option<&IntOrString>, round| value.map_or(0, |value| part_of(value, replicas, round));
    let surge = number(rolling.and_then(|rolling| rolling.max_surge.as_ref()), Round::Up);
    let unavailable = number(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), Round::Down);
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Strategy::Rolling { surge, unavailable }
}
