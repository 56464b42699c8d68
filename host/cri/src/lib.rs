//! Owns the container runtime's API: CRI and containerd's own services over one unix socket, the configuration that
//! containerd is started with, and the pause image. Wire messages stay inside; what is started, kept or removed is
//! decided by the caller.

mod attach;
mod container;
mod error;
mod events;
mod grpc;
mod image;
mod process;
mod runtime;
mod sandbox;
mod wire;

pub mod archive;
pub mod containerd;
pub mod pause;

pub use attach::{AttachRequest, AttachStreams, Attachment};
pub use container::{
    Capabilities, ContainerConfig, ContainerId, ContainerMetadata, ContainerState, ContainerStats,
    ContainerStatus, LinuxResources, Mount, Propagation, Seccomp, SecurityContext,
};
pub use error::{Code, Error};
pub use events::{Event, Events};
pub use grpc::Spawner;
pub use image::{FilesystemUsage, Image, ImageCredentials};
pub use process::{ExecRequest, Process, ProcessIo, ProcessStreams};
pub use runtime::{ExecOutput, Runtime, RuntimeStatus, Version};
pub use sandbox::{Dns, NamespaceMode, Sandbox, SandboxConfig, SandboxId, SandboxMetadata, SandboxState};
