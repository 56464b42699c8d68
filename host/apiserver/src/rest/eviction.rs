//! The `eviction` sub-resource of pods: a deletion that disruption budgets may refuse.

use http::StatusCode;
use objects::decode::FieldValidation;
use objects::resource::GroupVersionKind;
use objects::selector::label::LabelSelector;
use objects::status::{Cause, Details, Status};
use objects::{Tree, meta, tree};

use super::delete::DeleteOptions;
use super::query::Execution;
use super::subresource::created;
use super::{Rest, body};
use crate::call::{Answer, Call};
use crate::storage::Found;

const BUDGETS: (&str, &str, &str) = ("policy", "v1", "poddisruptionbudgets");
const VIOLATED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
/// Seconds after which a budget that is not counted yet may have been.
const UNCOUNTED: u32 = 10;
/// More pods than this are not remembered as disrupted: somebody has to look.
const DISRUPTED_MOST: usize = 2000;

impl Rest {
    /// Deletes a pod as its Eviction says, if the budgets that it is under let it go.
    pub(super) async fn evict(&self, call: &Call) -> Result<Answer, Status> {
        let kind = GroupVersionKind::new("policy", "v1", "Eviction");
        let eviction = body::object(call, &kind, FieldValidation::Ignore)?.tree;
        let name = meta::name(&eviction);
        if !name.is_empty() && name != call.name {
            return Err(Status::bad_request("name in URL does not match name in Eviction object"));
        }
        let call = self.of_pod(call, &call.name)?;
        let nothing = Tree::object();
        let options = DeleteOptions::from(&call, eviction.get("deleteOptions").unwrap_or(&nothing))?;
        let pod = self.found(&call).await?;
        if !goes_anyway(&pod.tree) {
            let held = self.budget_of(&pod.tree).await?;
            if let Some(budget) = held {
                self.charge(&pod.tree, budget, options.execution()).await?;
            }
            if options.execution() == Execution::Real {
                self.mark_disrupted(&call).await?;
            }
        }
        self.delete_with(&call, &options).await?;
        Ok(Answer::status(&created(), StatusCode::CREATED))
    }

    /// The one budget that a pod is under.
    async fn budget_of(&self, pod: &Tree) -> Result<Option<Found>, Status> {
        let (group, version, plural) = BUDGETS;
        let row = self.registry().find(group, version, plural).ok_or_else(Status::no_such_path)?;
        let selects = |budget: &Tree| {
            let selector = budget.at(&["spec", "selector"]);
            selector
                .and_then(|tree| LabelSelector::from_object(tree).ok())
                .is_some_and(|s| s.matches_object(pod))
        };
        let all = self.view().list(&row, meta::namespace(pod), |_| true);
        let mut budgets = all.iter().filter(|budget| selects(budget));
        let Some(budget) = budgets.next() else { return Ok(None) };
        if budgets.next().is_some() {
            return Err(Status {
                message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.".to_owned(),
                ..Status::internal("")
            });
        }
        self.storage().read(&row, meta::namespace(pod), meta::name(budget)).await
    }

    /// Takes one disruption from a budget.
    async fn charge(&self, pod: &Tree, mut budget: Found, execution: Execution) -> Result<(), Status> {
        let (group, version, plural) = BUDGETS;
        let row = self.registry().find(group, version, plural).ok_or_else(Status::no_such_path)?;
        loop {
            let Some(charged) = charged(&budget.tree, pod, supervise::clock::now())? else { return Ok(()) };
            if execution == Execution::Dry || self.storage().replace(&row, &budget, charged).await?.is_some()
            {
                return Ok(());
            }
            let name = meta::name(&budget.tree).to_owned();
            match self.storage().read(&row, meta::namespace(pod), &name).await? {
                Some(found) => budget = found,
                None => return Ok(()),
            }
        }
    }

    /// Says in the pod's status why it goes.
    async fn mark_disrupted(&self, call: &Call) -> Result<(), Status> {
        loop {
            let old = self.found(call).await?;
            let condition = tree!({
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting",
                "lastTransitionTime": (meta::rfc3339(supervise::clock::now()))
            });
            let mut new = old.tree.clone();
            let conditions = new.make(&["status", "conditions"]);
            let others =
                conditions.items().iter().filter(|c| c.str_at(&["type"]) != Some("DisruptionTarget"));
            *conditions = others.cloned().chain([condition]).collect::<Vec<_>>().into();
            if self.storage().replace(&call.resource, &old, new).await?.is_some() {
                return Ok(());
            }
        }
    }
}

