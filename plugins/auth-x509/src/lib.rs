//! Authenticates by client certificates: the common name is the user, the organizations are its groups, as
//! kube-apiserver reads them. That the chain is good, the host has verified.

mod subject;

use sdk::{Authenticator, Credentials, Error, User};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use subject::Subject;

/// The CA that users' certificates come from; those of other CAs say nothing about users.
const ANCHOR: &str = "client-ca";
/// Where kube-apiserver tells which certificate was shown.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

#[derive(Default)]
pub struct Certificates;

sdk::addon!(Certificates: authenticator);

impl Authenticator for Certificates {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let shown = credentials.certificate.as_ref().filter(|certificate| certificate.anchor == ANCHOR);
        let Some(leaf) = shown.and_then(|certificate| certificate.chain.first()) else { return Ok(None) };
        user(leaf)
    }
}

/// The user of a certificate in DER; none where it has no common name.
fn user(der: &[u8]) -> Result<Option<User>, Error> {
    let certificate = Certificate::from_der(der)
        .map_err(|error| Error::Invalid(format!("read the client certificate: {error}")))?;
    let subject = Subject::read(certificate.tbs_certificate().subject())
        .map_err(|error| Error::Invalid(format!("read the subject of the client certificate: {error}")))?;
    Ok(subject.common_name.filter(|name| !name.is_empty()).map(|name| User {
        name,
        uid: subject.uid.unwrap_or_default(),
        groups: subject.organizations,
        extra: vec![(CREDENTIAL_ID.to_owned(), vec![credential_id(der)])],
    }))
}

fn credential_id(der: &[u8]) -> String {
    let digest: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X509SHA256={digest}")
}

#[cfg(test)]
mod tests {
    use sdk::Certificate as Shown;

    use super::*;

    const ADMIN: &[u8] = include_bytes!("../tests/admin.der");
    const NAMELESS: &[u8] = include_bytes!("../tests/nameless.der");
    const TWO_UIDS: &[u8] = include_bytes!("../tests/two-uids.der");

    fn authenticate(chain: &[&[u8]], anchor: &str) -> Result<Option<User>, Error> {
        let certificate =
            Shown { chain: chain.iter().map(|der| der.to_vec()).collect(), anchor: anchor.to_owned() };
        let credentials = Credentials {
            certificate: Some(certificate),
            bearer_token: None,
            password: None,
            extra: Vec::new(),
        };
        Certificates.authenticate(&credentials)
    }

    #[test]
    fn the_common_name_is_the_user_and_organizations_are_groups() {
        let user = authenticate(&[ADMIN, NAMELESS], ANCHOR).unwrap().unwrap();
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("admin", "uid-7"));
        assert_eq!(user.groups, ["system:masters", "ops"]);
        let (key, values) = &user.extra[0];
        assert_eq!(key, CREDENTIAL_ID);
        assert_eq!(values[0].len(), "X509SHA256=".len() + 64);
    }

    #[test]
    fn a_certificate_of_another_ca_is_nobody() {
        assert_eq!(authenticate(&[ADMIN], "front-proxy-ca"), Ok(None));
    }

    #[test]
    fn a_certificate_without_a_common_name_is_nobody() {
        assert_eq!(authenticate(&[NAMELESS], ANCHOR), Ok(None));
        assert_eq!(authenticate(&[], ANCHOR), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        assert!(matches!(authenticate(&[&ADMIN[..40]], ANCHOR), Err(Error::Invalid(_))));
        assert_eq!(
            authenticate(&[TWO_UIDS], ANCHOR),
            Err(Error::Invalid(
                "read the subject of the client certificate: it has more than one uid".into()
            ))
        );
    }
}
