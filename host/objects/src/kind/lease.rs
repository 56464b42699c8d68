//! Leases: the numbers that count. The coordinated election of their holders is behind a gate that is closed, and its
//! fields are not kept.

use super::Kind;
use crate::tree::Tree;
use crate::validate::{At, FieldError};

pub(super) const KIND: Kind = Kind {
    create_on_update: true,
    unconditional_update: false,
    create: |lease| GATED.iter().for_each(|path| drop(lease.remove_at(path))),
    update: |new, old| {
        GATED.iter().filter(|path| old.at(path).is_none()).for_each(|path| drop(new.remove_at(path)));
    },
    validate,
    ..Kind::GENERIC
};

const GATED: &[&[&str]] = &[&["spec", "strategy"], &["spec", "preferredHolder"]];

fn validate(lease: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(lease, "spec");
    for (field, least, why) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        let number = spec.child(field);
        if number.number().is_some_and(|number| number < least) {
            number.invalid(errors, why);
        }
    }
}
