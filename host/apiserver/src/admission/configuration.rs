//! Reading an AdmissionConfiguration: what plugins are told beside the flags.

use std::io;

use objects::Tree;
use objects::decode::{self, Notation};
use tracing::warn;

use super::event_rate::Limit;

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "AdmissionConfiguration";
pub(super) const EVENT_RATE_LIMIT: &str = "EventRateLimit";

/// What the plugins are told that can be told something. Nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdmissionConfiguration {
    pub(super) event_limits: Vec<Limit>,
}

/// What is wrong with a configuration: one line for each mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct AdmissionConfigurationError(pub Vec<String>);

impl AdmissionConfiguration {
    /// From the text of a file in YAML; `beside` reads a file that a plugin's row names instead of holding what it is
    /// told.
    pub fn read(
        text: &[u8],
        beside: impl Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, AdmissionConfigurationError> {
        let one = |why: String| AdmissionConfigurationError(vec![why]);
        let tree = parsed(text).map_err(one)?;
        let version = tree.str_at(&["apiVersion"]).unwrap_or_default();
        // Upstream takes the version before it still.
        let is_known = [API_VERSION, "apiserver.k8s.io/v1alpha1"].contains(&version);
        if !is_known || tree.str_at(&["kind"]) != Some(KIND) {
            return Err(one(format!("this is no {KIND} of {API_VERSION}")));
        }
        let (mut read, mut errors) = (Self::default(), Vec::new());
        for plugin in tree.items_at(&["plugins"]) {
            let name = plugin.str_at(&["name"]).unwrap_or_default();
            if name != EVENT_RATE_LIMIT {
                warn!(plugin = name, "what an admission plugin is told in its configuration has no effect");
                continue;
            }
            match told(plugin, &beside).and_then(|tree| Limit::read_all(&tree).map_err(|why| why.join("; ")))
            {
                Ok(limits) => read.event_limits = limits,
                Err(why) => errors.push(format!("{name}: {why}")),
            }
        }
        if errors.is_empty() { Ok(read) } else { Err(AdmissionConfigurationError(errors)) }
    }
}

/// What a row holds, or the file that it names.
fn told(plugin: &Tree, beside: &impl Fn(&str) -> io::Result<Vec<u8>>) -> Result<Tree, String> {
    let held = plugin.get("configuration").filter(|held| !held.is_null());
    match (held, plugin.str_at(&["path"])) {
        (Some(held), _) => Ok(held.clone()),
        (None, Some(path)) => {
            let text = beside(path).map_err(|why| format!("cannot read {path}: {why}"))?;
            parsed(&text)
        }
        (None, None) => Err("neither configuration nor path is there".to_owned()),
    }
}

fn parsed(text: &[u8]) -> Result<Tree, String> {
    decode::value(text, Notation::Yaml).map(|(tree, _)| tree).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "apiVersion: eventratelimit.admission.k8s.io/v1alpha1\nkind: Configuration\nlimits: [{type: Server, qps: 1, burst: 1}]\n";

    fn read(plugins: &str) -> Result<usize, String> {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: {plugins}\n"
        );
        let beside = |path: &str| match path {
            "limits.yaml" => Ok(LIMITS.as_bytes().to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let read = AdmissionConfiguration::read(text.as_bytes(), beside);
        read.map(|read| read.event_limits.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_in_the_row_or_in_a_file_beside() {
        assert_eq!(read("[{name: EventRateLimit, path: limits.yaml}]"), Ok(1));
        let held = LIMITS.trim_end().replace('\n', ", ");
        assert_eq!(read(&format!("[{{name: EventRateLimit, configuration: {{{held}}}}}]")), Ok(1));
        assert_eq!(read("[{name: PodNodeSelector, path: gone.yaml}]"), Ok(0));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_plugin() {
        let missing = read("[{name: EventRateLimit, path: gone.yaml}, {name: EventRateLimit}]").unwrap_err();
        assert_eq!(
            missing,
            "EventRateLimit: cannot read gone.yaml: entity not found; EventRateLimit: neither configuration nor path is there"
        );
        let other = AdmissionConfiguration::read(b"kind: Other", |_| unreachable!()).unwrap_err();
        assert_eq!(other.to_string(), "this is no AdmissionConfiguration of apiserver.config.k8s.io/v1");
    }
}
