//! The only spawner: tasks in scopes, units with dependencies and restarts, child processes with a pid file; and the
//! clock that they see. It does not know what its units do.

mod backoff;
mod child;
pub mod clock;
mod orphan;
mod scope;
mod tree;

pub use backoff::Backoff;
pub use child::{Child, ChildError, ChildSpec, OneShot, run_to_end};
pub use orphan::{OrphanError, end_orphan};
pub use scope::{Scope, Task, TaskError, panic_message};
pub use tree::{Ended, OnFailure, Tree, TreeHandle, TreeStatus, Unit, UnitContext, UnitState, UnitStatus};

/// Any error a unit may end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
