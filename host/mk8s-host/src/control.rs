//! What the running host answers on its control socket: one handler for each operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use addons::{AddonsHandle, Offer, SettingEdit};
use admin::operation::{
    DiffPlugin, DisablePlugin, EnablePlugin, GrantPlugin, ImportImages, InstallMode, InstallPlugin,
    ListCertificates, ListPlugins, PluginInfo, PluginLogs, RefreshCertificates, RemovePlugin, RevokePlugin,
    RotateSecrets, SetPlugin, ShowConfig, Status, UpgradePlugin,
};
use admin::{
    AddonDetails, AddonReport, CertificateReport, ConfigReport, InstallReport, LogReport, Refusal, Server,
    StatusReport, StoreReport,
};
use apiserver::ApiServerHandle;
use args::Service;
use bytes::Bytes;
use cri::Runtime;
use datastore::Embedded;
use http_body_util::BodyExt;
use kubelet::KubeletHandle;
use net::{Body, Sockets, body};
use supervise::TreeHandle;
use tokio::io::AsyncWriteExt;

use crate::certificates::CertificatesHandle;
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::offline;
use crate::secrets::SecretsAtRest;
use crate::slot::Slot;
use crate::sockets::Role;
use crate::status;

/// The largest component that is taken: the engine compiles none that is larger.
const COMPONENT: usize = 64 << 20;

/// Who waits for a line of a log is answered after this, and asks again.
const LOG_WAIT: Duration = Duration::from_secs(20);

/// The parts of the node that are asked; clones share them.
#[derive(Clone)]
pub(crate) struct Control(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) data_dir: DataDir,
    pub(crate) node: String,
    pub(crate) role: Role,
    pub(crate) configuration: Configuration,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) certificates: Slot<CertificatesHandle>,
    /// The endpoints of an etcd that keeps the state instead of the embedded store.
    pub(crate) endpoints: Vec<String>,
    pub(crate) embedded: Slot<Embedded>,
    pub(crate) api: Slot<ApiServerHandle>,
    pub(crate) secrets: SecretsAtRest,
    pub(crate) addons: Slot<AddonsHandle>,
    pub(crate) kubelet: Slot<KubeletHandle>,
    pub(crate) runtime: Runtime,
    pub(crate) tree: Slot<TreeHandle>,
}

impl Control {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn server(&self) -> Server {
        macro_rules! handler {
            ($method:ident) => {{
                let parts = self.0.clone();
                move |request, body| {
                    let parts = parts.clone();
                    async move { parts.$method(request, body).await }
                }
            }};
        }
        Server::default()
            .on(handler!(status))
            .on(handler!(config))
            .on(handler!(install_plugin))
            .on(handler!(list_plugins))
            .on(handler!(plugin_info))
            .on(handler!(plugin_logs))
            .on(handler!(diff_plugin))
            .on(handler!(upgrade_plugin))
            .on(handler!(set_plugin))
            .on(handler!(grant_plugin))
            .on(handler!(revoke_plugin))
            .on(handler!(enable_plugin))
            .on(handler!(disable_plugin))
            .on(handler!(remove_plugin))
            .on(handler!(list_certificates))
            .on(handler!(refresh_certificates))
            .on(handler!(rotate_secrets))
            .on(handler!(import_images))
    }
}

