//! The calls of `scheduling`.

use futures_util::FutureExt;

use super::{CallError, Instance, Wait};
use crate::bindings::draft::exports::mk8s::addon0_2_0_draft::scheduling;
use crate::inspect::Role;
use crate::values::{Candidates, NodeRating, NodeRefusal};

impl Instance {
    /// The nodes where a pod is not to go.
    pub fn filter(&mut self, candidates: &Candidates) -> Result<Vec<NodeRefusal>, CallError> {
        self.load_scheduling()?;
        let nodes: Vec<&str> = candidates.nodes.iter().map(String::as_str).collect();
        let asked = scheduling::Candidates { pod: &candidates.pod, nodes: &nodes, extra: &[] };
        let guest = self.guests.scheduling.as_ref().ok_or(CallError::Absent(Role::Scheduling))?;
        let outcome = guest.call_filter(&mut self.store, asked).now_or_never();
        let refusal = |refusal: scheduling::Refusal| NodeRefusal {
            node: refusal.node,
            reason: refusal.reason,
            is_resolvable: refusal.resolvable,
        };
        Ok(self.end(outcome)?.into_iter().map(refusal).collect())
    }

    /// How well nodes suit a pod.
    pub fn score(&mut self, candidates: &Candidates) -> Result<Vec<NodeRating>, CallError> {
        self.load_scheduling()?;
        let nodes: Vec<&str> = candidates.nodes.iter().map(String::as_str).collect();
        let asked = scheduling::Candidates { pod: &candidates.pod, nodes: &nodes, extra: &[] };
        let guest = self.guests.scheduling.as_ref().ok_or(CallError::Absent(Role::Scheduling))?;
        let outcome = guest.call_score(&mut self.store, asked).now_or_never();
        let rating = |rating: scheduling::Rating| NodeRating { node: rating.node, score: rating.score };
        Ok(self.end(outcome)?.into_iter().map(rating).collect())
    }

    /// Begins a call. A component of another draft is found out here.
    pub fn load_scheduling(&mut self) -> Result<(), CallError> {
        self.begin(Wait::never)?;
        if self.guests.scheduling.is_none() {
            let component = self.component.parts();
            let indices = component.roles.scheduling.as_ref().ok_or(CallError::Absent(Role::Scheduling))?;
            let guest = indices.load(&mut self.store, &self.instance).map_err(|_| CallError::OtherDraft)?;
            self.guests.scheduling = Some(guest);
        }
        Ok(())
    }
}
