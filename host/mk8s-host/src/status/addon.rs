//! One addon in the words of `plugin info` and `plugin logs`.

use std::time::{Duration, SystemTime};

use addons::{CapabilityReport, Described, Details, Level, LogPage, SettingReport};
use admin::{
    AddonCalls, AddonCapability, AddonDenial, AddonDetails, AddonReport, AddonSetting, LogLine, LogReport,
};

pub(crate) fn details(details: Details) -> AddonDetails {
    let Details { addon, description, settings, capabilities, denied, calls, memory, faults } = details;
    let AddonReport { name, version, roles, state, digest, message } = super::addon(addon);
    let nanoseconds = |duration: Option<Duration>| {
        duration.and_then(|duration| u64::try_from(duration.as_nanos()).ok()).unwrap_or_default()
    };
    AddonDetails {
        state: Some(state),
        name,
        version,
        description,
        roles,
        digest,
        signature: None,
        message,
        settings: settings.into_iter().map(setting).collect(),
        capabilities: capabilities.into_iter().map(capability).collect(),
        denied: denied.into_iter().map(|(what, count)| AddonDenial { what, count }).collect(),
        calls: calls
            .into_iter()
            .map(|calls| AddonCalls {
                role: calls.role.to_owned(),
                calls: calls.calls,
                failures: calls.failures,
                median_nanoseconds: nanoseconds(calls.median),
                p99_nanoseconds: nanoseconds(calls.p99),
            })
            .collect(),
        memory,
        faults,
    }
}

/// A component that is not installed, as it says of itself.
pub(crate) fn described(described: Described) -> AddonDetails {
    let conflicts = described.conflicts.join(", ");
    AddonDetails {
        state: None,
        name: described.name,
        version: described.version,
        description: described.description,
        roles: described.roles,
        digest: described.digest,
        signature: None,
        message: (!conflicts.is_empty()).then(|| format!("it cannot be enabled beside {conflicts}")),
        settings: described.settings.into_iter().map(setting).collect(),
        capabilities: described.capabilities.into_iter().map(capability).collect(),
        denied: Vec::new(),
        calls: Vec::new(),
        memory: 0,
        faults: 0,
    }
}

fn setting(setting: SettingReport) -> AddonSetting {
    let SettingReport { name, value, is_default, description } = setting;
    AddonSetting { name, value, is_default, description }
}

fn capability(capability: CapabilityReport) -> AddonCapability {
    let CapabilityReport { name, text, granted } = capability;
    AddonCapability { name, text, granted }
}

pub(crate) fn logs(page: LogPage) -> LogReport {
    let line = |line: addons::LogLine| LogLine {
        at: timestamp(line.at),
        level: match line.level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
        .to_owned(),
        text: line.text,
    };
    LogReport { lines: page.lines.into_iter().map(line).collect(), next: page.next }
}

/// RFC 3339, to the millisecond.
fn timestamp(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}
