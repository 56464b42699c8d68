//! The first frame of every file: which format it has, who wrote it, and which store it belongs to.

use bytes::{Buf, BufMut};

/// What this release writes, and the newest that it reads.
pub(crate) const CURRENT_FORMAT: u32 = 1;
pub(crate) const THIS_RELEASE: &str = concat!("mk8s-host ", env!("CARGO_PKG_VERSION"));
const MAGIC: &[u8; 8] = b"mk8sdata";

/// Which store a file belongs to: etcd's cluster and member, chosen when the store is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster: u64,
    pub member: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) format: u32,
    pub(crate) identity: Identity,
    /// For the error of an older release that cannot read the file.
    pub(crate) writer: String,
}

impl Head {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { format: CURRENT_FORMAT, identity, writer: THIS_RELEASE.to_owned() }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put_slice(MAGIC);
        out.put_u32_le(self.format);
        out.put_u64_le(self.identity.cluster);
        out.put_u64_le(self.identity.member);
        out.put_slice(self.writer.as_bytes());
    }

    /// `None` for what is no head. These fields are in every format.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.strip_prefix(MAGIC)?;
        Some(Self {
            format: rest.try_get_u32_le().ok()?,
            identity: Identity { cluster: rest.try_get_u64_le().ok()?, member: rest.try_get_u64_le().ok()? },
            writer: String::from_utf8_lossy(rest).into_owned(),
        })
    }
}
