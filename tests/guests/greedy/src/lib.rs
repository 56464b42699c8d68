//! An authenticator that imports what its metadata does not declare.

use sdk::{Authenticator, Credentials, Error, Kind, User, kube};

#[derive(Default)]
struct Greedy;

sdk::addon!(Greedy: authenticator);

impl Authenticator for Greedy {
    fn authenticate(&self, _: &Credentials) -> Result<Option<User>, Error> {
        let secrets = Kind { group: String::new(), version: "v1".to_owned(), resource: "secrets".to_owned() };
        kube::list(&kube::Target {
            kind: secrets,
            namespace: String::new(),
            name: String::new(),
            extra: Vec::new(),
        })?;
        Ok(None)
    }
}
