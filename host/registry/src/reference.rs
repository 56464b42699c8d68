//! Where an artifact is: `oci://HOST[:PORT]/NAME[:TAG|@sha256:…]`.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

pub(crate) const SCHEME: &str = "oci://";
const LONGEST_TAG: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `HOST` or `HOST:PORT`.
    pub registry: String,
    pub repository: String,
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Tag(String),
    Digest(Digest),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} is no reference ({why}): write oci://HOST[:PORT]/NAME:TAG, or @sha256:… in the place of :TAG"
)]
pub struct ReferenceError {
    text: String,
    why: &'static str,
}

impl Reference {
    /// The name under which the version is asked for.
    pub(crate) fn version_text(&self) -> String {
        match &self.version {
            Version::Tag(tag) => tag.clone(),
            Version::Digest(digest) => digest.to_string(),
        }
    }

    /// The same artifact by its digest, which never changes.
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { version: Version::Digest(digest), ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match &self.version {
            Version::Tag(_) => ':',
            Version::Digest(_) => '@',
        };
        write!(f, "{SCHEME}{}/{}{separator}{}", self.registry, self.repository, self.version_text())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |why| ReferenceError { text: text.to_owned(), why };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("it does not begin with oci://"))?;
        let (registry, rest) = rest.split_once('/').ok_or_else(|| wrong("it names no repository"))?;
        let (repository, version) = match rest.split_once('@') {
            Some((repository, digest)) => {
                let digest = digest.parse().map_err(|_| wrong("what is after @ is no digest"))?;
                // `NAME:TAG@DIGEST` is by the digest.
                let repository = repository.split_once(':').map_or(repository, |(repository, _)| repository);
                (repository, Version::Digest(digest))
            }
            None => {
                let (repository, tag) = rest.split_once(':').ok_or_else(|| wrong("it names no tag"))?;
                (repository, Version::Tag(tag.to_owned()))
            }
        };
        if registry.is_empty()
            || !registry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        {
            return Err(wrong("it names no host"));
        }
        let part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        if !repository.split('/').all(part) {
            return Err(wrong(
                "the repository has other characters than lower-case letters, digits and ._-/",
            ));
        }
        if let Version::Tag(tag) = &version {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            let is_tag = !tag.is_empty() && tag.len() <= LONGEST_TAG && tag.bytes().all(letter);
            if !is_tag || tag.starts_with(['.', '-']) {
                return Err(wrong("the tag has other characters than letters, digits and ._-"));
            }
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_written() {
        let digest = Digest::of(b"");
        for text in [
            "oci://ghcr.io/acme/rules:1.2".to_owned(),
            "oci://127.0.0.1:5000/rules:latest".to_owned(),
            "oci://[::1]:5000/a/b/c:v1_x".to_owned(),
            format!("oci://ghcr.io/acme/rules@{digest}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        let both = format!("oci://ghcr.io/a:1@{digest}").parse::<Reference>().unwrap();
        assert_eq!(both.to_string(), format!("oci://ghcr.io/a@{digest}"));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "ghcr.io/acme/rules:1",
            "oci://ghcr.io",
            "oci://ghcr.io/acme",
            "oci:///acme:1",
            "oci://ghcr.io/../x:1",
            "oci://ghcr.io/a//b:1",
            "oci://ghcr.io/A:1",
            "oci://user@ghcr.io/a:1",
            "oci://ghcr.io/a:1/../../x",
            "oci://ghcr.io/a:1?x=y",
            "oci://ghcr.io/a:",
            "oci://ghcr.io/a@sha256:12",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
