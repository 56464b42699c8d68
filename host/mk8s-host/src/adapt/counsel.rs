//! The scheduler asks the addons where pods may go.

use std::collections::HashSet;
use std::sync::Arc;

use addons::{AddonsHandle, Candidates, Concerned, NodeRefusal};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use scheduler::{Advise, Advisors, Case, Counsel, Judged, Refused, Sought};
use tokio::sync::watch;

use crate::slot::Slot;

#[derive(Clone)]
pub(crate) struct AddonCounsel {
    addons: Slot<AddonsHandle>,
}

impl AddonCounsel {
    pub(crate) fn new(addons: Slot<AddonsHandle>) -> Self {
        Self { addons }
    }
}

/// A pod as the metadata of addons speaks of it.
struct Pod<'a>(&'a Sought<'a>);

impl addons::Pod for Pod<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        self.0.label(key)
    }

    fn requests(&self, resource: &str) -> bool {
        self.0.requests(resource)
    }
}

impl Counsel for AddonCounsel {
    fn concerned(&self, pod: &Sought<'_>) -> Advisors {
        // While the addons are away nothing is written to the API, and so no pod is bound without them.
        let Some(addons) = self.addons.get() else { return Vec::new() };
        let concerned = addons.concerned(&Pod(pod)).into_iter();
        concerned
            .map(|concerned| Arc::new(AddonAdvisor { addons: addons.clone(), concerned }) as Arc<dyn Advise>)
            .collect()
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        // The unit may be started anew, and then has another handle.
        let next = |(slot, known): (Slot<AddonsHandle>, Option<watch::Receiver<u64>>)| async move {
            if let Some(mut known) = known
                && known.changed().await.is_ok()
            {
                return Some(((), (slot, Some(known))));
            }
            let advice = slot.wait().await.advice();
            Some(((), (slot, Some(advice))))
        };
        stream::unfold((self.addons.clone(), None), next).boxed()
    }
}

/// One addon, for one pod.
struct AddonAdvisor {
    addons: AddonsHandle,
    concerned: Concerned,
}

fn candidates(case: &Case) -> Candidates {
    let mut pod = case.pod.clone();
    pod.remove_at(&["metadata", "managedFields"]);
    Candidates { pod: pod.to_json(), nodes: case.nodes.clone() }
}

impl Advise for AddonAdvisor {
    fn name(&self) -> String {
        format!("addon {}", self.concerned.addon)
    }

    fn is_ignorable(&self) -> bool {
        self.concerned.is_ignorable
    }

    fn filter<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Judged, String>> {
        Box::pin(async move {
            let refused = self.addons.filter(&self.concerned.addon, candidates(case)).await;
            let refused = refused.map_err(|why| why.to_string())?;
            let against: HashSet<&str> = refused.iter().map(|refusal| refusal.node.as_str()).collect();
            let kept = case.nodes.iter().filter(|node| !against.contains(node.as_str())).cloned().collect();
            let refusal = |refusal: NodeRefusal| Refused {
                node: refusal.node,
                reason: refusal.reason,
                is_resolvable: refusal.is_resolvable,
            };
            Ok(Judged { kept, refused: refused.into_iter().map(refusal).collect() })
        })
    }

    fn rank<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Vec<(String, i64)>, String>> {
        Box::pin(async move {
            let ratings = self.addons.score(&self.concerned.addon, candidates(case)).await;
            let weight = i64::from(self.concerned.weight);
            let ratings = ratings.map_err(|why| why.to_string())?.into_iter();
            Ok(ratings.map(|rating| (rating.node, i64::from(rating.score) * weight)).collect())
        })
    }
}
