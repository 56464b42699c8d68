//! Numbers: bounds, multiples, and what fits the type.

use std::fmt::Display;

use objects::Tree;
use objects::validate::FieldError;

use super::{Outcome, Walk};
use crate::schema::{Bound, Checks, Number, Schema, Type};

impl Walk {
    pub(super) fn number(&self, tree: &Tree, schema: &Schema, checks: &Checks, outcome: &mut Outcome) {
        let kind = schema.kind.filter(|_| !schema.int_or_string);
        let format = checks.format.as_ref().and_then(|format| format.number);
        let fits = |value: &Tree| match (kind, format) {
            (Some(Type::Integer), format) => whole(value)
                .is_some_and(|value| format != Some(Number::Int32) || i32::try_from(value).is_ok()),
            (_, Some(Number::Float)) => value.as_f64().is_some_and(|value| (value as f32).is_finite()),
            _ => true,
        };
        let out_of_range = |what: &str| {
            let format = checks.format.as_ref().filter(|format| format.number.is_some());
            let format =
                format.map_or("(default format)".to_owned(), |format| format!("with format {}", format.name));
            let kind = kind.map_or("", Type::as_str);
            self.composite(format!("{what} value must be of type {kind} {format} in {}", self.trail.as_str()))
        };
        if !fits(tree) {
            outcome.push(out_of_range("Checked"));
        }
        // What the schema asks for is compared as the value's own type where it fits that, else as floats.
        let constraint = |value: f64, what: &str, outcome: &mut Outcome| -> Tree {
            if fits(&Tree::Float(value)) {
                return tree.clone();
            }
            outcome.push(out_of_range(what));
            tree.as_f64().map_or(Tree::Null, Tree::Float)
        };
        if let Some(factor) = checks.multiple_of {
            let value = constraint(factor, "MultipleOf", outcome);
            self.multiple(&value, factor, outcome);
        }
        if let Some(bound) = checks.minimum {
            let value = constraint(bound.value, "Minimum boundary", outcome);
            self.bound(&value, bound, Side::Least, outcome);
        }
        if let Some(bound) = checks.maximum {
            let value = constraint(bound.value, "Maximum boundary", outcome);
            self.bound(&value, bound, Side::Most, outcome);
        }
        outcome.count();
    }

    fn bound(&self, value: &Tree, bound: Bound, side: Side, outcome: &mut Outcome) {
        // A whole number is compared with the whole part of the bound, as upstream does.
        let (order, shown) = match value {
            Tree::Int(value) => {
                let bound = bound.value as i64;
                (Some(value.cmp(&bound)), bound.to_string())
            }
            other => (other.as_f64().and_then(|v| v.partial_cmp(&bound.value)), go_float(bound.value)),
        };
        let outside = match side {
            Side::Least => order.is_some_and(|order| order.is_lt() || bound.exclusive && order.is_eq()),
            Side::Most => order.is_some_and(|order| order.is_gt() || bound.exclusive && order.is_eq()),
        };
        if outside {
            let direction = if side == Side::Least { "greater than" } else { "less than" };
            let or_equal = if bound.exclusive { "" } else { " or equal to" };
            outcome.push(self.wrong_number(value, format_args!("should be {direction}{or_equal} {shown}")));
        }
    }

    fn multiple(&self, value: &Tree, factor: f64, outcome: &mut Outcome) {
        let (positive, is_multiple, shown) = match value {
            Tree::Int(value) => {
                let factor = factor as i64;
                (factor > 0, factor > 0 && value % factor == 0, factor.to_string())
            }
            other => {
                let value = other.as_f64().unwrap_or_default();
                let quotient = if factor < 1.0 { 1.0 / factor * value } else { value / factor };
                (factor > 0.0, factor > 0.0 && is_whole(quotient), go_float(factor))
            }
        };
        if !positive {
            let message =
                format!("factor MultipleOf declared for {} must be positive: {shown}", self.trail.as_str());
            outcome.push(FieldError::invalid(&self.path(), factor_shown(value, factor), message));
        } else if !is_multiple {
            outcome.push(self.wrong_number(value, format_args!("should be a multiple of {shown}")));
        }
    }

    fn wrong_number(&self, value: &Tree, should: impl Display) -> FieldError {
        self.invalid(plain(value), should)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Least,
    Most,
}

fn factor_shown(value: &Tree, factor: f64) -> Tree {
    if matches!(value, Tree::Int(_)) { Tree::Int(factor as i64) } else { plain(&Tree::Float(factor)) }
}

/// A number as Go prints it: a float without a fraction has no point.
fn plain(value: &Tree) -> Tree {
    value.as_i64().map_or_else(|| value.clone(), Tree::Int)
}

/// The value as a whole number, where it is one that Go's decimal notation reads back.
fn whole(value: &Tree) -> Option<i64> {
    match value {
        Tree::Int(value) => Some(*value),
        Tree::Float(value) if value.fract() == 0.0 && value.abs() < 9.3e18 => {
            // The largest floats below 2^63 are whole, and the cast is exact for them.
            (*value < 9_223_372_036_854_775_808.0 && *value >= -9_223_372_036_854_775_808.0)
                .then_some(*value as i64)
        }
        _ => None,
    }
}

/// Whether a float is as good as whole, by the measure of go-openapi.
pub(super) fn is_whole(value: f64) -> bool {
    const MAX: f64 = 9_007_199_254_740_991.0;
    const EPSILON: f64 = 1e-9;
    if !value.is_finite() || value.abs() > MAX {
        return false;
    }
    let whole = if value < 0.0 { value.trunc() } else { (value as u64) as f64 };
    if value == whole {
        return true;
    }
    if whole == 0.0 {
        return false;
    }
    (value - whole).abs() / (value.abs() + whole.abs()) < EPSILON
}

/// A float as Go's `%v` prints it.
pub(crate) fn go_float(value: f64) -> String {
    let exponent = if value == 0.0 || !value.is_finite() { 0 } else { value.abs().log10().floor() as i32 };
    if !(-4..21).contains(&exponent) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::{go_float, is_whole};

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        let shown: Vec<String> =
            [0.0, 10.0, 1.5, 1e21, 1e20, 1e-5, -2.5e-7].into_iter().map(go_float).collect();
        assert_eq!(shown.join(" "), "0 10 1.5 1e+21 100000000000000000000 1e-05 -2.5e-07");
    }

    #[test]
    fn what_is_nearly_whole_is_whole() {
        assert!(is_whole(3.0) && is_whole(-3.0) && is_whole(1.0 / 0.01 * 0.07));
        assert!(!is_whole(0.5) && !is_whole(1e300) && !is_whole(f64::NAN));
    }
}
