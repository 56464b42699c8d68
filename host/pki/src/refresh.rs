//! Replacing certificates on request, with a copy of what was before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::PkiError;
use crate::table::{Authority, CERTIFICATES, Certificate};
use crate::{Facts, Pki, files, inspect, issue};

/// What to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// One certificate by its file name; a CA by its name makes a new CA.
    Certificate(String),
    /// Every leaf.
    Leaves,
    /// The CA in a folder, `ca.crt` and `ca.key`, takes the place of ours.
    AdoptAuthority(PathBuf),
    /// The files of before the last refresh.
    Undo,
    /// Drop the CAs of before the last CA refresh.
    Finish,
}

impl Pki {
    /// Replaces certificates and gives one line for each thing done. On an error everything is as it was.
    pub fn refresh(&self, what: &Refresh, facts: &Facts, now: SystemTime) -> Result<Vec<String>, PkiError> {
        match what {
            Refresh::Undo => self.undo(),
            Refresh::Finish => self.finish(facts),
            Refresh::Certificate(_) | Refresh::Leaves | Refresh::AdoptAuthority(_) => {
                // Whatever can be wrong with the request is found out before the copy of the last refresh is given up.
                let plan = self.plan(what, now)?;
                let template = self.template()?;
                self.back_up()?;
                let done = self.carry_out(plan, facts, &template, now);
                if done.is_err() {
                    self.undo()?;
                }
                done
            }
        }
    }

    fn plan(&self, what: &Refresh, now: SystemTime) -> Result<Plan, PkiError> {
        match what {
            Refresh::AdoptAuthority(folder) => brought_along(folder, now),
            Refresh::Certificate(asked) => {
                let name = asked.strip_suffix(".crt").unwrap_or(asked);
                let authority = Authority::ALL.into_iter().find(|authority| authority.name() == name);
                let row = CERTIFICATES.iter().find(|row| row.name == name);
                match (authority, row) {
                    (Some(authority), _) => Ok(Plan::NewAuthority(authority)),
                    (None, Some(row)) => Ok(Plan::Leaves(std::slice::from_ref(row))),
                    (None, None) => Err(PkiError::Unknown { asked: asked.clone(), known: known_names() }),
                }
            }
            Refresh::Leaves | Refresh::Undo | Refresh::Finish => Ok(Plan::Leaves(CERTIFICATES)),
        }
    }

    fn carry_out(
        &self,
        plan: Plan,
        facts: &Facts,
        template: &crate::Template,
        now: SystemTime,
    ) -> Result<Vec<String>, PkiError> {
        let mut done = Vec::new();
        let (authority, rows) = match plan {
            Plan::Leaves(rows) => (None, rows.to_vec()),
            Plan::NewAuthority(authority) => {
                let (pem, key) = issue::authority(authority, facts, now)?;
                self.replace_authority(authority, &pem, &key, facts, now)?;
                (Some(authority), signed_by(authority))
            }
            Plan::Adopt { pem, key } => {
                self.replace_authority(Authority::Cluster, &pem, &key, facts, now)?;
                (Some(Authority::Cluster), signed_by(Authority::Cluster))
            }
        };
        if let Some(authority) = authority {
            done.push(format!(
                "{} is new; the one before stays trusted until `refresh-certs --finish`",
                authority.certificate()
            ));
        }
        for row in rows {
            self.reissue(&row, facts, template, now)?;
            done.push(format!("issued {}", row.certificate()));
        }
        self.write_kubeconfigs(facts)?;
        Ok(done)
    }

    /// Puts a CA in the place of the old one, which signs the new one so that those who know only the old are served.
    /// An expired CA vouches for nobody and is dropped.
    fn replace_authority(
        &self,
        authority: Authority,
        pem: &str,
        key: &str,
        facts: &Facts,
        now: SystemTime,
    ) -> Result<(), PkiError> {
        let expired = self.status_of(&authority.certificate(), now)?.is_expired();
        if expired {
            self.drop_previous(authority)?;
        } else {
            let cross = issue::cross_signed(authority, key, &self.issuer(authority)?, facts, now)?;
            let old = files::read(&self.certs(&authority.certificate()))?;
            files::write(&self.certs(&authority.previous()), &old)?;
            files::write(&self.certs(&authority.cross_signed()), cross.as_bytes())?;
        }
        self.write_pair(authority.name(), pem, key)
    }

