//! PodDisruptionBudgets: how many pods of a selection may be missing.

use super::template;
use crate::tree::Tree;
use crate::validate::amount::{at_most_all, int_or_percent};
use crate::validate::{At, FieldError, selector};

pub(super) fn validate(budget: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(budget, "spec");
    let bounds = ["minAvailable", "maxUnavailable"].map(|field| spec.child(field));
    if bounds.iter().all(At::exists) {
        spec.invalid(errors, "minAvailable and maxUnavailable cannot be both set");
    }
    for bound in &bounds {
        int_or_percent(bound, errors);
        at_most_all(bound, errors);
    }
    selector::label_selector(&spec.child("selector"), errors);
    let policy = spec.child("unhealthyPodEvictionPolicy");
    policy.if_set_one_of(errors, &["AlwaysAllow", "IfHealthyBudget"]);
}

pub(super) fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    let counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
    template::not_negative(&At::top(new, "status"), &counts, errors);
}
