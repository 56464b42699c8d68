//! Commands for those who write addons. They need no running host: a component is tried here as a node would run it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addons::author::{self, Case, Project, Severity, Subject, Workshop};
use addons::signature::{Signed, SigningKey, TRUSTED_KEYS, TrustedKeys, VerifyingKey};
use admin::AddonDetails;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use engine::{Engine, Limits, Role};

use crate::adapt::compiler::ChildCompiler;
use crate::cli::author::Author;
use crate::data_dir::DataDir;
use crate::{fetch, status, terminal};

/// Below the folder where this user's programs keep what they can make anew.
const CACHE: &str = "mk8s-host/compiled";

pub(crate) async fn run(data_dir: &DataDir, command: Author) -> Result<()> {
    match command {
        Author::New { name, lang, kind, folder } => {
            let folder = folder.unwrap_or_else(|| PathBuf::from(&name));
            Project { name, language: lang, kind }.write(&folder)?;
            let folder = folder.display();
            terminal::print(&format!("{folder} is written: its README.md says how to build and try it\n"))
        }
        Author::Annotate { file, metadata, output } => {
            let annotated = author::annotate(&read(&file)?, &read(&metadata)?)?;
            let to = output.unwrap_or(file);
            replace(&to, &annotated)?;
            terminal::print(&format!("{} is annotated: `plugin check` it next\n", to.display()))
        }
        Author::Check { file } => check(&file).await,
        Author::Test { file } => test(&file).await,
        Author::Run { file, role, input } => ask(&file, role, &input).await,
        Author::Bench { file, role, input } => bench(&file, role, input.as_deref()).await,
        Author::Keygen { name } => keygen(&name),
        Author::Sign { file, key, output } => {
            let key = SigningKey::from_pem(&text(&key)?).with_context(|| key.display().to_string())?;
            let to = output.unwrap_or_else(|| file.clone());
            replace(&to, &key.sign(&read(&file)?)?)?;
            terminal::print(&format!("{} is signed\n", to.display()))
        }
        Author::Verify { file, key } => verify(data_dir, &file, &key),
        Author::Push { file, reference } => {
            let component = read(&file)?;
            addons::describe(component.clone()).context("only a component that is what it says is pushed")?;
            let pinned = fetch::push(&reference, component).await?;
            terminal::print(&format!("pushed: `mk8s-host plugin install {pinned}`\n"))
        }
    }
}

/// What a component says of itself, and who vouches for it.
pub(crate) fn described(data_dir: &DataDir, component: Bytes) -> Result<AddonDetails> {
    let signed = TrustedKeys::read(&data_dir.join(TRUSTED_KEYS))?.verify(&component)?;
    let described = status::described(addons::describe(component)?);
    Ok(AddonDetails { signature: Some(signed.to_string()), ..described })
}

