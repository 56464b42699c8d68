//! The host as an instance sees it: WASI that holds nothing, and the imports of the contract.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use crate::bindings::mk8s::addon::{clock, kube, kv, log, metrics, pki, settings, types};
use crate::component::Limits;
use crate::convert;
use crate::output::Output;
use crate::services::Services;
use crate::values::{Folder, FolderAccess, KubeRequest, Level, Measure, Measured, Refusal};

/// Handles that an instance may hold.
const HANDLES: usize = 1000;
/// Entries of a table, which are functions.
const ELEMENTS: usize = 50_000;
/// Random bytes that one call gives.
const RANDOM: u64 = 64 << 10;

/// The state of one instance.
pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) memory: Memory,
    services: Arc<dyn Services>,
    output: Arc<Mutex<Output>>,
    /// Whether the call under way may wait for an answer.
    pub(crate) may_wait: bool,
}

impl Host {
    /// An error names a folder that is not there.
    pub(crate) fn new(
        services: Arc<dyn Services>,
        limits: Limits,
        folders: &[Folder],
    ) -> wasmtime::Result<Self> {
        let output = Arc::new(Mutex::new(Output::new(services.clone())));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(Printed { output: output.clone(), level: Level::Info });
        wasi.stderr(Printed { output: output.clone(), level: Level::Warn });
        wasi.max_random_size(RANDOM).allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        // A call is on a thread that may be held up, or has no folder.
        wasi.allow_blocking_current_thread(true);
        for Folder { name, path, access } in folders {
            let permissions = match access {
                FolderAccess::Read => FsPerms::ReadOnly,
                FolderAccess::Write => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(path, format!("/{name}"), permissions)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let memory = Memory { limit: limits.memory, exceeded: false, largest: 0 };
        Ok(Self { wasi: wasi.build(), table, memory, services, output, may_wait: false })
    }

    fn waiting(&self) -> Result<(), types::Error> {
        if self.may_wait {
            return Ok(());
        }
        let why = "nothing that waits can be asked while somebody waits for this answer";
        Err(types::Error::Unavailable(why.to_owned()))
    }

    async fn ask_kube(&mut self, request: KubeRequest) -> Result<Vec<Vec<u8>>, types::Error> {
        self.waiting()?;
        let answer = self.services.kube(request).await.map_err(convert::refused)?;
        Ok(answer.into_iter().map(Vec::from).collect())
    }

    fn measure(&self, metric: String, labels: Vec<metrics::Label>, measured: Measured, value: f64) {
        let labels = labels.into_iter().map(|label| (label.name, label.value)).collect();
        self.services.measure(Measure { metric, labels, measured, value });
    }

    async fn ask_kube_for_one(&mut self, request: KubeRequest) -> Result<Vec<u8>, types::Error> {
        let nothing = || types::Error::Other("the API server answered without an object".to_owned());
        self.ask_kube(request).await?.pop().ok_or_else(nothing)
    }
}

/// How much an instance may grow; a guest that would grow further traps.
pub(crate) struct Memory {
    limit: usize,
    pub(crate) exceeded: bool,
    /// What the largest of its memories came to.
    pub(crate) largest: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired <= self.limit {
            self.largest = self.largest.max(desired);
            return Ok(true);
        }
        self.exceeded = true;
        Err(wasmtime::format_err!("the memory would grow to {desired} bytes"))
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= ELEMENTS)
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for Host {}

impl log::Host for Host {
    async fn write(&mut self, level: log::Level, message: String) {
        lines(&self.output).line(convert::level(level), &message);
    }
}

impl settings::Host for Host {
    async fn all(&mut self) -> Vec<types::SettingResult> {
        let settings = self.services.settings().into_iter();
        settings.map(|setting| types::SettingResult { name: setting.name, value: setting.value }).collect()
    }
}

impl kv::Host for Host {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, types::Error> {
        self.waiting()?;
        Ok(self.services.kv_get(key).await.map_err(convert::refused)?.map(Vec::from))
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), types::Error> {
        self.waiting()?;
        self.services.kv_put(key, value.into()).await.map_err(convert::refused)
    }

    async fn delete(&mut self, key: String) -> Result<(), types::Error> {
        self.waiting()?;
        self.services.kv_delete(key).await.map_err(convert::refused)
    }

    async fn list(&mut self, prefix: String) -> Result<Vec<String>, types::Error> {
        self.waiting()?;
        self.services.kv_list(prefix).await.map_err(convert::refused)
    }
}

impl kube::Host for Host {
    async fn get(&mut self, target: kube::Target) -> Result<Vec<u8>, types::Error> {
        self.ask_kube_for_one(KubeRequest::Get(convert::target(target)?)).await
    }

    async fn list(&mut self, target: kube::Target) -> Result<Vec<Vec<u8>>, types::Error> {
        self.ask_kube(KubeRequest::List(convert::target(target)?)).await
    }

    async fn put(&mut self, target: kube::Target, object: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        self.ask_kube_for_one(KubeRequest::Put(convert::target(target)?, object.into())).await
    }

    async fn delete(&mut self, target: kube::Target) -> Result<(), types::Error> {
        self.ask_kube(KubeRequest::Delete(convert::target(target)?)).await.map(drop)
    }
}

impl pki::Host for Host {
    async fn issue(&mut self, request: pki::Request) -> Result<pki::Issued, types::Error> {
        self.waiting()?;
        let issued = self.services.issue(convert::certificate_request(request)).await;
        issued.map(convert::issued).map_err(convert::refused)
    }
}

impl metrics::Host for Host {
    async fn add(&mut self, metric: String, labels: Vec<metrics::Label>, amount: f64) {
        self.measure(metric, labels, Measured::Added, amount);
    }

    async fn set(&mut self, metric: String, labels: Vec<metrics::Label>, value: f64) {
        self.measure(metric, labels, Measured::Set, value);
    }

    async fn observe(&mut self, metric: String, labels: Vec<metrics::Label>, value: f64) {
        self.measure(metric, labels, Measured::Observed, value);
    }
}

impl clock::Host for Host {
    async fn now(&mut self) -> u64 {
        self.services.now()
    }

    async fn monotonic(&mut self) -> u64 {
        self.services.monotonic()
    }
}

/// A standard stream that ends in the addon's log.
#[derive(Clone)]
struct Printed {
    output: Arc<Mutex<Output>>,
    level: Level,
}

fn lines(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Printed {
    fn print(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut output = lines(&self.output);
        text.lines().filter(|line| !line.is_empty()).for_each(|line| output.line(self.level, line));
    }
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(crate::output::MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Printed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl From<types::Error> for Refusal {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::Invalid(why) => Self::Invalid(why),
            types::Error::Denied(why) => Self::Denied(why),
            types::Error::NotFound(why) => Self::NotFound(why),
            types::Error::Conflict(why) => Self::Conflict(why),
            types::Error::Unavailable(why) => Self::Unavailable(why),
            types::Error::Other(why) => Self::Other(why),
        }
    }
}
