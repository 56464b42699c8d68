//! What a call to the runtime can fail with.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach the container runtime at {}: {reason}", socket.display())]
    Unreachable { socket: PathBuf, reason: String },
    #[error("{message}")]
    Refused { method: &'static str, code: Code, message: String },
    #[error("the container runtime answered {method} without {missing}")]
    Incomplete { method: &'static str, missing: &'static str },
    #[error("cannot read image archive: {reason}")]
    Archive { reason: String },
    #[error("cannot open the streams of a process")]
    Streams(#[source] std::io::Error),
    #[error("cannot attach to a container: {reason}")]
    Attach { reason: String },
    #[error("cannot connect to port {port} of the pod: {source}")]
    Connect { port: u16, source: std::io::Error },
}

/// The gRPC codes that a caller decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    NotFound,
    AlreadyExists,
    InvalidArgument,
    Unimplemented,
    DeadlineExceeded,
    Other,
}

impl From<tonic::Code> for Code {
    fn from(code: tonic::Code) -> Self {
        match code {
            tonic::Code::NotFound => Self::NotFound,
            tonic::Code::AlreadyExists => Self::AlreadyExists,
            tonic::Code::InvalidArgument => Self::InvalidArgument,
            tonic::Code::Unimplemented => Self::Unimplemented,
            tonic::Code::DeadlineExceeded => Self::DeadlineExceeded,
            _ => Self::Other,
        }
    }
}

impl Error {
    /// The runtime does not run, or went away during the call: the call may be made again when it is back.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: Code::NotFound, .. })
    }

    pub(crate) fn is_already_there(&self) -> bool {
        matches!(self, Self::Refused { code: Code::AlreadyExists, .. })
    }

    pub(crate) fn archive(reason: impl std::fmt::Display) -> Self {
        Self::Archive { reason: reason.to_string() }
    }
}
