//! What an addon of mk8s-host is written with: a trait for each role, and [`addon!`], which turns a plain struct into a
//! component.
//!
//! An addon is a value with a `Default`; the SDK keeps it, one for each instance of the component. It implements the
//! traits of its roles and names them once:
//!
//! ```ignore
//! sdk::addon!(Tokens: config, files, authenticator);
//! ```
//!
//! The component exports exactly these interfaces and imports only what the code calls. Its metadata is `addon.json` next
//! to its `Cargo.toml`. Nothing of this needs wasm: the traits are called in plain unit tests.

mod allocator;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod log;
mod roles;
pub mod settings;
pub mod user_list;

pub use allocator::Allocator;
pub use bindings::imports::mk8s::addon::types::{Error, GroupVersionResource, ObjectKey, Setting, User};
pub use bindings::imports::mk8s::addon::{kube, kv, metrics, pki};
pub use roles::*;

pub mod admission {
    //! What the role `admission` speaks of.
    pub use crate::bindings::admission::exports::mk8s::addon::admission::{
        Denial, Mutation, Operation, Request, Review,
    };
}

pub mod dns {
    //! What the role `dns` speaks of.
    pub use crate::bindings::dns::exports::mk8s::addon::dns::{Client, Response};
}

pub mod overlay {
    //! What the role `overlay` speaks of.
    pub use crate::bindings::overlay::exports::mk8s::addon::overlay::{
        Action, Cluster, FilterRule, Hook, Link, LinkKind, Neighbour, Node, Plan, Route, Vxlan,
    };
}

pub mod scheduling {
    //! What the role `scheduling` speaks of.
    pub use crate::bindings::scheduling::exports::mk8s::addon0_2_0_draft::scheduling::{
        Candidates, Rating, Refusal,
    };
}

/// Where the value of an addon is kept; implemented by [`addon!`].
#[doc(hidden)]
pub trait Keep {
    type Addon;

    fn with<R>(work: impl FnOnce(&mut Self::Addon) -> R) -> R;
}

/// Makes a component of a type: `addon!(Type: role, …)`, the roles being `config`, `lifecycle`, `objects`, `files`,
/// `authenticator`, `authorizer`, `admission`, `dns`, `overlay` and `scheduling`, each with its trait implemented.
#[macro_export]
macro_rules! addon {
    ($addon:ty: $($role:ident),+ $(,)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static ADDON: ::std::cell::RefCell<$addon> = ::std::default::Default::default();
            }

            struct Exports;

            impl $crate::Keep for Exports {
                type Addon = $addon;

                fn with<R>(work: impl FnOnce(&mut $addon) -> R) -> R {
                    ADDON.with(|addon| work(&mut addon.borrow_mut()))
                }
            }

            #[used]
            #[unsafe(link_section = "mk8s:addon")]
            static METADATA: [u8; include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/addon.json")).len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/addon.json"));

            $($crate::bindings::$role::export!(Exports with_types_in $crate::bindings::$role);)+
        };
    };
}
