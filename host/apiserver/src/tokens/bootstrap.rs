//! Bootstrap tokens: what a machine that joins shows before it has a certificate. Secrets of kube-system hold them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use objects::{Tree, meta};
use subtle::ConstantTimeEq;

use super::core;
use crate::authn::UserInfo;
use crate::view::View;

const NAMESPACE: &str = "kube-system";
const PREFIX: &str = "bootstrap-token-";
const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";
const ID_LENGTH: usize = 6;
const SECRET_LENGTH: usize = 16;

/// The user of a token; `None` where it is no bootstrap token, or none that may be used now.
pub(crate) fn user(view: &View, token: &str, now: Timestamp) -> Option<UserInfo> {
    let (id, shown) = parts(token)?;
    let name = format!("{PREFIX}{id}");
    let secret = core(view, "secrets", NAMESPACE, &name)?;
    user_of(&secret, id, shown, now)
}

/// `abcdef.0123456789abcdef`
fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    let fits = id.len() == ID_LENGTH && secret.len() == SECRET_LENGTH && plain(id) && plain(secret);
    fits.then_some((id, secret))
}

fn user_of(secret: &Tree, id: &str, shown: &str, now: Timestamp) -> Option<UserInfo> {
    let field = |key: &str| {
        let bytes = STANDARD.decode(secret.str_at(&["data", key])?).ok()?;
        String::from_utf8(bytes).ok()
    };
    if meta::is_deleting(secret) || secret.str_at(&["type"]) != Some(TYPE) {
        return None;
    }
    let known = field("token-secret")?;
    let same = bool::from(known.as_bytes().ct_eq(shown.as_bytes())) && field("token-id")? == id;
    let meant = field("usage-bootstrap-authentication").as_deref() == Some("true");
    let lasts = match field("expiration") {
        // A time that cannot be read is over.
        Some(text) => text.parse::<Timestamp>().is_ok_and(|end| now < end),
        None => true,
    };
    if !(same && meant && lasts) {
        return None;
    }
    let extra = field("auth-extra-groups").unwrap_or_default();
    let mut groups = vec![GROUP.to_owned()];
    for group in extra.split(',').map(str::trim).filter(|group| !group.is_empty()) {
        if !group.starts_with(&format!("{GROUP}:")) {
            return None;
        }
        groups.push(group.to_owned());
    }
    Some(UserInfo { name: format!("system:bootstrap:{id}"), groups, ..UserInfo::default() })
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn secret(fields: &[(&str, &str)]) -> Tree {
        let mut secret = tree!({ "type": TYPE });
        let own = [
            ("token-id", "abcdef"),
            ("token-secret", "0123456789abcdef"),
            ("usage-bootstrap-authentication", "true"),
        ];
        for (key, value) in own.iter().chain(fields) {
            secret.set_at(&["data", key], STANDARD.encode(value));
        }
        secret
    }

    fn groups(fields: &[(&str, &str)], shown: &str) -> Option<Vec<String>> {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        user_of(&secret(fields), "abcdef", shown, now).map(|user| user.groups)
    }

    #[test]
    fn a_token_holds_until_it_expires_and_for_what_it_is_meant() {
        const SHOWN: &str = "0123456789abcdef";
        assert_eq!(groups(&[], SHOWN).unwrap(), [GROUP]);
        let extra = [("auth-extra-groups", "system:bootstrappers:nodes")];
        assert_eq!(groups(&extra, SHOWN).unwrap()[1], "system:bootstrappers:nodes");
        assert_eq!(groups(&[("expiration", "2026-01-02T00:00:00Z")], SHOWN).unwrap().len(), 1);
        assert_eq!(groups(&[], "0123456789abcdee"), None);
        for refused in [
            ("expiration", "2025-12-31T00:00:00Z"),
            ("expiration", "soon"),
            ("usage-bootstrap-authentication", "false"),
            ("auth-extra-groups", "system:masters"),
        ] {
            assert_eq!(groups(&[refused], SHOWN), None, "{refused:?}");
        }
    }

    #[test]
    fn only_texts_of_the_form_are_looked_up() {
        assert_eq!(parts("abcdef.0123456789abcdef"), Some(("abcdef", "0123456789abcdef")));
        for other in ["abcdef", "ABCDEF.0123456789abcdef", "abcdef.short", "ab/def.0123456789abcdef"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
