//! What an addon asks of the host, answered in its name.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Answer, KubeRequest, KubeResponse, Level, Refusal, Services, Setting};
use tracing::{debug, error, info, warn};

use crate::ports::{KubeAccess, PortError, Store};

const KV: &str = "/mk8s.io/addon-kv/";
/// The longest key, in bytes.
const KEY: usize = 512;
/// The largest value: what the datastore takes in one request, and some room.
const VALUE: usize = 1 << 20;

/// The services of one addon; each of its instances asks them.
pub(crate) struct AddonServices {
    pub(crate) addon: String,
    pub(crate) settings: Vec<Setting>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) kube: Arc<dyn KubeAccess>,
}

/// Below this is everything that an addon keeps.
pub(crate) fn kv_prefix(addon: &str) -> String {
    format!("{KV}{addon}/")
}

impl AddonServices {
    fn key(&self, key: &str) -> Result<String, Refusal> {
        if key.is_empty() || key.len() > KEY {
            return Err(Refusal::Invalid(format!("a key has 1 to {KEY} bytes, not {}", key.len())));
        }
        Ok(kv_prefix(&self.addon) + key)
    }
}

fn unavailable(why: PortError) -> Refusal {
    Refusal::Unavailable(why.to_string())
}

impl Services for AddonServices {
    fn log(&self, level: Level, message: &str) {
        let addon = self.addon.as_str();
        match level {
            Level::Error => error!(addon, "{message}"),
            Level::Warn => warn!(addon, "{message}"),
            Level::Info => info!(addon, "{message}"),
            Level::Debug => debug!(addon, "{message}"),
        }
    }

    fn settings(&self) -> Vec<Setting> {
        self.settings.clone()
    }

    fn kv_get(&self, key: String) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move { self.store.get(&self.key(&key)?).await.map_err(unavailable) })
    }

    fn kv_put(&self, key: String, value: Bytes) -> Answer<'_, ()> {
        Box::pin(async move {
            if value.len() > VALUE {
                return Err(Refusal::Invalid(format!(
                    "a value has at most {VALUE} bytes, not {}",
                    value.len()
                )));
            }
            self.store.put(&self.key(&key)?, value).await.map_err(unavailable)
        })
    }

    fn kv_delete(&self, key: String) -> Answer<'_, ()> {
        Box::pin(async move { self.store.delete(&self.key(&key)?).await.map_err(unavailable) })
    }

    fn kv_list(&self, prefix: String) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let own = kv_prefix(&self.addon);
            let found = self.store.list(&format!("{own}{prefix}")).await.map_err(unavailable)?;
            let keys = found.iter().filter_map(|(key, _)| key.strip_prefix(&own));
            Ok(keys.map(str::to_owned).collect())
        })
    }

    fn kube(&self, request: KubeRequest) -> Answer<'_, KubeResponse> {
        self.kube.call(&self.addon, request)
    }
}
