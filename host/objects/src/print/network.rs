//! What lets traffic in, and the addresses of services.

use super::{AGE, NAME, NONE, Printer, age_cell, joined, name_cell, selector_at, text, text_or};
use crate::meta;
use crate::tree::Tree;

/// How many hosts of an ingress are shown.
const SHOWN: usize = 3;
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) const INGRESS: Printer = Printer {
    columns: &[
        NAME,
        text("Class", "Which controller it is for."),
        text("Hosts", "The hosts of its rules."),
        text("Address", "Where it is reached."),
        text("Ports", "The ports it listens on."),
        AGE,
    ],
    cells: |ingress, now| {
        let tls = !ingress.items_at(&["spec", "tls"]).is_empty();
        vec![
            name_cell(ingress),
            text_or(ingress, &["spec", "ingressClassName"], NONE).into(),
            hosts(ingress).into(),
            addresses(ingress).into(),
            if tls { "80, 443" } else { "80" }.into(),
            age_cell(ingress, now),
        ]
    },
};

fn hosts(ingress: &Tree) -> String {
    let rules = ingress.items_at(&["spec", "rules"]);
    let mut hosts = Vec::new();
    for rule in rules {
        if hosts.len() == SHOWN {
            return format!("{} + {} more...", hosts.join(","), rules.len() - SHOWN);
        }
        hosts.extend(rule.str_at(&["host"]).filter(|host| !host.is_empty()));
    }
    if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") }
}

fn addresses(ingress: &Tree) -> String {
    let points = ingress.items_at(&["status", "loadBalancer", "ingress"]).iter();
    let mut all: Vec<&str> = points
        .map(|point| text_or(point, &["ip"], text_or(point, &["hostname"], "")))
        .filter(|address| !address.is_empty())
        .collect();
    all.sort_unstable();
    all.dedup();
    all.join(",")
}

pub(super) const INGRESS_CLASS: Printer = Printer {
    columns: &[
        NAME,
        text("Controller", "What serves the ingresses of the class."),
        text("Parameters", "The object with the settings of the class."),
        AGE,
    ],
    cells: |class, now| {
        let default = if meta::annotation(class, DEFAULT_CLASS) == Some("true") { " (default)" } else { "" };
        let parameters = class.at(&["spec", "parameters"]).map_or_else(
            || NONE.to_owned(),
            |parameters| {
                let field = |name: &str| text_or(parameters, &[name], "");
                let group =
                    parameters.str_at(&["apiGroup"]).map_or_else(String::new, |group| format!(".{group}"));
                format!("{}{group}/{}", field("kind"), field("name"))
            },
        );
        vec![
            format!("{}{default}", meta::name(class)).into(),
            text_or(class, &["spec", "controller"], "").into(),
            parameters.into(),
            age_cell(class, now),
        ]
    },
};

pub(super) const NETWORK_POLICY: Printer = Printer {
    columns: &[NAME, text("Pod-Selector", "The labels of the pods that it is for."), AGE],
    cells: |policy, now| {
        vec![name_cell(policy), selector_at(policy, &["spec", "podSelector"]).into(), age_cell(policy, now)]
    },
};

pub(super) const IP_ADDRESS: Printer = Printer {
    columns: &[NAME, text("ParentRef", "The object that has the address.")],
    cells: |address, _| {
        let parent = address.at(&["spec", "parentRef"]).map_or_else(
            || NONE.to_owned(),
            |parent| {
                let field = |name: &str| text_or(parent, &[name], "");
                let resource = match field("group") {
                    "" => field("resource").to_lowercase(),
                    group => format!("{}.{group}", field("resource")).to_lowercase(),
                };
                match field("namespace") {
                    "" => format!("{resource}/{}", field("name")),
                    namespace => format!("{resource}/{namespace}/{}", field("name")),
                }
            },
        );
        vec![name_cell(address), parent.into()]
    },
};

pub(super) const SERVICE_CIDR: Printer = Printer {
    columns: &[NAME, text("CIDRs", "The networks that addresses of services are of."), AGE],
    cells: |cidr, now| {
        let networks = joined(cidr.items_at(&["spec", "cidrs"]).iter().filter_map(Tree::as_str));
        vec![name_cell(cidr), networks.into(), age_cell(cidr, now)]
    },
};
