//! Where pods may go, as data: taints and the tolerations that stand them, and terms that select nodes. Whoever places
//! pods and whoever keeps them where they are asks the same questions.

mod node_selector;
mod taint;

pub use node_selector::{NodeRequirement, NodeSelector, NodeSelectorTerm};
pub use taint::{Effect, Taint, Toleration};
