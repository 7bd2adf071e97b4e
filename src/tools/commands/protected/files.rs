//! The protected files of a run at one time.
//!
//! Where there are namespaces, those that exist are read-only for commands; what is not there yet, and
//! everything where there are none, can be written by a command. A repository that a command makes in a
//! folder that was there keeps its settings, but for those that run programs, and loses its hooks.

use std::sync::Arc;

use crate::exec::process::Processes;
use crate::exec::sandbox::wall::Tier;
use crate::platform::tasks::Tasks;
use crate::tools::commands::protected::guarded_folder::GuardedFolder;
use crate::tools::outcome::ToolError;
use crate::workspace::paths::Workspace;

/// The protected files of a run at one time; cheap to clone.
#[derive(Clone, Debug)]
pub struct ProtectedFiles {
    folders: Arc<[GuardedFolder]>,
}

impl ProtectedFiles {
    /// Looks at the files before a command starts; none where commands are not contained.
    pub(in crate::tools) async fn before(
        processes: &Processes,
        workspace: &Workspace,
        tasks: &Tasks,
    ) -> Result<Option<Self>, ToolError> {
        let Some(guarded) = processes.guarded(tasks).await? else {
            return Ok(None);
        };
        let is_mounted = processes.tier() == Tier::Full;
        let root = workspace.root().to_owned();
        let look = move || {
            let folders = 0..guarded.len();
            let looked = folders
                .filter_map(|at| GuardedFolder::look(&guarded, at, is_mounted, &root).transpose());
            looked.collect::<Result<Arc<[_]>, _>>()
        };
        let looked = tokio::task::spawn_blocking(look).await;
        let folders = looked.unwrap_or_else(|failure| Err(std::io::Error::other(failure)));
        match folders {
            Ok(folders) => Ok(Some(Self { folders })),
            Err(error) => Err(ToolError::Tell(format!(
                "the workspace's protected files cannot be looked at: {error}"
            ))),
        }
    }

    /// Puts back what a command changed since then, and says what, a sentence each.
    pub async fn put_back(&self) -> Vec<String> {
        let folders = Arc::clone(&self.folders);
        let put_back = move || folders.iter().flat_map(GuardedFolder::put_back).collect();
        let said = tokio::task::spawn_blocking(put_back).await;
        said.unwrap_or_else(|error| {
            vec![format!("protected files could not be looked at: {error}")]
        })
    }
}
