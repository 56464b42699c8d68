//! How fast an autoscaler may follow what its metrics ask for: stabilisation windows and policies. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior};

/// Nothing older than the longest window and period that the API lets through is of use.
const MEMORY: Duration = Duration::from_secs(3600);

/// What an autoscaler did and what it was asked for lately.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    recommendations: Vec<(Timestamp, i32)>,
    /// By how much it scaled, down below zero.
    changes: Vec<(Timestamp, i32)>,
}

/// Reason and message of a condition.
pub(super) type Why = (&'static str, &'static str);

/// The number of replicas, and what bounded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    pub(super) replicas: i32,
    pub(super) stabilized: Option<Why>,
    pub(super) limited: Option<Why>,
}

struct Rules {
    window: i32,
    select: String,
    policies: Vec<HPAScalingPolicy>,
}

fn policy(kind: &str, value: i32) -> HPAScalingPolicy {
    HPAScalingPolicy { type_: kind.to_owned(), value, period_seconds: 15 }
}

impl Rules {
    fn of(given: Option<&HPAScalingRules>, window: i32, policies: Vec<HPAScalingPolicy>) -> Self {
        Self {
            window: given.and_then(|rules| rules.stabilization_window_seconds).unwrap_or(window),
            select: given.and_then(|rules| rules.select_policy.clone()).unwrap_or_else(|| "Max".to_owned()),
            policies: given.and_then(|rules| rules.policies.clone()).unwrap_or(policies),
        }
    }

    fn up(behavior: Option<&HorizontalPodAutoscalerBehavior>) -> Self {
        let given = behavior.and_then(|behavior| behavior.scale_up.as_ref());
        Self::of(given, 0, vec![policy("Pods", 4), policy("Percent", 100)])
    }

    /// `window` holds where the behaviour has none.
    fn down(behavior: Option<&HorizontalPodAutoscalerBehavior>, window: Duration) -> Self {
        let given = behavior.and_then(|behavior| behavior.scale_down.as_ref());
        let window = i32::try_from(window.as_secs()).unwrap_or(i32::MAX);
        Self::of(given, window, vec![policy("Percent", 100)])
    }
}

impl History {
    /// The target was scaled from one size to another.
    pub(super) fn scaled(&mut self, from: i32, to: i32, now: Timestamp) {
        self.changes.push((now, to - from));
    }

    /// What is let through of what is desired; that is remembered.
    pub(super) fn normalize(
        &mut self,
        behavior: Option<&HorizontalPodAutoscalerBehavior>,
        downscale_window: Duration,
        bounds: (i32, i32),
        current: i32,
        desired: i32,
        now: Timestamp,
    ) -> Normal {
        for list in [&mut self.recommendations, &mut self.changes] {
            list.retain(|(at, _)| passed(*at, now) < MEMORY.max(downscale_window));
        }
        let (up, down) = (Rules::up(behavior), Rules::down(behavior, downscale_window));
        let stable = self.stabilize(&up, &down, current, desired, now);
        self.recommendations.push((now, desired));
        let stabilized = match (stable != desired, stable < desired) {
            (false, _) => None,
            (true, true) => Some((
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            )),
            (true, false) => Some((
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            )),
        };
        let (replicas, limited) = self.limit(&up, &down, bounds, current, stable, now);
        Normal { replicas, stabilized, limited }
    }

    fn stabilize(&self, up: &Rules, down: &Rules, current: i32, desired: i32, now: Timestamp) -> i32 {
        let within = |window: i32| {
            let recent =
                self.recommendations.iter().filter(move |(at, _)| passed(*at, now) < seconds(window));
            recent.map(|(_, replicas)| *replicas).chain([desired])
        };
        let lowest = within(up.window).min().unwrap_or(desired);
        let highest = within(down.window).max().unwrap_or(desired);
        current.max(lowest).min(highest.max(lowest))
    }

    fn limit(
        &self,
        up: &Rules,
        down: &Rules,
        (least, most): (i32, i32),
        current: i32,
        desired: i32,
        now: Timestamp,
    ) -> (i32, Option<Why>) {
        if desired > current {
            let rate = self.fastest(up, current, now, Direction::Up).max(current);
            let allowed = most.min(rate);
            let why = if most > rate {
                ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            } else {
                ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
            };
            return if desired > allowed { (allowed, Some(why)) } else { (desired, None) };
        }
        let rate = self.fastest(down, current, now, Direction::Down).min(current);
        let allowed = least.max(rate);
        let why = if least < rate {
            ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
        } else {
            ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
        };
        if desired < allowed { (allowed, Some(why)) } else { (desired, None) }
    }

