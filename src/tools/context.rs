//! The resources of a tool, and its limits.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::exec::output::OutputLine;
use crate::exec::process::Processes;
use crate::platform::outbound::client::Client;
use crate::platform::tasks::Tasks;
use crate::policy::service::Policy;
use crate::tools::commands::protected::files::ProtectedFiles;
use crate::tools::commands::running_servers::RunningServers;
use crate::tools::outcome::ToolError;
use crate::workspace::paths::Workspace;

/// The resources of the tools of one run. Cheap to clone; clones share the run's processes.
#[derive(Clone, Debug)]
pub struct ToolContext {
    /// Where the files are.
    pub workspace: Workspace,
    /// Ends what is running when the run is cancelled.
    pub cancel: CancellationToken,
    /// Where background work is spawned.
    pub tasks: Tasks,
    /// Where live output goes. When its reader does not keep up, live lines are dropped and counted;
    /// a command never waits for a reader.
    pub output: mpsc::Sender<OutputLine>,
    /// The way commands are started, and the commands that still run.
    pub processes: Processes,
    /// The servers this run started, by port.
    pub servers: RunningServers,
    /// For requests to loopback addresses: no proxy, no redirects.
    pub http: Client,
    /// The limits of each tool.
    pub limits: ToolLimits,
    /// The policy, by which a search leaves out files that may not be read unasked.
    pub policy: Policy,
    /// Where the command of the present call records how far it came.
    pub status_file: Option<PathBuf>,
}

impl ToolContext {
    /// The protected files as they are before a command starts; none where commands are not contained.
    pub(in crate::tools) async fn protected_files(
        &self,
    ) -> Result<Option<ProtectedFiles>, ToolError> {
        ProtectedFiles::before(&self.processes, &self.workspace, &self.tasks).await
    }

    /// Ends everything the run has started and waits until it is gone. Returns how many processes
    /// had left the supervision of their command and were found by the run's mark.
    pub async fn kill_everything(&self) -> usize {
        self.servers.clear();
        // Who cancelled it waits; a run that is done has the time.
        let soon = self.cancel.is_cancelled();
        let found = self.processes.kill_everything(soon).await;
        if let Some(protected) = self.servers.to_settle() {
            for said in protected.put_back().await {
                tracing::warn!("{said}");
            }
        }
        found
    }
}

/// The limits of the tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolLimits {
    /// The most bytes of a file that one `read_file` returns.
    pub read_bytes: usize,
    /// The most bytes that one `write_file` writes, and of a file that `edit_file` edits.
    pub write_bytes: usize,
    /// Entries that `list_directory` returns.
    pub list_entries: usize,
    /// Results that `search_files` returns.
    pub search_results: usize,
    /// Time limit of one search.
    pub search_time: Duration,
    /// The first and the last this many bytes of each stream of a command are kept.
    pub output_bytes: usize,
    /// Bytes of live output that one command may send.
    pub live_bytes: usize,
    /// Time limit of a command when the model sets none.
    pub command_time: Duration,
    /// The longest a command may take.
    pub command_time_max: Duration,
    /// The time limit that commands known to be slow (installs, builds) are raised to.
    pub slow_command_time: Duration,
    /// Servers that may run at once.
    pub servers: usize,
    /// Ports of our own that no tool may touch.
    pub reserved_ports: Vec<u16>,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self {
            read_bytes: 64 * 1024,
            write_bytes: 2 * 1024 * 1024,
            list_entries: 500,
            search_results: 100,
            search_time: Duration::from_secs(10),
            output_bytes: 16 * 1024,
            live_bytes: 256 * 1024,
            command_time: Duration::from_mins(5),
            command_time_max: Duration::from_mins(30),
            slow_command_time: Duration::from_mins(20),
            servers: 8,
            reserved_ports: Vec::new(),
        }
    }
}
