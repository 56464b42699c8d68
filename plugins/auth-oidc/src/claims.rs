//! What the claims of a token say of its user, by the rules of kube-apiserver's `--oidc-*` flags.

use sdk::{Error, Setting, User};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::token::Claims;

/// A token may be from this much in the future, in seconds: clocks differ.
const EARLY: u64 = 5 * 60;
const EMAIL: &str = "email";
/// Where kube-apiserver tells which token was shown.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// The operator's settings.
pub(crate) struct Mapping {
    pub(crate) issuer: String,
    pub(crate) algorithms: Vec<String>,
    client: String,
    name: String,
    name_prefix: String,
    groups: String,
    groups_prefix: String,
    required: Vec<(String, String)>,
}

impl Mapping {
    pub(crate) fn of(settings: &[Setting]) -> Self {
        fn value<T: DeserializeOwned + Default>(settings: &[Setting], name: &str) -> T {
            let found = settings.iter().find(|setting| setting.name == name);
            // The host gives what the metadata says, so that another type is none.
            found.and_then(|setting| serde_json::from_str(&setting.value).ok()).unwrap_or_default()
        }
        let text = |name| value::<String>(settings, name);
        let issuer = text("issuer-url");
        let name = text("username-claim");
        let name_prefix = match text("username-prefix").as_str() {
            "" if name != EMAIL => format!("{issuer}#"),
            "-" => String::new(),
            prefix => prefix.to_owned(),
        };
        let required = value::<Vec<String>>(settings, "required-claims");
        let pair = |line: &String| {
            let (claim, value) = line.split_once('=').unwrap_or((line, ""));
            (claim.to_owned(), value.to_owned())
        };
        Self {
            algorithms: value(settings, "signing-algs"),
            client: text("client-id"),
            groups: text("groups-claim"),
            groups_prefix: text("groups-prefix"),
            required: required.iter().map(pair).collect(),
            issuer,
            name,
            name_prefix,
        }
    }

    /// The user of a token whose signature is good; `now` in seconds since 1970.
    pub(crate) fn user(&self, claims: &Claims, now: u64) -> Result<User, Error> {
        self.check(claims, now)?;
        let name = claims.get(&self.name).and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid(format!("it has no text in the claim {:?}", self.name)))?;
        if self.name == EMAIL && claims.get("email_verified").is_some_and(|verified| *verified != true) {
            return Err(invalid("its email is not verified"));
        }
        let prefixed = |group: &str| format!("{}{group}", self.groups_prefix);
        let no_groups =
            || invalid(format!("its claim {:?} is neither a text nor a list of texts", self.groups));
        let groups = match claims.get(&self.groups).filter(|_| !self.groups.is_empty()) {
            None => Vec::new(),
            Some(Value::String(group)) => vec![prefixed(group)],
            Some(Value::Array(groups)) => {
                let group = |group: &Value| group.as_str().map(prefixed).ok_or_else(no_groups);
                groups.iter().map(group).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(no_groups()),
        };
        let id = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
        let extra = id.map(|id| (CREDENTIAL_ID.to_owned(), vec![format!("JTI={id}")]));
        let name = format!("{}{name}", self.name_prefix);
        Ok(User { name, uid: String::new(), groups, extra: extra.into_iter().collect() })
    }

    fn check(&self, claims: &Claims, now: u64) -> Result<(), Error> {
        let time = |claim: &str| claims.get(claim).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let at = |seconds: u64| seconds as f64;
        match time("exp") {
            None => return Err(invalid("it does not say when it ends")),
            Some(end) if end <= at(now) => return Err(invalid("it has ended")),
            Some(_) => {}
        }
        if time("nbf").is_some_and(|begin| begin > at(now + EARLY)) {
            return Err(invalid("it has not begun"));
        }
        let is_client = |audience: &Value| audience.as_str() == Some(&self.client);
        let is_meant = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is_client),
            Some(one) => is_client(one),
            None => false,
        };
        if self.client.is_empty() || !is_meant {
            return Err(invalid(format!("it is not for {:?}", self.client)));
        }
        for (claim, wanted) in &self.required {
            if claims.get(claim).and_then(Value::as_str) != Some(wanted) {
                return Err(invalid(format!("its claim {claim:?} is not {wanted:?}")));
            }
        }
        Ok(())
    }
}

fn invalid(why: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("the token is not good: {why}"))
}
