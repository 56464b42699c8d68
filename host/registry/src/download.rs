//! A component by its address and its digest.

use bytes::Bytes;
use http::{Method, StatusCode, Uri};

use crate::LARGEST;
use crate::digest::Digest;
use crate::remote::RegistryError;
use crate::transport::{Ask, Transport};

impl Transport {
    /// What the address has, if it is what the digest says.
    pub async fn download(&self, address: &str, digest: &Digest) -> Result<Bytes, RegistryError> {
        let uri: Uri = address.parse().map_err(|_| crate::TransportError::Address(address.to_owned()))?;
        let answered = self.send(Ask::new(Method::GET, uri), LARGEST).await?;
        if answered.status != StatusCode::OK {
            return Err(RegistryError::Status {
                status: answered.status,
                uri: answered.uri.to_string(),
                said: String::new(),
            });
        }
        let found = Digest::of(&answered.body);
        if found == *digest {
            return Ok(answered.body);
        }
        Err(RegistryError::Digest { what: answered.uri.to_string(), found, wanted: digest.clone() })
    }
}
