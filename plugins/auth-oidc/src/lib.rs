//! Authenticates by the ID tokens of an OpenID Connect issuer, as kube-apiserver reads them. The host fetches the issuer's
//! discovery document and its keys, and pushes them whenever they change.

mod claims;
mod keys;
mod token;

use sdk::{Authenticator, Credentials, Error, File, Files, User, clock, log, settings};
use serde::Deserialize;

use claims::Mapping;
use keys::Keys;
use token::Token;

/// The names of the documents in the metadata.
const DISCOVERY: &str = "discovery";
const KEYS: &str = "keys";

pub struct Oidc {
    mapping: Mapping,
    keys: Keys,
}

sdk::addon!(Oidc: files, authenticator);

/// What of the discovery document matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
}

impl Default for Oidc {
    fn default() -> Self {
        Self { mapping: Mapping::of(&settings::all()), keys: Keys::default() }
    }
}

impl Files for Oidc {
    /// Without documents no token is known.
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error> {
        let content = |name: &str| files.iter().find(|file| file.name == name)?.content.as_deref();
        let (Some(discovery), Some(keys)) = (content(DISCOVERY), content(KEYS)) else {
            self.keys = Keys::default();
            return Ok(());
        };
        let discovery: Discovery = serde_json::from_slice(discovery)
            .map_err(|why| Error::Invalid(format!("read the discovery document of the issuer: {why}")))?;
        if discovery.issuer != self.mapping.issuer {
            let (own, told) = (&self.mapping.issuer, &discovery.issuer);
            return Err(Error::Invalid(format!("the issuer at {own} says that it is {told}")));
        }
        self.keys = Keys::read(keys)?;
        log::info(format!("{} keys of {} are known", self.keys.len(), discovery.issuer));
        Ok(())
    }
}

impl Authenticator for Oidc {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let Some(token) = credentials.bearer_token.as_deref().and_then(Token::read) else { return Ok(None) };
        // Another issuer's are for others to judge.
        if self.mapping.issuer.is_empty() || token.issuer() != Some(&self.mapping.issuer) {
            return Ok(None);
        }
        self.keys.verify(&token, &self.mapping.algorithms)?;
        self.mapping.user(&token.claims, clock::now() / 1000).map(Some)
    }
}

#[cfg(test)]
mod tests;
