//! Requests and limits as cgroups have them.

use cri::LinuxResources;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements};
use objects::quantity::Quantity;

use super::facts::QosClass;

const SHARES_PER_CPU: i64 = 1024;
const MIN_SHARES: i64 = 2;
const MAX_SHARES: i64 = 262_144;
/// 100 ms, the kernel's default.
const PERIOD: i64 = 100_000;
const MIN_QUOTA: i64 = 1_000;

/// How the kernel picks a victim, by quality of service: upstream's figures.
const GUARANTEED_OOM_SCORE: i64 = -997;
const BEST_EFFORT_OOM_SCORE: i64 = 1000;
const MIN_BURSTABLE_OOM_SCORE: i64 = 3;

/// One resource of a list, if it is there and can be read.
pub(crate) fn quantity(container: &Container, limit: Bound, name: &str) -> Option<Quantity> {
    let ResourceRequirements { limits, requests, .. } = container.resources.as_ref()?;
    let list = match limit {
        Bound::Limit => limits,
        Bound::Request => requests,
    };
    list.as_ref()?.get(name)?.0.parse().ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Limit,
    Request,
}

/// The cgroup limits of a container on a node with `node_memory` bytes.
pub(crate) fn linux(container: &Container, qos: QosClass, node_memory: i64) -> LinuxResources {
    let cpu_limit = quantity(container, Bound::Limit, "cpu").map(|cpu| cpu.milli_value());
    let cpu_request = quantity(container, Bound::Request, "cpu").map(|cpu| cpu.milli_value()).or(cpu_limit);
    let memory_limit = quantity(container, Bound::Limit, "memory").map(|memory| memory.value());
    let memory_request = quantity(container, Bound::Request, "memory").map(|memory| memory.value());
    let (cpu_period, cpu_quota) = match cpu_limit {
        Some(milli) if milli > 0 => (PERIOD, (milli * PERIOD / 1000).max(MIN_QUOTA)),
        _ => (PERIOD, 0),
    };
    LinuxResources {
        cpu_period,
        cpu_quota,
        cpu_shares: shares(cpu_request.unwrap_or_default()),
        memory_limit_in_bytes: memory_limit.unwrap_or_default(),
        oom_score_adj: oom_score(qos, memory_request.or(memory_limit).unwrap_or_default(), node_memory),
    }
}

fn shares(milli: i64) -> i64 {
    (milli * SHARES_PER_CPU / 1000).clamp(MIN_SHARES, MAX_SHARES)
}

fn oom_score(qos: QosClass, request: i64, node_memory: i64) -> i64 {
    match qos {
        QosClass::Guaranteed => GUARANTEED_OOM_SCORE,
        QosClass::BestEffort => BEST_EFFORT_OOM_SCORE,
        QosClass::Burstable => {
            let score = 1000 - (1000 * i128::from(request) / i128::from(node_memory.max(1)));
            i64::try_from(score)
                .unwrap_or(MIN_BURSTABLE_OOM_SCORE)
                .clamp(MIN_BURSTABLE_OOM_SCORE, BEST_EFFORT_OOM_SCORE - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resources: &str, qos: QosClass) -> LinuxResources {
        let container = format!(r#"{{"name":"c","resources":{resources}}}"#);
        linux(&serde_json::from_str(&container).unwrap(), qos, 1000)
    }

    #[test]
    fn limits_become_quota_and_bytes_and_requests_become_shares() {
        let set =
            of(r#"{"limits":{"cpu":"500m","memory":"1Ki"},"requests":{"cpu":"250m"}}"#, QosClass::Burstable);
        assert_eq!((set.cpu_period, set.cpu_quota, set.cpu_shares), (100_000, 50_000, 256));
        assert_eq!(set.memory_limit_in_bytes, 1024);
    }

    #[test]
    fn no_resources_mean_the_least_share_and_the_first_victim() {
        let set = of("{}", QosClass::BestEffort);
        assert_eq!((set.cpu_quota, set.cpu_shares, set.oom_score_adj), (0, 2, 1000));
    }

    #[test]
    fn a_burstable_container_is_the_safer_the_more_it_asked_for() {
        assert_eq!(of(r#"{"requests":{"memory":"100"}}"#, QosClass::Burstable).oom_score_adj, 900);
        assert_eq!(of(r#"{"requests":{"memory":"1"}}"#, QosClass::Burstable).oom_score_adj, 999);
        assert_eq!(of(r#"{"requests":{"memory":"1000"}}"#, QosClass::Burstable).oom_score_adj, 3);
    }
}