    /// How far the policies let it go from where it was when their periods began.
    fn fastest(&self, rules: &Rules, current: i32, now: Timestamp, direction: Direction) -> i32 {
        if rules.select == "Disabled" {
            return current;
        }
        let proposals = rules.policies.iter().map(|policy| {
            let recent =
                self.changes.iter().filter(|(at, _)| passed(*at, now) < seconds(policy.period_seconds));
            let start = current - recent.map(|(_, change)| change).sum::<i32>();
            let share = |percent: i32| f64::from(start) * f64::from(percent) / 100.0;
            match (policy.type_.as_str(), direction) {
                ("Pods", Direction::Up) => start.saturating_add(policy.value),
                ("Pods", Direction::Down) => start.saturating_sub(policy.value),
                (_, Direction::Up) => share(100_i32.saturating_add(policy.value)).ceil() as i32,
                (_, Direction::Down) => share(100_i32.saturating_sub(policy.value)) as i32,
            }
        });
        let wants_most = rules.select != "Min";
        let picked = match (direction, wants_most) {
            (Direction::Up, true) | (Direction::Down, false) => proposals.max(),
            _ => proposals.min(),
        };
        picked.unwrap_or(current)
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

fn passed(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO)
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::super::Autoscaling;
    use super::*;

    const WINDOW: Duration = Autoscaling::DOWNSCALE_WINDOW;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Steps of time, current and desired replicas, and what is let through of each.
    fn check(behavior: Option<Tree>, steps: &[(i64, i32, i32, i32)]) {
        let behavior = behavior.map(|behavior| from_tree(&behavior).unwrap());
        let mut history = History::default();
        for (second, current, desired, expected) in steps {
            let found =
                history.normalize(behavior.as_ref(), WINDOW, (1, 50), *current, *desired, at(*second));
            assert_eq!(found.replicas, *expected, "at {second}");
            if found.replicas != *current {
                history.scaled(*current, found.replicas, at(*second));
            }
        }
    }

    #[test]
    fn it_grows_by_four_or_twofold_in_a_quarter_of_a_minute() {
        check(
            None,
            &[
                (0, 1, 40, 5),
                (5, 5, 40, 5),
                (16, 5, 40, 10),
                (32, 10, 40, 20),
                (48, 20, 100, 40),
                (64, 40, 100, 50),
            ],
        );
    }

    #[test]
    fn it_shrinks_to_the_most_that_was_asked_for_in_five_minutes() {
        check(None, &[(0, 10, 10, 10), (60, 10, 4, 10), (200, 10, 2, 10), (301, 10, 2, 4), (600, 4, 2, 2)]);
    }

    #[test]
    fn without_a_window_it_shrinks_at_once() {
        let found = History::default().normalize(None, Duration::ZERO, (1, 50), 10, 8, at(0));
        assert_eq!((found.replicas, found.stabilized), (8, None));
    }

    #[test]
    fn policies_may_slow_it_down_or_stop_it() {
        let slow = tree!({ "scaleDown": { "stabilizationWindowSeconds": 0, "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 60 }] } });
        check(Some(slow), &[(0, 10, 2, 9), (30, 9, 2, 9), (61, 9, 2, 8)]);
        let never = tree!({ "scaleUp": { "selectPolicy": "Disabled" } });
        check(Some(never), &[(0, 3, 9, 3)]);
        let least = tree!({ "scaleUp": { "selectPolicy": "Min", "policies": [
            { "type": "Pods", "value": 9, "periodSeconds": 15 }, { "type": "Percent", "value": 50, "periodSeconds": 15 }
        ] } });
        check(Some(least), &[(0, 3, 30, 5)]);
    }

    #[test]
    fn what_bounds_it_is_told() {
        let mut history = History::default();
        let reason = |normal: Normal| normal.limited.map(|why| why.0);
        assert_eq!(reason(history.normalize(None, WINDOW, (1, 3), 2, 9, at(0))), Some("TooManyReplicas"));
        assert_eq!(reason(history.normalize(None, WINDOW, (1, 99), 2, 99, at(0))), Some("ScaleUpLimit"));
        assert_eq!(
            reason(History::default().normalize(None, WINDOW, (2, 9), 3, 1, at(0))),
            Some("TooFewReplicas")
        );
        assert_eq!(reason(History::default().normalize(None, WINDOW, (2, 9), 3, 3, at(0))), None);
    }
}
