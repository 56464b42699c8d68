//! Keeps a ConfigMap. Every call may come again after a failure: what is as it should be is left as it is.

use sdk::{Error, Event, GroupVersionResource, Lifecycle, kube};

const NAME: &str = "{{name}}";
const WANTED: &str = r#"{
  "apiVersion": "v1",
  "kind": "ConfigMap",
  "metadata": { "name": "{{name}}", "namespace": "default" },
  "data": { "greeting": "hello" }
}"#;
/// How soon to look again.
const SECONDS: u32 = 60;

#[derive(Default)]
struct Addon;

sdk::addon!(Addon: lifecycle);

impl Lifecycle for Addon {
    fn notify(&mut self, _: Event) -> Result<(), Error> {
        Ok(())
    }

    fn reconcile(&mut self) -> Result<Option<u32>, Error> {
        let target = kube::Target {
            resource: GroupVersionResource {
                group: String::new(),
                version: "v1".into(),
                resource: "configmaps".into(),
            },
            subresource: String::new(),
            namespace: "default".into(),
            name: NAME.into(),
            extra: Vec::new(),
        };
        match kube::get(&target) {
            Ok(_) => {}
            Err(Error::NotFound(_)) => drop(kube::put(&target, WANTED.as_bytes())?),
            Err(why) => return Err(why),
        }
        Ok(Some(SECONDS))
    }
}
