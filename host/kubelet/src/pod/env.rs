//! The environment of a container: its own variables, those of ConfigMaps and Secrets, and one set for each service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, Pod, Secret, Service};

use super::facts::PodFacts;
use super::fields::{FieldError, Place, field, resource};

/// The namespace of the API server's service, which every pod gets to know.
const MASTER_NAMESPACE: &str = "default";
const MASTER_SERVICE: &str = "kubernetes";

/// What an environment is made from. An object that is not there is missing from its map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) config_maps: BTreeMap<String, ConfigMap>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) services: Arc<[Arc<Service>]>,
}

/// The names of the objects that a container's environment refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) config_maps: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvError {
    #[error("{resource} \"{name}\" not found")]
    NoObject { resource: &'static str, name: String },
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    NoKey { key: String, kind: &'static str, namespace: String, name: String },
    #[error("{kind} {namespace}/{name}: the value of key {key} is no text")]
    NoText { key: String, kind: &'static str, namespace: String, name: String },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("environment variable {0} is read from a file: not supported")]
    File(String),
}

pub(crate) fn references(container: &Container) -> References {
    let mut found = References::default();
    for from in container.env_from.iter().flatten() {
        found.config_maps.extend(from.config_map_ref.iter().map(|source| source.name.clone()));
        found.secrets.extend(from.secret_ref.iter().map(|source| source.name.clone()));
    }
    for source in container.env.iter().flatten().filter_map(|var| var.value_from.as_ref()) {
        found.config_maps.extend(source.config_map_key_ref.iter().map(|key| key.name.clone()));
        found.secrets.extend(source.secret_key_ref.iter().map(|key| key.name.clone()));
    }
    found
}

/// The data of a Secret as text, where it is text.
fn secret_text(secret: &Secret, key: &str) -> Option<Option<String>> {
    let bytes = secret.data.as_ref()?.get(key)?;
    Some(String::from_utf8(bytes.0.clone()).ok())
}

struct Environment<'a> {
    pod: &'a Pod,
    container: &'a Container,
    place: &'a Place,
    sources: &'a Sources,
    set: BTreeMap<String, String>,
    order: Vec<String>,
}

/// Resolves the environment in the order of definition; a later definition of a name wins in the place of the first.
pub(crate) fn resolve(
    pod: &Pod,
    container: &Container,
    place: &Place,
    sources: &Sources,
) -> Result<Vec<(String, String)>, EnvError> {
    let services = service_variables(pod, &sources.services);
    let mut made = Environment { pod, container, place, sources, set: BTreeMap::new(), order: Vec::new() };
    made.take_objects()?;
    for var in container.env.iter().flatten() {
        if let Some(value) = made.value(var, &services)? {
            made.put(var.name.clone(), value);
        }
    }
    for (name, value) in services {
        if !made.set.contains_key(&name) {
            made.put(name, value);
        }
    }
    let Environment { mut set, order, .. } = made;
    Ok(order.into_iter().filter_map(|name| set.remove(&name).map(|value| (name, value))).collect())
}

impl Environment<'_> {
    fn put(&mut self, name: String, value: String) {
        if self.set.insert(name.clone(), value).is_none() {
            self.order.push(name);
        }
    }

    fn take_objects(&mut self) -> Result<(), EnvError> {
        for from in self.container.env_from.iter().flatten() {
            let prefix = from.prefix.as_deref().unwrap_or_default();
            if let Some(source) = &from.config_map_ref {
                let object = self.sources.config_maps.get(&source.name);
                let object = present("configmap", &source.name, object, source.optional)?;
                for (key, value) in object.and_then(|object| object.data.as_ref()).into_iter().flatten() {
                    self.put(format!("{prefix}{key}"), value.clone());
                }
            }
            if let Some(source) = &from.secret_ref {
                let object = self.sources.secrets.get(&source.name);
                let object = present("secret", &source.name, object, source.optional)?;
                for key in object.and_then(|object| object.data.as_ref()).into_iter().flat_map(BTreeMap::keys)
                {
                    let text = object.and_then(|object| secret_text(object, key)).flatten();
                    let value = text.ok_or_else(|| self.no_text(key, "Secret", &source.name))?;
                    self.put(format!("{prefix}{key}"), value);
                }
            }
        }
        Ok(())
    }

    /// `None` for a variable whose optional source is not there.
    fn value(&self, var: &EnvVar, services: &[(String, String)]) -> Result<Option<String>, EnvError> {
        let Some(source) = &var.value_from else {
            let text = var.value.as_deref().unwrap_or_default();
            let known = |name: &str| {
                let service =
                    || services.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
                self.set.get(name).map(String::as_str).or_else(service).map(str::to_owned)
            };
            return Ok(Some(expand(text, known)));
        };
        if let Some(source) = &source.field_ref {
            return Ok(Some(field(self.pod, self.place, &source.field_path)?));
        }
        if let Some(source) = &source.resource_field_ref {
            return Ok(Some(resource(self.pod, self.place, &self.container.name, source)?));
        }
        if let Some(source) = &source.config_map_key_ref {
            let object = self.sources.config_maps.get(&source.name);
            let object = present("configmap", &source.name, object, source.optional)?;
            let value = object.and_then(|object| object.data.as_ref()?.get(&source.key).cloned());
            return self.keyed(value.map(Some), &source.key, "ConfigMap", &source.name, source.optional);
        }
        if let Some(source) = &source.secret_key_ref {
            let object = self.sources.secrets.get(&source.name);
            let object = present("secret", &source.name, object, source.optional)?;
            let value = object.and_then(|object| secret_text(object, &source.key));
            return self.keyed(value, &source.key, "Secret", &source.name, source.optional);
        }
        if source.file_key_ref.is_some() {
            return Err(EnvError::File(var.name.clone()));
        }
        Ok(Some(String::new()))
    }

    /// `value`: none where there is no such key, `Some(None)` where it is no text.
    fn keyed(
        &self,
        value: Option<Option<String>>,
        key: &str,
        kind: &'static str,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<String>, EnvError> {
        match value {
            Some(Some(text)) => Ok(Some(text)),
            Some(None) => Err(self.no_text(key, kind, name)),
            None if optional == Some(true) => Ok(None),
            None => {
                let (key, namespace, name) =
                    (key.to_owned(), self.pod.namespace().to_owned(), name.to_owned());
                Err(EnvError::NoKey { key, kind, namespace, name })
            }
        }
    }

    fn no_text(&self, key: &str, kind: &'static str, name: &str) -> EnvError {
        let (key, namespace, name) = (key.to_owned(), self.pod.namespace().to_owned(), name.to_owned());
        EnvError::NoText { key, kind, namespace, name }
    }
}

