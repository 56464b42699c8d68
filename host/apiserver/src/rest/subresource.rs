//! The sub-resources that are stored with their object: its status and other parts, its scale, a pod's binding and eviction.
//! Log, exec and their like are not objects and never come here.

use http::StatusCode;
use objects::resource::{GroupVersionKind, Verb};
use objects::status::Status;
use objects::{Tree, meta, tree};

use super::query::Execution;
use super::update::Part;
use super::{Rest, body};
use crate::call::{Answer, Call};
use crate::strategy;

impl Rest {
    pub(super) async fn answer_subresource(&self, call: &Call) -> Result<Answer, Status> {
        match (call.subresource.as_str(), call.verb) {
            ("status", Verb::Get) => self.get(call).await,
            ("status", Verb::Update) => self.update(call, Part::Status).await,
            ("status", Verb::Patch) => self.patch(call, Part::Status).await,
            (name, Verb::Get) if strategy::of(&call.resource).part(name).is_some() => self.get(call).await,
            (name, Verb::Update) if strategy::of(&call.resource).part(name).is_some() => {
                self.update(call, Part::Named).await
            }
            (name, Verb::Patch) if strategy::of(&call.resource).part(name).is_some() => {
                self.patch(call, Part::Named).await
            }
            ("scale", Verb::Get | Verb::Update | Verb::Patch) => self.scale(call).await,
            ("binding", Verb::Create) => self.bind(call).await,
            ("eviction", Verb::Create) => self.evict(call).await,
            _ => Err(Status::no_such_path()),
        }
    }

    /// Binds a pod to the node of a Binding.
    pub(super) async fn bind(&self, call: &Call) -> Result<Answer, Status> {
        let options = call.write_options("CreateOptions")?;
        let kind = GroupVersionKind::new("", "v1", "Binding");
        let mut binding = body::object(call, &kind, options.validation)?.tree;
        body::settle_namespace(call, &mut binding)?;
        let call = self.of_pod(call, meta::name(&binding))?;
        let node = binding.str_at(&["target", "name"]).unwrap_or_default().to_owned();
        let pods = call.resource.group_resource();
        if node.is_empty() {
            return Err(Status::bad_request("target.name: Required value"));
        }
        loop {
            let old = self.found(&call).await?;
            let assigned = old.tree.str_at(&["spec", "nodeName"]).unwrap_or_default();
            let uid = meta::uid(&binding);
            if !uid.is_empty() && uid != meta::uid(&old.tree) {
                return Err(Status::uid_precondition(
                    &pods,
                    (&call.name, &call.key()),
                    uid,
                    meta::uid(&old.tree),
                ));
            }
            if meta::is_deleting(&old.tree) {
                let why = format!("pod {} is being deleted, cannot be assigned to a host", call.name);
                return Err(Status::conflict(&pods, &call.name, why));
            }
            if !assigned.is_empty() {
                let why = format!("pod {} is already assigned to node {assigned:?}", call.name);
                return Err(Status::conflict(&pods, &call.name, why));
            }
            let new = bound(&old.tree, &node, &meta::rfc3339(supervise::clock::now()));
            let done = options.execution == Execution::Dry
                || self.storage().replace(&call.resource, &old, new).await?.is_some();
            if done {
                return Ok(Answer::status(&created(), StatusCode::CREATED));
            }
        }
    }

    pub(super) fn of_pod(&self, call: &Call, name: &str) -> Result<Call, Status> {
        let pods = self.registry().find("", "v1", "pods").ok_or_else(Status::no_such_path)?;
        if !call.name.is_empty() && !name.is_empty() && call.name != name {
            return Err(Status::bad_request("name in URL does not match name in Binding object"));
        }
        let name = if call.name.is_empty() { name } else { &call.name };
        Ok(Call { resource: pods, subresource: String::new(), name: name.to_owned(), ..call.clone() })
    }
}

/// The pod on its node, with the condition that says so.
fn bound(pod: &Tree, node: &str, now: &str) -> Tree {
    let mut pod = pod.clone();
    pod.set_at(&["spec", "nodeName"], node);
    let condition = tree!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now
    });
    let conditions = pod.make(&["status", "conditions"]);
    if conditions.is_null() {
        *conditions = Tree::array();
    }
    if let Some(list) = conditions.as_array_mut() {
        list.retain(|old| old.str_at(&["type"]) != Some("PodScheduled"));
        list.push(condition);
    }
    pod
}

pub(super) fn created() -> Status {
    Status { code: 201, ..Status::success() }
}
