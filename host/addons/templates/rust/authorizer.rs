//! Lets a group read everything but secrets. It has no opinion of anything else: then the next authorizer is asked.

use sdk::{Attributes, Authorizer, Decision, Error, ResourceRule, RuleSet, User, settings};

const READING: [&str; 3] = ["get", "list", "watch"];

struct Addon {
    /// The group that may read.
    group: String,
}

sdk::addon!(Addon: authorizer);

impl Default for Addon {
    fn default() -> Self {
        let setting = settings::all().into_iter().find(|setting| setting.name == "group");
        // The value is JSON, here a text in quotes.
        let group = setting.map(|setting| setting.value.trim_matches('"').to_owned()).unwrap_or_default();
        Self { group }
    }
}

impl Addon {
    fn is_reader(&self, user: &User) -> bool {
        user.groups.contains(&self.group)
    }
}

impl Authorizer for Addon {
    fn authorize(&self, user: &User, attributes: &Attributes) -> Result<Decision, Error> {
        let readable = READING.contains(&attributes.verb.as_str())
            && !["", "secrets"].contains(&attributes.resource.as_str());
        Ok(match readable && self.is_reader(user) {
            true => Decision::Allow("readers may read".into()),
            false => Decision::NoOpinion(String::new()),
        })
    }

    fn rules(&self, user: &User, _: &str) -> Result<RuleSet, Error> {
        let rule = ResourceRule {
            verbs: READING.map(str::to_owned).into(),
            groups: vec!["*".into()],
            resources: vec!["*".into()],
            names: Vec::new(),
        };
        let (resource_rules, problems) = match self.is_reader(user) {
            true => (vec![rule], vec!["secrets cannot be read".into()]),
            false => (Vec::new(), Vec::new()),
        };
        Ok(RuleSet { resource_rules, problems, ..RuleSet::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(groups: &[&str], verb: &str, resource: &str) -> Decision {
        let addon = Addon { group: "readers".into() };
        let groups = groups.iter().map(ToString::to_string).collect();
        let user = User { name: "alice".into(), uid: String::new(), groups, extra: Vec::new() };
        let attributes = Attributes {
            verb: verb.into(),
            namespace: "default".into(),
            group: String::new(),
            version: "v1".into(),
            resource: resource.into(),
            subresource: String::new(),
            name: String::new(),
            path: String::new(),
            extra: Vec::new(),
        };
        addon.authorize(&user, &attributes).unwrap()
    }

    #[test]
    fn readers_read_what_is_no_secret() {
        assert!(matches!(decide(&["readers"], "list", "pods"), Decision::Allow(_)));
        assert!(matches!(decide(&["readers"], "list", "secrets"), Decision::NoOpinion(_)));
        assert!(matches!(decide(&["readers"], "delete", "pods"), Decision::NoOpinion(_)));
        assert!(matches!(decide(&["others"], "list", "pods"), Decision::NoOpinion(_)));
    }
}
