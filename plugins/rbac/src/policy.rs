//! The policy: every role and binding, indexed by whom they concern.
//!
//! A question costs as much as the user and the groups have bindings, however many others there are.

mod aggregation;

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;
use std::rc::Rc;

use sdk::{Attributes, User};

use crate::model::{Binding, Kind, Object, Role, Rule, Subject};

/// Where the objects without a namespace are.
const CLUSTER: &str = "";

#[derive(Default)]
pub(crate) struct Policy {
    /// By namespace, then by name.
    roles: HashMap<String, BTreeMap<String, Role>>,
    /// The rules of the aggregated ClusterRoles.
    aggregated: BTreeMap<String, Vec<Rule>>,
    /// By namespace.
    bindings: HashMap<String, Bindings>,
}

/// The bindings of a namespace.
#[derive(Default)]
struct Bindings {
    by_name: BTreeMap<String, Rc<Binding>>,
    /// Service accounts are here by the names of their users.
    by_user: HashMap<String, Vec<Grant>>,
    by_group: HashMap<String, Vec<Grant>>,
}

/// A binding, seen from one of its subjects.
pub(crate) struct Grant {
    binding: Rc<Binding>,
    subject: usize,
}

/// Why a binding grants nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken<'a> {
    NoSuchRole(&'a str, &'a str),
    NoSuchKind(&'a str),
}

impl fmt::Display for Broken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRole(kind, name) => write!(f, "{kind}.{} {name:?} not found", crate::model::GROUP),
            Self::NoSuchKind(kind) => write!(f, "unsupported role reference kind: {kind:?}"),
        }
    }
}

impl Policy {
    pub(crate) fn put(&mut self, object: Object) {
        let namespace = object.metadata().namespace.clone();
        match object {
            Object::Role(role) => {
                let named = self.roles.entry(namespace).or_default();
                named.insert(role.metadata.name.clone(), role);
            }
            Object::Binding(binding) => self.bindings.entry(namespace).or_default().put(binding),
        }
    }

    pub(crate) fn delete(&mut self, kind: Kind, namespace: &str, name: &str) {
        match kind {
            Kind::ClusterRole | Kind::Role => {
                if let Some(roles) = self.roles.get_mut(namespace) {
                    roles.remove(name);
                }
            }
            Kind::ClusterRoleBinding | Kind::RoleBinding => {
                if let Some(bindings) = self.bindings.get_mut(namespace) {
                    bindings.delete(name);
                }
            }
        }
    }

    /// Forgets every object of a kind.
    pub(crate) fn clear(&mut self, kind: Kind) {
        match kind {
            Kind::ClusterRole => drop(self.roles.remove(CLUSTER)),
            Kind::Role => self.roles.retain(|namespace, _| namespace == CLUSTER),
            Kind::ClusterRoleBinding => drop(self.bindings.remove(CLUSTER)),
            Kind::RoleBinding => self.bindings.retain(|namespace, _| namespace == CLUSTER),
        }
    }

