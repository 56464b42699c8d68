//! Numbers that may be percentages, and quantities of resources.

use super::at::At;
use super::field::FieldError;
use super::formats::percent;
use crate::quantity::Quantity;
use crate::tree::Tree;

/// The amount, which decoding has made a canonical text.
pub(crate) fn quantity(tree: &Tree) -> Option<Quantity> {
    tree.as_str()?.parse().ok()
}

/// A number that is not negative, or a percentage.
pub(crate) fn int_or_percent(at: &At<'_>, errors: &mut Vec<FieldError>) {
    match at.tree {
        Tree::Str(text) => at.refuse(errors, percent(text)),
        _ => at.not_negative(errors),
    }
}

/// The number before the percent sign.
fn percentage(tree: &Tree) -> Option<i64> {
    let text = tree.as_str().filter(|text| percent(text).is_empty())?;
    text.trim_end_matches('%').parse().ok()
}

/// The number, or that of the percentage.
pub(crate) fn int_or_percent_value(at: &At<'_>) -> i64 {
    percentage(at.tree).or_else(|| at.number()).unwrap_or(0)
}

pub(crate) fn at_most_all(at: &At<'_>, errors: &mut Vec<FieldError>) {
    if percentage(at.tree).is_some_and(|percentage| percentage > 100) {
        at.invalid(errors, "must not be greater than 100%");
    }
}
