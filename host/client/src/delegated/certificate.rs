//! The user that a client certificate names: common name and organizations, as upstream reads them.

use net::{PeerCertificates, TrustAnchor};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::UserInfo;

/// `None` if the chain is not the client CA's or its leaf names nobody.
pub fn user_of_certificate(certificates: &PeerCertificates) -> Option<UserInfo> {
    if certificates.anchor != TrustAnchor::ClientCa {
        return None;
    }
    let (_, leaf) = X509Certificate::from_der(certificates.chain.first()?).ok()?;
    let subject = leaf.subject();
    let name = subject.iter_common_name().next()?.as_str().ok().filter(|name| !name.is_empty())?;
    let mut groups: Vec<String> =
        subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned).collect();
    groups.push("system:authenticated".to_owned());
    Some(UserInfo { name: name.to_owned(), groups, ..UserInfo::default() })
}