/// A pod that is over, was never placed, or is going already disrupts nothing.
fn goes_anyway(pod: &Tree) -> bool {
    let phase = pod.str_at(&["status", "phase"]).unwrap_or_default();
    meta::is_deleting(pod) || ["Succeeded", "Failed", "Pending"].contains(&phase)
}

fn is_ready(pod: &Tree) -> bool {
    let mut conditions = pod.items_at(&["status", "conditions"]).iter();
    conditions.any(|c| c.str_at(&["type"]) == Some("Ready") && c.str_at(&["status"]) == Some("True"))
}

/// The budget after one more disruption; `None` where this pod's counts as none.
fn charged(budget: &Tree, pod: &Tree, now: jiff::Timestamp) -> Result<Option<Tree>, Status> {
    let number = |name: &str| budget.i64_at(&["status", name]).unwrap_or(0);
    let name = meta::name(budget);
    if !is_ready(pod) {
        let always = budget.str_at(&["spec", "unhealthyPodEvictionPolicy"]) == Some("AlwaysAllow");
        let healthy = number("currentHealthy") >= number("desiredHealthy") && number("desiredHealthy") > 0;
        if always || healthy {
            return Ok(None);
        }
    }
    if number("observedGeneration") < meta::generation(budget) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refused(&why, UNCOUNTED));
    }
    let disrupted =
        budget.at(&["status", "disruptedPods"]).and_then(Tree::as_object).map_or(0, |pods| pods.len());
    if number("disruptionsAllowed") < 0 || disrupted > DISRUPTED_MOST {
        let resource = objects::resource::GroupResource::new("policy", "poddisruptionbudgets");
        let why = if number("disruptionsAllowed") < 0 {
            "pdb disruptions allowed is negative"
        } else {
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        };
        return Err(Status::forbidden(&resource, name, why));
    }
    if number("disruptionsAllowed") == 0 {
        let (desired, current) = (number("desiredHealthy"), number("currentHealthy"));
        let why = if number("currentHealthy") <= number("desiredHealthy") {
            format!("The disruption budget {name} needs {desired} healthy pods and has {current} currently")
        } else {
            format!(
                "The disruption budget {name} does not allow evicting pods currently because it failed sync"
            )
        };
        return Err(refused(&why, 0));
    }
    let mut charged = budget.clone();
    charged.set_at(&["status", "disruptionsAllowed"], number("disruptionsAllowed") - 1);
    charged.set_at(&["status", "disruptedPods", meta::name(pod)], meta::rfc3339(now));
    Ok(Some(charged))
}

fn refused(why: &str, retry_after_seconds: u32) -> Status {
    let cause = Cause { reason: "DisruptionBudget".into(), message: why.to_owned(), field: String::new() };
    let status = Status::too_many_requests(VIOLATED, retry_after_seconds);
    let details = status.details.as_deref().cloned().unwrap_or_default();
    status.with_details(Details { causes: vec![cause], ..details })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::{Tree, tree};

    use super::charged;

    fn budget(allowed: i64, generation: i64) -> Tree {
        tree!({
            "metadata": { "name": "b", "generation": generation },
            "status": {
                "observedGeneration": 1, "disruptionsAllowed": allowed, "desiredHealthy": 2, "currentHealthy": 2
            }
        })
    }

    fn pod(ready: &str) -> Tree {
        tree!({ "metadata": { "name": "p" }, "status": { "conditions": [{ "type": "Ready", "status": ready }] } })
    }

    #[test]
    fn a_budget_is_charged_until_it_is_spent() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let one = charged(&budget(1, 1), &pod("True"), now).unwrap().unwrap();
        expect![[r#"{"observedGeneration":1,"disruptionsAllowed":0,"desiredHealthy":2,"currentHealthy":2,"disruptedPods":{"p":"2026-01-01T00:00:00Z"}}"#]]
            .assert_eq(&one.get("status").unwrap().to_json_string());
        let spent = charged(&one, &pod("True"), now).unwrap_err();
        let cause = &spent.details.unwrap().causes[0];
        assert_eq!(spent.code, 429);
        expect!["The disruption budget b needs 2 healthy pods and has 2 currently"].assert_eq(&cause.message);
        let stale = charged(&budget(1, 2), &pod("True"), now).unwrap_err();
        assert_eq!(stale.retry_after_seconds(), Some(10));
    }

    #[test]
    fn a_pod_that_is_not_ready_costs_nothing_while_there_are_enough_that_are() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(charged(&budget(0, 1), &pod("False"), now).unwrap(), None);
    }
}
