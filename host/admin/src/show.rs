//! How answers look on a terminal. Pure: report in, text out.

mod plugin;

use std::fmt::Write;

use crate::report::{AddonState, CertificateReport, ConfigReport, StatusReport, StoreReport, UnitState};

pub use plugin::{addon, addons, changes, install, log_line};

/// Certificates with fewer days left than this are named in the pretty status.
const CERTIFICATE_DAYS_SHOWN: i64 = 30;

/// The pretty form of `mk8s-host status`.
pub fn status(report: &StatusReport) -> String {
    let mut out = String::new();
    let head = if report.ready { "is running" } else { "is not ready" };
    line(&mut out, format_args!("mk8s-host {head}  (version {}, node {})", report.version, report.node));
    line(&mut out, format_args!("data directory: {}", report.data_dir));
    line(&mut out, format_args!("authorization:  {}", report.authorization_mode.join(",")));

    line(&mut out, format_args!("store:          {}", store(&report.store)));

    line(&mut out, format_args!("\nunits:"));
    let rows: Vec<_> = report
        .units
        .iter()
        .map(|unit| {
            let restarts = match unit.restarts {
                0 => String::new(),
                1 => "1 restart".to_owned(),
                n => format!("{n} restarts"),
            };
            vec![
                unit.name.clone(),
                unit_state(unit.state).to_owned(),
                restarts,
                unit.message.clone().unwrap_or_default(),
            ]
        })
        .collect();
    out.push_str(&columns(&rows));

    line(&mut out, format_args!("\nsockets:"));
    let rows: Vec<_> = report
        .sockets
        .iter()
        .map(|socket| vec![socket.address.clone(), socket.service.clone(), socket.access.clone()])
        .collect();
    out.push_str(&columns(&rows));

    line(&mut out, format_args!("\naddons:"));
    for (title, wanted) in [("enabled", true), ("disabled", false)] {
        let rows: Vec<_> = report
            .addons
            .iter()
            .filter(|addon| (addon.state != AddonState::Disabled) == wanted)
            .map(|addon| {
                let mut what = addon.roles.join(", ");
                if !matches!(addon.state, AddonState::Enabled | AddonState::Disabled) {
                    what = format!("{} - {what}", addon_state(addon.state));
                }
                if let Some(message) = &addon.message {
                    what = format!("{what}: {message}");
                }
                vec![addon.name.clone(), addon.version.clone(), what]
            })
            .collect();
        if !rows.is_empty() {
            line(&mut out, format_args!("  {title}:"));
            out.push_str(&columns(&rows));
        }
    }

    let first = report.certificates.iter().min_by_key(|certificate| certificate.days_left);
    if let Some(first) = first {
        line(
            &mut out,
            format_args!(
                "\ncertificates: {}, the first to expire is {} in {} days",
                report.certificates.len(),
                first.file,
                first.days_left
            ),
        );
        for certificate in report.certificates.iter().filter(|c| c.days_left < CERTIFICATE_DAYS_SHOWN) {
            line(&mut out, format_args!("  {} ({} days left)", certificate.file, certificate.days_left));
        }
    }

    if !report.warnings.is_empty() {
        line(&mut out, format_args!("\nwarnings:"));
        for warning in &report.warnings {
            line(&mut out, format_args!("  {warning}"));
        }
    }
    out
}

fn store(report: &StoreReport) -> String {
    let Some(usage) = &report.usage else {
        return match &*report.endpoints {
            [] => "not open".to_owned(),
            endpoints => format!("etcd at {}", endpoints.join(", ")),
        };
    };
    let (used, quota, disk) = (size(usage.bytes_in_use), size(usage.quota), size(usage.bytes_on_disk));
    let alarms: String = usage.alarms.iter().map(|alarm| format!(", alarm {alarm}")).collect();
    format!("revision {}, {used} of {quota} in use, {disk} on disk{alarms}", usage.revision)
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

/// `mk8s-host config show`: the flags of each service with the origin of their values.
pub fn config(report: &ConfigReport) -> String {
    let mut out = String::new();
    for service in &report.services {
        let gap = if out.is_empty() { "" } else { "\n" };
        line(&mut out, format_args!("{gap}{}", service.service));
        let mut rows = Vec::new();
        for flag in &service.flags {
            let value = format!("--{}={}", flag.flag, flag.value);
            rows.push(vec![value, flag.origin.clone(), flag.overrides.join(", ")]);
        }
        for row in &mut rows {
            if let Some(overrides) = row.last_mut().filter(|text| !text.is_empty()) {
                *overrides = format!("instead of {overrides}");
            }
        }
        out.push_str(&columns(&rows));
    }
    out
}

/// `mk8s-host refresh-certs --check`.
pub fn certificates(certificates: &[CertificateReport]) -> String {
    let mut rows =
        vec![["CERTIFICATE", "SUBJECT", "ISSUER", "EXPIRES", "DAYS LEFT"].map(str::to_owned).to_vec()];
    rows.extend(certificates.iter().map(|certificate| {
        vec![
            certificate.file.clone(),
            certificate.subject.clone(),
            certificate.issuer.clone(),
            certificate.not_after.clone(),
            certificate.days_left.to_string(),
        ]
    }));
    flush_left(&columns(&rows))
}

/// Columns without the indent that they have below a title.
fn flush_left(columns: &str) -> String {
    columns.lines().flat_map(|row| [row.strip_prefix("    ").unwrap_or(row), "\n"]).collect()
}

/// Rows as left-aligned columns, indented; the last column is not padded.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<_> = (0..count)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut text = String::from("   ");
        for (cell, width) in row.iter().zip(&widths) {
            text.push(' ');
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 1));
        }
        line(&mut out, format_args!("{}", text.trim_end()));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

