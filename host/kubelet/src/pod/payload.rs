//! What files a volume made of API objects has: ConfigMaps, Secrets, downward fields and tokens, alone or projected.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, ServiceAccountTokenProjection, Volume,
    VolumeProjection,
};

use super::fields::{FieldError, Place, field, resource};

/// What upstream gives files that say nothing.
const DEFAULT_MODE: i32 = 0o644;
/// A token's life if its projection says nothing.
const TOKEN_SECONDS: i64 = 3600;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, mode {:o}", self.bytes.len(), self.mode)
    }
}

/// Files by their path within the volume.
pub(crate) type Payload = BTreeMap<String, File>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("{resource} \"{name}\" not found")]
    NoObject { resource: &'static str, name: String },
    #[error("references non-existent {resource} key: {key}")]
    NoKey { resource: &'static str, key: String },
    #[error("invalid path {0} in a volume")]
    Path(String),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("no token for service account {0}")]
    NoToken(String),
    #[error("volume {volume} is of a kind that this node does not have: {kind}")]
    Unsupported { volume: String, kind: &'static str },
}

/// A token that a volume asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenWanted {
    /// Empty: the API server's own.
    pub(crate) audience: String,
    pub(crate) seconds: i64,
}

/// What payloads are made from; an object that is not there is missing from its map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) config_maps: BTreeMap<String, ConfigMap>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) tokens: BTreeMap<TokenWanted, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) config_maps: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) tokens: BTreeSet<TokenWanted>,
}

fn token(source: &ServiceAccountTokenProjection) -> TokenWanted {
    TokenWanted {
        audience: source.audience.clone().unwrap_or_default(),
        seconds: source.expiration_seconds.unwrap_or(TOKEN_SECONDS),
    }
}

fn projections(volume: &Volume) -> &[VolumeProjection] {
    volume.projected.as_ref().and_then(|projected| projected.sources.as_deref()).unwrap_or_default()
}

/// The objects that the pod's volumes refer to.
pub(crate) fn wanted(volumes: &[Volume]) -> Wanted {
    let mut wanted = Wanted::default();
    for volume in volumes {
        wanted.config_maps.extend(volume.config_map.iter().map(|source| source.name.clone()));
        wanted.secrets.extend(volume.secret.iter().filter_map(|source| source.secret_name.clone()));
        for source in projections(volume) {
            wanted.config_maps.extend(source.config_map.iter().map(|source| source.name.clone()));
            wanted.secrets.extend(source.secret.iter().map(|source| source.name.clone()));
            wanted.tokens.extend(source.service_account_token.iter().map(token));
        }
    }
    wanted
}

/// The files of a volume; `None` for a volume that is no such set of files.
pub(crate) fn payload(
    pod: &Pod,
    place: &Place,
    volume: &Volume,
    contents: &Contents,
) -> Result<Option<Payload>, PayloadError> {
    let mut files = Files { pod, place, contents, made: Payload::new(), mode: DEFAULT_MODE };
    if let Some(source) = &volume.config_map {
        files.mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        files.config_map(&source.name, source.items.as_deref(), source.optional)?;
    } else if let Some(source) = &volume.secret {
        files.mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        let name = source.secret_name.as_deref().unwrap_or_default();
        files.secret(name, source.items.as_deref(), source.optional)?;
    } else if let Some(source) = &volume.downward_api {
        files.mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        files.downward(source.items.as_deref())?;
    } else if let Some(projected) = &volume.projected {
        files.mode = projected.default_mode.unwrap_or(DEFAULT_MODE);
        for source in projections(volume) {
            files.projection(volume, source)?;
        }
    } else {
        return Ok(None);
    }
    Ok(Some(files.made))
}

struct Files<'a> {
    pod: &'a Pod,
    place: &'a Place,
    contents: &'a Contents,
    made: Payload,
    mode: i32,
}

