//! The controls: one table, read against the arguments in force.

use std::fmt;

use sdk::{Edit, Input};

use crate::audit;

const API_SERVER: &str = "kube-apiserver";
const KUBELET: &str = "kubelet";

/// What a flag is to be.
#[derive(Clone, Copy)]
enum Wanted {
    /// The addon sets it where it is empty, and leaves the operator's own.
    Given(&'static str),
    /// The addon sets it.
    Is(&'static str),
    /// The operator's to set, by the words that tell how.
    Has(&'static str, &'static str),
    Not(&'static str, &'static str),
    /// The host's own doing, whatever the arguments.
    Always(&'static str),
}

use Wanted::{Always, Given, Has, Is, Not};

const RBAC: &str = "`mk8s-host plugin enable rbac`";
const READ_ONLY: &str = "--read-only-port=0 in args/kubelet, or `mk8s-host run --profile hardened`";
const ENCRYPTION: &str = "`mk8s-host run --profile hardened`";

/// CIS Kubernetes Benchmark 1.24: number, what it asks for, service, flag, value.
#[rustfmt::skip]
const CONTROLS: &[(&str, &str, &str, &str, Wanted)] = &[
    ("1.2.2", "no static tokens", API_SERVER, "token-auth-file", Is("")),
    ("1.2.4", "kubelets are spoken to over TLS", API_SERVER, "kubelet-client-certificate", Always("by a client certificate of the cluster CA")),
    ("1.2.6", "requests are judged", API_SERVER, "authorization-mode", Not("AlwaysAllow", RBAC)),
    ("1.2.7", "nodes reach what is theirs alone", API_SERVER, "authorization-mode", Has("Node", RBAC)),
    ("1.2.8", "requests are judged by RBAC", API_SERVER, "authorization-mode", Has("RBAC", RBAC)),
    ("1.2.9", "events are limited in their rate", API_SERVER, "", Always("flow control holds for all requests")),
    ("1.2.11", "images are always pulled", API_SERVER, "", Always("by this addon, where always-pull-images is on")),
    ("1.2.14", "namespaces that end take nothing new", API_SERVER, "disable-admission-plugins", Not("NamespaceLifecycle", "args/kube-apiserver")),
    ("1.2.15", "nodes write what is theirs alone", API_SERVER, "disable-admission-plugins", Not("NodeRestriction", "args/kube-apiserver")),
    ("1.2.17", "no profiling", API_SERVER, "", Always("there is none")),
    ("1.2.18", "requests are audited", API_SERVER, "audit-log-path", Given("${SNAP_DATA}/var/log/apiserver/audit.log")),
    ("1.2.19", "audit logs are kept for 30 days", API_SERVER, "audit-log-maxage", Is("30")),
    ("1.2.20", "10 audit logs are kept", API_SERVER, "audit-log-maxbackup", Is("10")),
    ("1.2.21", "audit logs have 100 MB", API_SERVER, "audit-log-maxsize", Is("100")),
    ("1.2.22", "requests have a time limit", API_SERVER, "request-timeout", Is("300s")),
    ("1.2.28", "secrets are encrypted in the store", API_SERVER, "encryption-provider-config", Not("", ENCRYPTION)),
    ("3.2.1", "there is an audit policy", API_SERVER, "audit-policy-file", Given(audit::POLICY)),
    ("4.2.1", "kubelets know no anonymous users", KUBELET, "anonymous-auth", Always("the flag cannot be true")),
    ("4.2.2", "kubelets ask the API server who may", KUBELET, "authorization-mode", Always("by Webhook")),
    ("4.2.4", "kubelets have no read-only port", KUBELET, "read-only-port", Has("0", READ_ONLY)),
];

/// How a control stands.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// The addon sees to it.
    Set(&'static str),
    /// Somebody else has to, so.
    Fail(&'static str),
    Host(&'static str),
}

#[derive(Debug)]
pub(crate) struct Finding {
    control: &'static str,
    what: &'static str,
    flag: &'static str,
    verdict: Verdict,
    pub(crate) edit: Option<Edit>,
}

pub(crate) fn findings(input: &Input) -> Vec<Finding> {
    let finding = |&(control, what, service, flag, wanted): &(_, _, _, _, _)| {
        let verdict = verdict(input.argument(service, flag).unwrap_or_default(), wanted);
        let edit = match verdict {
            Verdict::Set(value) => Some(Edit::set(service, flag, value)),
            _ => None,
        };
        Finding { control, what, flag, verdict, edit }
    };
    CONTROLS.iter().map(finding).collect()
}

fn verdict(value: &str, wanted: Wanted) -> Verdict {
    let has = |item: &str| value.split(',').any(|one| one == item);
    match wanted {
        Always(how) => Verdict::Host(how),
        Is(wanted) if value == wanted => Verdict::Pass,
        Is(wanted) => Verdict::Set(wanted),
        Given(wanted) if value.is_empty() => Verdict::Set(wanted),
        Given(_) => Verdict::Pass,
        Has(item, _) if has(item) => Verdict::Pass,
        Not(item, _) if !has(item) => Verdict::Pass,
        Has(_, how) | Not(_, how) => Verdict::Fail(how),
    }
}

impl Finding {
    pub(crate) fn fails(&self) -> bool {
        matches!(self.verdict, Verdict::Fail(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { control, what, flag, verdict, .. } = self;
        match verdict {
            Verdict::Pass => write!(f, "PASS {control} {what}"),
            Verdict::Set(value) => write!(f, "SET  {control} {what}: --{flag}={value}"),
            Verdict::Fail(how) => write!(f, "FAIL {control} {what}: {how}"),
            Verdict::Host(how) => write!(f, "HOST {control} {what}: {how}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use sdk::{Argument, Facts};

    use super::*;

    fn input(arguments: &[(&str, &str, &str)]) -> Input {
        let argument = |&(service, flag, value): &(&str, &str, &str)| Argument {
            service: service.into(),
            flag: flag.into(),
            value: value.into(),
        };
        let facts = Facts { node_name: "node".into(), addresses: Vec::new(), extra: Vec::new() };
        let arguments = arguments.iter().map(argument).collect();
        Input { arguments, settings: Vec::new(), facts, extra: Vec::new() }
    }

    fn report(arguments: &[(&str, &str, &str)]) -> String {
        findings(&input(arguments)).iter().map(|finding| format!("{finding}\n")).collect()
    }

    #[test]
    fn a_node_as_it_comes_lacks_this() {
        expect![[r#"
            SET  1.2.2 no static tokens: --token-auth-file=
            HOST 1.2.4 kubelets are spoken to over TLS: by a client certificate of the cluster CA
            FAIL 1.2.6 requests are judged: `mk8s-host plugin enable rbac`
            FAIL 1.2.7 nodes reach what is theirs alone: `mk8s-host plugin enable rbac`
            FAIL 1.2.8 requests are judged by RBAC: `mk8s-host plugin enable rbac`
            HOST 1.2.9 events are limited in their rate: flow control holds for all requests
            HOST 1.2.11 images are always pulled: by this addon, where always-pull-images is on
            PASS 1.2.14 namespaces that end take nothing new
            PASS 1.2.15 nodes write what is theirs alone
            HOST 1.2.17 no profiling: there is none
            SET  1.2.18 requests are audited: --audit-log-path=${SNAP_DATA}/var/log/apiserver/audit.log
            SET  1.2.19 audit logs are kept for 30 days: --audit-log-maxage=30
            SET  1.2.20 10 audit logs are kept: --audit-log-maxbackup=10
            PASS 1.2.21 audit logs have 100 MB
            SET  1.2.22 requests have a time limit: --request-timeout=300s
            FAIL 1.2.28 secrets are encrypted in the store: `mk8s-host run --profile hardened`
            SET  3.2.1 there is an audit policy: --audit-policy-file=${SNAP_DATA}/var/cis-hardening/audit-policy.yaml
            HOST 4.2.1 kubelets know no anonymous users: the flag cannot be true
            HOST 4.2.2 kubelets ask the API server who may: by Webhook
            FAIL 4.2.4 kubelets have no read-only port: --read-only-port=0 in args/kubelet, or `mk8s-host run --profile hardened`
        "#]]
        .assert_eq(&report(&[
            (API_SERVER, "token-auth-file", "/credentials/known_tokens.csv"),
            (API_SERVER, "authorization-mode", "AlwaysAllow"),
            (API_SERVER, "audit-log-maxsize", "100"),
            (KUBELET, "read-only-port", "10255"),
        ]));
    }

    #[test]
    fn what_the_operator_has_chosen_stays() {
        let findings = findings(&input(&[
            (API_SERVER, "authorization-mode", "RBAC,Node"),
            (API_SERVER, "audit-log-path", "-"),
            (API_SERVER, "audit-policy-file", "/etc/policy.yaml"),
            (API_SERVER, "encryption-provider-config", "/x"),
            (KUBELET, "read-only-port", "0"),
        ]));
        let edits: Vec<_> = findings
            .iter()
            .filter_map(|finding| finding.edit.as_ref())
            .map(|edit| edit.flag.as_str())
            .collect();
        assert_eq!(
            edits,
            ["audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize", "request-timeout"]
        );
        assert!(!findings.iter().any(|finding| matches!(finding.verdict, Verdict::Fail(_))));
    }
}
