//! The policy: every role and binding, indexed by whom they concern.
//!
//! A question costs as much as the user and the groups have bindings, however many others there are.

mod aggregation;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;
use std::rc::Rc;

use sdk::{Attributes, User};

use crate::model::{Binding, Kind, Metadata, Object, Role, Rule, Subject};

/// Where the objects without a namespace are.
const CLUSTER: &str = "";

#[derive(Default)]
pub(crate) struct Policy {
    cluster_roles: BTreeMap<String, Role>,
    /// The rules of the aggregated ClusterRoles.
    aggregated: BTreeMap<String, Vec<Rule>>,
    /// By namespace, then by name.
    roles: HashMap<String, BTreeMap<String, Role>>,
    /// By namespace, then by name.
    bindings: HashMap<String, BTreeMap<String, Rc<Binding>>>,
    /// Service accounts are here by the names of their users.
    users: HashMap<String, Grants>,
    groups: HashMap<String, Grants>,
}

/// What a user or a group is bound to, by the namespace of the binding: that of the cluster comes first.
#[derive(Default)]
struct Grants(Vec<Grant>);

/// A binding, seen from one of its subjects.
pub(crate) struct Grant {
    binding: Rc<Binding>,
    subject: usize,
    /// Told in every answer, so written once.
    told: OnceCell<Box<str>>,
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
        match object {
            Object::Role(role) => {
                let named = match role.metadata.namespace.as_str() {
                    CLUSTER => &mut self.cluster_roles,
                    namespace => self.roles.entry(namespace.to_owned()).or_default(),
                };
                named.insert(role.metadata.name.clone(), role);
            }
            Object::Binding(binding) => self.bind(binding),
        }
    }

    pub(crate) fn delete(&mut self, kind: Kind, namespace: &str, name: &str) {
        match kind {
            Kind::ClusterRole => drop(self.cluster_roles.remove(name)),
            Kind::Role => {
                if let Some(roles) = self.roles.get_mut(namespace) {
                    roles.remove(name);
                }
            }
            Kind::ClusterRoleBinding | Kind::RoleBinding => self.unbind(namespace, name),
        }
    }

    /// Forgets every object of a kind.
    pub(crate) fn clear(&mut self, kind: Kind) {
        match kind {
            Kind::ClusterRole => self.cluster_roles.clear(),
            Kind::Role => self.roles.clear(),
            Kind::ClusterRoleBinding => self.unbind_all(|namespace| namespace == CLUSTER),
            Kind::RoleBinding => self.unbind_all(|namespace| namespace != CLUSTER),
        }
    }

    fn bind(&mut self, binding: Binding) {
        let binding = Rc::new(binding);
        let Metadata { namespace, name, .. } = &binding.metadata;
        self.unbind(namespace, name);
        for (subject, of) in binding.subjects.iter().enumerate() {
            if let Some(grants) = self.grants_of(of, namespace) {
                let grant = Grant { binding: Rc::clone(&binding), subject, told: OnceCell::new() };
                grants.or_default().add(grant);
            }
        }
        let named = self.bindings.entry(namespace.clone()).or_default();
        named.insert(name.clone(), Rc::clone(&binding));
    }

    fn unbind(&mut self, namespace: &str, name: &str) {
        let Some(binding) = self.bindings.get_mut(namespace).and_then(|named| named.remove(name)) else {
            return;
        };
        for of in &binding.subjects {
            let Some(Entry::Occupied(mut grants)) = self.grants_of(of, namespace) else { continue };
            grants.get_mut().0.retain(|grant| !Rc::ptr_eq(&grant.binding, &binding));
            if grants.get().0.is_empty() {
                grants.remove();
            }
        }
    }

    fn unbind_all(&mut self, of: impl Fn(&str) -> bool) {
        self.bindings.retain(|namespace, _| !of(namespace));
        for subjects in [&mut self.users, &mut self.groups] {
            subjects.retain(|_, grants| {
                grants.0.retain(|grant| !of(grant.namespace()));
                !grants.0.is_empty()
            });
        }
    }

    /// The place of a subject's grants; none where nobody can be this subject.
    fn grants_of(&mut self, subject: &Subject, namespace: &str) -> Option<Entry<'_, String, Grants>> {
        match subject.kind.as_str() {
            "User" => Some(self.users.entry(subject.name.clone())),
            "Group" => Some(self.groups.entry(subject.name.clone())),
            "ServiceAccount" => {
                let namespace = subject.namespace_or(namespace);
                let user = format!("system:serviceaccount:{namespace}:{}", subject.name);
                (namespace != CLUSTER).then(|| self.users.entry(user))
            }
            _ => None,
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
        let of_groups = user.groups.iter().filter_map(|group| self.groups.get(group));
        let subjects: Vec<_> = self.users.get(&user.name).into_iter().chain(of_groups).collect();
        let of_cluster = subjects.clone().into_iter().flat_map(|grants| grants.within(CLUSTER));
        let namespaced = (namespace != CLUSTER).then_some(subjects).into_iter().flatten();
        of_cluster.chain(namespaced.flat_map(move |grants| grants.within(namespace)))
    }

    pub(crate) fn rules_of<'a>(&'a self, grant: &'a Grant) -> Result<&'a [Rule], Broken<'a>> {
        let Binding { metadata, role_ref, .. } = &*grant.binding;
        let (roles, kind) = match role_ref.kind.as_str() {
            "ClusterRole" => (Some(&self.cluster_roles), "clusterrole"),
            "Role" => (self.roles.get(&metadata.namespace), "role"),
            other => return Err(Broken::NoSuchKind(other)),
        };
        let role = roles.and_then(|roles| roles.get(&role_ref.name));
        match role.ok_or(Broken::NoSuchRole(kind, &role_ref.name))? {
            Role { aggregation_rule: None, rules, .. } => Ok(rules),
            Role { aggregation_rule: Some(_), metadata, .. } => {
                Ok(self.aggregated.get(&metadata.name).map_or(&[], Vec::as_slice))
            }
        }
    }
}

impl Grants {
    fn add(&mut self, grant: Grant) {
        let place = self.0.partition_point(|other| other.namespace() <= grant.namespace());
        self.0.insert(place, grant);
    }

    fn within(&self, namespace: &str) -> &[Grant] {
        let from = &self.0[self.0.partition_point(|grant| grant.namespace() < namespace)..];
        &from[..from.partition_point(|grant| grant.namespace() == namespace)]
    }
}

impl Subject {
    fn namespace_or<'a>(&'a self, namespace: &'a str) -> &'a str {
        if self.namespace.is_empty() { namespace } else { &self.namespace }
    }
}

impl Grant {
    fn namespace(&self) -> &str {
        &self.binding.metadata.namespace
    }

    /// Why what it allows is allowed.
    pub(crate) fn reason(&self) -> &str {
        self.told.get_or_init(|| format!("RBAC: allowed by {self}").into())
    }

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
