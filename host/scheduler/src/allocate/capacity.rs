//! How much of a device's capacities a request consumes: what it asks for, as the device's policy rounds it.

use objects::Tree;
use objects::quantity::Quantity;

use crate::view::Amounts;

fn quantity(tree: &Tree, path: &[&str]) -> Option<Quantity> {
    tree.str_at(path)?.parse().ok()
}

/// The entry of a capacity by a name that is qualified or the driver's own.
fn wanted_of<'w>(wanted: &'w [(Box<str>, Quantity)], name: &str, driver: &str) -> Option<&'w Quantity> {
    let is_it = |asked: &str| {
        asked == name || asked.strip_prefix(driver).and_then(|rest| rest.strip_prefix('/')) == Some(name)
    };
    wanted.iter().find(|(asked, _)| is_it(asked)).map(|(_, amount)| amount)
}

/// What is consumed of each capacity of a device that is shared, or is asked for of one that is not; `None` where a
/// request asks for more than there is, or for what it may not.
pub(super) fn consumed(capacity: &Tree, driver: &str, wanted: &[(Box<str>, Quantity)]) -> Option<Amounts> {
    let mut consumed = Vec::new();
    let mut met = 0;
    for (name, entry) in capacity.fields() {
        let value = quantity(entry, &["value"])?;
        let asked = wanted_of(wanted, name, driver);
        met += usize::from(asked.is_some());
        let amount = rounded(entry.get("requestPolicy").unwrap_or(&Tree::Null), asked.copied(), value)?;
        if amount > value {
            return None;
        }
        consumed.push((name.into(), amount));
    }
    (met == wanted.len()).then(|| consumed.into())
}

fn rounded(policy: &Tree, asked: Option<Quantity>, whole: Quantity) -> Option<Quantity> {
    let Some(asked) = asked else { return Some(quantity(policy, &["default"]).unwrap_or(whole)) };
    let values = policy.items_at(&["validValues"]);
    if !values.is_empty() {
        // They are in ascending order.
        let mut values = values.iter().filter_map(|value| value.as_str()?.parse().ok());
        return values.find(|value: &Quantity| *value >= asked);
    }
    let Some(least) = quantity(policy, &["validRange", "min"]) else { return Some(asked) };
    let most = quantity(policy, &["validRange", "max"]);
    let amount = match quantity(policy, &["validRange", "step"]) {
        _ if asked <= least => least,
        Some(step) if step > Quantity::ZERO => least + (asked - least).up_to_multiple(step),
        _ => asked,
    };
    most.is_none_or(|most| amount <= most).then_some(amount)
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn check(policy: Tree, asked: &[(&str, &str)], expected: Option<&str>) {
        let capacity = tree!({ "memory": { "value": "8Gi", "requestPolicy": policy } });
        let asked: Vec<_> =
            asked.iter().map(|(name, amount)| ((*name).into(), amount.parse().unwrap())).collect();
        let consumed = consumed(&capacity, "gpu.example.com", &asked);
        assert_eq!(consumed.map(|all| all[0].1.to_string()).as_deref(), expected);
    }

    #[test]
    fn a_request_consumes_what_it_asks_for_or_all_where_it_says_nothing() {
        check(Tree::Null, &[("memory", "1Gi")], Some("1Gi"));
        check(Tree::Null, &[("gpu.example.com/memory", "1Gi")], Some("1Gi"));
        check(Tree::Null, &[], Some("8Gi"));
        check(Tree::Null, &[("memory", "9Gi")], None);
        check(Tree::Null, &[("cores", "1")], None);
    }

    #[test]
    fn a_policy_rounds_up_and_has_a_say_in_what_is_not_asked_for() {
        let values = || tree!({ "default": "1Gi", "validValues": ["1Gi", "2Gi", "4Gi"] });
        check(values(), &[], Some("1Gi"));
        check(values(), &[("memory", "3Gi")], Some("4Gi"));
        check(values(), &[("memory", "5Gi")], None);
        let range =
            || tree!({ "default": "1Gi", "validRange": { "min": "1Gi", "max": "6Gi", "step": "2Gi" } });
        check(range(), &[("memory", "100Mi")], Some("1Gi"));
        check(range(), &[("memory", "1025Mi")], Some("3Gi"));
        check(range(), &[("memory", "5Gi")], Some("5Gi"));
        check(range(), &[("memory", "5121Mi")], None);
        check(
            tree!({ "default": "1Gi", "validRange": { "min": "1Gi" } }),
            &[("memory", "1100Mi")],
            Some("1100Mi"),
        );
    }
}
