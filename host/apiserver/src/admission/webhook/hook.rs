//! A webhook as its configuration has it.

use std::sync::Arc;
use std::time::Duration;

use objects::status::Status;
use objects::{Tree, meta};

use crate::admission::Write;
use crate::admission::expression::Expression;
use crate::admission::matching::{FailurePolicy, Match, OF_WEBHOOK};
use crate::admission::scene::Scene;
use crate::registry::Served;
use crate::webhook::Webhook;

const TIMEOUT_SECONDS: u64 = 10;
/// Versions of AdmissionReview that are spoken.
const VERSIONS: &[&str] = &["v1", "v1beta1"];

pub(super) struct Hook {
    /// Its configuration's name and its own.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) webhook: Webhook,
    pub(super) timeout: Duration,
    pub(super) failure_policy: FailurePolicy,
    pub(super) reinvocation: Reinvocation,
    /// Whether asking it does nothing that a dry run must not do.
    pub(super) may_run_dry: bool,
    /// The first version that both speak.
    pub(super) review_version: &'static str,
    scope: Match,
    conditions: Vec<Expression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reinvocation {
    Never,
    IfNeeded,
}

/// The webhooks of all configurations, in the order of the names of these.
pub(super) fn read_all(mut configurations: Vec<Tree>) -> Vec<Hook> {
    configurations.sort_by(|one, two| meta::name(one).cmp(meta::name(two)));
    let of = |configuration: &Tree| {
        let name = meta::name(configuration).to_owned();
        let hooks = configuration.items_at(&["webhooks"]).iter();
        hooks.filter_map(move |tree| Hook::read(&name, tree)).collect::<Vec<_>>()
    };
    configurations.iter().flat_map(of).collect()
}

impl Hook {
    fn read(configuration: &str, tree: &Tree) -> Option<Self> {
        let text = |path: &[&str]| tree.str_at(path).unwrap_or_default();
        let versions = tree.items_at(&["admissionReviewVersions"]);
        let spoken = versions.iter().filter_map(Tree::as_str);
        let review_version =
            spoken.filter_map(|text| VERSIONS.iter().find(|version| **version == text)).next()?;
        let seconds = tree.i64_at(&["timeoutSeconds"]).and_then(|seconds| u64::try_from(seconds).ok());
        Some(Self {
            id: format!("{configuration}/{}", text(&["name"])),
            name: text(&["name"]).to_owned(),
            webhook: Webhook::read(tree.get("clientConfig").unwrap_or(&Tree::Null)),
            timeout: Duration::from_secs(seconds.unwrap_or(TIMEOUT_SECONDS)),
            failure_policy: FailurePolicy::read(tree),
            reinvocation: match text(&["reinvocationPolicy"]) {
                "IfNeeded" => Reinvocation::IfNeeded,
                _ => Reinvocation::Never,
            },
            may_run_dry: ["None", "NoneOnDryRun"].contains(&text(&["sideEffects"])),
            review_version,
            scope: Match::read(tree, OF_WEBHOOK),
            conditions: Expression::conditions(tree, false),
        })
    }

    /// The resource in whose version it is asked about a write; `None` where it is not.
    pub(super) fn meant(&self, write: &Write<'_>) -> Result<Option<Arc<Served>>, Status> {
        let Some(resource) = self.scope.of(write)? else { return Ok(None) };
        if self.conditions.is_empty() {
            return Ok(Some(resource));
        }
        let scene = Scene::new(write, &resource);
        let meets = scene.meets(&self.conditions, None, self.failure_policy);
        Ok(meets.map_err(|why| write.forbidden(why))?.then_some(resource))
    }
}