    fn finish(&self, facts: &Facts) -> Result<Vec<String>, PkiError> {
        let mut done = Vec::new();
        for authority in Authority::ALL {
            if self.certs(&authority.previous()).exists() {
                self.drop_previous(authority)?;
                done.push(format!("{} is no longer trusted", authority.previous()));
            }
        }
        if done.is_empty() {
            return Err(PkiError::NothingToFinish);
        }
        self.write_kubeconfigs(facts)?;
        Ok(done)
    }

    fn drop_previous(&self, authority: Authority) -> Result<(), PkiError> {
        for file in [authority.previous(), authority.cross_signed()] {
            let path = self.certs(&file);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(PkiError::Write { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Copies both folders, in the place of the last copy.
    fn back_up(&self) -> Result<(), PkiError> {
        let fresh = self.root.join("certs-backup.new");
        remove_folder(&fresh)?;
        for folder in ["certs", "credentials"] {
            copy_folder(&self.root.join(folder), &fresh.join(folder))?;
        }
        remove_folder(&self.backup())?;
        rename(&fresh, &self.backup())
    }

    /// Brings the copied files back, by renaming the folders.
    fn undo(&self) -> Result<Vec<String>, PkiError> {
        if !self.backup().exists() {
            return Err(PkiError::NothingToUndo);
        }
        for folder in ["certs", "credentials"] {
            for entry in entries(&self.root.join(folder))? {
                if !self.backup().join(folder).join(&entry).exists() {
                    let path = self.root.join(folder).join(&entry);
                    fs::remove_file(&path).map_err(|source| PkiError::Write { path, source })?;
                }
            }
            for entry in entries(&self.backup().join(folder))? {
                let content = files::read(&self.backup().join(folder).join(&entry))?;
                files::write(&self.root.join(folder).join(&entry), &content)?;
            }
        }
        remove_folder(&self.backup())?;
        Ok(vec!["the certificates of before the last refresh are back".to_owned()])
    }
}

/// What a request comes to.
enum Plan {
    Leaves(&'static [Certificate]),
    NewAuthority(Authority),
    Adopt { pem: String, key: String },
}

fn signed_by(authority: Authority) -> Vec<Certificate> {
    CERTIFICATES.iter().filter(|row| row.issuer == authority).copied().collect()
}

fn known_names() -> String {
    let authorities = Authority::ALL.into_iter().map(Authority::certificate);
    authorities.chain(CERTIFICATES.iter().map(Certificate::certificate)).collect::<Vec<_>>().join(", ")
}

/// The CA of a folder, once it is one, valid, and its key fits.
fn brought_along(folder: &Path, now: SystemTime) -> Result<Plan, PkiError> {
    let fail = |why: String| PkiError::UnusableAuthority { folder: folder.to_owned(), why };
    let (pem, key) = (files::read_text(&folder.join("ca.crt"))?, files::read_text(&folder.join("ca.key"))?);
    let status = inspect::status("ca.crt", pem.as_bytes(), now)
        .map_err(|why| fail(format!("ca.crt is no certificate: {why}")))?;
    if !status.is_authority {
        return Err(fail("ca.crt is no CA: it must carry the basic constraint CA:TRUE".to_owned()));
    }
    if status.is_expired() {
        return Err(fail(format!("ca.crt expired at {}", status.not_after)));
    }
    if !issue::is_key_of(&key, &status.public_key) {
        return Err(fail("ca.key is not the key of ca.crt, in PKCS#8".to_owned()));
    }
    issue::issuer(&pem, &key).map_err(|why| fail(format!("ca.crt cannot sign: {why}")))?;
    Ok(Plan::Adopt { pem, key })
}

fn entries(folder: &Path) -> Result<Vec<std::ffi::OsString>, PkiError> {
    let fail = |source| PkiError::Read { path: folder.to_owned(), source };
    let listed = fs::read_dir(folder).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    Ok(listed.into_iter().filter(|entry| entry.path().is_file()).map(|entry| entry.file_name()).collect())
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), PkiError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .map_err(|source| PkiError::Write { path: to.to_owned(), source })?;
    for entry in entries(from)? {
        files::write(&to.join(&entry), &files::read(&from.join(&entry))?)?;
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), PkiError> {
    fs::rename(from, to).map_err(|source| PkiError::Write { path: to.to_owned(), source })
}

fn remove_folder(folder: &Path) -> Result<(), PkiError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(PkiError::Write { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}