impl Files<'_> {
    fn put(&mut self, path: &str, bytes: Vec<u8>, mode: Option<i32>) -> Result<(), PayloadError> {
        let part_leaves = |part: &str| matches!(part, "" | "." | "..");
        if path.split('/').any(part_leaves) || path.starts_with("..") {
            return Err(PayloadError::Path(path.to_owned()));
        }
        let mode = mode.unwrap_or(self.mode).unsigned_abs() & 0o777;
        self.made.insert(path.to_owned(), File { bytes, mode });
        Ok(())
    }

    fn projection(&mut self, volume: &Volume, source: &VolumeProjection) -> Result<(), PayloadError> {
        if let Some(source) = &source.config_map {
            self.config_map(&source.name, source.items.as_deref(), source.optional)?;
        }
        if let Some(source) = &source.secret {
            self.secret(&source.name, source.items.as_deref(), source.optional)?;
        }
        if let Some(source) = &source.downward_api {
            self.downward(source.items.as_deref())?;
        }
        if let Some(source) = &source.service_account_token {
            let no_token =
                || PayloadError::NoToken(super::facts::PodFacts::service_account(self.pod).to_owned());
            let text = self.contents.tokens.get(&token(source)).ok_or_else(no_token)?;
            self.put(&source.path, text.clone().into_bytes(), None)?;
        }
        let unsupported = |kind| Err(PayloadError::Unsupported { volume: volume.name.clone(), kind });
        if source.cluster_trust_bundle.is_some() {
            return unsupported("clusterTrustBundle");
        }
        if source.pod_certificate.is_some() {
            return unsupported("podCertificate");
        }
        Ok(())
    }

    fn config_map(
        &mut self,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<(), PayloadError> {
        let data = self.contents.config_maps.get(name).map(|object| {
            let text =
                object.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes()));
            let binary =
                object.binary_data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone()));
            text.chain(binary).collect()
        });
        self.keys("configmap", name, data, items, optional)
    }

    fn secret(
        &mut self,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<(), PayloadError> {
        let data = self.contents.secrets.get(name).map(|object| {
            object.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
        });
        self.keys("secret", name, data, items, optional)
    }

    fn keys(
        &mut self,
        resource: &'static str,
        name: &str,
        data: Option<BTreeMap<String, Vec<u8>>>,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<(), PayloadError> {
        let optional = optional == Some(true);
        let data = match data {
            None if !optional => return Err(PayloadError::NoObject { resource, name: name.to_owned() }),
            data => data.unwrap_or_default(),
        };
        let Some(items) = items.filter(|items| !items.is_empty()) else {
            return data.into_iter().try_for_each(|(key, bytes)| self.put(&key, bytes, None));
        };
        for item in items {
            match data.get(&item.key) {
                Some(bytes) => self.put(&item.path, bytes.clone(), item.mode)?,
                None if optional => {}
                None => return Err(PayloadError::NoKey { resource, key: item.key.clone() }),
            }
        }
        Ok(())
    }

    fn downward(&mut self, items: Option<&[DownwardAPIVolumeFile]>) -> Result<(), PayloadError> {
        for item in items.unwrap_or_default() {
            let text = match (&item.field_ref, &item.resource_field_ref) {
                (Some(source), _) => field(self.pod, self.place, &source.field_path)?,
                (_, Some(source)) => resource(self.pod, self.place, "", source)?,
                _ => String::new(),
            };
            self.put(&item.path, text.into_bytes(), item.mode)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::pod::fixture;

    fn check(volume: &str, expected: Expect) {
        let volume: Volume = serde_json::from_str(&format!(r#"{{"name":"v",{volume}}}"#)).unwrap();
        let config = r#"{"metadata":{"name":"m"},"data":{"a":"1"},"binaryData":{"b":"/w=="}}"#;
        let wanted = wanted(std::slice::from_ref(&volume));
        let contents = Contents {
            config_maps: BTreeMap::from([("m".to_owned(), serde_json::from_str(config).unwrap())]),
            tokens: wanted.tokens.into_iter().map(|token| (token, "t".to_owned())).collect(),
            ..Contents::default()
        };
        let made = payload(&fixture::pod("{\"containers\":[]}"), &Place::default(), &volume, &contents);
        expected.assert_eq(&match made {
            Ok(Some(files)) => files
                .iter()
                .map(|(path, file)| format!("{path}: {:?} {:o}\n", file.bytes, file.mode))
                .collect(),
            Ok(None) => "no files".to_owned(),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn every_key_is_a_file_or_those_that_are_asked_for() {
        check(
            r#""configMap":{"name":"m"}"#,
            expect![[r#"
            a: [49] 644
            b: [255] 644
        "#]],
        );
        check(
            r#""configMap":{"name":"m","defaultMode":256,"items":[{"key":"a","path":"x/y","mode":511}]}"#,
            expect![[r#"
            x/y: [49] 777
        "#]],
        );
    }

    #[test]
    fn a_projection_has_several_sources() {
        check(
            r#""projected":{"sources":[{"serviceAccountToken":{"path":"token"}},{"configMap":{"name":"m","items":[{"key":"a","path":"ca.crt"}]}},
               {"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"fieldPath":"metadata.namespace"}}]}}]}"#,
            expect![[r#"
                ca.crt: [49] 644
                namespace: [110, 115] 644
                token: [116] 644
            "#]],
        );
    }

    #[test]
    fn what_is_missing_or_leaves_the_volume_is_an_error() {
        check(r#""secret":{"secretName":"none"}"#, expect![[r#"secret "none" not found"#]]);
        check(r#""secret":{"secretName":"none","optional":true}"#, expect![""]);
        check(
            r#""configMap":{"name":"m","items":[{"key":"z","path":"z"}]}"#,
            expect!["references non-existent configmap key: z"],
        );
        check(
            r#""configMap":{"name":"m","items":[{"key":"a","path":"../z"}]}"#,
            expect!["invalid path ../z in a volume"],
        );
        check(r#""emptyDir":{}"#, expect!["no files"]);
    }
}