async fn check(file: &Path) -> Result<()> {
    let findings = author::check(&workshop()?, read(file)?).await;
    for finding in &findings {
        terminal::print(&format!("{finding}\n"))?;
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match (errors, findings.len()) {
        (0, 0) => terminal::print("nothing to mend: `plugin test` it next\n"),
        (0, _) => terminal::print("nodes take it as it is: `plugin test` it next\n"),
        (1, _) => bail!("no node takes {}: mend the error above", file.display()),
        (errors, _) => bail!("no node takes {}: mend the {errors} errors above", file.display()),
    }
}

async fn test(file: &Path) -> Result<()> {
    let verdicts = author::test(&subject(file).await?, Limits::HOT).await;
    for verdict in &verdicts {
        terminal::print(&format!("{verdict}\n"))?;
    }
    match verdicts.iter().filter(|verdict| verdict.broken.is_some()).count() {
        0 => terminal::print(
            "every claim holds: ask it something of yours, `plugin run`, or `plugin install` it\n",
        ),
        broken => bail!("{broken} of {} claims do not hold of {}", verdicts.len(), file.display()),
    }
}

async fn ask(file: &Path, role: Role, input: &Path) -> Result<()> {
    let case = Case::read(&read(input)?).with_context(|| input.display().to_string())?;
    let answer = case.ask(&subject(file).await?, role, Limits::HOT).await?;
    terminal::remarks(&answer.log);
    terminal::print(&format!("{}\n", serde_json::to_string_pretty(&answer.json)?))
}

async fn bench(file: &Path, role: Option<Role>, input: Option<&Path>) -> Result<()> {
    let subject = subject(file).await?;
    let case = input.map(|input| Case::read(&read(input)?).with_context(|| input.display().to_string()));
    let case = case.transpose()?;
    let roles: Vec<_> = role.map_or_else(|| subject.roles().collect(), |role| vec![role]);
    for role in roles {
        let case = case.clone().unwrap_or_else(|| Case::ordinary(role));
        terminal::print(&case.bench(&subject, role)?.to_string())?;
    }
    Ok(())
}

fn keygen(name: &Path) -> Result<()> {
    let key = SigningKey::generate()?;
    let beside = |extension: &str| {
        let mut path = name.as_os_str().to_owned();
        path.push(extension);
        PathBuf::from(path)
    };
    let (secret, public) = (beside(".key"), beside(".pub"));
    if let Some(there) = [&secret, &public].into_iter().find(|path| path.exists()) {
        bail!("{} is there already: choose another name", there.display());
    }
    create(&secret, &key.to_pem(), 0o600)?;
    create(&public, &key.verifying_key().to_pem(), 0o644)?;
    terminal::print(&format!(
        "{} signs (`plugin sign`) and is to be kept secret; whoever trusts it puts {} into {TRUSTED_KEYS} of the data directory\n",
        secret.display(),
        public.display(),
    ))
}

fn verify(data_dir: &DataDir, file: &Path, keys: &[PathBuf]) -> Result<()> {
    let trusted = if keys.is_empty() {
        TrustedKeys::read(&data_dir.join(TRUSTED_KEYS))?
    } else {
        let key = |path: &PathBuf| -> Result<(String, VerifyingKey)> {
            let key = VerifyingKey::from_pem(&text(path)?).with_context(|| path.display().to_string())?;
            Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), key))
        };
        TrustedKeys::new(keys.iter().map(key).collect::<Result<Vec<_>>>()?)
    };
    match trusted.verify(&read(file)?)? {
        signed @ Signed::Trusted(_) => terminal::print(&format!("{} is {signed}\n", file.display())),
        Signed::No => {
            bail!(
                "{0} is unsigned: have its author sign it, `plugin sign {0} --key NAME.key`",
                file.display()
            )
        }
        signed => bail!(
            "{} is {signed}: put the key of its author, NAME.pub, into {TRUSTED_KEYS}, or name it with --key",
            file.display()
        ),
    }
}

fn workshop() -> Result<Workshop> {
    let program = std::env::current_exe().context("find the path of this program")?;
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
    let (cache, home) = (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"));
    let cache = cache.map(PathBuf::from).or_else(|| Some(PathBuf::from(home?).join(".cache")));
    let cache =
        cache.context("there is no HOME: say in XDG_CACHE_HOME where what is compiled can be kept")?;
    Ok(Workshop::new(cache.join(CACHE), Engine::new()?, Arc::new(ChildCompiler::new(program))))
}

async fn subject(file: &Path) -> Result<Subject> {
    let subject = Subject::load(&workshop()?, read(file)?).await;
    subject.with_context(|| format!("{} cannot be run: `plugin check` tells why", file.display()))
}

fn read(file: &Path) -> Result<Bytes> {
    Ok(fs::read(file).with_context(|| format!("read {}", file.display()))?.into())
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
}

/// Writes a file that is whole, or as it was.
fn replace(file: &Path, content: &[u8]) -> Result<()> {
    let temporary = file.with_extension("new");
    fs::write(&temporary, content)
        .and_then(|()| fs::rename(&temporary, file))
        .with_context(|| format!("write {}", file.display()))
}

/// Writes a file that is not there yet.
fn create(file: &Path, content: &str, mode: u32) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let created = options.write(true).create_new(true).mode(mode).open(file);
    created
        .and_then(|mut opened| opened.write_all(content.as_bytes()))
        .with_context(|| format!("write {}", file.display()))
}
