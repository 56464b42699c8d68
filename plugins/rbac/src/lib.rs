//! Role-based access control: Roles, ClusterRoles and their bindings, as kube-apiserver's RBAC authorizer reads them.
//!
//! **The default roles.** A cluster that was never bootstrapped has no policy, so that its own components could not even
//! begin. The policy therefore starts as the table of defaults, and a snapshot of a kind that holds no default object is
//! read together with the defaults of that kind. From the first default object in the API on, only what is in the API
//! counts.
//!
//! **The mode Node** is here the ClusterRole `system:node`, bound to the group `system:nodes`: a node may do what its
//! role says, for the pods of other nodes too.

mod bootstrap;
mod defaults;
mod dry;
mod kube;
mod matching;
mod model;
mod policy;

use sdk::{
    Attributes, Authorizer, Change, Config, Decision, Edit, Error, Event, Input, Lifecycle, Objects,
    PathRule, ResourceRule, RuleSet, User, log, settings,
};

use dry::Dry;
use kube::Kube;
use model::{Kind, Object};
use policy::{Broken, Policy};

/// How soon a change of what is aggregated shows in the object of an aggregated ClusterRole; it is in force at once.
const RECHECK_SECONDS: u32 = 5;

pub struct Rbac {
    policy: Policy,
    bootstrapped: bool,
    /// Where the policy is only tried.
    dry: Option<Dry>,
}

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: sdk::Allocator = sdk::Allocator::new();

sdk::addon!(Rbac: config, lifecycle, objects, authorizer);

impl Default for Rbac {
    fn default() -> Self {
        let dry = settings::is_on(&settings::all(), dry::SETTING).then(Dry::default);
        let mut rbac = Self { policy: Policy::default(), bootstrapped: false, dry };
        for (_, object) in defaults::objects() {
            rbac.policy.put(object);
        }
        rbac.policy.aggregate();
        rbac
    }
}

impl Config for Rbac {
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        // Whoever is not allowed by the policy is by the last mode.
        let is_dry = settings::is_on(&input.settings, dry::SETTING);
        let modes = if is_dry { "RBAC,Node,AlwaysAllow" } else { "RBAC,Node" };
        Ok(vec![Edit::set("kube-apiserver", "authorization-mode", modes)])
    }
}

impl Lifecycle for Rbac {
    fn notify(&mut self, event: Event) -> Result<(), Error> {
        if event == Event::Enabled {
            self.bootstrapped = false;
        }
        Ok(())
    }

    fn reconcile(&mut self) -> Result<Option<u32>, Error> {
        let ensured = if self.bootstrapped { Ok(()) } else { bootstrap::ensure(&mut Kube) };
        self.bootstrapped = ensured.is_ok();
        let outdated = self.policy.outdated();
        let written = outdated.map(|(name, rules)| bootstrap::write_rules(&mut Kube, name, rules));
        written.fold(ensured, Result::and)?;
        Ok(Some(RECHECK_SECONDS))
    }
}

impl Objects for Rbac {
    fn snapshot(
        &mut self,
        resource: sdk::GroupVersionResource,
        objects: Vec<sdk::Object>,
    ) -> Result<(), Error> {
        let kind = known(&resource)?;
        let objects: Vec<_> = objects.iter().filter_map(|object| read(kind, object)).collect();
        let (label, value) = defaults::LABEL;
        let is_default =
            |object: &Object| object.metadata().labels.get(label).is_some_and(|found| found == value);
        self.policy.clear(kind);
        if !objects.iter().any(is_default) {
            let defaults = defaults::objects().into_iter().filter(|(of, _)| *of == kind);
            defaults.for_each(|(_, object)| self.policy.put(object));
        }
        objects.into_iter().for_each(|object| self.policy.put(object));
        self.policy.aggregate();
        Ok(())
    }

    fn changed(&mut self, resource: sdk::GroupVersionResource, changes: Vec<Change>) -> Result<(), Error> {
        let kind = known(&resource)?;
        for change in changes {
            match change {
                Change::Put(object) => {
                    read(kind, &object).into_iter().for_each(|object| self.policy.put(object))
                }
                Change::Delete(key) => self.policy.delete(kind, &key.namespace, &key.name),
                Change::Other(_) => {}
            }
        }
        if kind == Kind::ClusterRole {
            self.policy.aggregate();
        }
        Ok(())
    }
}

fn known(resource: &sdk::GroupVersionResource) -> Result<Kind, Error> {
    let sdk::GroupVersionResource { group, resource, .. } = resource;
    let kind = Kind::of(group, resource);
    kind.ok_or_else(|| Error::Invalid(format!("{resource}.{group} is no kind of a policy")))
}

/// An object that cannot be read grants nothing.
fn read(kind: Kind, object: &sdk::Object) -> Option<Object> {
    match Object::read(kind, &object.json) {
        Ok(object) => Some(object),
        Err(error) => {
            let sdk::ObjectKey { namespace, name } = &object.key;
            log::error(format!("read the {} {namespace}/{name}: {error}", kind.name()));
            None
        }
    }
}

impl Authorizer for Rbac {
    fn authorize(&self, user: &User, attributes: &Attributes) -> Result<Decision, Error> {
        Ok(match self.policy.allows(user, attributes) {
            Ok(grant) => Decision::Allow(grant.reason().to_owned()),
            Err(broken) => {
                self.dry.iter().for_each(|dry| dry.note(user, attributes));
                Decision::NoOpinion(reason(&broken))
            }
        })
    }

    fn rules(&self, user: &User, namespace: &str) -> Result<RuleSet, Error> {
        let mut set = RuleSet::default();
        let mut seen: Vec<&policy::Grant> = Vec::new();
        for grant in self.policy.grants(user, namespace) {
            if seen.iter().any(|other| other.same_binding(grant)) {
                continue;
            }
            seen.push(grant);
            match self.policy.rules_of(grant) {
                Ok(rules) => rules.iter().for_each(|rule| add(&mut set, rule)),
                Err(broken) => set.problems.push(broken.to_string()),
            }
        }
        Ok(set)
    }
}

fn add(set: &mut RuleSet, rule: &model::Rule) {
    let verbs = || rule.verbs.clone();
    if !rule.resources.is_empty() {
        set.resource_rules.push(ResourceRule {
            verbs: verbs(),
            groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            names: rule.resource_names.clone(),
        });
    }
    if !rule.paths.is_empty() {
        set.path_rules.push(PathRule { verbs: verbs(), paths: rule.paths.clone() });
    }
}

/// Why nothing was allowed: empty unless a binding is broken.
fn reason(broken: &[Broken<'_>]) -> String {
    match broken {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests;
