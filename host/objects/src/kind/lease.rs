//! Leases: the numbers that count.

use crate::tree::Tree;
use crate::validate::{At, FieldError};

pub(super) fn validate(lease: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(lease, "spec");
    for (field, least, why) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        let number = spec.child(field);
        if number.number().is_some_and(|number| number < least) {
            number.refuse(errors, vec![why.to_owned()]);
        }
    }
}
