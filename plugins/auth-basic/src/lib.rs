//! Authenticates by passwords of a static list: `password,user,uid,"group,group"`, the file of kube-apiserver's former
//! `--basic-auth-file`.

use std::collections::HashMap;

use sdk::user_list::{self, Entry};
use sdk::{Authenticator, Config, Credentials, Edit, Error, File, Files, Input, User};
use sha2::{Digest, Sha256};

const SERVICE: &str = "kube-apiserver";
const FLAG: &str = "basic-auth-file";
const LIST: &str = "${SNAP_DATA}/credentials/basic_auth.csv";
/// The name of the file in the metadata.
const FILE: &str = "passwords";

/// The users by their names; the last line counts where one is listed twice.
#[derive(Default)]
pub struct Passwords(HashMap<String, Known>);

struct Known {
    user: User,
    /// Digests are compared, so that how long it takes tells nothing about the password.
    password: [u8; 32],
}

sdk::addon!(Passwords: config, files, authenticator);

impl Config for Passwords {
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        Ok(input.default_value(SERVICE, FLAG, LIST).into_iter().collect())
    }
}

impl Files for Passwords {
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error> {
        let known = |entry: Entry| {
            let password = digest(&entry.secret);
            (entry.user.name.clone(), Known { user: entry.user, password })
        };
        self.0 = user_list::granted(&files, FILE).into_iter().map(known).collect();
        Ok(())
    }
}

impl Authenticator for Passwords {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let Some(shown) = &credentials.password else { return Ok(None) };
        let known = self.0.get(&shown.user).filter(|known| known.password == digest(&shown.password));
        Ok(known.map(|known| known.user.clone()))
    }
}

fn digest(password: &str) -> [u8; 32] {
    Sha256::digest(password).into()
}

#[cfg(test)]
mod tests {
    use sdk::{Password, log};

    use super::*;

    fn passwords(content: &str) -> Passwords {
        let mut passwords = Passwords::default();
        let file = File {
            name: FILE.into(),
            path: "basic_auth.csv".into(),
            content: Some(content.into()),
            extra: Vec::new(),
        };
        passwords.changed(vec![file]).unwrap();
        passwords
    }

    fn user_of(passwords: &Passwords, user: &str, password: &str) -> Option<User> {
        let password = Some(Password { user: user.into(), password: password.into() });
        let credentials = Credentials { certificate: None, bearer_token: None, password, extra: Vec::new() };
        passwords.authenticate(&credentials).unwrap()
    }

    #[test]
    fn a_listed_password_is_its_user() {
        let user = user_of(&passwords("secret,eve,9,\"dev\"\n"), "eve", "secret").unwrap();
        assert_eq!(
            (user.name.as_str(), user.uid.as_str(), user.groups),
            ("eve", "9", vec!["dev".to_owned()])
        );
    }

    #[test]
    fn a_password_counts_for_its_own_user_alone() {
        let passwords = passwords("secret,eve,9\nother,bob,8\n");
        assert_eq!(user_of(&passwords, "bob", "secret"), None);
        assert_eq!(user_of(&passwords, "eve", ""), None);
        assert_eq!(user_of(&passwords, "mallory", "secret"), None);
    }

    #[test]
    fn a_broken_line_is_told_with_file_and_line_and_the_rest_stays_in_force() {
        let passwords = passwords("\"secret,eve,9\nother,bob,8\n");
        assert!(user_of(&passwords, "bob", "other").is_some());
        let (_, line) = log::recorded().remove(0);
        assert_eq!(line, "basic_auth.csv:1: the line has a quote that is not closed; it is left out");
    }
}
