//! Gives a pod what it asks for anew while it runs, and tells the runtime.

use std::sync::Arc;
use std::time::Duration;

use cri::ContainerId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use objects::resources::Amounts;

use super::{Wish, Worker};
use crate::node::allocatable;
use crate::pod::backoff::later;
use crate::pod::facts::PodFacts;
use crate::pod::memory::{Failure, Look};
use crate::pod::observed::Observed;
use crate::pod::resize::{asked, given_before, had, is_under_way, obstacle, summary, total, with_given};
use crate::pod::resources;

/// When a container whose amounts the runtime did not take is tried again.
const RETRY: Duration = Duration::from_secs(10);

impl Worker {
    /// The wish for a pod that has what it was given: more than that it gets where the node has room.
    pub(super) fn allotted(&mut self, wish: &Wish, observed: &Observed) -> Wish {
        let pod = &wish.pod;
        if pod.is_terminal() || pod.is_being_deleted() {
            return wish.clone();
        }
        let asked = asked(pod);
        let given = self.memory.resize.given.get_or_insert_with(|| given_before(pod));
        if *given == asked {
            self.memory.resize.pending = None;
        } else {
            let node = allocatable(&self.context.config, &self.context.machine);
            let obstacle = obstacle(&total(pod), &self.used_by_others(), &node);
            if obstacle.is_none() {
                self.memory.resize.given = Some(asked);
                self.memory.resize.failure = None;
                self.memory.resize.under_way = true;
                self.notice(pod, None, "ResizeStarted", summary("Pod resize started", pod, ""));
            } else if obstacle != self.memory.resize.pending
                && let Some(why) = &obstacle
            {
                let said = summary(&format!("Pod resize {}", why.reason), pod, &why.message);
                self.notice_warning(pod, None, &format!("Resize{}", why.reason), said);
            }
            self.memory.resize.pending = obstacle;
        }
        let given = self.memory.resize.given.clone().unwrap_or_default();
        let pod = if given == self::asked(pod) { Arc::clone(pod) } else { Arc::new(with_given(pod, &given)) };
        self.learn_amounts(&pod, observed);
        let wish = Wish { pod, ..wish.clone() };
        self.note_completion(&wish, observed);
        wish
    }

    /// What the other pods of the node were given.
    fn used_by_others(&self) -> Amounts {
        let mut used = Amounts::default();
        for (uid, view) in &self.context.status.borrow().pods {
            if *uid != self.uid && !view.pod.is_terminal() {
                used.add(&total(&view.pod));
            }
        }
        used
    }

    /// What runs that nothing is known of was there before this kubelet.
    fn learn_amounts(&mut self, pod: &Pod, observed: &Observed) {
        let told = &mut self.memory.resize.told;
        told.retain(|id, _| observed.running().any(|life| life.id == *id));
        for life in observed.running() {
            if let Some(container) = pod.container(&life.metadata.name) {
                told.entry(life.id.clone()).or_insert_with(|| had(pod, &container, &life.id));
            }
        }
    }

    fn note_completion(&mut self, wish: &Wish, observed: &Observed) {
        let (pod, memory, now) = (&*wish.pod, &self.memory, Timestamp::now());
        let is_under_way = is_under_way(Look { pod, standing: wish.standing, observed, memory, now });
        if self.memory.resize.under_way && !is_under_way {
            self.notice(pod, None, "ResizeCompleted", summary("Pod resize completed", pod, ""));
            self.memory.resize.failure = None;
        }
        self.memory.resize.under_way = is_under_way;
    }

    /// Tells the runtime what a container has from now on.
    pub(super) async fn resize(&mut self, pod: &Pod, id: ContainerId, name: &str) {
        let Some(container) = pod.container(name) else { return };
        let node_memory = i64::try_from(self.context.machine.memory_bytes).unwrap_or(i64::MAX);
        let amounts = resources::linux(&container, pod.qos(), node_memory);
        match self.context.runtime.update_container(&id, &amounts).await {
            Ok(()) => {
                let given = container.resources.clone().unwrap_or_default();
                self.memory.resize.told.insert(id, given);
                self.memory.resize.failure = None;
            }
            Err(error) => {
                let message = error.to_string();
                self.notice_warning(pod, None, "ResizeError", summary("Pod resize error", pod, &message));
                let retry_at = later(Timestamp::now(), RETRY);
                self.memory.resize.failure = Some(Failure { reason: "Error", message, retry_at, then: None });
            }
        }
    }
}
