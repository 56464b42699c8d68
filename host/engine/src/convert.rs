//! Between the contract's types, as wasmtime has them, and our own.

use std::time::Duration;

use crate::bindings::exports::mk8s::addon::{authorizer, config};
use crate::bindings::mk8s::addon::{kube, log, pki, types};
use crate::values::{
    CertificateRequest, Decision, Edit, Issued, Kind, Level, Operation, PathRule, Refusal, ResourceRule,
    RuleSet, Target, Usage, User,
};

pub(crate) fn refused(refusal: Refusal) -> types::Error {
    match refusal {
        Refusal::Invalid(why) => types::Error::Invalid(why),
        Refusal::Denied(why) => types::Error::Denied(why),
        Refusal::NotFound(why) => types::Error::NotFound(why),
        Refusal::Conflict(why) => types::Error::Conflict(why),
        Refusal::Unavailable(why) => types::Error::Unavailable(why),
        Refusal::Other(why) => types::Error::Other(why),
    }
}

pub(crate) fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
    }
}

/// What is left out of a call would make it another one: a name that this host does not know is refused.
pub(crate) fn target(target: kube::Target) -> Result<Target, types::Error> {
    let kube::Target { resource, subresource, namespace, name, extra } = target;
    let types::GroupVersionResourceResult { group, version, resource } = resource;
    let kind = Kind { group, version, resource };
    let (label_selector, field_selector) = (String::new(), String::new());
    let mut target = Target { kind, subresource, namespace, name, label_selector, field_selector };
    for (name, value) in extra {
        match name.as_str() {
            "label-selector" => target.label_selector = value,
            "field-selector" => target.field_selector = value,
            _ => return Err(types::Error::Invalid(format!("this host knows no {name:?} of a call"))),
        }
    }
    Ok(target)
}

pub(crate) fn certificate_request(request: pki::Request) -> CertificateRequest {
    let usage = |usage| match usage {
        pki::Usage::Client => Usage::Client,
        pki::Usage::Server => Usage::Server,
        pki::Usage::Other(name) => Usage::Other(name),
    };
    CertificateRequest {
        common_name: request.common_name,
        organizations: request.organizations,
        names: request.names,
        usages: request.usages.into_iter().map(usage).collect(),
        life: Duration::from_secs(request.life),
    }
}

pub(crate) fn issued(issued: Issued) -> pki::Issued {
    pki::Issued {
        chain: issued.chain.into(),
        key: issued.key.into(),
        authorities: issued.authorities.into(),
        not_after: issued.not_after,
        extra: Vec::new(),
    }
}

pub(crate) fn kind(kind: &Kind) -> types::GroupVersionResourceParam<'_> {
    types::GroupVersionResourceParam { group: &kind.group, version: &kind.version, resource: &kind.resource }
}

pub(crate) fn user(user: types::UserResult) -> User {
    User { name: user.name, uid: user.uid, groups: user.groups, extra: user.extra }
}

pub(crate) fn decision(decision: authorizer::Decision) -> Decision {
    match decision {
        authorizer::Decision::Allow(reason) => Decision::Allow(reason),
        authorizer::Decision::Deny(reason) => Decision::Deny(reason),
        authorizer::Decision::NoOpinion(reason) => Decision::NoOpinion(reason),
        authorizer::Decision::Other(name) => Decision::Other(name),
    }
}

pub(crate) fn rules(rules: authorizer::RuleSet) -> RuleSet {
    let resource = |rule: authorizer::ResourceRule| ResourceRule {
        verbs: rule.verbs,
        groups: rule.groups,
        resources: rule.resources,
        names: rule.names,
    };
    let path = |rule: authorizer::PathRule| PathRule { verbs: rule.verbs, paths: rule.paths };
    RuleSet {
        resource_rules: rules.resource_rules.into_iter().map(resource).collect(),
        path_rules: rules.path_rules.into_iter().map(path).collect(),
        problems: rules.problems,
    }
}

pub(crate) fn edit(edit: config::Edit) -> Edit {
    let operation = match edit.operation {
        config::Operation::Set(value) => Operation::Set(value),
        config::Operation::Unset => Operation::Unset,
        config::Operation::Append(value) => Operation::Append(value),
        config::Operation::Other(name) => Operation::Other(name),
    };
    Edit { service: edit.service, flag: edit.flag, operation }
}
