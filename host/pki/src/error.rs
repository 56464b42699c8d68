//! What goes wrong with certificates, with the way out.

use std::io;
use std::path::PathBuf;

use crate::request::RequestError;
use crate::template::TemplateError;

/// Why certificates could not be made, read or replaced. Nothing was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{}:{source}; the old certificate stays in force", path.display())]
    Template { path: PathBuf, source: TemplateError },
    #[error(
        "certs/{file} is no certificate ({why}): bring it back with `mk8s-host refresh-certs --undo`, or remove it to have a new one"
    )]
    Unreadable { file: String, why: String },
    #[error(
        "certs/{file} expired at {since}: make a new CA with `mk8s-host refresh-certs --cert ca.crt`, or bring one with `mk8s-host refresh-certs FOLDER`"
    )]
    ExpiredAuthority { file: String, since: String },
    #[error("sign with the key of certs/{file}")]
    Issuer { file: String, source: rcgen::Error },
    #[error("make {what}")]
    Issue { what: String, source: rcgen::Error },
    #[error("no certificate is called {asked:?}: choose one of {known}")]
    Unknown { asked: String, known: String },
    #[error("{}: {why}", folder.display())]
    UnusableAuthority { folder: PathBuf, why: String },
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("there is nothing to undo: no certificate was refreshed yet")]
    NothingToUndo,
    #[error("no CA is being replaced: there is nothing to finish")]
    NothingToFinish,
}
