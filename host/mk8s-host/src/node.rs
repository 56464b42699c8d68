//! The composition: every service of the node, what it gets, and who asks whom.

use std::sync::Arc;
use std::time::Duration;

use addons::AddonsHandle;
use addons::signature::Trust;
use anyhow::{Context, Result};
use apiserver::ApiServerHandle;
use args::Service;
use cri::containerd::Layout;
use cri::{Runtime, Spawner};
use datastore::{Datastore, Embedded};
use kubelet::KubeletHandle;
use net::Sockets;
use pki::Facts;
use reconcile::endpoints::Ports;
use supervise::{Scope, TreeHandle, Unit};
use tokio::sync::watch;

use crate::adapt::admission::AddonAdmission;
use crate::adapt::authentication::AddonAuthenticator;
use crate::adapt::authorization::{ModeAuthorizer, Modes};
use crate::adapt::clients::Clients;
use crate::adapt::configuration::LiveConfiguration;
use crate::adapt::counsel::AddonCounsel;
use crate::certificates::{CertificatesHandle, Tls};
use crate::cli::Profile;
use crate::configuration::Configuration;
use crate::control::{self, Control};
use crate::data_dir::DataDir;
use crate::secrets::SecretsAtRest;
use crate::slot::Slot;
use crate::sockets::{CONTAINERD_METRICS, Role, row};
use crate::store::{self, StoreChoice};
use crate::units;
use crate::units::election::{election, election_beside};

/// Where containerd finds its shims and runc.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What was read, issued and bound before anything starts.
pub(crate) struct Ground {
    pub(crate) data_dir: DataDir,
    pub(crate) profile: Profile,
    pub(crate) trust: Trust,
    pub(crate) role: Role,
    /// Between two snapshots of the embedded store, and how many are kept; none where none are taken.
    pub(crate) snapshots: Option<(Duration, usize)>,
    pub(crate) configuration: Configuration,
    pub(crate) facts: Facts,
    pub(crate) tls: Tls,
    pub(crate) sockets: Sockets,
}

/// The node, ready to be run.
pub(crate) struct Node {
    pub(crate) units: Vec<Unit>,
    /// To be filled with the handle of the tree that runs them.
    pub(crate) tree: Slot<TreeHandle>,
}

/// The handles that units leave for one another.
struct Slots {
    datastore: Slot<Datastore>,
    embedded: Slot<Embedded>,
    api: Slot<ApiServerHandle>,
    addons: Slot<AddonsHandle>,
    certificates: Slot<CertificatesHandle>,
    kubelet: Slot<KubeletHandle>,
    tree: Slot<TreeHandle>,
}

