//! The first-party addons, which the binary carries.

/// A component of this release.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) component: &'static [u8],
    pub(crate) default: Default,
}

/// Whether an addon is enabled where the operator has not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Default {
    Enabled,
    /// By the hardened profile alone.
    Hardened,
    Disabled,
}

macro_rules! component {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm"))
    };
}

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin { name: "auth-basic", component: component!("auth-basic"), default: Default::Disabled },
    Builtin { name: "auth-oidc", component: component!("auth-oidc"), default: Default::Disabled },
    Builtin { name: "auth-token", component: component!("auth-token"), default: Default::Enabled },
    Builtin { name: "auth-x509", component: component!("auth-x509"), default: Default::Enabled },
    Builtin { name: "cis-hardening", component: component!("cis-hardening"), default: Default::Disabled },
    Builtin { name: "rbac", component: component!("rbac"), default: Default::Hardened },
];
