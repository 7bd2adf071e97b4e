//! Opens a call's needs beyond the wall for as long as its command runs.

use std::path::{Path, PathBuf};

use crate::exec::credentials::lent::{LentCredentials, WantedCredentials};
use crate::exec::egress::hosts::HostLoan;
use crate::exec::egress::pattern::HostPattern;
use crate::exec::egress::target::EgressTarget;
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure;
use crate::exec::sandbox::wall::Tier;
use crate::platform::tasks::Tasks;
use crate::policy::wall::widening::{CallNeeds, CredentialKind, HostPort, NeededUntil};
use crate::tools::outcome::ToolError;

/// Access that is open beyond the wall. When it is dropped, its hosts are closed, and nothing is lent
/// any more.
#[derive(Debug, Default)]
pub(super) struct OpenedNeeds {
    widening: enclosure::Widening,
    credentials: Option<LentCredentials>,
    _hosts: Vec<HostLoan>,
}

impl OpenedNeeds {
    /// Opens what a call needs, which the policy has judged.
    pub(super) async fn of(
        needs: &CallNeeds,
        processes: &Processes,
        tasks: &Tasks,
    ) -> Result<Self, ToolError> {
        let opened = match needs.until {
            NeededUntil::CommandEnds => Self::within(needs, processes)?,
            NeededUntil::RunEnds => Self::for_run(needs, processes, tasks).await?,
        };
        if needs.credentials.is_empty() {
            return Ok(opened);
        }
        let of = |kind: CredentialKind| {
            let needed = needs.credentials.iter().filter(|it| it.kind == kind);
            needed
                .map(|it| (it.host.host.clone(), it.host.port))
                .collect()
        };
        let wanted = WantedCredentials {
            agent: of(CredentialKind::SshAgent),
            tokens: of(CredentialKind::GitToken),
        };
        let lent = processes.lend_credentials(&wanted, tasks).await?;
        let widening = enclosure::Widening {
            readable: lent.readable.clone(),
            ..opened.widening
        };
        Ok(Self {
            widening,
            credentials: Some(lent),
            ..opened
        })
    }

    /// Opens hosts and folders for a command.
    fn within(needs: &CallNeeds, processes: &Processes) -> Result<Self, ToolError> {
        let mut hosts = Vec::new();
        if processes.tier() == Tier::Full {
            for host in &needs.hosts {
                let reachable = processes.hosts().ok_or_else(|| unreachable(host))?;
                hosts.push(reachable.lend(pattern(host)));
            }
        }
        Ok(Self {
            widening: widening(needs, processes.tier())?,
            credentials: None,
            _hosts: hosts,
        })
    }

    /// Opens hosts and folders for the rest of the run.
    async fn for_run(
        needs: &CallNeeds,
        processes: &Processes,
        tasks: &Tasks,
    ) -> Result<Self, ToolError> {
        let tier = processes.tier();
        if tier == Tier::Full {
            for host in &needs.hosts {
                let hosts = processes.hosts().ok_or_else(|| unreachable(host))?;
                hosts.allow(pattern(host));
            }
        }
        if tier != Tier::None {
            processes.widen(&widening(needs, tier)?, tasks).await?;
        }
        Ok(Self::default())
    }

    /// The credentials that the command is lent.
    pub(super) fn credentials(&self) -> Option<&LentCredentials> {
        self.credentials.as_ref()
    }

    /// The access that the wall gives the command.
    pub(super) fn widening(&self) -> &enclosure::Widening {
        &self.widening
    }
}

/// Refuses credentials to a call whose command does not end with it.
pub(super) fn refuse_credentials(needs: &CallNeeds) -> Result<(), ToolError> {
    if needs.credentials.is_empty() {
        return Ok(());
    }
    let told = "`needs.credentials` is for `run_command`, which ends";
    Err(ToolError::Tell(told.to_owned()))
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
        return Err(told(format!("`{shown}` is not a folder")));
    }
    Ok(found)
}

/// The access beyond the wall that a call needs. Hosts are told apart only by a proxy, which only the
/// strongest wall has.
fn widening(needs: &CallNeeds, tier: Tier) -> Result<enclosure::Widening, ToolError> {
    if tier == Tier::None {
        return Ok(enclosure::Widening::default());
    }
    let folders = needs.folders.iter().map(|folder| real(folder));
    Ok(enclosure::Widening {
        folders: folders.collect::<Result<_, _>>()?,
        network: tier == Tier::NoNamespaces && !needs.hosts.is_empty(),
        ..enclosure::Widening::default()
    })
}

fn pattern(host: &HostPort) -> HostPattern {
    HostPattern::exactly(&EgressTarget {
        host: host.host.clone(),
        port: host.port,
    })
}

fn unreachable(host: &HostPort) -> ToolError {
    ToolError::Tell(format!("`needs.hosts`: this run cannot reach {host}"))
}
