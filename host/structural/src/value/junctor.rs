//! `allOf`, `anyOf`, `oneOf` and `not`.

use std::sync::Arc;

use objects::Tree;

use super::{Outcome, Walk};
use crate::schema::{Checks, Schema};

impl Walk {
    /// Branches do not look at the old object: what they refuse was refused as a whole.
    pub(super) fn junctors(&mut self, tree: &Tree, checks: &Checks, outcome: &mut Outcome) {
        if !checks.any_of.is_empty() {
            self.any_of(tree, &checks.any_of, outcome);
        }
        if !checks.one_of.is_empty() {
            self.one_of(tree, &checks.one_of, outcome);
        }
        if !checks.all_of.is_empty() {
            self.all_of(tree, &checks.all_of, outcome);
        }
        if let Some(not) = &checks.not
            && self.node(tree, not, None).is_valid()
        {
            self.refuse(outcome, "must not validate the schema (not)");
        }
        outcome.count();
    }

    fn refuse(&self, outcome: &mut Outcome, message: &str) {
        outcome.push(self.composite(format!("{:?} {message}", self.trail.as_str())));
    }

    fn any_of(&mut self, tree: &Tree, branches: &[Arc<Schema>], outcome: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        for branch in branches {
            let result = self.node(tree, branch, None);
            if result.is_valid() {
                return outcome.merge(result);
            }
            keep_better(&mut best, result);
        }
        self.refuse(outcome, "must validate at least one schema (anyOf)");
        best.into_iter().for_each(|best| outcome.merge(best));
    }

    fn one_of(&mut self, tree: &Tree, branches: &[Arc<Schema>], outcome: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        let mut first_valid = None;
        let mut valid = 0_usize;
        for branch in branches {
            let result = self.node(tree, branch, None);
            if result.is_valid() {
                valid += 1;
                first_valid.get_or_insert(result);
            } else if valid == 0 {
                keep_better(&mut best, result);
            }
        }
        match (valid, first_valid) {
            (1, Some(result)) => outcome.merge(result),
            (0, _) => {
                self.refuse(outcome, "must validate one and only one schema (oneOf). Found none valid");
                best.into_iter().for_each(|best| outcome.merge(best));
            }
            (several, _) => self.refuse(
                outcome,
                &format!("must validate one and only one schema (oneOf). Found {several} valid alternatives"),
            ),
        }
    }

    fn all_of(&mut self, tree: &Tree, branches: &[Arc<Schema>], outcome: &mut Outcome) {
        let mut valid = 0;
        for branch in branches {
            let result = self.node(tree, branch, None);
            valid += usize::from(result.is_valid());
            outcome.merge(result);
        }
        if valid < branches.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            self.refuse(outcome, &format!("must validate all the schemas (allOf){none}"));
        }
    }
}

/// The branch that passed most tells its errors, the first of them where several did.
fn keep_better(best: &mut Option<Outcome>, result: Outcome) {
    if best.as_ref().is_none_or(|best| result.matches > best.matches) {
        *best = Some(result);
    }
}
