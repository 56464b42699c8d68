//! What a cluster is set up with: classes of pods, requests for certificates, flow control, devices.

use jiff::SignedDuration;

use super::{
    AGE, NAME, NONE, Printer, age_cell, boolean, flag, human_duration, int_at, integer, name_cell, text,
    text_or,
};
use crate::meta;
use crate::tree::Tree;

pub(super) const PRIORITY_CLASS: Printer = Printer {
    columns: &[
        NAME,
        integer("Value", "How important its pods are."),
        boolean("Global-Default", "Whether pods without a class are of it."),
        AGE,
        text("PreemptionPolicy", "Whether its pods push others out."),
    ],
    cells: |class, now| {
        vec![
            name_cell(class),
            Tree::Int(int_at(class, &["value"])),
            flag(class, &["globalDefault"], false),
            age_cell(class, now),
            text_or(class, &["preemptionPolicy"], "").into(),
        ]
    },
};

pub(super) const RUNTIME_CLASS: Printer = Printer {
    columns: &[NAME, text("Handler", "How the node names what runs its pods."), AGE],
    cells: |class, now| vec![name_cell(class), text_or(class, &["handler"], "").into(), age_cell(class, now)],
};

pub(super) const CERTIFICATE_SIGNING_REQUEST: Printer = Printer {
    columns: &[
        NAME,
        AGE,
        text("SignerName", "Who is asked to sign."),
        text("Requestor", "Who asks."),
        text("RequestedDuration", "For how long the certificate is to be valid."),
        text("Condition", "What became of the request."),
    ],
    cells: |request, now| {
        let seconds = request.i64_at(&["spec", "expirationSeconds"]);
        let duration =
            seconds.map_or_else(|| NONE.to_owned(), |it| human_duration(SignedDuration::from_secs(it)));
        vec![
            name_cell(request),
            age_cell(request, now),
            text_or(request, &["spec", "signerName"], NONE).into(),
            text_or(request, &["spec", "username"], "").into(),
            duration.into(),
            condition(request).into(),
        ]
    },
};

fn condition(request: &Tree) -> String {
    let conditions = request.items_at(&["status", "conditions"]);
    let has = |kind: &str| conditions.iter().any(|condition| condition.str_at(&["type"]) == Some(kind));
    let decided = ["Denied", "Approved"].into_iter().find(|kind| has(kind)).unwrap_or("Pending");
    let failed = if has("Failed") { ",Failed" } else { "" };
    let issued = if text_or(request, &["status", "certificate"], "").is_empty() { "" } else { ",Issued" };
    format!("{decided}{failed}{issued}")
}

pub(super) const FLOW_SCHEMA: Printer = Printer {
    columns: &[
        NAME,
        text("PriorityLevel", "The level that its requests have."),
        text("MatchingPrecedence", "Which schema is asked first: the lower number."),
        text("DistinguisherMethod", "By what its requests are told apart."),
        AGE,
        text("MissingPL", "Whether there is no such level."),
    ],
    cells: |schema, now| {
        let conditions = schema.items_at(&["status", "conditions"]);
        let dangling = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Dangling"));
        vec![
            name_cell(schema),
            text_or(schema, &["spec", "priorityLevelConfiguration", "name"], "").into(),
            Tree::Int(int_at(schema, &["spec", "matchingPrecedence"])),
            text_or(schema, &["spec", "distinguisherMethod", "type"], NONE).into(),
            age_cell(schema, now),
            dangling.map_or("?", |condition| text_or(condition, &["status"], "")).into(),
        ]
    },
};

pub(super) const PRIORITY_LEVEL: Printer = Printer {
    columns: &[
        NAME,
        text("Type", "Whether its requests are limited."),
        text("NominalConcurrencyShares", "How large its share is."),
        text("Queues", "How many queues it has."),
        text("HandSize", "How many queues a flow may use."),
        text("QueueLengthLimit", "How many requests a queue holds."),
        AGE,
    ],
    cells: |level, now| {
        let number = |path: &[&str]| {
            level
                .at(&["spec", "limited"])
                .and_then(|it| it.i64_at(path))
                .map_or_else(|| NONE.into(), Tree::Int)
        };
        vec![
            name_cell(level),
            text_or(level, &["spec", "type"], "").into(),
            number(&["nominalConcurrencyShares"]),
            number(&["limitResponse", "queuing", "queues"]),
            number(&["limitResponse", "queuing", "handSize"]),
            number(&["limitResponse", "queuing", "queueLengthLimit"]),
            age_cell(level, now),
        ]
    },
};

/// Device classes and templates of claims.
pub(super) const NAME_AND_AGE: Printer =
    Printer { columns: &[NAME, AGE], cells: |tree, now| vec![name_cell(tree), age_cell(tree, now)] };

pub(super) const RESOURCE_CLAIM: Printer = Printer {
    columns: &[NAME, text("State", "What became of the claim."), AGE],
    cells: |claim, now| {
        let deleted = meta::is_deleting(claim);
        let allocated = claim.at(&["status", "allocation"]).is_some();
        let reserved = allocated && !claim.items_at(&["status", "reservedFor"]).is_empty();
        let states = [
            (deleted, "deleted"),
            (!allocated && !deleted, "pending"),
            (allocated, "allocated"),
            (reserved, "reserved"),
        ];
        let states = states.iter().filter(|(holds, _)| *holds).map(|(_, state)| *state);
        vec![name_cell(claim), super::joined(states).into(), age_cell(claim, now)]
    },
};

pub(super) const RESOURCE_SLICE: Printer = Printer {
    columns: &[
        NAME,
        text("Node", "The node that the devices are on."),
        text("Driver", "Whose devices they are."),
        text("Pool", "The pool that they are of."),
        AGE,
    ],
    cells: |slice, now| {
        vec![
            name_cell(slice),
            text_or(slice, &["spec", "nodeName"], "").into(),
            text_or(slice, &["spec", "driver"], "").into(),
            text_or(slice, &["spec", "pool", "name"], "").into(),
            age_cell(slice, now),
        ]
    },
};
