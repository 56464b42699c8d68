//! [`PodBatches`]: makes and deletes many pods of an owner at a time, and expects to see each.

use std::sync::Arc;
use std::time::Duration;

use client::events::Recorder;
use futures_util::future::join_all;
use objects::Tree;

use crate::dependents::Owner;
use crate::expectations::Expectations;
use crate::pod::Pod;
use crate::pod_control::{PodControl, PodError};
use crate::slow_start::slow_start;
use crate::wiring::{Kind, Wiring};

pub(crate) struct PodBatches {
    control: PodControl,
    expectations: Expectations,
}

impl PodBatches {
    /// Of owners of one kind. To be made before their pods feed a queue, as [`Expectations::of`].
    pub(crate) fn of<O: Kind>(wiring: &mut Wiring<'_>, recorder: Recorder) -> Self {
        let expectations = Expectations::of::<O, Pod>(wiring);
        Self { control: PodControl::new(wiring, recorder), expectations }
    }

    /// How long the pods of an owner are not to be counted, unless they change before.
    pub(crate) fn pending(&self, owner: &Owner) -> Option<Duration> {
        self.expectations.pending(&owner.uid)
    }

    /// Creates so many pods, more at a time the more went well.
    ///
    /// # Errors
    /// The first; what was not begun by then is not.
    pub(crate) async fn create(
        &self,
        owner: &Owner,
        count: usize,
        pod: impl Fn(usize) -> Tree,
    ) -> Result<(), PodError> {
        if count == 0 {
            return Ok(());
        }
        self.expectations.expect_creations(&owner.uid, count);
        let (successes, ended) = slow_start(count, |index| {
            let pod = pod(index);
            async move {
                match self.control.create(owner, &pod).await {
                    Err(error) if error.is_namespace_terminating() => {
                        self.expectations.created(&owner.uid);
                        Ok(())
                    }
                    answer => answer,
                }
            }
        })
        .await;
        (successes..count).for_each(|_| self.expectations.created(&owner.uid));
        ended
    }

    /// Deletes pods, all at a time.
    ///
    /// # Errors
    /// The first.
    pub(crate) async fn delete(&self, owner: &Owner, pods: &[Arc<Pod>]) -> Result<(), PodError> {
        if pods.is_empty() {
            return Ok(());
        }
        let uid = |pod: &Pod| pod.metadata.uid.clone().unwrap_or_default();
        self.expectations.expect_deletions(&owner.uid, pods.iter().map(|pod| uid(pod)));
        let answers = join_all(pods.iter().map(|pod| async move {
            let answer = self.control.delete(owner, pod).await;
            if !matches!(answer, Ok(true)) {
                self.expectations.deleted(&owner.uid, &uid(pod));
            }
            answer.map(drop)
        }))
        .await;
        answers.into_iter().collect()
    }
}