    /// The first grant that allows what is asked, or what is broken among those that might have.
    pub(crate) fn allows<'a>(
        &'a self,
        user: &'a User,
        attributes: &'a Attributes,
    ) -> Result<&'a Grant, Vec<Broken<'a>>> {
        let mut broken = Vec::new();
        for grant in self.grants(user, &attributes.namespace) {
            match self.rules_of(grant) {
                Ok(rules) if rules.iter().any(|rule| rule.allows(attributes)) => return Ok(grant),
                Ok(_) => {}
                Err(error) if broken.contains(&error) => {}
                Err(error) => broken.push(error),
            }
        }
        Err(broken)
    }

    /// The grants of a user for a namespace: those of the cluster, then those of the namespace.
    pub(crate) fn grants<'a>(
        &'a self,
        user: &'a User,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Grant> {
        let within = (namespace != CLUSTER).then_some(namespace);
        let scopes = [CLUSTER].into_iter().chain(within).filter_map(|namespace| self.bindings.get(namespace));
        scopes.flat_map(|bindings| {
            let of_groups = user.groups.iter().filter_map(|group| bindings.by_group.get(group));
            bindings.by_user.get(&user.name).into_iter().chain(of_groups).flatten()
        })
    }

    pub(crate) fn rules_of<'a>(&'a self, grant: &'a Grant) -> Result<&'a [Rule], Broken<'a>> {
        let Binding { metadata, role_ref, .. } = &*grant.binding;
        let (namespace, kind) = match role_ref.kind.as_str() {
            "ClusterRole" => (CLUSTER, "clusterrole"),
            "Role" if metadata.namespace != CLUSTER => (metadata.namespace.as_str(), "role"),
            "Role" => return Err(Broken::NoSuchRole("role", &role_ref.name)),
            other => return Err(Broken::NoSuchKind(other)),
        };
        let role = self.roles.get(namespace).and_then(|roles| roles.get(&role_ref.name));
        match role.ok_or(Broken::NoSuchRole(kind, &role_ref.name))? {
            Role { aggregation_rule: None, rules, .. } => Ok(rules),
            Role { aggregation_rule: Some(_), metadata, .. } => {
                Ok(self.aggregated.get(&metadata.name).map_or(&[], Vec::as_slice))
            }
        }
    }
}

impl Bindings {
    fn put(&mut self, binding: Binding) {
        self.delete(&binding.metadata.name);
        let binding = Rc::new(binding);
        for (subject, of) in binding.subjects.iter().enumerate() {
            if let Some(grants) = self.grants_of(of, &binding.metadata.namespace) {
                grants.or_default().push(Grant { binding: Rc::clone(&binding), subject });
            }
        }
        self.by_name.insert(binding.metadata.name.clone(), binding);
    }

    fn delete(&mut self, name: &str) {
        let Some(binding) = self.by_name.remove(name) else { return };
        for of in &binding.subjects {
            let Some(Entry::Occupied(mut grants)) = self.grants_of(of, &binding.metadata.namespace) else {
                continue;
            };
            grants.get_mut().retain(|grant| !Rc::ptr_eq(&grant.binding, &binding));
            if grants.get().is_empty() {
                grants.remove();
            }
        }
    }

    /// The place of a subject's grants; none where nobody can be this subject.
    fn grants_of(&mut self, subject: &Subject, namespace: &str) -> Option<Entry<'_, String, Vec<Grant>>> {
        match subject.kind.as_str() {
            "User" => Some(self.by_user.entry(subject.name.clone())),
            "Group" => Some(self.by_group.entry(subject.name.clone())),
            "ServiceAccount" => {
                let namespace = subject.namespace_or(namespace);
                let user = format!("system:serviceaccount:{namespace}:{}", subject.name);
                (namespace != CLUSTER).then(|| self.by_user.entry(user))
            }
            _ => None,
        }
    }
}

impl Subject {
    fn namespace_or<'a>(&'a self, namespace: &'a str) -> &'a str {
        if self.namespace.is_empty() { namespace } else { &self.namespace }
    }
}

impl Grant {
    /// Whether two grants come of the same binding.
    pub(crate) fn same_binding(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.binding, &other.binding)
    }
}

/// As upstream tells it: `ClusterRoleBinding "b" of ClusterRole "r" to User "u"`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding { metadata, role_ref, subjects } = &*self.binding;
        match metadata.namespace.as_str() {
            CLUSTER => write!(f, "{} {:?}", Kind::ClusterRoleBinding.name(), metadata.name)?,
            namespace => write!(f, "{} \"{}/{namespace}\"", Kind::RoleBinding.name(), metadata.name)?,
        }
        write!(f, " of {} {:?} to ", role_ref.kind, role_ref.name)?;
        let subject = &subjects[self.subject];
        match subject.kind.as_str() {
            "ServiceAccount" => {
                let namespace = subject.namespace_or(&metadata.namespace);
                write!(f, "{} \"{}/{namespace}\"", subject.kind, subject.name)
            }
            kind => write!(f, "{kind} {:?}", subject.name),
        }
    }
}
