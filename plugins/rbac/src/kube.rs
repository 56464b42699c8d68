//! The API of the cluster, through the host.

use sdk::kube::{self, Target};
use sdk::{Error, GroupVersionResource};
use serde_json::{Value, json};

use crate::bootstrap::Api;
use crate::model::{GROUP, Kind, Metadata, VERSION};

pub(crate) struct Kube;

impl Api for Kube {
    fn list(&mut self, kind: Kind) -> Result<Vec<Value>, Error> {
        kube::list(&target(kind, "", ""))?.iter().map(|json| read(json)).collect()
    }

    fn get(&mut self, kind: Kind, name: &str) -> Result<Option<Value>, Error> {
        match kube::get(&target(kind, "", name)) {
            Ok(json) => read(&json).map(Some),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, kind: Kind, metadata: &Metadata, object: &Value) -> Result<(), Error> {
        let mut object = object.clone();
        object["apiVersion"] = json!(format!("{GROUP}/{VERSION}"));
        object["kind"] = json!(kind.name());
        kube::put(&target(kind, &metadata.namespace, &metadata.name), object.to_string().as_bytes()).map(drop)
    }

    fn delete(&mut self, kind: Kind, metadata: &Metadata) -> Result<(), Error> {
        kube::delete(&target(kind, &metadata.namespace, &metadata.name))
    }
}

fn target(kind: Kind, namespace: &str, name: &str) -> Target {
    let (group, version) = (GROUP.into(), VERSION.into());
    Target {
        resource: GroupVersionResource { group, version, resource: kind.resource().into() },
        subresource: String::new(),
        namespace: namespace.into(),
        name: name.into(),
        extra: Vec::new(),
    }
}

fn read(json: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(json).map_err(|error| Error::Other(format!("read an object of the API: {error}")))
}
