//! Builds the runner of a run that this process has claimed.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::deps::Deps;
use crate::agent::intake::instructions;
use crate::agent::intake::open_workspace::OpenWorkspace;
use crate::agent::intake::routing::access;
use crate::agent::prompt::compaction;
use crate::agent::runner::connections::outside;
use crate::agent::runner::live_output::LiveOutput;
use crate::agent::runner::primitives::{Origin, RunSlot, Runner, WaitTotal};
use crate::agent::runner::resumed::ResumeState;
use crate::agent::runner::transcript::Transcript;
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure::Grant;
use crate::llm::route::Route;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::log::journal::Journal;
use crate::runs::pieces::Pieces;
use crate::tools::commands::running_servers::RunningServers;
use crate::tools::context::ToolContext;

/// Lines of live output that may wait to be shown.
const OUTPUT_QUEUE: usize = 1_024;
/// The part of the window that what was said before the run may take, as a divisor.
const HISTORY_SHARE: usize = 4;

/// The resources for the work on a claimed run.
pub(crate) struct Equipment {
    /// Its model.
    pub(crate) route: Route,
    /// Where it works.
    pub(crate) workspace: OpenWorkspace,
    /// The state that another process left; empty for a run that begins.
    pub(crate) resumed: ResumeState,
}

/// Builds the runner; it works under `claimed.claim` until `halted` is cancelled.
pub(crate) fn runner(
    deps: &Deps,
    claimed: &ClaimedRun,
    equipment: Equipment,
    origin: Origin,
    halted: CancellationToken,
    slot: RunSlot,
) -> Runner {
    let Equipment {
        route,
        workspace,
        resumed,
    } = equipment;
    let run = claimed.run.clone();
    let (output, lines) = mpsc::channel(OUTPUT_QUEUE);
    let journal = Journal::open(
        &run,
        claimed.claim,
        deps.db.clone(),
        deps.clock.clone(),
        deps.feed.clone(),
        claimed.settled,
        &deps.tasks,
    );
    let access = access(run.role, workspace.workspace.is_some());
    let settings = &deps.tools;
    let tools = workspace.workspace.map(|folder| ToolContext {
        cancel: halted.clone(),
        tasks: deps.tasks.clone(),
        output,
        processes: Processes::new(
            settings.launch.clone(),
            &run.id.to_string(),
            Grant::of_workspace(folder.root()).with_repository(workspace.linked),
            Some(outside(deps, &run, &journal)),
        ),
        workspace: folder,
        servers: RunningServers::default(),
        http: settings.http.clone(),
        limits: settings.limits.clone(),
        policy: workspace.policy,
        status_file: None,
    });
    let mut history = run.task.history.clone();
    compaction::keep_newest(
        &mut history,
        compaction::window_budget(&route) / HISTORY_SHARE,
    );
    Runner {
        words: instructions::shown(deps, &workspace.words, &route),
        limits: deps.config.limits_of(&run.task),
        output: LiveOutput::new(lines, journal.clone(), deps.clock.clone()),
        fence: claimed.claim.fence,
        transcript: Transcript::new(history, resumed.messages),
        journal,
        tools,
        access,
        route,
        deps: deps.clone(),
        run,
        origin,
        has_entered: origin == Origin::Started,
        halted,
        pieces: Pieces::default(),
        waited: WaitTotal::from(resumed.state.waited),
        state: resumed.state,
        baseline: resumed.baseline,
        watch: resumed.watch,
        left_behind: resumed.left_behind,
        began: Instant::now(),
        slot,
    }
}
