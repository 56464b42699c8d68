//! Who is asked again: those that want to be where somebody else changed an object after them.

use objects::Tree;

use super::Pass;

/// What those that change objects did in a round of admission.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Those that were asked and want to be again when the object changes.
    asked: Vec<String>,
    /// Those of them after which another one changed the object.
    outdated: Vec<String>,
    /// The object after the round; null where none wants to be asked again.
    result: Tree,
    pub(super) changed: bool,
}

/// A round under way.
pub(super) struct Turn {
    before: Round,
    is_second: bool,
    changed_between: bool,
    round: Round,
}

impl Turn {
    /// After a round, with the object as it is now.
    pub(super) fn begin(before: Round, pass: Pass, object: &Tree) -> Self {
        let is_second = pass == Pass::Second;
        let changed_between = is_second && before.result != *object;
        Self { before, is_second, changed_between, round: Round::default() }
    }

    /// Whether it is to be asked.
    pub(super) fn asks(&self, id: &str) -> bool {
        let again = if self.changed_between { &self.before.asked } else { &self.before.outdated };
        !self.is_second || again.iter().any(|one| one == id)
    }

    /// It was asked, and changed the object or did not.
    pub(super) fn asked(&mut self, id: &str, changed: bool, wants_again: bool) {
        if changed {
            self.round.outdated.clone_from(&self.round.asked);
        }
        if wants_again {
            self.round.asked.push(id.to_owned());
        }
        self.round.changed |= changed;
    }

    pub(super) fn end(mut self, object: &Tree) -> Round {
        if !self.round.asked.is_empty() {
            self.round.result = object.clone();
        }
        self.round
    }
}
