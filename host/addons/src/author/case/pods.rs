//! A pod and the nodes that are left for it, and what an addon says of them: first which it refuses, then how the others
//! are ranked, as a node asks.

use std::sync::Arc;

use engine::{Candidates, Limits, NodeRefusal};
use objects::Tree;
use objects::meta;
use objects::resources::{self, Extent, Side};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, RunError, call};
use crate::author::Subject;
use crate::author::stand_in::StandIn;
use crate::metadata::Pod;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchedulingCase {
    pod: Value,
    nodes: Vec<String>,
}

/// A pod of a case, and what it requests.
struct PodCase {
    pod: Tree,
    requests: resources::Amounts,
}

impl PodCase {
    fn read(json: &Value) -> Result<Self, RunError> {
        let pod =
            Tree::from_json(json.to_string().as_bytes()).map_err(|why| RunError::Pod(why.to_string()))?;
        let requests = resources::of_pod(&pod, Side::Requests, Extent::Taken);
        Ok(Self { pod, requests })
    }
}

impl Pod for PodCase {
    fn label(&self, key: &str) -> Option<&str> {
        meta::label(&self.pod, key)
    }

    fn requests(&self, resource: &str) -> bool {
        self.requests.iter().any(|(name, amount)| name == resource && amount.value() > 0)
    }
}

impl Case {
    /// What the addon is asked about.
    pub(in crate::author) fn candidates(&self) -> Result<Candidates, RunError> {
        let missing = RunError::Missing { role: "scheduling", field: "scheduling" };
        let SchedulingCase { pod, nodes } = self.scheduling.as_ref().ok_or(missing)?;
        Ok(Candidates { pod: pod.to_string().into(), nodes: nodes.clone() })
    }

    pub(super) fn schedule(&self, subject: &Subject, host: &Arc<StandIn>) -> Result<Value, RunError> {
        let mut candidates = self.candidates()?;
        let mut instance = self.fresh(subject, host, Limits::SCHEDULING)?;
        let pod = self.scheduling.iter().map(|case| PodCase::read(&case.pod)).next().transpose()?;
        let spec = subject.metadata.scheduling.as_ref();
        if !spec.zip(pod).is_some_and(|(spec, pod)| spec.concerns(&pod)) {
            return Err(RunError::NotConcerned);
        }
        let refused = instance.filter(&candidates).map_err(call)?;
        candidates.nodes.retain(|node| refused.iter().all(|refusal| refusal.node != *node));
        let scores = match candidates.nodes.is_empty() {
            true => Vec::new(),
            false => instance.score(&candidates).map_err(call)?,
        };
        let scores: serde_json::Map<String, Value> =
            scores.into_iter().map(|rating| (rating.node, rating.score.into())).collect();
        Ok(json!({"refused": refused.iter().map(told).collect::<Vec<_>>(), "scores": scores}))
    }
}

fn told(refusal: &NodeRefusal) -> Value {
    json!({"node": refusal.node, "reason": refusal.reason, "resolvable": refusal.is_resolvable})
}
