//! What expressions cost: counted while they are evaluated, and estimated from their types before.
//!
//! The units and the rules are cel-go's and those of Kubernetes' libraries; a rule that upstream accepts must not
//! be refused here, nor the other way round.

mod call;
mod estimate;
mod range;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use regex::Regex;

use crate::error::EvalError;
use crate::functions::{Patterns, compile_regex};

pub(crate) use call::call_cost;
pub(crate) use estimate::estimate;
pub use range::Range;

/// The most that one expression may cost.
pub const EXPRESSION_LIMIT: u64 = 1_000_000;

/// The most that all expressions for one object may cost.
pub const OBJECT_LIMIT: u64 = 10_000_000;

/// The most that the match conditions of one webhook or policy may cost.
pub const MATCH_LIMIT: u64 = 2_500_000;

/// The most that a rule of a CRD may be estimated to cost.
pub const ESTIMATE_LIMIT: u64 = 10_000_000;

/// The most that all rules of a CRD may be estimated to cost.
pub const TOTAL_ESTIMATE_LIMIT: u64 = 100_000_000;

/// Looking at a variable or a field.
const SELECT: u64 = 1;
const CREATE_LIST: u64 = 10;
const CREATE_MAP: u64 = 30;
const CREATE_STRUCT: u64 = 40;
/// Going through a string, for each of its characters.
const TRAVERSAL: f64 = 0.1;
/// A regular expression, for each of its characters.
const REGEX: f64 = 0.25;
/// A question to the authorizer: two may be asked in an expression.
const CHECK: u64 = 350_000;

/// Steps that costs do not see, such as comparing what is nested deep: beyond these an evaluation ends as if it
/// had cost too much, so that none takes longer than some seconds.
const WORK_LIMIT: u64 = 400_000_000;

/// What is left for evaluations that share a limit, such as all rules of one object.
#[derive(Clone, Debug)]
pub struct Budget {
    remaining: u64,
}

impl Budget {
    pub const fn new(limit: u64) -> Self {
        Self { remaining: limit }
    }

    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Takes what an evaluation cost; a budget that does not have it is empty afterwards.
    pub fn spend(&mut self, cost: u64) -> Result<(), EvalError> {
        match self.remaining.checked_sub(cost) {
            Some(remaining) => {
                self.remaining = remaining;
                Ok(())
            }
            None => {
                self.remaining = 0;
                Err(EvalError::BudgetExceeded)
            }
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(OBJECT_LIMIT)
    }
}

/// Counts the cost of one evaluation.
pub(crate) struct Meter {
    cost: u64,
    limit: u64,
    work: u64,
    patterns: Patterns,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { cost: 0, limit, work: 0, patterns: Patterns::default() }
    }

    /// For work whose costs do not count.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    pub(crate) fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit { Err(EvalError::CostExceeded) } else { Ok(()) }
    }

    /// Notes steps that cost nothing but time.
    pub(crate) fn work(&mut self, steps: u64) -> Result<(), EvalError> {
        self.work = self.work.saturating_add(steps);
        if self.work > WORK_LIMIT { Err(EvalError::CostExceeded) } else { Ok(()) }
    }

    /// A regular expression, compiled once.
    pub(crate) fn regex(&mut self, expression: &str) -> Result<Arc<Regex>, EvalError> {
        if let Some(known) = self.patterns.known(expression) {
            return known;
        }
        let compiled = compile_regex(expression, self);
        self.patterns.add(expression, compiled.clone());
        compiled
    }

    pub(crate) fn select(&mut self) -> Result<(), EvalError> {
        self.charge(SELECT)
    }

    pub(crate) fn create_list(&mut self) -> Result<(), EvalError> {
        self.charge(CREATE_LIST)
    }

    pub(crate) fn create_map(&mut self) -> Result<(), EvalError> {
        self.charge(CREATE_MAP)
    }

    pub(crate) fn create_struct(&mut self) -> Result<(), EvalError> {
        self.charge(CREATE_STRUCT)
    }
}
