//! Reading an EncryptionConfiguration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::Tree;
use objects::decode::{self, Notation};

use super::cipher::{AES_LENGTHS, BOX_LENGTHS, Cipher, Key};
use super::{Provider, Rule};

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "EncryptionConfiguration";

/// What is wrong with a configuration: one line for each mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct EncryptionError(pub Vec<String>);

/// A provider with keys: its name in the configuration, which is also that in envelopes.
struct Kind {
    name: &'static str,
    lengths: &'static [usize],
    cipher: fn(Vec<u8>) -> Option<Cipher>,
}

const KINDS: &[Kind] = &[
    Kind { name: "aescbc", lengths: AES_LENGTHS, cipher: Cipher::cbc },
    Kind { name: "aesgcm", lengths: AES_LENGTHS, cipher: Cipher::gcm },
    Kind { name: "secretbox", lengths: BOX_LENGTHS, cipher: Cipher::secret_box },
];
const IDENTITY: &str = "identity";

pub(super) fn read(text: &[u8]) -> Result<Vec<Rule>, EncryptionError> {
    let one = |why: String| EncryptionError(vec![why]);
    let (tree, _) = decode::value(text, Notation::Yaml).map_err(|error| one(error.to_string()))?;
    let said = (tree.str_at(&["apiVersion"]), tree.str_at(&["kind"]));
    if said != (Some(API_VERSION), Some(KIND)) {
        return Err(one(format!("this is no {KIND} of {API_VERSION}")));
    }
    let mut errors = Vec::new();
    let rules: Vec<Rule> = tree
        .items_at(&["resources"])
        .iter()
        .enumerate()
        .map(|(at, tree)| rule(tree, &format!("resources[{at}]"), &mut errors))
        .collect();
    if rules.is_empty() {
        errors.push("resources: Required value".to_owned());
    }
    if errors.is_empty() { Ok(rules) } else { Err(EncryptionError(errors)) }
}

fn rule(tree: &Tree, place: &str, errors: &mut Vec<String>) -> Rule {
    let names = tree.items_at(&["resources"]).iter().filter_map(Tree::as_str);
    let resources: Vec<String> = names.map(str::to_owned).collect();
    if resources.is_empty() {
        errors.push(format!("{place}.resources: Required value"));
    }
    let mut providers = Vec::new();
    for (at, tree) in tree.items_at(&["providers"]).iter().enumerate() {
        provider(tree, &format!("{place}.providers[{at}]"), &mut providers, errors);
    }
    if providers.is_empty() {
        errors.push(format!("{place}.providers: Required value"));
    }
    Rule { resources, providers }
}

fn provider(tree: &Tree, place: &str, into: &mut Vec<Provider>, errors: &mut Vec<String>) {
    let mut named = tree.fields();
    let (name, settings) = match (named.next(), named.next()) {
        (Some(one), None) => one,
        (None, _) => return errors.push(format!("{place}: provider does not contain any of the expected providers: AESGCM, AESCBC, Secretbox, Identity")),
        _ => return errors.push(format!("{place}: more than one provider specified in a single element, should split into different list elements")),
    };
    if name == IDENTITY {
        return into.push(Provider::Identity);
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).chain([IDENTITY]).collect();
        return errors.push(format!("{place}.{name}: no such provider here: there are {}", known.join(", ")));
    };
    let keys = settings.items_at(&["keys"]);
    if keys.is_empty() {
        errors.push(format!("{place}.{name}.keys: Required value"));
    }
    let mut seen = Vec::new();
    for (at, tree) in keys.iter().enumerate() {
        let place = format!("{place}.{name}.keys[{at}]");
        match key(kind, tree) {
            Ok((name, _)) if seen.contains(&name) => {
                errors.push(format!("{place}.name: Duplicate value: {name:?}"))
            }
            Ok((name, key)) => {
                seen.push(name);
                into.push(Provider::Encrypts(key));
            }
            Err(why) => errors.push(format!("{place}{why}")),
        }
    }
}

fn key(kind: &Kind, tree: &Tree) -> Result<(String, Key), String> {
    let name = tree.str_at(&["name"]).unwrap_or_default();
    if name.is_empty() {
        return Err(".name: Required value".to_owned());
    }
    let secret = STANDARD.decode(tree.str_at(&["secret"]).unwrap_or_default());
    let secret = secret.map_err(|_| ".secret: secrets must be base64 encoded".to_owned())?;
    let length = secret.len();
    let fits = kind.lengths.contains(&length);
    let cipher = (kind.cipher)(secret).filter(|_| fits).ok_or_else(|| {
        format!(
            ".secret: secret is not of the expected length, got {length}, expected one of {:?}",
            kind.lengths
        )
    })?;
    Ok((name.to_owned(), Key::new(kind.name, name, cipher)))
}
