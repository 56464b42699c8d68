//! Probes and hooks of containers: one handler each, and numbers that make sense.

use super::container::Context;
use crate::validate::formats::http_header_name;
use crate::validate::{At, FieldError, port_name, port_number};

const MORE: &str = "may not specify more than 1 handler type";

/// The signals that stop a container on Linux, sorted; those between SIGRTMIN and SIGRTMAX are counted from both ends.
const SIGNALS: &[&str] = &[
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGRTMAX",
    "SIGRTMAX-1",
    "SIGRTMAX-10",
    "SIGRTMAX-11",
    "SIGRTMAX-12",
    "SIGRTMAX-13",
    "SIGRTMAX-14",
    "SIGRTMAX-2",
    "SIGRTMAX-3",
    "SIGRTMAX-4",
    "SIGRTMAX-5",
    "SIGRTMAX-6",
    "SIGRTMAX-7",
    "SIGRTMAX-8",
    "SIGRTMAX-9",
    "SIGRTMIN",
    "SIGRTMIN+1",
    "SIGRTMIN+10",
    "SIGRTMIN+11",
    "SIGRTMIN+12",
    "SIGRTMIN+13",
    "SIGRTMIN+14",
    "SIGRTMIN+15",
    "SIGRTMIN+2",
    "SIGRTMIN+3",
    "SIGRTMIN+4",
    "SIGRTMIN+5",
    "SIGRTMIN+6",
    "SIGRTMIN+7",
    "SIGRTMIN+8",
    "SIGRTMIN+9",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];

pub(super) fn probe(probe: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], context, errors);
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        probe.child(field).not_negative(errors);
    }
    let grace = probe.child("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|seconds| seconds <= 0) {
        grace.invalid(errors, "must be greater than 0");
    }
    let successes = probe.child("successThreshold");
    if probe.path.to_string().ends_with("readinessProbe") {
        if grace.exists() {
            grace.invalid(errors, "must not be set for readinessProbes");
        }
    } else if successes.number() != Some(1) {
        successes.invalid(errors, "must be 1");
    }
}

pub(super) fn lifecycle(lifecycle: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    for hook in ["postStart", "preStop"].map(|hook| lifecycle.child(hook)).iter().filter(|hook| hook.exists())
    {
        handler(hook, &["exec", "httpGet", "tcpSocket", "sleep"], context, errors);
    }
    let signal = lifecycle.child("stopSignal");
    if !signal.exists() {
        return;
    }
    match context.os {
        "windows" => signal.if_set_one_of(errors, &["SIGKILL", "SIGTERM"]),
        "linux" => signal.if_set_one_of(errors, SIGNALS),
        "" => signal.forbidden(errors, "may not be set for containers with empty `spec.os.name`"),
        _ => {}
    }
}

fn handler(at: &At<'_>, kinds: &[&str], context: &Context<'_>, errors: &mut Vec<FieldError>) {
    let mut set = kinds.iter().map(|kind| (*kind, at.child(kind))).filter(|(_, at)| at.exists());
    let Some((kind, first)) = set.next() else {
        errors.push(FieldError::required(&at.path, "must specify a handler type"));
        return;
    };
    match kind {
        "exec" => {
            first.child("command").required(errors, "");
        }
        "httpGet" => http_get(&first, errors),
        "sleep" => sleep(&first, context.grace, errors),
        _ => port(&first.child("port"), errors),
    }
    for (_, more) in set {
        more.forbidden(errors, MORE);
    }
}

fn http_get(action: &At<'_>, errors: &mut Vec<FieldError>) {
    action.child("path").required(errors, "");
    port(&action.child("port"), errors);
    let scheme = action.child("scheme");
    if !["HTTP", "HTTPS"].contains(&scheme.text()) {
        errors.push(FieldError::not_supported(&scheme.path, scheme.text(), &["HTTP", "HTTPS"]));
    }
    let headers = action.child("httpHeaders");
    for name in headers.items().map(|header| header.child("name").text()) {
        let refused = http_header_name(name);
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&headers.path, name, why)));
    }
}

fn sleep(action: &At<'_>, grace: Option<i64>, errors: &mut Vec<FieldError>) {
    let seconds = action.child("seconds").number().unwrap_or(0);
    if let Some(grace) = grace.filter(|grace| !(0..=*grace).contains(&seconds)) {
        let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(FieldError::invalid(&action.path, seconds, why));
    }
}

/// The number of a port, or the name of one.
pub(in crate::kind) fn port(port: &At<'_>, errors: &mut Vec<FieldError>) {
    match port.tree.as_str() {
        Some(name) => port.refuse(errors, port_name(name)),
        None => {
            let number = port.number().unwrap_or(0);
            let refused = port_number(number);
            errors.extend(refused.into_iter().map(|why| FieldError::invalid(&port.path, number, why)));
        }
    }
}
