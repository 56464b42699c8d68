//! What components are tried with: the engine and the compiler of a node, and a memory for what was compiled, since the
//! same component is checked, tested and asked one after the other.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use engine::{Component, Engine};

use crate::library::{ComponentError, Library, Package};
use crate::ports::Compiler;

/// Compiled components that are kept; one of Python has 35 MB.
const KEPT: usize = 4;

pub struct Workshop {
    folder: PathBuf,
    library: Library,
}

impl Workshop {
    /// `folder` is this user's alone: what lies in it is run.
    pub fn new(folder: PathBuf, engine: Engine, compiler: Arc<dyn Compiler>) -> Self {
        Self { library: Library::new(folder.clone(), engine, compiler), folder }
    }

    /// The component, which may import all that it wants.
    pub(super) async fn load(&self, package: &Package) -> Result<Component, ComponentError> {
        let component = self.library.load(package).await?;
        let swept = self.sweep().await;
        swept.map_err(|why| ComponentError::File { doing: "sweep", path: self.folder.clone(), why })?;
        Ok(component)
    }

    /// Removes all but what was compiled last.
    async fn sweep(&self) -> io::Result<()> {
        let mut compiled = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "cwasm") {
                let written = entry.metadata().await.and_then(|metadata| metadata.modified());
                compiled.push((written.unwrap_or(SystemTime::UNIX_EPOCH), path));
            }
        }
        compiled.sort_unstable();
        let old = compiled.len().saturating_sub(KEPT);
        for (_, path) in &compiled[..old] {
            match tokio::fs::remove_file(path).await {
                // Another command was faster.
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::node::{ENGINE, HereCompiler, hollow_addon};

    #[tokio::test]
    async fn what_was_compiled_last_is_kept_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Workshop::new(folder.path().join("compiled"), ENGINE.clone(), Arc::new(HereCompiler));
        for version in 0..=KEPT {
            let component = hollow_addon("a", &version.to_string(), "");
            workshop.load(&Package::read(component).unwrap()).await.unwrap();
        }
        assert_eq!(std::fs::read_dir(&workshop.folder).unwrap().count(), KEPT);
    }
}
