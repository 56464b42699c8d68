//! A host that keeps what guests say, and gives them little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use engine::{
    AdmissionRequest, Answer, CertificateRequest, Component, Engine, Import, Issued, Kind, KubeRequest,
    KubeResponse, Level, LoadError, Measure, Refusal, Services, Setting, User, WriteOperation, compile,
};
use support::guest;

pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

/// Keeps the log, the numbers and the keys, and has nothing else.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) measures: Mutex<Vec<Measure>>,
    pub(crate) keys: Mutex<BTreeMap<String, Bytes>>,
}

impl Services for Recorder {
    fn log(&self, level: Level, message: &str) {
        self.lines.lock().unwrap().push(format!("{level:?}: {message}"));
    }

    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    fn kv_get(&self, key: String) -> Answer<'_, Option<Bytes>> {
        let found = self.keys.lock().unwrap().get(&key).cloned();
        Box::pin(async { Ok(found) })
    }

    fn kv_put(&self, key: String, value: Bytes) -> Answer<'_, ()> {
        self.keys.lock().unwrap().insert(key, value);
        Box::pin(async { Ok(()) })
    }

    fn kv_delete(&self, key: String) -> Answer<'_, ()> {
        self.keys.lock().unwrap().remove(&key);
        Box::pin(async { Ok(()) })
    }

    fn kv_list(&self, _: String) -> Answer<'_, Vec<String>> {
        nothing()
    }

    fn kube(&self, _: KubeRequest) -> Answer<'_, KubeResponse> {
        nothing()
    }

    fn issue(&self, request: CertificateRequest) -> Answer<'_, Issued> {
        let chain = format!("{request:?}").into();
        let (key, authorities) = (Bytes::new(), Bytes::new());
        Box::pin(async { Ok(Issued { chain, key, authorities, not_after: 7 }) })
    }

    fn measure(&self, measure: Measure) {
        self.measures.lock().unwrap().push(measure);
    }

    fn now(&self) -> u64 {
        1_000
    }

    fn monotonic(&self) -> u64 {
        5
    }
}

fn nothing<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(async { Err(Refusal::Other("there is nothing".to_owned())) })
}

pub(crate) fn load(name: &str, granted: &[Import]) -> Result<Component, LoadError> {
    let compiled = compile(&guest(name)).unwrap();
    let granted: BTreeSet<_> = granted.iter().copied().collect();
    // SAFETY: compiled on the line above.
    unsafe { ENGINE.load(&compiled, &granted) }
}

/// The value of a call that waits for nothing.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(call).unwrap()
}

/// The creation of a ConfigMap.
pub(crate) fn write(name: &str) -> AdmissionRequest {
    AdmissionRequest {
        operation: WriteOperation::Create,
        resource: Kind { group: String::new(), version: "v1".to_owned(), resource: "configmaps".to_owned() },
        subresource: String::new(),
        object_kind: "ConfigMap".to_owned(),
        namespace: "default".to_owned(),
        name: name.to_owned(),
        user: User::default(),
        object: Some(Bytes::from_static(b"{}")),
        old_object: None,
        options: Bytes::from_static(b"{}"),
        dry_run: false,
    }
}
