//! Commands that ask the running host over its control socket.

mod plugins;

use std::path::Path;
use std::time::{Duration, Instant};

use admin::operation::{
    DisablePlugin, EnablePlugin, ImportImages, InstallMode, InstallPlugin, ListCertificates, ListPlugins,
    RefreshCertificates, RemovePlugin, RotateSecrets, ShowConfig, Status,
};
use admin::{Client, show};
use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::cli::{self, Consent, Format, Images, Plugin, RefreshCerts, Secrets};
use crate::data_dir::DataDir;
use crate::{author, offline, terminal};

/// How often a waiting `status` looks again.
const POLL: Duration = Duration::from_millis(50);

pub(crate) async fn status(data_dir: &DataDir, options: cli::Status) -> Result<()> {
    let client = Client::new(&data_dir.control_socket());
    let deadline = Instant::now() + Duration::from_secs(options.timeout);
    loop {
        let answer = client.ask(&Status {}).await;
        let waiting = options.wait_ready && Instant::now() < deadline;
        match answer {
            Ok(report) if report.ready || !waiting => {
                let ready = report.ready;
                print(options.format, &report, show::status)?;
                if options.wait_ready && !ready {
                    bail!("the node is not ready after {} s: see what is not ready above", options.timeout);
                }
                return Ok(());
            }
            Err(why) if !waiting || !why.is_not_running() => return Err(why.into()),
            Ok(_) | Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

pub(crate) async fn config(data_dir: &DataDir, command: cli::Config) -> Result<()> {
    let cli::Config::Show { service, format } = command;
    let report = Client::new(&data_dir.control_socket()).ask(&ShowConfig { service }).await?;
    print(format, &report, show::config)
}

pub(crate) async fn plugin(data_dir: &DataDir, command: Plugin) -> Result<()> {
    let client = Client::new(&data_dir.control_socket());
    match command {
        Plugin::Install { source, digest, consent } => {
            let source = plugins::Source::find(&source, digest.as_deref()).await?;
            install(&client, source, consent).await
        }
        Plugin::List { format } => {
            print(format, &client.ask(&ListPlugins {}).await?, |list| show::addons(list))
        }
        Plugin::Author(command) => author::run(data_dir, command).await,
        Plugin::Info { name, format } => plugins::info(data_dir, &client, name, format).await,
        Plugin::Enable { name } => {
            let addon = client.ask(&EnablePlugin { name }).await?;
            terminal::print(&format!("addon {} is enabled\n", addon.name))
        }
        Plugin::Disable { name } => {
            let addon = client.ask(&DisablePlugin { name }).await?;
            terminal::print(&format!("addon {} is disabled\n", addon.name))
        }
        Plugin::Remove { name } => {
            client.ask(&RemovePlugin { name: name.clone() }).await?;
            terminal::print(&format!("addon {name} is removed\n"))
        }
        Plugin::Upgrade { name, source, digest, consent } => {
            plugins::upgrade(&client, name, &source, digest.as_deref(), consent).await
        }
        Plugin::Set { name, settings } => plugins::set(&client, name, &settings).await,
        Plugin::Grant { name, capability } => plugins::grant(&client, name, capability).await,
        Plugin::Revoke { name, capability } => plugins::revoke(&client, name, capability).await,
        Plugin::Diff { source, digest } => plugins::diff(&client, &source, digest.as_deref()).await,
        Plugin::Logs { name, follow } => plugins::logs(&client, &name, follow).await,
    }
}

/// Shows what the addon wants and changes, asks, and installs it. A built-in that wants nothing new needs no question:
/// it came with the binary.
async fn install(client: &Client, source: plugins::Source, consent: Consent) -> Result<()> {
    let plugins::Source { name, component } = source;
    let Consent { without, yes, dry_run } = consent;
    let upload = || component.clone().map_or_else(net::body::empty, net::body::full);

    let plan = InstallPlugin { name: name.clone(), mode: InstallMode::Plan, without: without.clone() };
    let plan = client.upload(&plan, upload()).await?;
    terminal::print(&show::install(&plan))?;
    if dry_run {
        return Ok(());
    }
    let must_ask = component.is_some() || plan.replaces.is_some();
    let question = format!("install {}?", plan.addon.name);
    if must_ask && !yes && !terminal::confirm(&question, "grant what it wants with --yes")? {
        bail!("nothing was installed");
    }
    let commit = InstallPlugin { name, mode: InstallMode::Commit, without };
    let done = client.upload(&commit, upload()).await?;
    terminal::print(&format!("addon {} is installed and enabled\n", done.addon.name))
}

pub(crate) async fn refresh_certs(data_dir: &DataDir, command: RefreshCerts) -> Result<()> {
    let client = Client::new(&data_dir.control_socket());
    if command.check {
        let certificates = match client.ask(&ListCertificates {}).await {
            Err(why) if why.is_not_running() => offline::certificates(data_dir)?,
            other => other?,
        };
        return terminal::print(&show::certificates(&certificates));
    }
    let request = match command {
        RefreshCerts { cert: Some(name), .. } => RefreshCertificates::Certificate { name },
        RefreshCerts { undo: true, .. } => RefreshCertificates::Undo,
        RefreshCerts { finish: true, .. } => RefreshCertificates::Finish,
        RefreshCerts { ca_folder: Some(folder), .. } => {
            let folder =
                std::path::absolute(&folder).with_context(|| format!("resolve {}", folder.display()))?;
            RefreshCertificates::AdoptCa { folder: folder.to_string_lossy().into_owned() }
        }
        _ => RefreshCertificates::Leaves,
    };
    let done = match client.ask(&request).await {
        Err(why) if why.is_not_running() => offline::refresh(data_dir, &request)?,
        other => other?,
    };
    done.iter().try_for_each(|line| terminal::print(&format!("{line}\n")))
}

pub(crate) async fn secrets(data_dir: &DataDir, command: Secrets) -> Result<()> {
    let Secrets::Rotate = command;
    let done = Client::new(&data_dir.control_socket()).ask(&RotateSecrets {}).await?;
    done.iter().try_for_each(|line| terminal::print(&format!("{line}\n")))
}

/// The administrator's kubeconfig, as it lies on disk.
pub(crate) fn kubeconfig(data_dir: &DataDir) -> Result<()> {
    let path = data_dir.join("credentials/client.config");
    match std::fs::read_to_string(&path) {
        Ok(text) => terminal::print(&text),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            bail!("there is no {} yet: `mk8s-host run` makes it", path.display())
        }
        Err(why) => Err(why).with_context(|| format!("read {}", path.display())),
    }
}

pub(crate) async fn images(data_dir: &DataDir, command: Images) -> Result<()> {
    let Images::Import { file } = command;
    let client = Client::new(&data_dir.control_socket());
    let upload = if file == Path::new("-") {
        net::body::from_reader(tokio::io::stdin())
    } else {
        let opened = tokio::fs::File::open(&file).await;
        net::body::from_reader(opened.with_context(|| format!("open the image archive {}", file.display()))?)
    };
    for image in client.upload(&ImportImages {}, upload).await? {
        terminal::print(&format!("imported {image}\n"))?;
    }
    Ok(())
}

/// One answer in the format asked for.
pub(crate) fn print<T: Serialize>(
    format: Format,
    answer: &T,
    pretty: impl FnOnce(&T) -> String,
) -> Result<()> {
    match format {
        Format::Pretty => terminal::print(&pretty(answer)),
        Format::Json => terminal::print(&format!("{}\n", serde_json::to_string_pretty(answer)?)),
    }
}
