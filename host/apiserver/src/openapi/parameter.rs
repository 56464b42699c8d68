//! The parameters of requests, by what a request is for.

use super::Dialect;
use objects::{Tree, tree};

/// A parameter of the query or of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    name: &'static str,
    shape: &'static str,
    description: &'static str,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Query,
}

const TEXT: &str = "string";
const FLAG: &str = "boolean";
const NUMBER: &str = "integer";

const fn query(name: &'static str, shape: &'static str, description: &'static str) -> Parameter {
    Parameter { name, shape, description, place: Place::Query }
}

const fn path(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, shape: TEXT, description, place: Place::Path }
}

pub(super) const NAME: Parameter = path("name", "Which object.");
pub(super) const NAMESPACE: Parameter = path("namespace", "The namespace of the objects.");
pub(super) const PRETTY: Parameter = query("pretty", TEXT, "`true` asks for indented output.");

const DRY_RUN: Parameter = query("dryRun", TEXT, "`All` goes through every step but stores nothing.");
const MANAGER: Parameter = query("fieldManager", TEXT, "Who writes, as managedFields records it.");
const VALIDATION: Parameter =
    query("fieldValidation", TEXT, "What unknown and repeated fields lead to: `Ignore`, `Warn` or `Strict`.");

pub(super) const WRITE: &[Parameter] = &[DRY_RUN, MANAGER, VALIDATION];

pub(super) const PATCH: &[Parameter] =
    &[DRY_RUN, MANAGER, VALIDATION, query("force", FLAG, "An apply takes over fields that others manage.")];

pub(super) const DELETE: &[Parameter] = &[
    DRY_RUN,
    query("gracePeriodSeconds", NUMBER, "Seconds until the object goes; 0 is at once."),
    query("orphanDependents", FLAG, "Deprecated form of propagationPolicy `Orphan`."),
    query("propagationPolicy", TEXT, "What becomes of dependents: `Orphan`, `Background` or `Foreground`."),
];

pub(super) const SELECT: &[Parameter] = &[
    query("continue", TEXT, "The token of the chunk before."),
    query("fieldSelector", TEXT, "Only objects with these fields."),
    query("labelSelector", TEXT, "Only objects with these labels."),
    query("limit", NUMBER, "How many objects a chunk has at most."),
    query("resourceVersion", TEXT, "The version that the answer starts from."),
    query("resourceVersionMatch", TEXT, "How resourceVersion counts: `Exact` or `NotOlderThan`."),
    query("timeoutSeconds", NUMBER, "How long the request may take."),
];

pub(super) const WATCH: &[Parameter] = &[
    query("allowWatchBookmarks", FLAG, "Sends events that only tell how far the watch has come."),
    query("sendInitialEvents", FLAG, "A watch begins with the present objects."),
    query("watch", FLAG, "Events as objects change, instead of a list."),
];

const CONTAINER: Parameter = query("container", TEXT, "Which container, where there are several.");
const STDERR: Parameter = query("stderr", FLAG, "Joins standard error.");
const STDIN: Parameter = query("stdin", FLAG, "Joins standard input.");
const STDOUT: Parameter = query("stdout", FLAG, "Joins standard output.");
const TTY: Parameter = query("tty", FLAG, "Joins a terminal.");

/// What sub-resources that are no objects take.
const OPTIONS: &[(&str, &[Parameter])] = &[
    ("attach", &[CONTAINER, STDERR, STDIN, STDOUT, TTY]),
    ("exec", &[query("command", TEXT, "What is run, a word each."), CONTAINER, STDERR, STDIN, STDOUT, TTY]),
    (
        "log",
        &[
            CONTAINER,
            query("follow", FLAG, "Goes on as lines are written."),
            query("insecureSkipTLSVerifyBackend", FLAG, "Does not verify the kubelet's certificate."),
            query("limitBytes", NUMBER, "How many bytes at most."),
            query("previous", FLAG, "Of the container that ran before."),
            query("sinceSeconds", NUMBER, "Only of the last so many seconds."),
            query("sinceTime", TEXT, "Only since a time."),
            query("stream", TEXT, "`All`, `Stdout` or `Stderr`."),
            query("tailLines", NUMBER, "Only so many of the last lines."),
            query("timestamps", FLAG, "A time before each line."),
        ],
    ),
    ("portforward", &[query("ports", NUMBER, "Which ports.")]),
    ("proxy", &[query("path", TEXT, "The path that is asked for.")]),
];

/// The parameters of a sub-resource that is no object; `None` where it is one.
pub(super) fn options(subresource: &str) -> Option<&'static [Parameter]> {
    OPTIONS.iter().find(|(name, _)| *name == subresource).map(|(_, parameters)| *parameters)
}

impl Parameter {
    pub(super) fn to_tree(self, dialect: Dialect) -> Tree {
        let (place, required) = match self.place {
            Place::Path => ("path", true),
            Place::Query => ("query", false),
        };
        let mut tree = tree!({ "name": (self.name), "in": place, "description": (self.description) });
        if required {
            tree.insert("required", true);
        }
        match dialect {
            Dialect::Version2 => {
                tree.insert("type", self.shape);
                tree.insert("uniqueItems", true);
            }
            Dialect::Version3 => {
                tree.insert("schema", tree!({ "type": (self.shape), "uniqueItems": true }));
            }
        }
        tree
    }
}