impl Parts {
    async fn status(self: Arc<Self>, _: Status, _: Body) -> Result<StatusReport, Refusal> {
        let tree = self.tree.wait().await.status().borrow().clone();
        let effective = self.configuration.effective();
        let seen = self.certificates.get().map(|handle| handle.status().borrow().clone());
        let certificates = self.certificates();
        let kept = self.embedded.get().map(|store| store.status());
        let alarms = kept.iter().flat_map(|kept| &kept.alarms).copied().collect::<Vec<_>>();
        let mut warnings = status::warnings(&effective, &certificates, &alarms);
        warnings.extend(seen.as_ref().and_then(|seen| seen.problem.clone()));
        if self.role == Role::ControlPlane {
            let why = "not run by root: this is a control plane without a kubelet, and no pod runs here";
            warnings.push(why.to_owned());
        }
        let addons = self.addons.get().map(|addons| addons.list()).unwrap_or_default();
        let unwell = addons.iter().filter_map(|addon| Some((&addon.name, addon.message.as_ref()?)));
        warnings.extend(unwell.map(|(name, why)| format!("addon {name}: {why}")));
        let mut report = StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: false,
            node: self.node.clone(),
            addresses: seen.map(|seen| seen.addresses.to_vec()).unwrap_or_default(),
            data_dir: self.data_dir.root().display().to_string(),
            authorization_mode: effective.service(Service::KubeApiserver).list("authorization-mode"),
            store: StoreReport { endpoints: self.endpoints.clone(), usage: kept.as_ref().map(status::usage) },
            units: status::units(&tree),
            sockets: status::sockets(&self.sockets, &tree),
            certificates,
            addons: addons.into_iter().map(status::addon).collect(),
            warnings,
        };
        let node_ready = (self.role == Role::Node).then(|| self.node_ready());
        report.ready = status::is_ready(&report, node_ready);
        Ok(report)
    }

    /// What the Node object says by its condition Ready.
    fn node_ready(&self) -> bool {
        self.kubelet.get().is_some_and(|kubelet| kubelet.is_ready())
    }

    fn certificates(&self) -> Vec<CertificateReport> {
        let inventory = self.certificates.get().map(|handle| handle.status().borrow().inventory.clone());
        inventory.iter().flat_map(|inventory| inventory.iter()).map(status::certificate).collect()
    }

    async fn config(
        self: Arc<Self>,
        ShowConfig { service }: ShowConfig,
        _: Body,
    ) -> Result<ConfigReport, Refusal> {
        let named = |name: String| {
            let known = Service::ALL.map(Service::name).join(", ");
            let unknown = || Refusal::new(format!("there is no service {name:?}: choose one of {known}"));
            Service::named(&name).ok_or_else(unknown)
        };
        let service = service.map(named).transpose()?;
        Ok(status::config(&self.configuration.effective(), service))
    }

    async fn install_plugin(
        self: Arc<Self>,
        request: InstallPlugin,
        upload: Body,
    ) -> Result<InstallReport, Refusal> {
        let InstallPlugin { name, mode, without } = request;
        let addons = self.addons.wait().await;
        let offer = Offer { component: component(upload).await?, without };
        let plan = match mode {
            InstallMode::Plan => addons.plan_install(name, offer).await,
            InstallMode::Commit => addons.install(name, offer).await,
        };
        plan.map(status::install).map_err(Refusal::new)
    }

    async fn list_plugins(self: Arc<Self>, _: ListPlugins, _: Body) -> Result<Vec<AddonReport>, Refusal> {
        Ok(self.addons.wait().await.list().into_iter().map(status::addon).collect())
    }

    async fn plugin_info(
        self: Arc<Self>,
        PluginInfo { name }: PluginInfo,
        _: Body,
    ) -> Result<AddonDetails, Refusal> {
        self.addons.wait().await.details(name).await.map(status::details).map_err(Refusal::new)
    }

    async fn plugin_logs(self: Arc<Self>, request: PluginLogs, _: Body) -> Result<LogReport, Refusal> {
        let PluginLogs { name, from, wait } = request;
        let addons = self.addons.wait().await;
        let page = match tokio::time::timeout(LOG_WAIT, addons.logs(&name, from, wait)).await {
            Ok(page) => page,
            Err(_) => addons.logs(&name, from, false).await,
        };
        page.map(status::logs).map_err(Refusal::new)
    }

    async fn diff_plugin(
        self: Arc<Self>,
        DiffPlugin { name }: DiffPlugin,
        upload: Body,
    ) -> Result<Vec<String>, Refusal> {
        let component = component(upload).await?;
        self.addons.wait().await.diff(name, component).await.map_err(Refusal::new)
    }

    async fn upgrade_plugin(
        self: Arc<Self>,
        UpgradePlugin { name, mode, without }: UpgradePlugin,
        upload: Body,
    ) -> Result<InstallReport, Refusal> {
        let addons = self.addons.wait().await;
        let component = component(upload).await?.ok_or_else(|| Refusal::new("upload the component"))?;
        let offer = Offer { component, without };
        let plan = match mode {
            InstallMode::Plan => addons.plan_upgrade(name, offer).await,
            InstallMode::Commit => addons.upgrade(name, offer).await,
        };
        plan.map(status::install).map_err(Refusal::new)
    }

    async fn set_plugin(self: Arc<Self>, request: SetPlugin, _: Body) -> Result<AddonReport, Refusal> {
        let SetPlugin { name, settings } = request;
        let edits = settings.into_iter().map(|(name, value)| SettingEdit { name, value }).collect();
        self.addons.wait().await.set(name, edits).await.map(status::addon).map_err(Refusal::new)
    }

    async fn grant_plugin(
        self: Arc<Self>,
        GrantPlugin { name, capability }: GrantPlugin,
        _: Body,
    ) -> Result<AddonReport, Refusal> {
        let granted = self.addons.wait().await.grant(name, capability).await;
        granted.map(status::addon).map_err(Refusal::new)
    }

    async fn revoke_plugin(
        self: Arc<Self>,
        RevokePlugin { name, capability }: RevokePlugin,
        _: Body,
    ) -> Result<AddonReport, Refusal> {
        let revoked = self.addons.wait().await.revoke(name, capability).await;
        revoked.map(status::addon).map_err(Refusal::new)
    }

    async fn enable_plugin(
        self: Arc<Self>,
        EnablePlugin { name }: EnablePlugin,
        _: Body,
    ) -> Result<AddonReport, Refusal> {
        self.addons.wait().await.enable(name).await.map(status::addon).map_err(Refusal::new)
    }

    async fn disable_plugin(
        self: Arc<Self>,
        DisablePlugin { name }: DisablePlugin,
        _: Body,
    ) -> Result<AddonReport, Refusal> {
        self.addons.wait().await.disable(name).await.map(status::addon).map_err(Refusal::new)
    }

    async fn remove_plugin(
        self: Arc<Self>,
        RemovePlugin { name }: RemovePlugin,
        _: Body,
    ) -> Result<(), Refusal> {
        self.addons.wait().await.remove(name).await.map_err(Refusal::new)
    }

    async fn list_certificates(
        self: Arc<Self>,
        _: ListCertificates,
        _: Body,
    ) -> Result<Vec<CertificateReport>, Refusal> {
        Ok(self.certificates())
    }

    async fn refresh_certificates(
        self: Arc<Self>,
        what: RefreshCertificates,
        _: Body,
    ) -> Result<Vec<String>, Refusal> {
        self.certificates.wait().await.refresh(offline::request(&what)).await.map_err(Refusal::new)
    }

    async fn rotate_secrets(self: Arc<Self>, _: RotateSecrets, _: Body) -> Result<Vec<String>, Refusal> {
        let api = self.api.wait().await;
        self.secrets.rotate(&api).await.map_err(|why| Refusal::new(format!("{why:#}")))
    }

    async fn import_images(self: Arc<Self>, _: ImportImages, upload: Body) -> Result<Vec<String>, Refusal> {
        if self.role == Role::ControlPlane {
            return Err(Refusal::new("no container runs here: start mk8s-host as root"));
        }
        let file = Upload::receive(self.data_dir.join("run/image-import.tar"), upload).await;
        let file = file.map_err(|why| Refusal::new(format!("receive the image archive: {why}")))?;
        let imported = self.runtime.import_archive(&file.0).await;
        imported.map_err(|why| Refusal::new(format!("import the image archive: {why}")))
    }
}

/// The uploaded component; none where a built-in is meant.
async fn component(upload: Body) -> Result<Option<Bytes>, Refusal> {
    let bytes = body::collect(upload, COMPONENT).await;
    let bytes = bytes.map_err(|why| Refusal::new(format!("receive the component: {why}")))?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// An uploaded file, gone when it is dropped.
struct Upload(PathBuf);

impl Upload {
    async fn receive(path: PathBuf, mut body: Body) -> io::Result<Self> {
        let mut file = tokio::fs::File::create(&path).await?;
        let upload = Self(path);
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                file.write_all(&data).await?;
            }
        }
        file.flush().await?;
        Ok(upload)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Err(why) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %why, "remove an uploaded file");
        }
    }
}
