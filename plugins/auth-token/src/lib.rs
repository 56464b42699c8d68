//! Authenticates by bearer tokens of a static list: `token,user,uid,"group,group"`, the file of kube-apiserver's
//! `--token-auth-file`.

use std::collections::HashMap;

use sdk::{Authenticator, Config, Credentials, Edit, Error, File, Files, Input, User, user_list};
use sha2::{Digest, Sha256};

const SERVICE: &str = "kube-apiserver";
const FLAG: &str = "token-auth-file";
const LIST: &str = "${SNAP_DATA}/credentials/known_tokens.csv";
/// The name of the file in the metadata.
const FILE: &str = "tokens";

/// The users by the digest of their token, so that how long a lookup takes tells nothing about a token. The last line
/// counts where a token is listed twice.
#[derive(Default)]
pub struct Tokens(HashMap<[u8; 32], User>);

sdk::addon!(Tokens: config, files, authenticator);

impl Config for Tokens {
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        Ok(input.default_value(SERVICE, FLAG, LIST).into_iter().collect())
    }
}

impl Files for Tokens {
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error> {
        let entries = user_list::granted(&files, FILE);
        self.0 = entries.into_iter().map(|entry| (digest(&entry.secret), entry.user)).collect();
        Ok(())
    }
}

impl Authenticator for Tokens {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let token = credentials.bearer_token.as_ref();
        Ok(token.and_then(|token| self.0.get(&digest(token))).cloned())
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use sdk::{Argument, Facts, log};

    use super::*;

    fn tokens(content: Option<&str>) -> Tokens {
        let mut tokens = Tokens::default();
        push(&mut tokens, content);
        tokens
    }

    fn push(tokens: &mut Tokens, content: Option<&str>) {
        let file = File {
            name: FILE.into(),
            path: "known_tokens.csv".into(),
            content: content.map(Into::into),
            extra: Vec::new(),
        };
        tokens.changed(vec![file]).unwrap();
    }

    fn user_of(tokens: &Tokens, token: &str) -> Option<User> {
        let credentials = Credentials {
            certificate: None,
            bearer_token: Some(token.into()),
            password: None,
            extra: Vec::new(),
        };
        tokens.authenticate(&credentials).unwrap()
    }

    fn input(value: Option<&str>) -> Input {
        let argument =
            value.map(|value| Argument { service: SERVICE.into(), flag: FLAG.into(), value: value.into() });
        let facts = Facts { node_name: "node".into(), addresses: Vec::new(), extra: Vec::new() };
        Input { arguments: argument.into_iter().collect(), settings: Vec::new(), facts, extra: Vec::new() }
    }

    #[test]
    fn a_listed_token_is_its_user() {
        let user = user_of(&tokens(Some("abc,admin,7,\"system:masters,ops\"\n")), "abc").unwrap();
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("admin", "7"));
        assert_eq!(user.groups, ["system:masters", "ops"]);
    }

    #[test]
    fn an_unlisted_token_is_nobody() {
        assert_eq!(user_of(&tokens(Some("abc,admin,7\n")), "abd"), None);
        assert_eq!(user_of(&tokens(Some("abc,admin,7\n")), ""), None);
    }

    #[test]
    fn a_broken_line_is_told_with_file_and_line_and_the_rest_stays_in_force() {
        let tokens = tokens(Some("abc,admin\ndef,view,2\n"));
        assert!(user_of(&tokens, "abc").is_none());
        assert!(user_of(&tokens, "def").is_some());
        let (_, line) = log::recorded().remove(0);
        assert_eq!(
            line,
            "known_tokens.csv:1: the line has 2 fields; at least secret,user,uid are needed; it is left out"
        );
    }

    #[test]
    fn a_token_that_is_listed_no_more_is_nobody() {
        let mut tokens = tokens(Some("abc,admin,7\n"));
        push(&mut tokens, Some("def,view,2\n"));
        assert!(user_of(&tokens, "abc").is_none());
        push(&mut tokens, None);
        assert!(user_of(&tokens, "def").is_none());
    }

    #[test]
    fn the_flag_is_set_only_where_it_is_not() {
        assert_eq!(Tokens::edits(&input(None)).unwrap(), [Edit::set(SERVICE, FLAG, LIST)]);
        assert_eq!(Tokens::edits(&input(Some("/etc/tokens.csv"))).unwrap(), []);
    }
}
