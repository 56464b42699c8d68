//! Role bindings, whose subjects are listed by what they are.

use jiff::Timestamp;

use super::{AGE, Column, NAME, Printer, age_cell, name_cell, text, text_or, wide};
use crate::tree::Tree;

const COLUMNS: &[Column] = &[
    NAME,
    text("Role", "The role that is given."),
    AGE,
    wide(text("Users", "The users that it is given to.")),
    wide(text("Groups", "The groups that it is given to.")),
    wide(text("ServiceAccounts", "The service accounts that it is given to.")),
];

pub(super) const ROLE_BINDING: Printer = Printer { columns: COLUMNS, cells };

pub(super) const CLUSTER_ROLE_BINDING: Printer = Printer { columns: COLUMNS, cells };

fn cells(binding: &Tree, now: Timestamp) -> Vec<Tree> {
    let role = format!(
        "{}/{}",
        text_or(binding, &["roleRef", "kind"], ""),
        text_or(binding, &["roleRef", "name"], "")
    );
    vec![
        name_cell(binding),
        role.into(),
        age_cell(binding, now),
        subjects(binding, "User").into(),
        subjects(binding, "Group").into(),
        subjects(binding, "ServiceAccount").into(),
    ]
}

fn subjects(binding: &Tree, kind: &str) -> String {
    let name = |subject: &Tree| {
        let name = text_or(subject, &["name"], "");
        match text_or(subject, &["namespace"], "") {
            namespace if kind == "ServiceAccount" => format!("{namespace}/{name}"),
            _ => name.to_owned(),
        }
    };
    let of_kind = |subject: &&Tree| subject.str_at(&["kind"]) == Some(kind);
    binding.items_at(&["subjects"]).iter().filter(of_kind).map(name).collect::<Vec<_>>().join(", ")
}
