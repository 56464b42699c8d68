//! `known_tokens.csv` of the first start: a random token for the administrator and for each component.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::PkiError;

/// Rows `token,user,uid,"groups"` as upstream's static token file has them.
pub(crate) fn known_tokens(node_name: &str) -> Result<String, PkiError> {
    let node = format!("system:node:{node_name}");
    let rows = [
        ("admin", "admin", Some("system:masters")),
        ("system:kube-proxy", "kube-proxy", None),
        (node.as_str(), "kubelet-0", Some("system:nodes")),
        ("system:kube-controller-manager", "controller", None),
        ("system:kube-scheduler", "scheduler", None),
    ];
    let mut text = String::new();
    for (user, uid, groups) in rows {
        let groups = groups.map(|groups| format!(",\"{groups}\"")).unwrap_or_default();
        text.push_str(&format!("{},{user},{uid}{groups}\n", token()?));
    }
    Ok(text)
}

/// 32 random bytes from the kernel.
fn token() -> Result<String, PkiError> {
    let mut bytes = [0_u8; 32];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty());
    match filled {
        Ok(32) => Ok(STANDARD.encode(bytes)),
        Ok(_) | Err(_) => {
            Err(PkiError::Issue { what: "a random token".to_owned(), source: rcgen::Error::RingUnspecified })
        }
    }
}
