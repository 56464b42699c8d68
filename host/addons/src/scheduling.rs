//! Addons have a say in where pods go: each is asked of the pods that its metadata names, in warm instances, a few at a
//! time, on threads that may be held up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engine::{CallError, Candidates, Instance, Limits, NodeRating, NodeRefusal, Role, Unavailable, Warm};
use tokio::sync::Semaphore;

use crate::active::{Active, Loaded};
use crate::metadata::{Failure, Pod};
use crate::pushed::{Fed, Pushed};
use crate::roster::{Roster, Stage};

/// Calls of one addon at a time; each holds an instance, with all that it was pushed.
const AT_A_TIME: usize = 4;
/// One that was given up is tried again after so long: the pods that wait for it do not wait for an operator too.
const PAUSE: Duration = Duration::from_secs(60);
/// The most that a plugin of the scheduler gives a node.
const BEST: u32 = 100;
/// Bytes of a reason that are kept.
const LONGEST_REASON: usize = 200;
/// Different reasons that an answer may give; what has another one is refused without.
const REASONS: usize = 16;

/// An addon that is to be asked of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned {
    pub addon: String,
    /// The pod goes on without it where it does not answer.
    pub is_ignorable: bool,
    /// What its scores are multiplied by.
    pub weight: u32,
}

/// An addon that was to be asked did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unadvised {
    pub why: String,
}

impl From<Unavailable> for Unadvised {
    fn from(why: Unavailable) -> Self {
        let why = match why {
            Unavailable::Quarantined => {
                format!("it failed too often, and is called again after {} seconds", PAUSE.as_secs())
            }
            other => other.to_string(),
        };
        Self { why }
    }
}

/// The instances of an addon that are asked of pods.
pub(crate) struct Advisor {
    pub(crate) warm: Warm<Fed>,
    slots: Semaphore,
}

impl Advisor {
    pub(crate) fn new(loaded: Arc<Loaded>, pushed: Arc<Pushed>) -> Self {
        let instance = move || Ok(Fed::new(loaded.instance(Limits::SCHEDULING)?, pushed.clone()));
        Self { warm: Warm::new(instance), slots: Semaphore::new(AT_A_TIME) }
    }
}

impl Roster {
    /// The enabled addons that are to be asked of a pod, in the order of their names; those that do not run too.
    pub(crate) fn concerned(&self, pod: &impl Pod) -> Vec<Concerned> {
        let entries = self.addons.iter().filter(|(_, entry)| !matches!(entry.stage, Stage::Disabled));
        let specs = entries.filter_map(|(name, entry)| Some((name, entry.scheduling.as_ref()?)));
        let concerned = specs.filter(|(_, spec)| spec.concerns(pod)).map(|(name, spec)| Concerned {
            addon: name.clone(),
            is_ignorable: spec.failure == Failure::Ignore,
            weight: spec.weight,
        });
        concerned.collect()
    }

    /// The nodes where an addon will not have a pod go, among those that it is asked about.
    pub(crate) async fn filter(
        &self,
        addon: &str,
        candidates: Candidates,
    ) -> Result<Vec<NodeRefusal>, Unadvised> {
        let candidates = Arc::new(candidates);
        let asked = candidates.clone();
        let refused = self.advise(addon, move |instance| instance.filter(&asked)).await?;
        Ok(told(addon, refused, &candidates.nodes))
    }

    /// How well nodes suit a pod: 0 to 100.
    pub(crate) async fn score(
        &self,
        addon: &str,
        candidates: Candidates,
    ) -> Result<Vec<NodeRating>, Unadvised> {
        let ratings = self.advise(addon, move |instance| instance.score(&candidates)).await?;
        match ratings.iter().find(|rating| rating.score > BEST) {
            Some(NodeRating { node, score }) => Err(Unadvised {
                why: format!("it gives node {node:?} a score of {score}, and {BEST} is the most"),
            }),
            None => Ok(ratings),
        }
    }

