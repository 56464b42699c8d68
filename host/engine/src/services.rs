//! What guests ask of the host. Who asks is bound in the value: one for each addon.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::values::{
    CertificateRequest, Issued, KubeRequest, KubeResponse, Level, Measure, Refusal, Setting,
};

/// An answer that may have to be waited for.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// Answers the imports of one addon's instances.
pub trait Services: Send + Sync + 'static {
    /// One line of the addon's log, at most 4 KiB.
    fn log(&self, level: Level, message: &str);

    fn settings(&self) -> Vec<Setting>;

    fn kv_get(&self, key: String) -> Answer<'_, Option<Bytes>>;

    fn kv_put(&self, key: String, value: Bytes) -> Answer<'_, ()>;

    fn kv_delete(&self, key: String) -> Answer<'_, ()>;

    /// Keys below a prefix, sorted.
    fn kv_list(&self, prefix: String) -> Answer<'_, Vec<String>>;

    fn kube(&self, request: KubeRequest) -> Answer<'_, KubeResponse>;

    fn issue(&self, request: CertificateRequest) -> Answer<'_, Issued>;

    fn measure(&self, measure: Measure);

    /// Milliseconds since 1970.
    fn now(&self) -> u64;

    /// Milliseconds that never run back.
    fn monotonic(&self) -> u64;
}
