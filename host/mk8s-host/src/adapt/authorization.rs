//! The API server asks who may do what: the modes in force, in their order, and the addons for those that are theirs.

use std::sync::Arc;

use addons::AddonsHandle;
use apiserver::authn::UserInfo;
use apiserver::authz::{Attributes, Authorize, Decision, NonResourceRule, ResourceRule, Rules, Target};
use arc_swap::ArcSwap;
use args::{Effective, Service};

use crate::slot::Slot;

/// Users of this prefix are addons, whom their own grants alone permit anything, whatever the mode.
const ADDON_PREFIX: &str = "system:addon:";

/// The mode that nodes have of their own.
const NODE: &str = "Node";

/// A value of `--authorization-mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    AlwaysAllow,
    AlwaysDeny,
    /// A mode that addons answer for.
    Addons(String),
}

impl Mode {
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "AlwaysAllow" => Self::AlwaysAllow,
            "AlwaysDeny" => Self::AlwaysDeny,
            other => Self::Addons(other.to_owned()),
        }
    }
}

/// How requests are judged, as the arguments say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Policy {
    modes: Vec<Mode>,
    anonymous: bool,
}

impl Policy {
    fn of(effective: &Effective) -> Self {
        let args = effective.service(Service::KubeApiserver);
        let modes = args.list("authorization-mode").iter().map(|name| Mode::parse(name)).collect();
        Self { modes, anonymous: args.bool("anonymous-auth") }
    }
}

/// The policy in force; clones share it.
#[derive(Clone)]
pub(crate) struct Modes(Arc<ArcSwap<Policy>>);

impl Modes {
    pub(crate) fn of(effective: &Effective) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Policy::of(effective))))
    }

    /// New requests are judged by these arguments; what is open stays open.
    pub(crate) fn replace(&self, effective: &Effective) {
        self.0.store(Arc::new(Policy::of(effective)));
    }

    /// Whether nodes read what is theirs alone.
    pub(crate) fn has_node_mode(&self) -> bool {
        self.0.load().modes.contains(&Mode::Addons(NODE.to_owned()))
    }

    /// Whether a request without credentials is somebody's. Where everything is allowed it never is, as upstream.
    pub(crate) fn allow_anonymous(&self) -> bool {
        let policy = self.0.load();
        policy.anonymous && !policy.modes.contains(&Mode::AlwaysAllow)
    }
}

#[derive(Clone)]
pub(crate) struct ModeAuthorizer {
    modes: Modes,
    addons: Slot<AddonsHandle>,
}

impl ModeAuthorizer {
    pub(crate) fn new(modes: Modes, addons: Slot<AddonsHandle>) -> Self {
        Self { modes, addons }
    }

    fn ask_addons(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        let Some(addons) = self.addons.get() else {
            return Decision::Unavailable { why: "the addons are not running".to_owned() };
        };
        match addons.authorize(&addon_user(user), &addon_attributes(attributes)) {
            Ok(addons::Decision::Allow(reason)) => Decision::Allow { reason },
            Ok(addons::Decision::Deny(reason)) => Decision::Deny { reason },
            Ok(addons::Decision::NoOpinion(reason)) => Decision::NoOpinion { reason },
            Ok(addons::Decision::Other(unknown)) => {
                Decision::Unavailable { why: format!("an addon decided {unknown:?}") }
            }
            Err(why) => Decision::Unavailable { why: why.to_string() },
        }
    }
}

impl Authorize for ModeAuthorizer {
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        if user.name.starts_with(ADDON_PREFIX) {
            return self.ask_addons(user, attributes);
        }
        let policy = self.modes.0.load();
        let mut reasons = Vec::new();
        let mut asked = false;
        for mode in &policy.modes {
            let decision = match mode {
                Mode::AlwaysAllow => return Decision::allow(""),
                Mode::AlwaysDeny => Decision::NoOpinion { reason: "Everything is forbidden.".to_owned() },
                // The addons answer for all their modes at once.
                Mode::Addons(_) if std::mem::replace(&mut asked, true) => continue,
                Mode::Addons(_) => self.ask_addons(user, attributes),
            };
            match decision {
                Decision::NoOpinion { reason } => reasons.extend((!reason.is_empty()).then_some(reason)),
                decided => return decided,
            }
        }
        Decision::NoOpinion { reason: reasons.join("\n") }
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules {
        let all = || vec!["*".to_owned()];
        if self.modes.0.load().modes.contains(&Mode::AlwaysAllow) {
            let resource = ResourceRule {
                verbs: all(),
                api_groups: all(),
                resources: all(),
                resource_names: Vec::new(),
            };
            let path = NonResourceRule { verbs: all(), paths: all() };
            return Rules { resource: vec![resource], non_resource: vec![path], ..Rules::default() };
        }
        let unknown = |why: String| Rules { incomplete: true, evaluation_error: why, ..Rules::default() };
        match self.addons.get().map(|addons| addons.rules(&addon_user(user), namespace)) {
            None => unknown("the addons are not running".to_owned()),
            Some(Err(why)) => unknown(why.to_string()),
            Some(Ok(rules)) => told(rules),
        }
    }
}

fn addon_user(user: &UserInfo) -> addons::User {
    let UserInfo { name, uid, groups, extra } = user.clone();
    addons::User { name, uid, groups, extra }
}

fn addon_attributes(attributes: &Attributes) -> addons::Attributes<'_> {
    let verb = attributes.verb.as_str();
    match &attributes.target {
        Target::Resource { group, version, resource, subresource, namespace, name } => {
            addons::Attributes { verb, namespace, group, version, resource, subresource, name, path: "" }
        }
        Target::Path(path) => addons::Attributes { verb, path, ..addons::Attributes::default() },
    }
}

fn told(rules: addons::RuleSet) -> Rules {
    let resource = rules.resource_rules.into_iter().map(|rule| ResourceRule {
        verbs: rule.verbs,
        api_groups: rule.groups,
        resources: rule.resources,
        resource_names: rule.names,
    });
    let non_resource =
        rules.path_rules.into_iter().map(|rule| NonResourceRule { verbs: rule.verbs, paths: rule.paths });
    Rules {
        resource: resource.collect(),
        non_resource: non_resource.collect(),
        incomplete: !rules.problems.is_empty(),
        evaluation_error: rules.problems.join("; "),
    }
}
