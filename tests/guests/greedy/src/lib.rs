//! An authenticator that imports what its metadata does not declare.

use sdk::{Authenticator, Credentials, Error, GroupVersionResource, User, kube};

#[derive(Default)]
struct Greedy;

sdk::addon!(Greedy: authenticator);

impl Authenticator for Greedy {
    fn authenticate(&self, _: &Credentials) -> Result<Option<User>, Error> {
        let (group, version) = (String::new(), "v1".to_owned());
        let secrets = GroupVersionResource { group, version, resource: "secrets".to_owned() };
        kube::list(&kube::Target {
            resource: secrets,
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            extra: Vec::new(),
        })?;
        Ok(None)
    }
}