impl Node {
    /// Puts the services together; nothing runs yet. Background work of ports goes to the scope.
    pub(crate) fn compose(ground: Ground, scope: &Scope) -> Result<Self> {
        let Ground { data_dir, profile, trust, role, snapshots, configuration, facts, tls, sockets } = ground;
        let effective = configuration.effective();
        let slots = Slots {
            datastore: Slot::empty(),
            embedded: Slot::empty(),
            api: Slot::empty(),
            addons: Slot::empty(),
            certificates: Slot::empty(),
            kubelet: Slot::empty(),
            tree: Slot::empty(),
        };
        let modes = Modes::of(&effective);
        let clients = Clients::new(slots.api.clone());
        let live = LiveConfiguration::new(
            configuration.clone(),
            modes.clone(),
            slots.tree.clone(),
            engine::Facts {
                node_name: facts.node_name.clone(),
                addresses: facts.addresses.iter().map(ToString::to_string).collect(),
            },
        );
        let layout = Layout::of(data_dir.root(), CONTAINERD_METRICS);
        let spawning = scope.clone();
        let spawner = Spawner::new(move |work| drop(spawning.spawn("runtime-connection", work)));
        let runtime = Runtime::new(layout.socket(), spawner);
        let (ca_sender, ca_bundle) = watch::channel(String::new());

        let ports = |secure: &str, plain: &str| Ports {
            secure: sockets.listener(secure).map(|listener| (listener, tls.components.clone())),
            plain: sockets.listener(plain),
        };
        let secrets = SecretsAtRest::load(&effective, &data_dir)?;
        // What is wrong with its arguments is told before anything runs.
        units::apiserver::config(&effective, data_dir.root(), &facts.addresses)?;
        let api = units::apiserver::Parts {
            configuration: configuration.clone(),
            data_dir: data_dir.clone(),
            addresses: facts.addresses.clone(),
            datastore: slots.datastore.clone(),
            authenticator: AddonAuthenticator::new(slots.addons.clone()),
            authorizer: ModeAuthorizer::new(modes.clone(), slots.addons.clone()),
            admission: AddonAdmission::new(slots.addons.clone()),
            addons: slots.addons.clone(),
            modes,
            kubelet: tls.kubelet_client.clone(),
            front_proxy: tls.front_proxy.subscribe(),
            authorities: tls.authorities.subscribe(),
            encryption: secrets.subscribe(),
            listener: sockets.listener(row::API).context("kube-apiserver --secure-port is 0")?,
            tls: tls.api.clone(),
        };
        let addons = units::addons::Parts {
            data_dir: data_dir.clone(),
            profile,
            trust,
            datastore: slots.datastore.clone(),
            clients: clients.clone(),
            configuration: live,
            node: facts.node_name.clone(),
            happenings: units::addons::Sources {
                tree: slots.tree.clone(),
                certificates: slots.certificates.clone(),
                clients: clients.clone(),
            },
        };
        let etcd = match (sockets.listener(row::ETCD), sockets.listener(row::ETCD_LOCAL)) {
            (Some(port), Some(local)) => Some(units::etcd::Parts {
                config: units::etcd::config(&effective, &facts.node_name, store::directory(&data_dir)),
                store: slots.embedded.clone(),
                listeners: [port, local],
                tls: tls.etcd.clone(),
            }),
            // The state is kept elsewhere.
            _ => None,
        };
        let store = StoreChoice::of(&effective, &data_dir)?;
        let endpoints = store.endpoints();
        let counsel = AddonCounsel::new(slots.addons.clone());
        let scheduler = units::scheduler::config(&effective)?;
        let said = scheduler.leader_election();
        let scheduler_election = election_beside(said, &effective, Service::KubeScheduler, &facts.node_name)?;
        let mut units = vec![
            units::certificates::unit(
                data_dir.clone(),
                effective.clone(),
                tls.clone(),
                ca_sender,
                slots.certificates.clone(),
            ),
            units::datastore::unit(
                store,
                units::datastore::Slots { datastore: slots.datastore, embedded: slots.embedded.clone() },
            ),
            units::apiserver::unit(api, slots.api.clone()),
            units::addons::unit(addons, slots.addons.clone())?,
            units::controllers::unit(
                units::controllers::config(&effective, data_dir.root())?,
                clients.clone(),
                ca_bundle,
                ports(row::CONTROLLERS, row::CONTROLLERS_PLAIN),
                election(&effective, Service::KubeControllerManager, &facts.node_name)?,
            ),
            units::scheduler::unit(
                scheduler,
                clients.clone(),
                counsel,
                ports(row::SCHEDULER, row::SCHEDULER_PLAIN),
                scheduler_election,
            ),
        ];
        if let Some(parts) = etcd {
            units.push(units::etcd::unit(parts));
            if let Some((interval, retention)) = snapshots {
                let folder = data_dir.join("var/kubernetes/snapshots");
                let schedule = units::snapshots::Schedule { folder, interval, retention };
                units.push(units::snapshots::unit(schedule, slots.embedded.clone()));
            }
        }
        if role == Role::Node {
            units.push(units::hostpath::unit(
                clients.clone(),
                facts.node_name.clone(),
                data_dir.join("default-storage"),
            ));
            let (missing, runtime_missing) = watch::channel(None);
            let kubelet = units::kubelet::Parts {
                data_dir: data_dir.clone(),
                node_name: facts.node_name.clone(),
                addresses: facts.addresses.clone(),
                cgroup_driver: layout.cgroup_driver,
                configuration: configuration.clone(),
                clients,
                runtime: runtime.clone(),
                runtime_missing,
                tls: tls.kubelet.clone(),
                secure: sockets.listener(row::KUBELET),
                read_only: sockets.listener(row::KUBELET_READ_ONLY),
                health: sockets.listener(row::KUBELET_HEALTH),
            };
            let containerd = units::containerd::Config {
                layout,
                log_level: effective.service(Service::Containerd).text("log-level").to_owned(),
                search_path: format!("{}:{SEARCH_PATH}", data_dir.join("bin").display()),
            };
            units.push(units::containerd::unit(containerd, runtime.clone(), missing));
            units.push(units::kubelet::unit(kubelet, slots.kubelet.clone()));
        }
        let listener = sockets.listener(row::CONTROL).context("the control socket is in the table")?;
        let control = Control::new(control::Parts {
            data_dir,
            node: facts.node_name,
            role,
            configuration,
            sockets: Arc::new(sockets),
            certificates: slots.certificates,
            endpoints,
            embedded: slots.embedded,
            api: slots.api,
            secrets,
            addons: slots.addons,
            kubelet: slots.kubelet,
            runtime,
            tree: slots.tree.clone(),
        });
        units.insert(0, units::control::unit(listener, control));
        Ok(Self { units, tree: slots.tree })
    }
}
