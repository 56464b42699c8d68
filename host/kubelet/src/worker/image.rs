//! The image of a container: whether it is there, whether it may be pulled, and what follows when it cannot be.

use std::time::{Duration, Instant};

use cri::Image;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::Worker;
use super::jobs::Done;
use crate::pod::backoff::later;
use crate::pod::memory::Failure;
use crate::pod::plan::Wait;

/// How long a failed pull is told as such before it is told as a wait.
const TOLD: Duration = Duration::from_secs(3);
/// When to look again for an image that may not be pulled: upstream's sync after an error.
const NEVER_RETRY: Duration = Duration::from_secs(10);

/// Upstream: `:latest` or no tag is always pulled, anything else if it is not there.
fn policy(container: &Container, image: &str) -> &'static str {
    match container.image_pull_policy.as_deref() {
        Some("Never") => "Never",
        Some("Always") => "Always",
        Some("IfNotPresent") => "IfNotPresent",
        _ if cri::archive::normalized(image).ends_with(":latest") => "Always",
        _ => "IfNotPresent",
    }
}

impl Worker {
    /// The image of a container, or nothing while it is being pulled.
    pub(super) async fn image(&mut self, pod: &Pod, container: &Container) -> Result<Option<Image>, Failure> {
        let (name, image) = (&container.name, container.image.clone().unwrap_or_default());
        let runtime = self.context.runtime.clone();
        let present = runtime.image(&image).await.map_err(|error| Failure {
            reason: "ImageInspectError",
            message: format!("Failed to inspect image {image:?}: {error}"),
            retry_at: later(Timestamp::now(), TOLD),
            then: None,
        })?;
        let pulled = self.memory.pulled.remove(name);
        match (policy(container, &image), present) {
            (_, Some(present)) if pulled => Ok(Some(present)),
            ("IfNotPresent" | "Never", Some(present)) => {
                let message = format!(
                    "Container image {image:?} already present on machine and can be accessed by the pod"
                );
                self.notice(pod, Some(name), "Pulled", message);
                Ok(Some(present))
            }
            ("Never", None) => {
                let message = format!("Container image {image:?} is not present with pull policy of Never");
                self.notice_warning(pod, Some(name), "ErrImageNeverPull", message.clone());
                let retry_at = later(Timestamp::now(), NEVER_RETRY);
                Err(Failure { reason: "ErrImageNeverPull", message, retry_at, then: None })
            }
            _ => {
                self.pull(pod, name.clone(), image);
                Ok(None)
            }
        }
    }

    fn pull(&mut self, pod: &Pod, name: String, image: String) {
        self.notice(pod, Some(&name), "Pulling", format!("Pulling image {image:?}"));
        self.memory.pulling.insert(name.clone());
        let runtime = self.context.runtime.clone();
        self.jobs.push(Box::pin(async move {
            let begun = Instant::now();
            let result = runtime.pull_image(&image, None).await.map(drop);
            Done::Pulled { name, image, took: begun.elapsed(), result }
        }));
    }

    pub(super) fn note_pull(
        &mut self,
        pod: &Pod,
        name: String,
        image: &str,
        took: Duration,
        result: Result<(), cri::Error>,
    ) {
        self.memory.pulling.remove(&name);
        let Err(error) = result else {
            self.memory.pulls.forget(image);
            self.memory.failures.remove(&name);
            let message = format!("Successfully pulled image {image:?} in {took:.3?}");
            self.notice(pod, Some(&name), "Pulled", message);
            self.memory.pulled.insert(name);
            return;
        };
        let now = Timestamp::now();
        self.memory.pulls.next(image, now, now);
        let retry_at = self.memory.pulls.until(image, now, now).map_or(now, |(until, _)| until);
        self.notice_warning(pod, Some(&name), "Failed", format!("Failed to pull image {image:?}: {error}"));
        self.notice_warning(pod, Some(&name), "Failed", "Error: ErrImagePull");
        self.notice(pod, Some(&name), "BackOff", format!("Back-off pulling image {image:?}"));
        let message = format!("Back-off pulling image {image:?}: ErrImagePull: {error}");
        let then = Some((later(now, TOLD), Wait { reason: "ImagePullBackOff", message }));
        let failure = Failure { reason: "ErrImagePull", message: error.to_string(), retry_at, then };
        self.memory.failures.insert(name, failure);
    }
}