    async fn advise<R: Default + Send + 'static>(
        &self,
        addon: &str,
        call: impl FnMut(&mut Instance) -> Result<R, CallError> + Send + 'static,
    ) -> Result<R, Unadvised> {
        match self.addons.get(addon).map(|entry| &entry.stage) {
            // It was disabled a moment ago: it has no say any more.
            None | Some(Stage::Disabled) => Ok(R::default()),
            Some(Stage::Broken(why)) => Err(Unadvised { why: why.clone() }),
            Some(Stage::Active(active)) if !active.is_complete() => {
                Err(Unadvised { why: "it waits for its first objects and files".to_owned() })
            }
            Some(Stage::Active(active)) => advise(active, call).await,
        }
    }
}

async fn advise<R: Send + 'static>(
    active: &Arc<Active>,
    mut call: impl FnMut(&mut Instance) -> Result<R, CallError> + Send + 'static,
) -> Result<R, Unadvised> {
    let absent = || Unavailable::Fault(CallError::Absent(Role::Scheduling));
    let advisor = active.advisor.as_ref().ok_or_else(absent)?;
    let ledger = active.loaded.services.ledger.clone();
    if advisor.warm.pardon_after(PAUSE) {
        ledger.changed();
    }
    // The semaphore is never closed.
    let _slot = advisor.slots.acquire().await.ok();
    let asked = active.clone();
    let task = active.scope.spawn_blocking("advise", move || {
        let advisor = asked.advisor.as_ref().ok_or_else(absent)?;
        let ledger = &asked.loaded.services.ledger;
        ledger.timed(Role::Scheduling, || {
            advisor.warm.call(|fed| {
                let answer = call(fed.up_to_date()?);
                ledger.memory(fed.memory());
                answer
            })
        })
    });
    let outcome = task.await.unwrap_or(Err(Unavailable::Fault(CallError::Waited)));
    if matches!(outcome, Err(Unavailable::Fault(_))) {
        ledger.changed();
    }
    Ok(outcome?)
}

/// The refusals of nodes that were asked about, with reasons that can be shown.
fn told(addon: &str, refused: Vec<NodeRefusal>, asked: &[String]) -> Vec<NodeRefusal> {
    let asked: HashSet<&str> = asked.iter().map(String::as_str).collect();
    let mut reasons = HashSet::new();
    let mut told = Vec::new();
    for mut refusal in refused.into_iter().filter(|refusal| asked.contains(refusal.node.as_str())) {
        refusal.reason = shown(&refusal.reason);
        let is_known = reasons.contains(&refusal.reason);
        if refusal.reason.is_empty() || (!is_known && reasons.len() == REASONS) {
            refusal.reason = format!("node(s) were refused by addon {addon}");
        } else if !is_known {
            reasons.insert(refusal.reason.clone());
        }
        told.push(refusal);
    }
    told
}

/// One line, not too long, as the scheduler joins them.
fn shown(reason: &str) -> String {
    let end = (0..=LONGEST_REASON.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    let kept = &reason[..end.unwrap_or(0)];
    let line: String = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(node: &str, reason: &str) -> NodeRefusal {
        NodeRefusal { node: node.to_owned(), reason: reason.to_owned(), is_resolvable: false }
    }

    fn reasons(refused: Vec<NodeRefusal>) -> Vec<String> {
        let asked: Vec<_> = (0..40).map(|node| format!("n{node}")).collect();
        told("a", refused, &asked).into_iter().map(|one| format!("{}: {}", one.node, one.reason)).collect()
    }

    #[test]
    fn a_reason_can_be_shown_whatever_the_addon_gives() {
        let refused = [("n0", "node(s) were old. "), ("n1", ""), ("n2", "a\n\u{1b}[2Jb"), ("elsewhere", "x")];
        assert_eq!(
            reasons(refused.map(|(node, reason)| refusal(node, reason)).to_vec()),
            ["n0: node(s) were old", "n1: node(s) were refused by addon a", "n2: a  [2Jb"]
        );
        assert_eq!(reasons(vec![refusal("n0", &"é".repeat(1000))])[0].len(), "n0: ".len() + LONGEST_REASON);
    }

    #[test]
    fn an_addon_gives_so_many_reasons_and_no_more() {
        let refused: Vec<_> =
            (0..40).map(|node| refusal(&format!("n{node}"), &format!("reason {node}"))).collect();
        let told = reasons(refused);
        let plain = told.iter().filter(|reason| reason.ends_with("refused by addon a")).count();
        assert_eq!((told.len(), plain), (40, 40 - REASONS));
    }
}
