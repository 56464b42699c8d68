//! Roles and bindings grant: nobody gives away by them what he does not hold himself, unless he may `escalate` the role
//! or `bind` it.

mod coverage;

use objects::status::Status;
use objects::{Tree, meta};

use super::Rest;
use crate::authz::{Attributes, Decision, Rules, Target, decide, is_master, rules};
use crate::call::Call;
use coverage::{Permission, held, missing, permissions};

const GROUP: &str = "rbac.authorization.k8s.io";

impl Rest {
    /// Refuses a role or a binding by which the user would grant more than he holds. Other kinds grant nothing.
    pub(super) fn confirm_no_escalation(
        &self,
        call: &Call,
        new: &Tree,
        old: Option<&Tree>,
    ) -> Result<(), Status> {
        let resource = &call.resource;
        if resource.group != GROUP || is_master(&call.user) || old.is_some_and(|old| is_collected(old, new)) {
            return Ok(());
        }
        match &*resource.plural {
            "roles" | "clusterroles" => self.confirm_role(call, new, old),
            "rolebindings" | "clusterrolebindings" => self.confirm_binding(call, new),
            _ => Ok(()),
        }
    }

    fn confirm_role(&self, call: &Call, new: &Tree, old: Option<&Tree>) -> Result<(), Status> {
        if self.may(call, "escalate", &call.resource.plural, &call.name) {
            return Ok(());
        }
        let refused =
            |why: &str| Status::forbidden(&call.resource.group_resource(), meta::name(new), why.to_owned());
        self.confirm_held(call, &permissions(new)).map_err(|why| refused(&why))?;
        let gathers = |tree: &Tree| tree.at(&["aggregationRule"]).is_some_and(|rule| !rule.is_null());
        if gathers(new) || old.is_some_and(gathers) {
            let all = self.confirm_held(call, &Permission::everything());
            all.map_err(|_| refused("must have cluster-admin privileges to use an aggregationRule"))?;
        }
        Ok(())
    }

    fn confirm_binding(&self, call: &Call, new: &Tree) -> Result<(), Status> {
        let named = |field| new.str_at(&["roleRef", field]).unwrap_or_default();
        let (kind, name) = (named("kind"), named("name"));
        let plural = match kind {
            "ClusterRole" => "clusterroles",
            "Role" if call.resource.is_namespaced() => "roles",
            // What can be bound nowhere is invalid, and is told so.
            _ => return Ok(()),
        };
        if self.may(call, "bind", plural, name) {
            return Ok(());
        }
        let row = self.registry().find(GROUP, "v1", plural).ok_or_else(Status::no_such_path)?;
        let namespace = if plural == "roles" { call.namespace.as_str() } else { "" };
        let role = self.get_tree(&row, namespace, name);
        let role = role.ok_or_else(|| Status::not_found(&row.group_resource(), name))?;
        let refused = |why: String| Status::forbidden(&call.resource.group_resource(), meta::name(new), why);
        self.confirm_held(call, &permissions(&role)).map_err(refused)
    }

    /// Whether the user may do it with the role, where the request is.
    fn may(&self, call: &Call, verb: &str, resource: &str, name: &str) -> bool {
        let attributes = Attributes {
            verb: verb.to_owned(),
            target: Target::Resource {
                group: GROUP.to_owned(),
                version: "*".to_owned(),
                resource: resource.to_owned(),
                subresource: String::new(),
                namespace: call.namespace.clone(),
                name: name.to_owned(),
            },
        };
        matches!(decide(self.authorizer(), &call.user, &attributes), Decision::Allow { .. })
    }

    /// An error names what the user does not hold.
    fn confirm_held(&self, call: &Call, wanted: &[Permission]) -> Result<(), String> {
        let own: Rules = rules(self.authorizer(), &call.user, &call.namespace);
        let missing = missing(&held(&own), wanted);
        if missing.is_empty() {
            return Ok(());
        }
        let user = &call.user;
        let groups: Vec<_> = user.groups.iter().map(|group| format!("{group:?}")).collect();
        let mut why = format!(
            "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            groups.join(" "),
            missing.join("\n")
        );
        if !own.evaluation_error.is_empty() {
            why = format!("{why}; resolution errors: [{}]", own.evaluation_error);
        }
        Err(why)
    }
}

/// Whether an update does no more than let the garbage collector go on.
fn is_collected(old: &Tree, new: &Tree) -> bool {
    let mut like = new.clone();
    for field in ["ownerReferences", "finalizers", "managedFields"] {
        match old.at(&["metadata", field]) {
            Some(value) => like.set_at(&["metadata", field], value.clone()),
            None => drop(like.remove_at(&["metadata", field])),
        }
    }
    like == *old
}
