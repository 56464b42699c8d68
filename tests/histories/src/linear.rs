//! Linearizability of each key by itself, judged by todc-utils' checker (Wing and Gong's, as Lowe improved it): keys are
//! independent objects, so a history is linearizable if each key's part of it is. It takes revisions for what they are
//! in etcd's API, a part of the answers. That the keys fit together is the ledger's to judge.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use todc_utils::{Action, History as Actions, Specification, WGLChecker};

use crate::history::{Call, History};
use crate::ledger::Ledger;
use crate::operation::{Op, Outcome, State, Version};

/// What a key holds: the number of its value, and when that was written.
type Held = Option<(u64, i64)>;

/// An operation on one key, with its answer.
#[derive(Clone, Debug)]
enum Step {
    /// Where the history begins.
    Begin(Held),
    Write {
        to: Held,
        revision: i64,
        replaced: Held,
        /// What a swap expected.
        expected: Option<i64>,
    },
    Read(Held),
}

struct Key;

impl Specification for Key {
    type State = Held;
    type Operation = Step;

    fn init() -> Held {
        None
    }

    fn apply(step: &Step, held: &Held) -> (bool, Held) {
        let modified = held.map_or(0, |(_, modified)| modified);
        match step {
            Step::Begin(first) => (true, *first),
            Step::Write { to, revision, replaced, expected } => {
                let fits = modified < *revision
                    && replaced == held
                    && expected.is_none_or(|expected| expected == modified);
                (fits, *to)
            }
            Step::Read(found) => (found == held, *held),
        }
    }
}

/// Judges a history that began in a state, and whose writes the ledger has. A write that was left open returned at the end,
/// as the ledger has it; where the ledger does not have it, it was never carried out.
///
/// # Errors
/// The first key whose operations have no order that explains their answers.
pub fn check(history: &History, began: &State, since: i64, ledger: &Ledger) -> Result<()> {
    let revisions = ledger.revisions(since);
    for key in keys(history, began) {
        let mut turns = vec![(0, 0, Action::Call(Step::Begin(None)))];
        turns.push((1, 0, Action::Response(Step::Begin(began.get(key).map(held)))));
        let after = history.calls.iter().filter_map(|call| {
            let open = || {
                let revision = *revisions.get(&call.id)?;
                Some((revision, ledger.get(key, revision - 1).map(held)))
            };
            let returned = call.returned.as_ref().map_or(usize::MAX, |(at, _)| at + 2);
            Some((call.called + 2, returned, step(call, key, open)?))
        });
        for (process, (called, returned, step)) in (1..).zip(after) {
            turns.push((called, process, Action::Call(step.clone())));
            turns.push((returned, process, Action::Response(step)));
        }
        turns.sort_by_key(|(at, _, _)| *at);
        let actions: Vec<_> = turns.into_iter().map(|(_, process, action)| (process, action)).collect();
        ensure!(
            WGLChecker::<Key>::is_linearizable(Actions::from_actions(actions.clone())),
            "the operations on {key} are not linearizable: {actions:?}"
        );
    }
    Ok(())
}

fn held(version: &Version) -> (u64, i64) {
    (version.tag.number, version.modified)
}

fn keys<'a>(history: &'a History, began: &'a State) -> BTreeSet<&'a str> {
    let written = history.calls.iter().flat_map(|call| match &call.op {
        Op::Put { keys, .. } => &keys[..],
        Op::Swap { key, .. } => std::slice::from_ref(key),
        _ => &[],
    });
    written.map(String::as_str).chain(began.keys().map(String::as_str)).collect()
}

/// What a call is to one key, if anything that must be explained. Reads of the past are not.
fn step(call: &Call, key: &str, open: impl Fn() -> Option<(i64, Held)>) -> Option<Step> {
    if let Op::Read { span, at: None } = &call.op {
        let Some((_, Outcome::Read { found, .. })) = &call.returned else { return None };
        return span.contains(key).then(|| Step::Read(find(found, key)));
    }
    if !call.op.written().iter().any(|span| span.contains(key)) {
        return None;
    }
    let tag = match &call.op {
        Op::Put { tag, .. } | Op::Swap { tag, .. } => Some(tag.number),
        _ => None,
    };
    let expected = match &call.op {
        Op::Swap { expected, .. } => Some(*expected),
        _ => None,
    };
    match &call.returned {
        Some((_, Outcome::Wrote { revision, replaced })) => {
            let (before, revision) = (find(replaced, key), *revision);
            if tag.is_none() && before.is_none() {
                return Some(Step::Read(None));
            }
            let to = tag.map(|tag| (tag, revision));
            Some(Step::Write { to, revision, replaced: before, expected })
        }
        Some((_, Outcome::Kept { found, .. })) => Some(Step::Read(found.as_ref().map(held))),
        Some(_) => None,
        None => {
            let (revision, replaced) = open()?;
            let to = tag.map(|tag| (tag, revision));
            Some(Step::Write { to, revision, replaced, expected })
        }
    }
}

fn find(versions: &[Version], key: &str) -> Held {
    versions.iter().find(|version| version.key == key).map(held)
}
