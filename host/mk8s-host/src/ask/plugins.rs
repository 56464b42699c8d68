//! Commands about addons beyond installing them.

use std::path::Path;

use admin::operation::{
    DiffPlugin, GrantPlugin, InstallMode, PluginInfo, PluginLogs, RevokePlugin, SetPlugin, UpgradePlugin,
};
use admin::{AddonReport, Client, show};
use anyhow::{Context, Result, bail};
use bytes::Bytes;

use super::print;
use crate::cli::{Consent, Format};
use crate::data_dir::DataDir;
use crate::{author, fetch, terminal};

/// A component from wherever it is and what to call that in messages, or the name of an addon where there is no component.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) component: Option<Bytes>,
}

impl Source {
    /// By an address, a path or a name; content that the digest is not of is refused.
    pub(super) async fn find(source: &str, digest: Option<&str>) -> Result<Self> {
        if let Some(fetched) = fetch::fetch(source, digest).await? {
            return Ok(Self { name: fetched.from, component: Some(fetched.component) });
        }
        let found = Self::here(source)?;
        match (&found.component, digest) {
            (Some(component), digest) => fetch::expect_digest(source, component, digest)?,
            (None, Some(_)) => bail!("there is no file {source} whose digest could be compared"),
            (None, None) => {}
        }
        Ok(found)
    }

    /// By a path or a name.
    fn here(source: &str) -> Result<Self> {
        let path = Path::new(source);
        if path.is_file() {
            let component = std::fs::read(path).with_context(|| format!("read the component {source}"))?;
            if component.is_empty() {
                bail!("the component {source} is an empty file");
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self { name, component: Some(component.into()) });
        }
        if source.contains('/') {
            bail!("there is no file {source}");
        }
        let name = source.strip_suffix(".wasm").unwrap_or(source).to_owned();
        Ok(Self { name, component: None })
    }
}

/// A file is told of without asking anybody.
pub(super) async fn info(data_dir: &DataDir, client: &Client, name: String, format: Format) -> Result<()> {
    let details = match Source::here(&name)? {
        Source { component: Some(component), .. } => author::described(data_dir, component)?,
        Source { name, component: None } => client.ask(&PluginInfo { name }).await?,
    };
    print(format, &details, show::addon)
}

pub(super) async fn upgrade(
    client: &Client,
    name: String,
    source: &str,
    digest: Option<&str>,
    consent: Consent,
) -> Result<()> {
    let Consent { without, yes, dry_run } = consent;
    let Some(component) = Source::find(source, digest).await?.component else {
        bail!("there is no file {source}");
    };
    let request = |mode| UpgradePlugin { name: name.clone(), mode, without: without.clone() };
    let plan = client.upload(&request(InstallMode::Plan), net::body::full(component.clone())).await?;
    terminal::print(&show::install(&plan))?;
    if dry_run {
        return Ok(());
    }
    let question = format!("grant {name} what it wants beyond before?");
    let must_ask = !plan.wants_more.is_empty() && !yes;
    if must_ask && !terminal::confirm(&question, "grant it with --yes")? {
        bail!("nothing was changed");
    }
    let done = client.upload(&request(InstallMode::Commit), net::body::full(component)).await?;
    terminal::print(&format!("addon {name} is upgraded to {}\n", done.addon.version))
}

pub(super) async fn set(client: &Client, name: String, settings: &[String]) -> Result<()> {
    let setting = |text: &String| match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text.clone(), None),
    };
    let settings = settings.iter().map(setting).collect();
    done(&client.ask(&SetPlugin { name, settings }).await?, "has its settings")
}

pub(super) async fn grant(client: &Client, name: String, capability: String) -> Result<()> {
    let what = format!("is granted {capability}");
    done(&client.ask(&GrantPlugin { name, capability }).await?, &what)
}

pub(super) async fn revoke(client: &Client, name: String, capability: String) -> Result<()> {
    let what = format!("is no longer granted {capability}");
    done(&client.ask(&RevokePlugin { name, capability }).await?, &what)
}

fn done(addon: &AddonReport, what: &str) -> Result<()> {
    terminal::print(&format!("addon {} {what}\n", addon.name))
}

pub(super) async fn diff(client: &Client, of: &str, digest: Option<&str>) -> Result<()> {
    let Source { name, component } = Source::find(of, digest).await?;
    let upload = component.map_or_else(net::body::empty, net::body::full);
    terminal::print(&show::changes(&client.upload(&DiffPlugin { name }, upload).await?))
}

pub(super) async fn logs(client: &Client, name: &str, follow: bool) -> Result<()> {
    let mut asked = PluginLogs { name: name.to_owned(), from: 0, wait: false };
    loop {
        let page = client.ask(&asked).await?;
        if page.lines.is_empty() && !follow {
            return terminal::print("nothing was logged since the host started\n");
        }
        page.lines.iter().try_for_each(|line| terminal::print(&show::log_line(line)))?;
        if !follow {
            return Ok(());
        }
        asked = PluginLogs { name: name.to_owned(), from: page.next, wait: true };
    }
}
