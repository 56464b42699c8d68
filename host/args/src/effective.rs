//! The values in force, each with its origin.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use crate::service::Service;
use crate::table::{Flag, Kind};
use crate::value;

/// Who gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Profile(&'static str),
    /// A line, counted from 1, of a file in `args/`.
    File {
        service: Service,
        line: usize,
    },
    Addon(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File { service, line } => write!(f, "args/{service}:{line}"),
            Self::Addon(name) => write!(f, "addon {name}"),
        }
    }
}

/// One flag with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub flag: &'static Flag,
    /// Empty where there is none.
    pub value: String,
    pub origin: Origin,
    /// Values that this one replaced, the nearest first.
    pub overrides: Vec<(String, Origin)>,
}

impl Setting {
    pub(crate) fn replace(&mut self, value: String, origin: Origin) {
        let old = (std::mem::replace(&mut self.value, value), std::mem::replace(&mut self.origin, origin));
        if !old.0.is_empty() {
            self.overrides.insert(0, old);
        }
    }
}

/// The flags of one service, in the order of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceArgs {
    pub service: Service,
    pub settings: Vec<Setting>,
}

/// Typed getters.
///
/// # Panics
/// When the service has no flag of that name and kind: which there are is written in the program, and the values were
/// checked by the fold.
impl ServiceArgs {
    fn setting(&self, name: &str) -> &Setting {
        let found = self.settings.iter().find(|setting| setting.flag.name == name);
        found.unwrap_or_else(|| panic!("{} has no row for --{name}", self.service))
    }

    fn checked<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> T {
        let setting = self.setting(name);
        let kind = setting.flag.kind;
        read(&setting.value).unwrap_or_else(|| panic!("--{name} of {} is {kind:?}", self.service))
    }

    /// Whether somebody set it.
    pub fn is_given(&self, name: &str) -> bool {
        self.setting(name).origin != Origin::Default
    }

    /// Empty where there is no value.
    pub fn text(&self, name: &str) -> &str {
        &self.setting(name).value
    }

    pub fn bool(&self, name: &str) -> bool {
        self.checked(name, value::boolean)
    }

    pub fn number(&self, name: &str) -> u64 {
        self.checked(name, |value| value.parse().ok())
    }

    pub fn decimal(&self, name: &str) -> f64 {
        self.checked(name, value::decimal)
    }

    /// `None` where nothing listens.
    pub fn port(&self, name: &str) -> Option<u16> {
        Some(self.checked(name, |value| value.parse().ok())).filter(|port| *port != 0)
    }

    pub fn duration(&self, name: &str) -> Duration {
        self.checked(name, value::duration)
    }

    pub fn address(&self, name: &str) -> Option<IpAddr> {
        self.checked(name, |value| if value.is_empty() { Some(None) } else { value.parse().ok().map(Some) })
    }

    /// Where something listens.
    pub fn url(&self, name: &str) -> SocketAddr {
        self.checked(name, value::url)
    }

    pub fn cidrs(&self, name: &str) -> Vec<IpNet> {
        self.checked(name, |value| value::list(value).map(|part| part.parse().ok()).collect())
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        value::list(self.text(name)).map(str::to_owned).collect()
    }

    pub fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let pair = |part: &str| part.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.checked(name, |value| value::list(value).map(pair).collect())
    }
}

/// A value that is another one after than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub service: Service,
    pub flag: &'static Flag,
    pub before: String,
    pub after: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &str| if value.is_empty() { "(none)".to_owned() } else { value.to_owned() };
        let Self { service, flag, before, after } = self;
        write!(f, "{service} --{}: {} -> {}", flag.name, shown(before), shown(after))
    }
}

/// The whole configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Every service, whether it runs here or not.
    pub services: Vec<ServiceArgs>,
    /// What was given and has no effect, one line each.
    pub warnings: Vec<String>,
}

impl Effective {
    pub fn service(&self, service: Service) -> &ServiceArgs {
        self.services.iter().find(|args| args.service == service).expect("the fold has every service")
    }

    pub(crate) fn setting_mut(&mut self, service: Service, name: &str) -> Option<&mut Setting> {
        let args = self.services.iter_mut().find(|args| args.service == service)?;
        args.settings.iter_mut().find(|setting| setting.flag.name == name)
    }

    /// Every setting with its service.
    pub fn settings(&self) -> impl Iterator<Item = (Service, &Setting)> {
        self.services.iter().flat_map(|args| args.settings.iter().map(move |setting| (args.service, setting)))
    }

    /// What is different after.
    pub fn changes(&self, after: &Self) -> Vec<Change> {
        let pairs = self.settings().zip(after.settings());
        pairs
            .filter(|((_, before), (_, after))| before.value != after.value)
            .map(|((service, before), (_, after))| Change {
                service,
                flag: before.flag,
                before: before.value.clone(),
                after: after.value.clone(),
            })
            .collect()
    }
}

/// The form in which equal values are equal texts.
pub(crate) fn canonical(kind: Kind, text: &str) -> String {
    match (kind, value::boolean(text)) {
        (Kind::Bool, Some(value)) => value.to_string(),
        _ => text.to_owned(),
    }
}
