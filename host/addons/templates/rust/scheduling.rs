//! Keeps pods off nodes that are closed, and prefers others. addon.json says of which pods it is asked.

use sdk::scheduling::{Candidates, Rating, Refusal};
use sdk::{Error, Scheduling, settings};

const BEST: u32 = 100;

struct Addon {
    /// Names of the nodes that get none of the pods.
    closed: Vec<String>,
    /// Names of those that get them first.
    preferred: Vec<String>,
}

sdk::addon!(Addon: scheduling);

/// The names of a setting.
fn names(name: &str) -> Vec<String> {
    let setting = settings::all().into_iter().find(|setting| setting.name == name);
    // The value is JSON: names in quotes, between brackets and commas, of which a name has none.
    let value = setting.map(|setting| setting.value).unwrap_or_default();
    let names = value.split(['[', ']', '"', ',']).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

impl Default for Addon {
    fn default() -> Self {
        Self { closed: names("closed"), preferred: names("preferred") }
    }
}

impl Scheduling for Addon {
    fn filter(&self, candidates: &Candidates) -> Result<Vec<Refusal>, Error> {
        let closed = candidates.nodes.iter().filter(|node| self.closed.contains(node));
        Ok(closed.map(|node| Refusal::lasting(node, "node(s) were closed")).collect())
    }

    fn score(&self, candidates: &Candidates) -> Result<Vec<Rating>, Error> {
        let preferred = candidates.nodes.iter().filter(|node| self.preferred.contains(node));
        Ok(preferred.map(|node| Rating::new(node, BEST)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_node_is_refused_and_a_preferred_one_scores() {
        settings::give(&[("closed", r#"["a"]"#), ("preferred", r#"["b", "c"]"#)]);
        let (addon, candidates) = (Addon::default(), Candidates::new("{}", &["a", "b", "d"]));
        let refused = addon.filter(&candidates).unwrap();
        assert_eq!(refused, [Refusal::lasting("a", "node(s) were closed")]);
        assert_eq!(addon.score(&candidates).unwrap(), [Rating::new("b", 100)]);
    }
}
