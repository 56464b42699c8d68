//! Who one is to a registry, as Docker, ORAS and their kin keep it in `config.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A user and a password or token, which never show in errors.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned() }
    }

    /// The login of a registry in the text of a `config.json`; none where it has none.
    pub fn of_docker_config(text: &str, registry: &str) -> Option<Self> {
        let config: Value = serde_json::from_str(text).ok()?;
        let auth = config["auths"][registry]["auth"].as_str()?;
        let plain = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
        let (user, password) = plain.split_once(':')?;
        Some(Self::new(user, password))
    }

    /// The header `Authorization`.
    pub(crate) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_of_the_registry_is_found_and_no_other() {
        let config =
            r#"{"auths": {"ghcr.io": {"auth": "dTpwOnE="}, "broken": {"auth": "?"}}, "credsStore": "x"}"#;
        assert!(Login::of_docker_config(config, "ghcr.io") == Some(Login::new("u", "p:q")));
        for (config, registry) in [(config, "quay.io"), (config, "broken"), ("", "ghcr.io")] {
            assert!(Login::of_docker_config(config, registry).is_none());
        }
    }
}
