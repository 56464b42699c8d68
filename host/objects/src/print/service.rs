//! Services.

use super::{
    AGE, NAME, NONE, Printer, UNKNOWN, age_cell, int_at, labels_at, name_cell, or_none, text, text_or, wide,
};
use crate::tree::Tree;

pub(super) const SERVICE: Printer = Printer {
    columns: &[
        NAME,
        text("Type", "How the service is exposed."),
        text("Cluster-IP", "Its address within the cluster."),
        text("External-IP", "Its addresses for the world."),
        text("Port(s)", "Its ports, with the ports of the nodes."),
        AGE,
        wide(text("Selector", "The labels of the pods behind it.")),
    ],
    cells: |service, now| {
        vec![
            name_cell(service),
            text_or(service, &["spec", "type"], "").into(),
            text_or(service, &["spec", "clusterIPs", "0"], NONE).into(),
            external(service).into(),
            or_none(ports(service)).into(),
            age_cell(service, now),
            labels_at(service, &["spec", "selector"]).into(),
        ]
    },
};

fn external(service: &Tree) -> String {
    let mut ips: Vec<&str> =
        service.items_at(&["spec", "externalIPs"]).iter().filter_map(Tree::as_str).collect();
    match service.str_at(&["spec", "type"]) {
        Some("ClusterIP" | "NodePort") => or_none(ips.join(",")),
        Some("LoadBalancer") => {
            let mut all: Vec<&str> = service
                .items_at(&["status", "loadBalancer", "ingress"])
                .iter()
                .map(|ingress| text_or(ingress, &["ip"], text_or(ingress, &["hostname"], "")))
                .filter(|address| !address.is_empty())
                .collect();
            all.sort_unstable();
            all.dedup();
            all.append(&mut ips);
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        Some("ExternalName") => text_or(service, &["spec", "externalName"], "").to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn ports(service: &Tree) -> String {
    let shown = |port: &Tree| {
        let protocol = text_or(port, &["protocol"], "");
        match (int_at(port, &["port"]), int_at(port, &["nodePort"])) {
            (number, 0) => format!("{number}/{protocol}"),
            (number, node) => format!("{number}:{node}/{protocol}"),
        }
    };
    service.items_at(&["spec", "ports"]).iter().map(shown).collect::<Vec<_>>().join(",")
}
