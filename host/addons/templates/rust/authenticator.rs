//! Knows users by the bearer tokens of a file: `token,user,uid,"group,group"` in each line.

use sdk::user_list::{self, Entry};
use sdk::{Authenticator, Credentials, Error, File, Files, User};

/// The name of the file in `addon.json`.
const FILE: &str = "tokens";

#[derive(Default)]
struct Addon {
    entries: Vec<Entry>,
}

sdk::addon!(Addon: files, authenticator);

impl Files for Addon {
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error> {
        self.entries = user_list::granted(&files, FILE);
        Ok(())
    }
}

impl Authenticator for Addon {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let Some(token) = &credentials.bearer_token else { return Ok(None) };
        // All are compared as a whole, so that the time tells nothing about the tokens.
        let same = |entry: &&Entry| {
            let differences = entry.secret.bytes().zip(token.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
            entry.secret.len() == token.len() && differences == 0
        };
        Ok(self.entries.iter().filter(same).last().map(|entry| entry.user.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_token_is_its_user_and_no_other_is() {
        let mut addon = Addon::default();
        let content = Some(b"t0ken,alice,1,\"readers\"\n".to_vec());
        let file = File { name: FILE.into(), path: "tokens.csv".into(), content, extra: Vec::new() };
        addon.changed(vec![file]).unwrap();
        let user = |token: &str| {
            let credentials = Credentials {
                certificate: None,
                bearer_token: Some(token.into()),
                password: None,
                extra: Vec::new(),
            };
            addon.authenticate(&credentials).unwrap().map(|user| user.name)
        };
        assert_eq!(user("t0ken").as_deref(), Some("alice"));
        assert_eq!(user("t0kem"), None);
        assert_eq!(user(""), None);
    }
}
