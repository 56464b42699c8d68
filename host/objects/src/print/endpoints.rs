//! Endpoints and EndpointSlices.

use super::{AGE, NAME, NONE, Printer, age_cell, int_at, joined, name_cell, text, text_or};
use crate::tree::Tree;

/// How many are shown by name.
const SHOWN: usize = 3;

pub(super) const ENDPOINTS: Printer = Printer {
    columns: &[NAME, text("Endpoints", "The first addresses with their ports."), AGE],
    cells: |tree, now| vec![name_cell(tree), addresses(tree).into(), age_cell(tree, now)],
};

pub(super) const ENDPOINT_SLICE: Printer = Printer {
    columns: &[
        NAME,
        text("AddressType", "IPv4, IPv6 or FQDN."),
        text("Ports", "The first ports."),
        text("Endpoints", "The first addresses."),
        AGE,
    ],
    cells: |tree, now| {
        vec![
            name_cell(tree),
            text_or(tree, &["addressType"], "").into(),
            ports(tree).into(),
            endpoints(tree).into(),
            age_cell(tree, now),
        ]
    },
};

/// The first few, and how many more there are.
fn shortened(all: &[String]) -> String {
    let shown = joined(all.iter().take(SHOWN).map(String::as_str));
    match all.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} + {more} more..."),
        _ => shown,
    }
}

fn addresses(tree: &Tree) -> String {
    let subsets = tree.items_at(&["subsets"]);
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let ips = || subset.items_at(&["addresses"]).iter().map(|address| text_or(address, &["ip"], ""));
        let subset_ports = subset.items_at(&["ports"]);
        if subset_ports.is_empty() {
            all.extend(ips().map(str::to_owned));
        }
        for port in subset_ports {
            let number = int_at(port, &["port"]);
            all.extend(ips().map(|ip| {
                if ip.contains(':') { format!("[{ip}]:{number}") } else { format!("{ip}:{number}") }
            }));
        }
    }
    shortened(&all)
}

fn ports(slice: &Tree) -> String {
    let ports = slice.items_at(&["ports"]);
    if ports.is_empty() {
        return "<unset>".to_owned();
    }
    let shown = |port: &Tree| match (port.i64_at(&["port"]), port.str_at(&["name"])) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) if !name.is_empty() => name.to_owned(),
        _ => "*".to_owned(),
    };
    shortened(&ports.iter().map(shown).collect::<Vec<_>>())
}

fn endpoints(slice: &Tree) -> String {
    let endpoints = slice.items_at(&["endpoints"]);
    if endpoints.is_empty() {
        return "<unset>".to_owned();
    }
    let all: Vec<String> = endpoints
        .iter()
        .flat_map(|endpoint| endpoint.items_at(&["addresses"]))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    shortened(&all)
}
