//! Levels, versions, and the policy that the labels of a namespace make.

use std::fmt;

use crate::meta;
use crate::tree::Tree;
use crate::validate::{FieldError, Path};

/// How much a pod may do, the least restricted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Privileged,
    Baseline,
    Restricted,
}

impl Level {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Privileged, "privileged"), (Self::Baseline, "baseline"), (Self::Restricted, "restricted")];

    fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.iter().find(|row| row.1 == text);
        found.map(|row| row.0).ok_or("must be one of privileged, baseline, restricted")
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|row| row.0 == *self).map_or("", |row| row.1))
    }
}

/// As of which release a level is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.x
    Minor(u32),
    Latest,
}

impl Version {
    fn parse(text: &str) -> Result<Self, &'static str> {
        const WHY: &str = "must be \"latest\" or \"v1.x\"";
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let minor = text.strip_prefix("v1.").ok_or(WHY)?;
        let is_number =
            minor.bytes().all(|byte| byte.is_ascii_digit()) && (minor == "0" || !minor.starts_with('0'));
        if is_number { minor.parse().map(Self::Minor).map_err(|_| WHY) } else { Err(WHY) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => write!(f, "v1.{minor}"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// A standard: a level as of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelVersion {
    pub level: Level,
    pub version: Version,
}

impl LevelVersion {
    pub const PRIVILEGED: Self = Self { level: Level::Privileged, version: Version::Latest };
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

/// What a namespace holds its pods to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub enforce: LevelVersion,
    pub audit: LevelVersion,
    pub warn: LevelVersion,
}

impl Policy {
    pub const PRIVILEGED: Self = Self {
        enforce: LevelVersion::PRIVILEGED,
        audit: LevelVersion::PRIVILEGED,
        warn: LevelVersion::PRIVILEGED,
    };

    /// Whether no pod is against it, whatever the versions.
    pub fn is_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|standard| standard.level == Level::Privileged)
    }
}

/// What stands for a value that is none: the strictest to enforce, nothing to tell of.
const UNREADABLE: [Level; 3] = [Level::Restricted, Level::Privileged, Level::Privileged];

/// The policy that the labels of a namespace make of the cluster's, and what is wrong with them. A policy is given also
/// where something is wrong.
pub fn policy(namespace: &Tree, defaults: Policy) -> (Policy, Vec<FieldError>) {
    let mut policy = defaults;
    let mut errors = Vec::new();
    let [mut enforced, mut warned, mut warned_version] = [false; 3];
    let labels = Path::new("metadata").child("labels");
    for (mode, unreadable) in ["enforce", "audit", "warn"].into_iter().zip(UNREADABLE) {
        let (level, version) = (
            format!("pod-security.kubernetes.io/{mode}"),
            format!("pod-security.kubernetes.io/{mode}-version"),
        );
        let standard = match mode {
            "enforce" => &mut policy.enforce,
            "audit" => &mut policy.audit,
            _ => &mut policy.warn,
        };
        let mut refuse =
            |label: &str, value: &str, why| errors.push(FieldError::invalid(&labels.key(label), value, why));
        if let Some(text) = meta::label(namespace, &level) {
            let parsed = Level::parse(text);
            enforced |= mode == "enforce" && parsed.is_ok();
            warned |= mode == "warn";
            standard.level = parsed.unwrap_or_else(|why| {
                refuse(&level, text, why);
                unreadable
            });
        }
        if let Some(text) = meta::label(namespace, &version) {
            warned_version |= mode == "warn";
            standard.version = Version::parse(text).unwrap_or_else(|why| {
                refuse(&version, text, why);
                Version::Latest
            });
        }
    }
    // What is enforced is told of, where nothing else is said of telling.
    if enforced && !warned && policy.enforce.level > policy.warn.level {
        policy.warn.level = policy.enforce.level;
        if !warned_version {
            policy.warn.version = policy.enforce.version;
        }
    }
    (policy, errors)
}
