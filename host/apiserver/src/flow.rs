//! Priority and fairness: each request belongs to a flow of a FlowSchema, and the priority level of that has so many
//! seats. Who finds none waits in a queue of its flow, or is refused. `queues`, `share`, `deal` and `rule` decide, and
//! know no clock and no task; here is what asks them.
//!
//! Simpler than upstream: a list needs a seat for each hundred objects that there are and a write one, whoever watches;
//! a watch needs its seat until it begins to send; a level that goes drains with the seats that it had.

mod config;
mod deal;
mod follow;
mod level;
mod metrics;
mod pushback;
mod queues;
mod rule;
mod share;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderMap;
use http::header::HeaderName;
use objects::Tree;
use observe::Metrics;
use tokio::time::Instant;

use self::config::{Distinguisher, LevelConfig, SchemaConfig};
use self::level::{Level, Schema};
use self::metrics::FlowMetrics;
use self::queues::Shape;
use self::share::Portion;
use crate::authn::UserInfo;
use crate::authz::{Attributes, Target};

pub(crate) use self::follow::follow;
pub(crate) use self::level::{Permit, Refused};

/// The longest that a request waits for its seat, and the part of its time that it may wait: upstream's.
const PATIENCE: Duration = Duration::from_secs(60);
const PART: u32 = 4;

/// Objects that a list goes through with one seat, and the seats that it takes at most: upstream's.
const OBJECTS: usize = 100;
const WIDEST: u32 = 10;

const SCHEMA_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-flowschema-uid");
const LEVEL_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");

/// Lets requests through. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FlowControl(Arc<Parts>);

struct Parts {
    /// Seats of all levels.
    total: u32,
    epoch: Instant,
    setup: ArcSwap<Setup>,
    metrics: FlowMetrics,
    configured: AtomicBool,
}

/// One state of the configuration.
struct Setup {
    levels: Vec<Arc<Level>>,
    /// In the order in which they are tried.
    schemas: Vec<Arc<Schema>>,
    /// Of who is in no schema, which only somebody without groups is.
    other: Arc<Schema>,
}

/// The schema that a request belongs to.
pub(crate) struct Classified(Arc<Schema>);

/// What a request makes the server do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    One,
    /// It goes through so many objects.
    Through(usize),
}

impl FlowControl {
    /// With nothing but what there is always.
    pub(crate) fn new(total: u32, metrics: &Metrics) -> Self {
        let (epoch, metrics) = (Instant::now(), FlowMetrics::new(metrics));
        let (levels, schemas) = config::read(&[], &[]);
        let setup = Setup::new(&[], &levels, schemas, total, epoch, &metrics);
        let setup = ArcSwap::from_pointee(setup);
        let configured = AtomicBool::new(false);
        let flow = Self(Arc::new(Parts { total, epoch, setup, metrics, configured }));
        flow.adjust();
        flow
    }

    /// Levels that stay keep their queues.
    fn configure(&self, levels: &[Tree], schemas: &[Tree]) {
        let Parts { total, epoch, setup, metrics, configured } = &*self.0;
        let (levels, schemas) = config::read(levels, schemas);
        let old = setup.load_full();
        let new = Setup::new(&old.levels, &levels, schemas, *total, *epoch, metrics);
        for gone in &old.levels {
            if !new.levels.iter().any(|level| Arc::ptr_eq(level, gone)) {
                metrics.forget(&gone.name);
            }
        }
        setup.store(Arc::new(new));
        self.adjust();
        configured.store(true, Ordering::Release);
    }

    /// Whether the stored configuration is in force.
    pub(crate) fn is_configured(&self) -> bool {
        self.0.configured.load(Ordering::Acquire)
    }

    /// Moves seats to where they are wanted.
    fn adjust(&self) {
        let setup = self.0.setup.load();
        let claims: Vec<_> = setup.levels.iter().map(|level| level.claim()).collect();
        for (level, limit) in setup.levels.iter().zip(share::limits(&claims)) {
            let bounds = level.limit(limit);
            self.0.metrics.limits(&level.name, bounds, limit);
        }
    }

    pub(crate) fn classify(&self, user: &UserInfo, attributes: &Attributes) -> Classified {
        let setup = self.0.setup.load();
        let covers = |schema: &&Arc<Schema>| schema.rules.iter().any(|rule| rule.covers(user, attributes));
        Classified(Arc::clone(setup.schemas.iter().find(covers).unwrap_or(&setup.other)))
    }
}

impl Setup {
    fn new(
        old: &[Arc<Level>],
        levels: &[LevelConfig],
        schemas: Vec<SchemaConfig>,
        total: u32,
        epoch: Instant,
        metrics: &FlowMetrics,
    ) -> Self {
        let portions: Vec<Portion> = levels.iter().map(|level| level.portion).collect();
        let bounds = share::bounds(total, &portions);
        let made = levels.iter().zip(&bounds).map(|(config, bounds)| {
            let kept = old.iter().find(|level| level.name == config.name);
            kept.map_or_else(
                || Arc::new(Level::new(config, *bounds, epoch)),
                |level| {
                    level.configure(config.shape, *bounds);
                    Arc::clone(level)
                },
            )
        });
        let made: Vec<Arc<Level>> = made.collect();
        let schema = |config: SchemaConfig| {
            let at = levels.iter().position(|level| level.name == config.level)?;
            let widest = match levels[at].shape {
                Shape::Queue { hand, .. } => share::widest(bounds[at].nominal, hand).min(WIDEST),
                Shape::Exempt | Shape::Reject => WIDEST,
            };
            let metrics = metrics.of_schema(&config.level, &config.name);
            Some(Arc::new(Schema::new(config, &levels[at], Arc::clone(&made[at]), widest, metrics)))
        };
        let schemas: Vec<Arc<Schema>> = schemas.into_iter().filter_map(schema).collect();
        let other = schemas.iter().find(|schema| schema.name == config::CATCH_ALL).or(schemas.last());
        let other = Arc::clone(other.expect("config::read gives the schemas that there are always"));
        Self { levels: made, schemas, other }
    }
}

impl Classified {
    /// Lets the request through when there are seats for it. `allotted` is the time that it may take.
    pub(crate) async fn enter(
        &self,
        user: &UserInfo,
        attributes: &Attributes,
        work: Work,
        allotted: Duration,
    ) -> Result<Permit, Refused> {
        let Self(schema) = self;
        let flow = match (schema.distinguisher, &attributes.target) {
            (Distinguisher::User, _) => user.name.as_str(),
            (Distinguisher::Namespace, Target::Resource { namespace, .. }) => namespace,
            (Distinguisher::Namespace, Target::Path(_)) | (Distinguisher::Nothing, _) => "",
        };
        let patience = (allotted / PART).min(PATIENCE);
        schema.enter(flow, work.seats(schema.widest), patience).await
    }

    /// Says in an answer what the request was taken for.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(SCHEMA_UID, self.0.uid.clone());
        headers.insert(LEVEL_UID, self.0.level_uid.clone());
    }
}

impl Work {
    fn seats(self, widest: u32) -> u32 {
        match self {
            Self::One => 1,
            Self::Through(objects) => {
                u32::try_from(objects.div_ceil(OBJECTS)).unwrap_or(widest).clamp(1, widest)
            }
        }
    }
}

#[cfg(test)]
mod tests;
