//! Opens a call's needs beyond the wall for as long as its command runs.

use std::path::{Path, PathBuf};

use crate::exec::egress::hosts::HostLoan;
use crate::exec::egress::pattern::HostPattern;
use crate::exec::egress::target::EgressTarget;
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure;
use crate::exec::sandbox::wall::Tier;
use crate::policy::wall::widening::{CallNeeds, HostPort};
use crate::tools::outcome::ToolError;

/// Access that is open beyond the wall. When it is dropped, its hosts are closed.
#[derive(Debug, Default)]
pub(super) struct OpenedNeeds {
    widening: enclosure::Widening,
    _hosts: Vec<HostLoan>,
}

impl OpenedNeeds {
    /// Opens what a call needs, which the policy has judged.
    pub(super) fn of(needs: &CallNeeds, processes: &Processes) -> Result<Self, ToolError> {
        let tier = processes.tier();
        if tier == Tier::None {
            return Ok(Self::default());
        }
        let folders = needs.folders.iter().map(|folder| real(folder));
        let mut widening = enclosure::Widening {
            folders: folders.collect::<Result<_, _>>()?,
            network: false,
        };
        let mut hosts = Vec::new();
        if tier == Tier::Full {
            let lent = needs.hosts.iter().map(|host| lend(host, processes));
            hosts = lent.collect::<Result<_, _>>()?;
        } else {
            // There is no proxy that could let some hosts through.
            widening.network = !needs.hosts.is_empty();
        }
        Ok(Self {
            widening,
            _hosts: hosts,
        })
    }

    /// The access that the wall gives the command.
    pub(super) fn widening(&self) -> &enclosure::Widening {
        &self.widening
    }
}

/// A folder by its real path. One that is named by a link is refused: where it leads may have changed
/// since a person saw it.
fn real(folder: &Path) -> Result<PathBuf, ToolError> {
    let shown = folder.display();
    let told = |what: String| ToolError::Tell(format!("`needs.folders`: {what}"));
    let found = folder
        .canonicalize()
        .map_err(|error| told(format!("`{shown}` cannot be opened: {error}")))?;
    if found != *folder {
        let found = found.display();
        return Err(told(format!(
            "`{shown}` is really `{found}`; name it by that"
        )));
    }
    if !found.is_dir() {
        return Err(told(format!("`{shown}` is no folder")));
    }
    Ok(found)
}

fn lend(host: &HostPort, processes: &Processes) -> Result<HostLoan, ToolError> {
    let target = EgressTarget {
        host: host.host.clone(),
        port: host.port,
    };
    processes
        .lend(HostPattern::exactly(&target))
        .ok_or_else(|| ToolError::Tell(format!("`needs.hosts`: this run cannot reach {host}")))
}
