//! How much an addon may use.

use std::time::Duration;

use engine::Limits;
use serde::{Deserialize, Serialize};

/// What may be granted at most, by name.
const MOST: &[(&str, u32)] = &[
    ("memoryMib", 256),
    ("callMillis", 5_000),
    ("callsPerSecond", 10_000),
    ("kvKib", 64 << 10),
    ("logLinesPerSecond", 10_000),
];

/// What an addon wants instead of what everybody may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct Quota {
    /// Memory of each instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mib: Option<u32>,
    /// Time of a call that a request waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    call_millis: Option<u32>,
    /// Calls of `kube`, `kv` and `pki`, over a while; ten times as many at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_second: Option<u32>,
    /// All keys and values that it keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    kv_kib: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_lines_per_second: Option<u32>,
    pub(crate) why: String,
}

/// What an addon may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Bytes of each instance.
    pub(crate) memory: usize,
    /// None is what the role has by itself.
    pub(crate) call: Option<Duration>,
    pub(crate) calls_per_second: u32,
    pub(crate) kv: usize,
    pub(crate) log_lines_per_second: u32,
}

impl Allowance {
    /// What everybody may.
    pub(crate) const DEFAULT: Self =
        Self { memory: 128 << 20, call: None, calls_per_second: 100, kv: 4 << 20, log_lines_per_second: 100 };

    /// The limits of a role, as they are for the addon.
    pub(crate) fn within(&self, of_role: Limits) -> Limits {
        Limits { memory: self.memory.min(of_role.memory), deadline: self.call.unwrap_or(of_role.deadline) }
    }

    pub(crate) fn of(quota: Option<&Quota>) -> Self {
        let Some(quota) = quota else { return Self::DEFAULT };
        let size = |value: Option<u32>, unit: usize, default: usize| {
            value.map_or(default, |value| usize::try_from(value).unwrap_or(usize::MAX).saturating_mul(unit))
        };
        Self {
            memory: size(quota.memory_mib, 1 << 20, Self::DEFAULT.memory),
            call: quota.call_millis.map(|millis| Duration::from_millis(millis.into())),
            calls_per_second: quota.calls_per_second.unwrap_or(Self::DEFAULT.calls_per_second),
            kv: size(quota.kv_kib, 1 << 10, Self::DEFAULT.kv),
            log_lines_per_second: quota.log_lines_per_second.unwrap_or(Self::DEFAULT.log_lines_per_second),
        }
    }
}

impl Quota {
    /// Those that are given, by name.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let values = [
            self.memory_mib,
            self.call_millis,
            self.calls_per_second,
            self.kv_kib,
            self.log_lines_per_second,
        ];
        MOST.iter().zip(values).filter_map(|((name, _), value)| Some((*name, value?)))
    }

    /// Those beyond what may be granted, with that.
    pub(crate) fn excess(&self) -> Vec<(&'static str, u32)> {
        let most = |name: &str| MOST.iter().find(|(known, _)| *known == name).map_or(0, |(_, most)| *most);
        let given = self.given().map(|(name, value)| (name, value, most(name)));
        given.filter(|(_, value, most)| value > most).map(|(name, _, most)| (name, most)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_as_for_everybody() {
        let quota: Quota = serde_json::from_str(r#"{"kvKib":8,"callMillis":20,"why":""}"#).unwrap();
        let expected = Allowance { kv: 8 << 10, call: Some(Duration::from_millis(20)), ..Allowance::DEFAULT };
        assert_eq!(Allowance::of(Some(&quota)), expected);
        assert_eq!(Allowance::of(None), Allowance::DEFAULT);
    }

    #[test]
    fn what_is_beyond_measure_is_named() {
        let quota: Quota =
            serde_json::from_str(r#"{"memoryMib":257,"kvKib":1,"callMillis":5001,"why":""}"#).unwrap();
        assert_eq!(quota.excess(), [("memoryMib", 256), ("callMillis", 5000)]);
    }
}
