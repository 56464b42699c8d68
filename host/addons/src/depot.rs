//! The components of installed addons in the datastore, for nodes that do not have them yet: each in parts, below its
//! digest.

use bytes::Bytes;

use crate::library::Digest;
use crate::ports::{PortError, Store};

const COMPONENTS: &str = "/mk8s.io/addon-components/";
/// What etcd takes in one request, 1.5 MiB, less some room.
const PART: usize = 1 << 20;

fn key(digest: &Digest, part: usize) -> String {
    format!("{COMPONENTS}{digest}/{part:05}")
}

/// Writes the component; what is there of it already is the same.
pub(crate) async fn put(store: &dyn Store, digest: &Digest, component: &Bytes) -> Result<(), PortError> {
    let parts = component.len().div_ceil(PART);
    for part in 0..parts {
        let end = component.len().min((part + 1) * PART);
        store.put(&key(digest, part), component.slice(part * PART..end)).await?;
    }
    Ok(())
}

/// What there is of the component; whether that is all of it, its digest tells. None where there is nothing.
pub(crate) async fn get(store: &dyn Store, digest: &Digest) -> Result<Option<Bytes>, PortError> {
    let mut component = Vec::new();
    for part in 0.. {
        match store.get(&key(digest, part)).await? {
            Some(bytes) => component.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok((!component.is_empty()).then(|| component.into()))
}

/// Deletes the component: from its end, so that what is left at any time begins at its beginning.
pub(crate) async fn delete(store: &dyn Store, digest: &Digest) -> Result<(), PortError> {
    let mut parts = 0;
    while store.get(&key(digest, parts)).await?.is_some() {
        parts += 1;
    }
    for part in (0..parts).rev() {
        store.delete(&key(digest, part)).await?;
    }
    Ok(())
}
