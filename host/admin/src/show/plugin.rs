//! How answers about addons look.

use std::time::Duration;

use super::{addon_state, columns, flush_left, line};
use crate::report::{AddonDetails, AddonReport, InstallReport, LogLine};

/// `mk8s-host plugin list`.
pub fn addons(addons: &[AddonReport]) -> String {
    let mut rows = vec![["NAME", "VERSION", "STATE", "ROLES"].map(str::to_owned).to_vec()];
    rows.extend(addons.iter().map(|addon| {
        vec![
            addon.name.clone(),
            addon.version.clone(),
            addon_state(addon.state).to_owned(),
            addon.roles.join(","),
        ]
    }));
    flush_left(&columns(&rows))
}

/// `mk8s-host plugin info`.
pub fn addon(addon: &AddonDetails) -> String {
    let row = |title: &str, text: String| vec![format!("{title}:"), text];
    let mut rows = vec![row("name", addon.name.clone()), row("version", addon.version.clone())];
    rows.extend(addon.state.map(|state| row("state", addon_state(state).to_owned())));
    rows.push(row("roles", addon.roles.join(", ")));
    rows.push(row("digest", format!("sha256:{}", addon.digest)));
    rows.extend(addon.signature.iter().map(|signature| row("signature", signature.clone())));
    rows.extend((!addon.description.is_empty()).then(|| row("about", addon.description.clone())));
    rows.extend(addon.message.iter().map(|message| row("message", message.clone())));
    rows.extend((addon.memory > 0).then(|| row("memory", format!("{} KiB at most", addon.memory >> 10))));
    rows.extend((addon.faults > 0).then(|| row("faults", addon.faults.to_string())));
    let mut out = flush_left(&columns(&rows));
    for (title, rows) in sections(addon) {
        if !rows.is_empty() {
            line(&mut out, format_args!("{title}:"));
            out.push_str(&columns(&rows));
        }
    }
    out
}

/// What follows the head, each a table with its title.
fn sections(addon: &AddonDetails) -> [(&'static str, Vec<Vec<String>>); 5] {
    let capabilities = |granted: bool| {
        let of = addon.capabilities.iter().filter(move |one| one.granted == granted);
        of.map(|one| vec![one.name.clone(), one.text.clone()]).collect()
    };
    let settings = addon.settings.iter().map(|setting| {
        let from = if setting.is_default { "default" } else { "given" };
        vec![format!("{}={}", setting.name, setting.value), from.to_owned(), setting.description.clone()]
    });
    let calls = addon.calls.iter().map(|calls| {
        vec![
            calls.role.clone(),
            format!("{} calls", calls.calls),
            format!("{} failed", calls.failures),
            format!("half within {:?}", Duration::from_nanos(calls.median_nanoseconds)),
            format!("99 % within {:?}", Duration::from_nanos(calls.p99_nanoseconds)),
        ]
    });
    let denied =
        addon.denied.iter().map(|denial| vec![format!("{} times", denial.count), denial.what.clone()]);
    let not_granted = if addon.state.is_some() { "not granted" } else { "wants" };
    [
        ("settings", settings.collect()),
        ("granted", capabilities(true)),
        (not_granted, capabilities(false)),
        ("denied", denied.collect()),
        ("calls", calls.collect()),
    ]
}

/// `mk8s-host plugin diff`.
pub fn changes(changes: &[String]) -> String {
    if changes.is_empty() {
        return "nothing of the configuration changes\n".to_owned();
    }
    changes.iter().flat_map(|change| [change.as_str(), "\n"]).collect()
}

/// A line of `mk8s-host plugin logs`.
pub fn log_line(log: &LogLine) -> String {
    format!("{} {:<5} {}\n", log.at, log.level, log.text)
}

/// What an install wants and changes.
pub fn install(report: &InstallReport) -> String {
    let mut out = flush_left(&columns(&[
        vec!["addon:".to_owned(), format!("{} {}", report.addon.name, report.addon.version)],
        vec!["source:".to_owned(), format!("{}, sha256:{}", report.source, report.addon.digest)],
        vec!["roles:".to_owned(), report.addon.roles.join(", ")],
    ]));
    if let Some(replaced) = &report.replaces {
        line(&mut out, format_args!("replaces: {replaced}"));
    }
    let sections = [
        ("wants:", &report.capabilities),
        ("wants more than before:", &report.wants_more),
        ("is not granted:", &report.not_granted),
        ("changes:", &report.changes),
    ];
    for (title, lines) in sections {
        if !lines.is_empty() {
            line(&mut out, format_args!("{title}"));
            lines.iter().for_each(|text| line(&mut out, format_args!("  {text}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::report::{AddonCalls, AddonCapability, AddonDenial, AddonSetting, AddonState};

    #[test]
    fn an_addon_is_shown_with_what_it_may_and_what_it_did() {
        let capability = |name: &str, text: &str, granted| AddonCapability {
            name: name.to_owned(),
            text: text.to_owned(),
            granted,
        };
        let details = AddonDetails {
            state: Some(AddonState::Enabled),
            name: "a".to_owned(),
            version: "1".to_owned(),
            description: "Does it".to_owned(),
            roles: vec!["authorizer".to_owned()],
            digest: "00".to_owned(),
            signature: None,
            message: None,
            settings: vec![AddonSetting {
                name: "size".to_owned(),
                value: "7".to_owned(),
                is_default: true,
                description: "how large".to_owned(),
            }],
            capabilities: vec![
                capability("kv", "keeps data: x", true),
                capability("clock", "knows the time: y", false),
            ],
            denied: vec![AddonDenial { what: "clock".to_owned(), count: 3 }],
            calls: vec![AddonCalls {
                role: "authorizer".to_owned(),
                calls: 9,
                failures: 1,
                median_nanoseconds: 1000,
                p99_nanoseconds: 2_000_000,
            }],
            memory: 65536,
            faults: 0,
        };
        expect![[r#"
            name:     a
            version:  1
            state:    enabled
            roles:    authorizer
            digest:   sha256:00
            about:    Does it
            memory:   64 KiB at most
            settings:
                size=7  default  how large
            granted:
                kv  keeps data: x
            not granted:
                clock  knows the time: y
            denied:
                3 times  clock
            calls:
                authorizer  9 calls  1 failed  half within 1µs  99 % within 2ms
        "#]]
        .assert_eq(&addon(&details));
    }

    #[test]
    fn an_upgrade_tells_what_it_wants_beyond() {
        let report = InstallReport {
            addon: AddonReport {
                name: "a".to_owned(),
                version: "2".to_owned(),
                roles: vec!["config".to_owned()],
                state: AddonState::Disabled,
                digest: "00".to_owned(),
                message: None,
            },
            source: "unsigned".to_owned(),
            capabilities: vec!["keeps data: x".to_owned(), "knows the time: y".to_owned()],
            wants_more: vec!["knows the time: y".to_owned()],
            not_granted: vec!["kv".to_owned()],
            changes: Vec::new(),
            replaces: Some("a 1 (installed)".to_owned()),
        };
        expect![[r#"
            addon:   a 2
            source:  unsigned, sha256:00
            roles:   config
            replaces: a 1 (installed)
            wants:
              keeps data: x
              knows the time: y
            wants more than before:
              knows the time: y
            is not granted:
              kv
        "#]]
        .assert_eq(&install(&report));
    }
}
