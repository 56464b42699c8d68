//! `mk8s-host db`: what an operator does with the embedded store. A running one is asked over its own socket by etcd's
//! API; the files of a stopped one are read, and replaced as a whole.

mod files;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use admin::show::size;
use anyhow::{Context, Result, bail};
use args::{Profile, Service};
use datastore::Revision;
use etcd::{Channel, Operator, OperatorError};
use net::{CertificatePem, TlsClient};
use serde::Serialize;

use crate::ask;
use crate::cli::{Db, MigrationTls};
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::sockets::ETCD_SOCKET;
use crate::store;
use crate::terminal::print;

/// In `--from` and `--to`: the store of this data directory.
const EMBEDDED: &str = "embedded";

/// What `db status` shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// The release of etcd whose API the store speaks.
    etcd_version: String,
    revision: i64,
    bytes_on_disk: u64,
    bytes_in_use: u64,
    quota: u64,
    leases: usize,
    alarms: Vec<String>,
}

pub(crate) async fn run(data_dir: &DataDir, command: Db) -> Result<()> {
    match command {
        Db::Status { format } => {
            let summary = running(data_dir)?.status().await.map_err(|why| explained(data_dir, why))?;
            let report = Report {
                etcd_version: summary.version,
                revision: summary.revision.0,
                bytes_on_disk: summary.bytes_on_disk,
                bytes_in_use: summary.bytes_in_use,
                quota: summary.quota,
                leases: summary.leases,
                alarms: summary.alarms.iter().map(ToString::to_string).collect(),
            };
            ask::print(format, &report, pretty)
        }
        Db::Check => files::check(data_dir),
        Db::Snapshot { file } => {
            let path = file.unwrap_or_else(|| PathBuf::from(snapshot_name(SystemTime::now())));
            refuse_external(data_dir)?;
            let bytes = snapshot(data_dir, &path).await?;
            print(&format!("wrote {} ({})\n", path.display(), size(bytes)))
        }
        Db::Restore { file, no_bump } => files::restore(data_dir, &file, no_bump),
        Db::Defrag => {
            let operator = running(data_dir)?;
            let before = operator.status().await.map_err(|why| explained(data_dir, why))?.bytes_on_disk;
            operator.defragment().await?;
            let after = operator.status().await?.bytes_on_disk;
            print(&format!("{} on disk, before {}\n", size(after), size(before)))
        }
        Db::Compact { revision } => {
            let revision = running(data_dir)?.compact(revision.map(Revision)).await;
            let revision = revision.map_err(|why| explained(data_dir, why))?;
            print(&format!("nothing before revision {revision} can be read any more\n"))
        }
        Db::Disarm => {
            let alarms = running(data_dir)?.disarm().await.map_err(|why| explained(data_dir, why))?;
            if alarms.is_empty() {
                return print("no alarm is raised\n");
            }
            alarms.iter().try_for_each(|alarm| print(&format!("disarmed {alarm}\n")))
        }
        Db::Migrate { from, to, tls } => migrate(data_dir, &from, &to, &tls).await,
    }
}

fn running(data_dir: &DataDir) -> Result<Operator> {
    let endpoint = format!("unix:{}", data_dir.join(ETCD_SOCKET).display());
    Ok(Operator::new(Channel::new(&[endpoint], None)?))
}

/// Where the store was not reached: how it can be, or what can be done without.
fn explained(data_dir: &DataDir, why: OperatorError) -> anyhow::Error {
    if !matches!(why, OperatorError::Unreachable { .. }) {
        return why.into();
    }
    if let Err(external) = refuse_external(data_dir) {
        return external;
    }
    anyhow::Error::new(why).context(format!(
        "no mk8s-host with an embedded store runs on {}: start `mk8s-host run`, or look at its files with `mk8s-host db check`",
        data_dir.root().display(),
    ))
}

/// # Errors
/// Where the arguments name an etcd elsewhere, whose own tools see to it.
fn refuse_external(data_dir: &DataDir) -> Result<()> {
    if !data_dir.join("args").exists() {
        return Ok(());
    }
    let effective = Configuration::load(data_dir, Profile::Default)?.effective();
    if store::is_embedded(&effective) {
        return Ok(());
    }
    let servers = effective.service(Service::KubeApiserver).list("etcd-servers").join(",");
    bail!(
        "the state of this node is in the etcd at {servers} (kube-apiserver --etcd-servers): look after it with `etcdctl --endpoints={servers}`"
    )
}

/// Of a running store by its socket, of a stopped one from its files.
async fn snapshot(data_dir: &DataDir, path: &Path) -> Result<u64> {
    match running(data_dir)?.snapshot(path).await {
        Err(OperatorError::Unreachable { .. }) => files::snapshot(data_dir, path),
        other => Ok(other?),
    }
}

async fn migrate(data_dir: &DataDir, from: &str, to: &str, tls: &MigrationTls) -> Result<()> {
    match (from, to) {
        (EMBEDDED, EMBEDDED) => bail!("--from and --to are the same store"),
        (EMBEDDED, file) => {
            let path = Path::new(file);
            if file.contains("://") {
                bail!(
                    "a running etcd takes no revisions from others: name a file, and start etcd on what `etcdutl snapshot restore` makes of it"
                );
            }
            let bytes = snapshot(data_dir, path).await?;
            print(&format!(
                "wrote {} ({}): `etcdutl snapshot restore {0}` makes the data directory of an etcd of it\n",
                path.display(),
                size(bytes),
            ))
        }
        (endpoint, EMBEDDED) => {
            let operator = Operator::new(Channel::new(&[endpoint.to_owned()], client(tls)?.as_ref())?);
            data_dir.prepare()?;
            let path = data_dir.join("var/kubernetes/migration.db");
            let taken = operator.snapshot(&path).await;
            let restored =
                taken.map_err(anyhow::Error::new).and_then(|_| files::restore(data_dir, &path, true));
            // What went wrong before is what is told.
            drop(std::fs::remove_file(&path));
            restored
        }
        (_, _) => bail!("either --from or --to is `embedded`: the store of this data directory"),
    }
}

fn client(tls: &MigrationTls) -> Result<Option<TlsClient>> {
    let MigrationTls { cacert, cert, key } = tls;
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("read {}", path.display()));
    let Some(ca) = cacert else { return Ok(None) };
    let certificate = match (cert, key) {
        (Some(cert), Some(key)) => Some(CertificatePem { chain: read(cert)?, key: read(key)? }),
        _ => None,
    };
    Ok(Some(TlsClient::new(&read(ca)?, certificate.as_ref())?))
}

fn pretty(report: &Report) -> String {
    let quota = if report.quota == 0 { String::new() } else { format!(", quota {}", size(report.quota)) };
    let alarms = if report.alarms.is_empty() { "none".to_owned() } else { report.alarms.join(", ") };
    format!(
        "revision: {}\nsize:     {} on disk, {} in use{quota}\nleases:   {}\nalarms:   {alarms}\nAPI:      etcd {}\n",
        report.revision,
        size(report.bytes_on_disk),
        size(report.bytes_in_use),
        report.leases,
        report.etcd_version,
    )
}

/// The name of a snapshot taken at a time, in the order of time.
pub(crate) fn snapshot_name(now: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("snapshot-{}.db", time.strftime("%Y%m%dT%H%M%SZ"))
}