fn unit_state(state: UnitState) -> &'static str {
    match state {
        UnitState::Waiting => "waiting",
        UnitState::Starting => "starting",
        UnitState::Ready => "ready",
        UnitState::BackingOff => "backing off",
        UnitState::Failed => "failed",
        UnitState::Stopped => "stopped",
    }
}

fn addon_state(state: AddonState) -> &'static str {
    match state {
        AddonState::Disabled => "disabled",
        AddonState::Starting => "starting",
        AddonState::Broken => "broken",
        AddonState::Enabled => "enabled",
        AddonState::Quarantined => "quarantined",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::report::{AddonReport, CertificateReport, SocketReport, StoreUsage, UnitReport};

    #[test]
    fn a_store_is_shown_where_it_is() {
        let elsewhere = ["https://192.0.2.7:2379", "https://192.0.2.8:2379"].map(str::to_owned).to_vec();
        let report = |endpoints| StoreReport { endpoints, usage: None };
        assert_eq!(store(&report(elsewhere)), "etcd at https://192.0.2.7:2379, https://192.0.2.8:2379");
        assert_eq!(store(&report(Vec::new())), "not open");
    }

    #[test]
    fn pretty_status_names_units_sockets_addons_and_warnings() {
        let addon = |name: &str, state| AddonReport {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            roles: vec!["authorizer".to_owned()],
            state,
            digest: "00".to_owned(),
            message: None,
        };
        let report = StatusReport {
            version: "0.1.0".to_owned(),
            ready: true,
            node: "box".to_owned(),
            addresses: Vec::new(),
            data_dir: "/var/lib/mk8s".to_owned(),
            authorization_mode: vec!["AlwaysAllow".to_owned()],
            store: StoreReport {
                endpoints: Vec::new(),
                usage: Some(StoreUsage {
                    revision: 4711,
                    bytes_on_disk: 70 << 20,
                    bytes_in_use: 1_400_000,
                    quota: 8 << 30,
                    alarms: vec!["NOSPACE".to_owned()],
                }),
            },
            units: vec![UnitReport {
                name: "containerd".to_owned(),
                state: UnitState::BackingOff,
                restarts: 2,
                message: Some("exited with status 1".to_owned()),
            }],
            sockets: vec![SocketReport {
                address: "0.0.0.0:16443/tcp".to_owned(),
                service: "kube-apiserver".to_owned(),
                access: "TLS".to_owned(),
            }],
            certificates: vec![CertificateReport {
                file: "server.crt".to_owned(),
                subject: "CN=127.0.0.1".to_owned(),
                issuer: "CN=10.152.183.1".to_owned(),
                not_after: "2027-01-01T00:00:00Z".to_owned(),
                days_left: 12,
            }],
            addons: vec![addon("rbac", AddonState::Quarantined), addon("auth-basic", AddonState::Disabled)],
            warnings: vec!["every authenticated request is allowed".to_owned()],
        };
        expect![[r#"
            mk8s-host is running  (version 0.1.0, node box)
            data directory: /var/lib/mk8s
            authorization:  AlwaysAllow
            store:          revision 4711, 1.3 MiB of 8.0 GiB in use, 70.0 MiB on disk, alarm NOSPACE

            units:
                containerd  backing off  2 restarts  exited with status 1

            sockets:
                0.0.0.0:16443/tcp  kube-apiserver  TLS

            addons:
              enabled:
                rbac  0.1.0  quarantined - authorizer
              disabled:
                auth-basic  0.1.0  authorizer

            certificates: 1, the first to expire is server.crt in 12 days
              server.crt (12 days left)

            warnings:
              every authenticated request is allowed
        "#]]
        .assert_eq(&status(&report));
    }
}