fn present<'a, K>(
    resource: &'static str,
    name: &str,
    object: Option<&'a K>,
    optional: Option<bool>,
) -> Result<Option<&'a K>, EnvError> {
    match object {
        None if optional != Some(true) => Err(EnvError::NoObject { resource, name: name.to_owned() }),
        object => Ok(object),
    }
}

/// Replaces `$(NAME)` where the name is known; `$$` is one `$`; everything else stays as it is.
pub(crate) fn expand(text: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = &from[1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(')')) {
            out.push_str(&known(name).unwrap_or_else(|| format!("$({name})")));
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `WEB_SERVICE_HOST` and its like, for the services of the pod's namespace and for the API server's.
fn service_variables(pod: &Pod, services: &[Arc<Service>]) -> Vec<(String, String)> {
    let linked = pod.spec().and_then(|spec| spec.enable_service_links).unwrap_or(true);
    let applies = |service: &&Arc<Service>| {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let master = namespace == MASTER_NAMESPACE && name == MASTER_SERVICE;
        let own = namespace == pod.namespace() && name != MASTER_SERVICE;
        master || (linked && own)
    };
    services.iter().filter(applies).flat_map(|service| variables_of(service)).collect()
}

fn variables_of(service: &Service) -> Vec<(String, String)> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let host = spec.cluster_ip.as_deref().unwrap_or_default();
    let ports = spec.ports.as_deref().unwrap_or_default();
    let (Some(first), false) = (ports.first(), matches!(host, "" | "None")) else { return Vec::new() };
    let upper = |text: &str| text.to_uppercase().replace('-', "_");
    let prefix = upper(service.metadata.name.as_deref().unwrap_or_default());
    let protocol = |said: Option<&str>| said.unwrap_or("TCP").to_owned();
    let url = |protocol: &str, port: i32| match host.contains(':') {
        true => format!("{}://[{host}]:{port}", protocol.to_lowercase()),
        false => format!("{}://{host}:{port}", protocol.to_lowercase()),
    };
    let mut made = vec![
        (format!("{prefix}_SERVICE_HOST"), host.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in ports {
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            made.push((format!("{prefix}_SERVICE_PORT_{}", upper(name)), port.port.to_string()));
        }
    }
    made.push((format!("{prefix}_PORT"), url(&protocol(first.protocol.as_deref()), first.port)));
    for port in ports {
        let protocol = protocol(port.protocol.as_deref());
        let each = format!("{prefix}_PORT_{}_{}", port.port, protocol.to_uppercase());
        made.push((each.clone(), url(&protocol, port.port)));
        made.push((format!("{each}_PROTO"), protocol.to_lowercase()));
        made.push((format!("{each}_PORT"), port.port.to_string()));
        made.push((format!("{each}_ADDR"), host.to_owned()));
    }
    made
}

#[cfg(test)]
mod tests;
