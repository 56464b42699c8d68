//! What an addon asks of the host, answered in its name: what it was not granted, and what is beyond its allowance, is
//! denied and counted.

mod bucket;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use engine::{
    Answer, CertificateRequest, Folder, Issued, KubeRequest, KubeResponse, Level, Measure, Refusal, Services,
    Setting,
};
use tracing::{debug, error, info, warn};

use crate::grants;
use crate::ledger::Ledger;
use crate::metadata::{Allowance, Wants};
use crate::ports::{Issuer, KubeAccess, PortError, Store};
use bucket::Bucket;

const KV: &str = "/mk8s.io/addon-kv/";
/// The longest key, in bytes.
const KEY: usize = 512;
/// The largest value: what the datastore takes in one request, and some room.
const VALUE: usize = 1 << 20;
/// Calls that may come at once, in seconds of calls.
const BURST: u32 = 10;

/// What every addon's services stand on.
#[derive(Clone)]
pub(crate) struct Backends {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) kube: Arc<dyn KubeAccess>,
    pub(crate) issuer: Arc<dyn Issuer>,
}

/// The services of one addon; each of its instances asks them.
pub(crate) struct AddonServices {
    pub(crate) addon: String,
    pub(crate) settings: Vec<Setting>,
    pub(crate) grants: Wants,
    pub(crate) folders: Vec<Folder>,
    pub(crate) allowance: Allowance,
    pub(crate) ledger: Arc<Ledger>,
    backends: Backends,
    calls: Bucket,
    lines: Bucket,
    began: Instant,
    /// What is kept is measured and written under it.
    keeping: tokio::sync::Mutex<()>,
}

/// Below this is everything that an addon keeps.
pub(crate) fn kv_prefix(addon: &str) -> String {
    format!("{KV}{addon}/")
}

/// What an addon is and may, as its services need it.
pub(crate) struct Identity {
    pub(crate) addon: String,
    pub(crate) settings: Vec<Setting>,
    pub(crate) grants: Wants,
    pub(crate) folders: Vec<Folder>,
}

impl AddonServices {
    pub(crate) fn new(identity: Identity, ledger: Arc<Ledger>, backends: Backends) -> Self {
        let Identity { addon, settings, grants, folders } = identity;
        let allowance = Allowance::of(grants.quota.as_ref());
        let now = Instant::now();
        let bucket = |rate: u32, burst: u32| Bucket::new(rate, rate.saturating_mul(burst), now);
        Self {
            addon,
            settings,
            grants,
            folders,
            allowance,
            ledger,
            backends,
            calls: bucket(allowance.calls_per_second, BURST),
            lines: bucket(allowance.log_lines_per_second, 1),
            began: now,
            keeping: tokio::sync::Mutex::new(()),
        }
    }

    fn denied(&self, what: &str) -> Refusal {
        self.ledger.denied(what);
        Refusal::Denied(format!("{what}: not granted to the addon {}", self.addon))
    }

    /// Counts a call, and refuses what is not granted or comes too often.
    fn called(&self, import: &str, granted: bool) -> Result<(), Refusal> {
        if !granted {
            return Err(self.denied(import));
        }
        if !self.calls.take(Instant::now()) {
            let most = self.allowance.calls_per_second;
            return Err(self.denied(&format!("more than {most} calls a second")));
        }
        Ok(())
    }

    fn keeps(&self) -> Result<(), Refusal> {
        self.called("kv", self.grants.kv.is_some())
    }

    fn key(&self, key: &str) -> Result<String, Refusal> {
        if key.is_empty() || key.len() > KEY {
            return Err(Refusal::Invalid(format!("a key has 1 to {KEY} bytes, not {}", key.len())));
        }
        Ok(kv_prefix(&self.addon) + key)
    }

    /// Writes a value, where all that the addon keeps is still within its allowance.
    async fn keep(&self, key: &str, value: Bytes) -> Result<(), Refusal> {
        let key = self.key(key)?;
        if value.len() > VALUE {
            return Err(Refusal::Invalid(format!("a value has at most {VALUE} bytes, not {}", value.len())));
        }
        let _keeping = self.keeping.lock().await;
        let kept = self.backends.store.list(&kv_prefix(&self.addon)).await.map_err(unavailable)?;
        let others = kept.iter().filter(|(other, _)| *other != key);
        let others: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        let most = self.allowance.kv;
        if others + key.len() + value.len() > most {
            return Err(self.denied(&format!("kv: more than {most} bytes in all")));
        }
        self.backends.store.put(&key, value).await.map_err(unavailable)
    }
}

fn unavailable(why: PortError) -> Refusal {
    Refusal::Unavailable(why.to_string())
}

impl Services for AddonServices {
    fn log(&self, level: Level, message: &str) {
        if !self.lines.take(Instant::now()) {
            let most = self.allowance.log_lines_per_second;
            return self.ledger.denied(&format!("log: more than {most} lines a second"));
        }
        let addon = self.addon.as_str();
        match level {
            Level::Error => error!(addon, "{message}"),
            Level::Warn => warn!(addon, "{message}"),
            Level::Info => info!(addon, "{message}"),
            Level::Debug => debug!(addon, "{message}"),
        }
        self.ledger.line(level, message);
    }

    fn settings(&self) -> Vec<Setting> {
        self.settings.clone()
    }

    fn kv_get(&self, key: String) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            self.keeps()?;
            self.backends.store.get(&self.key(&key)?).await.map_err(unavailable)
        })
    }

    fn kv_put(&self, key: String, value: Bytes) -> Answer<'_, ()> {
        Box::pin(async move {
            self.keeps()?;
            self.keep(&key, value).await
        })
    }

    fn kv_delete(&self, key: String) -> Answer<'_, ()> {
        Box::pin(async move {
            self.keeps()?;
            self.backends.store.delete(&self.key(&key)?).await.map_err(unavailable)
        })
    }

    fn kv_list(&self, prefix: String) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            self.keeps()?;
            let own = kv_prefix(&self.addon);
            let found = self.backends.store.list(&format!("{own}{prefix}")).await.map_err(unavailable)?;
            let keys = found.iter().filter_map(|(key, _)| key.strip_prefix(&own));
            Ok(keys.map(str::to_owned).collect())
        })
    }

    fn kube(&self, request: KubeRequest) -> Answer<'_, KubeResponse> {
        Box::pin(async move {
            // The API server judges it once more, by the same grants: here it is counted.
            if let Some(what) = grants::ungranted(&self.addon, &self.grants, &request) {
                return Err(self.denied(&what));
            }
            self.called("kube", true)?;
            self.backends.kube.call(&self.addon, request).await
        })
    }

    fn issue(&self, request: CertificateRequest) -> Answer<'_, Issued> {
        Box::pin(async move {
            let granted = self.grants.pki.iter().any(|want| want.permits(&request));
            if !granted {
                let subject: Vec<_> =
                    [&request.common_name].into_iter().chain(&request.organizations).cloned().collect();
                return Err(self.denied(&format!("pki: a certificate of {:.200}", subject.join(", "))));
            }
            self.called("pki", true)?;
            self.backends.issuer.issue(request).await.map_err(unavailable)
        })
    }

    fn measure(&self, measure: Measure) {
        match self.grants.metrics {
            Some(_) => self.ledger.measure(measure),
            None => self.ledger.denied("metrics"),
        }
    }

    fn now(&self) -> u64 {
        if self.grants.clock.is_none() {
            self.ledger.denied("clock");
            return 0;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> u64 {
        if self.grants.clock.is_none() {
            self.ledger.denied("clock");
            return 0;
        }
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
