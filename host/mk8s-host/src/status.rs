//! The node in the words of `status`, from what its parts say of themselves.

mod addon;

use addons::{InstallPlan, Report, State};
use admin::{
    AddonReport, AddonState, CertificateReport, ConfigReport, FlagReport, InstallReport, ServiceConfigReport,
    SocketReport, StatusReport, StoreUsage, UnitReport, UnitState,
};
use args::{Effective, Service, ServiceArgs};
use datastore::{Alarm, StoreStatus};
use net::{Binder, Sockets};
use pki::CertificateStatus;
use supervise::TreeStatus;

pub(crate) use addon::{described, details, logs};

/// Days before its end from which a certificate is warned about.
const WARN_DAYS: i64 = 14;

pub(crate) fn units(tree: &TreeStatus) -> Vec<UnitReport> {
    tree.units
        .iter()
        .map(|unit| UnitReport {
            name: unit.name.to_owned(),
            state: unit_state(unit.state),
            restarts: unit.restarts,
            message: unit.message.clone(),
        })
        .collect()
}

fn unit_state(state: supervise::UnitState) -> UnitState {
    match state {
        supervise::UnitState::Waiting => UnitState::Waiting,
        supervise::UnitState::Starting => UnitState::Starting,
        supervise::UnitState::Ready => UnitState::Ready,
        supervise::UnitState::BackingOff => UnitState::BackingOff,
        supervise::UnitState::Failed => UnitState::Failed,
        supervise::UnitState::Stopped => UnitState::Stopped,
    }
}

/// Those that are bound now: the sockets of a child are while its unit is ready.
pub(crate) fn sockets(sockets: &Sockets, tree: &TreeStatus) -> Vec<SocketReport> {
    let is_bound = |row: &&net::Socket| {
        row.binder == Binder::Host
            || tree.unit(row.service).is_some_and(|unit| unit.state == supervise::UnitState::Ready)
    };
    let report = |row: &net::Socket| SocketReport {
        address: row.address.to_string(),
        service: row.service.to_owned(),
        access: row.access.to_owned(),
    };
    sockets.rows().iter().filter(is_bound).map(report).collect()
}

pub(crate) fn certificate(status: &CertificateStatus) -> CertificateReport {
    CertificateReport {
        file: status.file.clone(),
        subject: status.subject.clone(),
        issuer: status.issuer.clone(),
        not_after: status.not_after.clone(),
        days_left: status.days_left,
    }
}

pub(crate) fn addon(report: Report) -> AddonReport {
    AddonReport {
        name: report.name,
        version: report.version,
        roles: report.roles,
        state: match report.state {
            State::Disabled => AddonState::Disabled,
            State::Starting => AddonState::Starting,
            State::Broken => AddonState::Broken,
            State::Enabled => AddonState::Enabled,
            State::Quarantined => AddonState::Quarantined,
        },
        digest: report.digest,
        message: report.message,
    }
}

pub(crate) fn install(plan: InstallPlan) -> InstallReport {
    InstallReport {
        addon: addon(plan.addon),
        source: plan.source,
        capabilities: plan.capabilities,
        wants_more: plan.wants_more,
        not_granted: plan.not_granted,
        changes: plan.changes,
        replaces: plan.replaces,
    }
}

pub(crate) fn usage(status: &StoreStatus) -> StoreUsage {
    StoreUsage {
        revision: status.revision.0,
        bytes_on_disk: status.bytes_on_disk,
        bytes_in_use: status.bytes_in_use,
        quota: status.quota,
        alarms: status.alarms.iter().map(Alarm::to_string).collect(),
    }
}

/// What an operator should look at of the configuration, the certificates and the store.
pub(crate) fn warnings(
    effective: &Effective,
    certificates: &[CertificateReport],
    alarms: &[Alarm],
) -> Vec<String> {
    let mut warnings = effective.warnings.clone();
    let modes = effective.service(Service::KubeApiserver).list("authorization-mode");
    if modes.iter().any(|mode| mode == "AlwaysAllow") {
        warnings.push(
            "every authenticated request is allowed (--authorization-mode=AlwaysAllow): `mk8s-host plugin install rbac.wasm` turns RBAC on"
                .to_owned(),
        );
    }
    let ending = certificates.iter().filter(|certificate| certificate.days_left < WARN_DAYS);
    warnings.extend(ending.map(|certificate| {
        format!(
            "certs/{} ends at {}: `mk8s-host refresh-certs --cert {}`",
            certificate.file, certificate.not_after, certificate.file
        )
    }));
    warnings.extend(alarms.iter().map(|alarm| alarmed(*alarm)));
    warnings
}

fn alarmed(alarm: Alarm) -> String {
    match alarm {
        Alarm::NoSpace => {
            "the store is as large as its quota and takes nothing more: delete what is not needed or \
            raise etcd --quota-backend-bytes, then `mk8s-host db disarm`"
                .to_owned()
        }
        Alarm::Corrupt => "the store was found damaged and changes nothing: stop mk8s-host, then \
            `mk8s-host db check`"
            .to_owned(),
    }
}

/// The flags of one service, or of all that run here.
pub(crate) fn config(effective: &Effective, service: Option<Service>) -> ConfigReport {
    let wanted = |args: &&ServiceArgs| match service {
        Some(service) => args.service == service,
        None => args.service.runs_here(),
    };
    ConfigReport { services: effective.services.iter().filter(wanted).map(service_config).collect() }
}

fn service_config(args: &ServiceArgs) -> ServiceConfigReport {
    let flag = |setting: &args::Setting| FlagReport {
        flag: setting.flag.name.to_owned(),
        value: setting.value.clone(),
        origin: setting.origin.to_string(),
        overrides: setting.overrides.iter().map(|(value, origin)| format!("{value} ({origin})")).collect(),
    };
    let given = args.settings.iter().filter(|setting| !setting.value.is_empty());
    ServiceConfigReport { service: args.service.name().to_owned(), flags: given.map(flag).collect() }
}

/// Every unit is ready, and the node too where there is one.
pub(crate) fn is_ready(report: &StatusReport, node_ready: Option<bool>) -> bool {
    report.units.iter().all(|unit| unit.state == UnitState::Ready) && node_ready.unwrap_or(true)
}
