//! Conditions in a status, of every kind that has some.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSetCondition};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerCondition;
use k8s_openapi::api::batch::v1::JobCondition;
use k8s_openapi::api::core::v1::ReplicationControllerCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// One kind's condition.
pub(crate) trait Condition: Sized {
    fn new(kind: &str, status: &str, reason: &str, message: String, now: Timestamp) -> Self;
    fn kind(&self) -> &str;
    fn status(&self) -> &str;
    fn reason(&self) -> Option<&str>;
    fn transition(&mut self) -> &mut Option<Time>;
}

/// A row for each kind, with the times beside that of its transition that a new one has.
macro_rules! conditions {
    ($($condition:ident { $($time:ident),* })*) => {$(
        impl Condition for $condition {
            fn new(kind: &str, status: &str, reason: &str, message: String, now: Timestamp) -> Self {
                Self {
                    type_: kind.to_owned(),
                    status: status.to_owned(),
                    reason: Some(reason.to_owned()),
                    message: Some(message),
                    last_transition_time: Some(Time(now)),
                    $($time: Some(Time(now)),)*
                }
            }

            fn kind(&self) -> &str {
                &self.type_
            }

            fn status(&self) -> &str {
                &self.status
            }

            fn reason(&self) -> Option<&str> {
                self.reason.as_deref()
            }

            fn transition(&mut self) -> &mut Option<Time> {
                &mut self.last_transition_time
            }
        }
    )*};
}

conditions! {
    DeploymentCondition { last_update_time }
    ReplicaSetCondition {}
    ReplicationControllerCondition {}
    JobCondition { last_probe_time }
    HorizontalPodAutoscalerCondition {}
}

pub(crate) fn find<'a, C: Condition>(conditions: &'a [C], kind: &str) -> Option<&'a C> {
    conditions.iter().find(|condition| condition.kind() == kind)
}

/// Sets a condition. One that says the same for the same reason stays as it is; the time of the transition is that when
/// the status last changed.
pub(crate) fn set<C: Condition>(conditions: &mut Vec<C>, mut new: C) {
    let old = conditions.iter_mut().find(|old| old.kind() == new.kind());
    if let Some(old) = old.filter(|old| old.status() == new.status()) {
        if old.reason() == new.reason() {
            return;
        }
        *new.transition() = old.transition().take();
    }
    remove(conditions, new.kind());
    conditions.push(new);
}

pub(crate) fn remove<C: Condition>(conditions: &mut Vec<C>, kind: &str) {
    conditions.retain(|condition| condition.kind() != kind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn condition(status: &str, reason: &str, second: i64) -> DeploymentCondition {
        Condition::new("Progressing", status, reason, String::new(), at(second))
    }

    /// Status, reason and time of the transition after one was set on another.
    fn check(old: DeploymentCondition, new: DeploymentCondition, expected: (&str, &str, i64)) {
        let mut conditions = vec![old];
        set(&mut conditions, new);
        let condition = find(&conditions, "Progressing").unwrap();
        let time = condition.last_transition_time.as_ref().unwrap().0.as_second();
        assert_eq!((condition.status(), condition.reason().unwrap(), time), expected);
    }

    #[test]
    fn the_transition_is_when_the_status_changed() {
        check(condition("True", "A", 1), condition("True", "A", 2), ("True", "A", 1));
        check(condition("True", "A", 1), condition("True", "B", 2), ("True", "B", 1));
        check(condition("True", "A", 1), condition("False", "A", 2), ("False", "A", 2));
    }

    #[test]
    fn a_condition_that_is_the_same_moves_to_no_other_place() {
        let mut conditions = vec![condition("True", "A", 1)];
        conditions.push(Condition::new("Available", "True", "B", String::new(), at(1)));
        set(&mut conditions, condition("True", "A", 2));
        assert_eq!(conditions[0].kind(), "Progressing");
        remove(&mut conditions, "Progressing");
        assert_eq!(conditions.len(), 1);
    }
}
