//! What scheduling writes into the status of pods.

use jiff::Timestamp;
use objects::{Tree, meta, tree};

use crate::decide::Nomination;
use crate::view::PodView;

const POD_SCHEDULED: &str = "PodScheduled";
/// The longest note of an event that the API server takes.
const NOTE: usize = 1024;

/// A message as an event may have it.
pub(super) fn cut(message: &str) -> String {
    const MORE: &str = " ...";
    if message.len() <= NOTE {
        return message.to_owned();
    }
    let end = (0..=NOTE - MORE.len()).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{MORE}", &message[..end])
}

/// What is new in the status of a pod that was not scheduled; `None` where it says just that.
pub(super) fn change(
    pod: &PodView,
    reason: &str,
    message: &str,
    nomination: &Nomination,
    now: Timestamp,
) -> Option<Tree> {
    let mut status = Tree::object();
    let old = pod.scheduled.as_ref().filter(|condition| &*condition.status == "False");
    if !old.is_some_and(|old| &*old.reason == reason && &*old.message == message) {
        let since = old.and_then(|old| old.since).unwrap_or(now);
        status.insert("conditions", vec![condition(pod, POD_SCHEDULED, "False", reason, message, since)]);
    }
    match nomination {
        Nomination::Clear if pod.nominated.is_some() => drop(status.insert("nominatedNodeName", Tree::Null)),
        Nomination::Set(node) if pod.nominated.as_ref() != Some(node) => {
            status.insert("nominatedNodeName", &**node);
        }
        _ => {}
    }
    (!status.is_empty_value()).then_some(status)
}

/// The condition of a pod that goes for another.
pub(super) fn preempted(victim: &PodView, scheduler: &str, now: Timestamp) -> Tree {
    let message = format!("{scheduler}: preempting to accommodate a higher priority pod");
    condition(victim, "DisruptionTarget", "True", "PreemptionByScheduler", &message, now)
}

fn condition(pod: &PodView, kind: &str, status: &str, reason: &str, message: &str, since: Timestamp) -> Tree {
    tree!({
        "type": kind,
        "observedGeneration": (pod.generation),
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": (meta::rfc3339(since)),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const OLD: &str = r#"{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"full",
        "lastTransitionTime":"2026-01-01T00:00:00Z"}"#;

    fn check(status: &str, message: &str, nomination: &Nomination, expected: Expect) {
        let pod =
            Tree::from_json(format!(r#"{{"metadata":{{"generation":2}},"status":{status}}}"#).as_bytes())
                .unwrap();
        let now = "2026-02-02T00:00:00Z".parse().unwrap();
        let change = change(&PodView::read(&pod), "Unschedulable", message, nomination, now);
        expected.assert_eq(&change.map_or("nothing".to_owned(), |change| change.to_json_string()));
    }

    #[test]
    fn a_status_that_says_so_already_is_not_written_again() {
        let old = format!(r#"{{"conditions":[{OLD}]}}"#);
        check(&old, "full", &Nomination::Clear, expect!["nothing"]);
        check(
            "{}",
            "full",
            &Nomination::Clear,
            expect![[
                r#"{"conditions":[{"type":"PodScheduled","observedGeneration":2,"status":"False","reason":"Unschedulable","message":"full","lastTransitionTime":"2026-02-02T00:00:00Z"}]}"#
            ]],
        );
    }

    #[test]
    fn a_condition_keeps_the_time_since_which_it_is_false() {
        check(
            &format!(r#"{{"conditions":[{OLD}]}}"#),
            "other",
            &Nomination::Keep,
            expect![[
                r#"{"conditions":[{"type":"PodScheduled","observedGeneration":2,"status":"False","reason":"Unschedulable","message":"other","lastTransitionTime":"2026-01-01T00:00:00Z"}]}"#
            ]],
        );
    }

    #[test]
    fn a_nomination_is_written_and_taken_back() {
        let named = format!(r#"{{"nominatedNodeName":"n","conditions":[{OLD}]}}"#);
        check(&named, "full", &Nomination::Clear, expect![[r#"{"nominatedNodeName":null}"#]]);
        check(&named, "full", &Nomination::Set("n".into()), expect!["nothing"]);
        check(&named, "full", &Nomination::Set("m".into()), expect![[r#"{"nominatedNodeName":"m"}"#]]);
        check(&named, "full", &Nomination::Keep, expect!["nothing"]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"é".repeat(NOTE));
        assert!(long.len() <= NOTE && long.ends_with("é ..."), "{long}");
    }
}
