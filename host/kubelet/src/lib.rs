//! The node agent: runs the pods that are bound to this node.

mod handle;
mod machine;
mod pod;
mod server;

pub use handle::{ContainerView, FindError, KubeletHandle, KubeletStatus, Life, PodView};
pub use machine::{Cgroups, Machine, Usage};
pub use server::Servers;
