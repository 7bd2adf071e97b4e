//! The tasks of a session, one after the other on their stage.

use std::io::Write;

use url::Url;

use crate::cli::e2e::measuring::model::{CountedTokens, TaskData};
use crate::cli::e2e::reporting::page;
use crate::cli::e2e::running::commands::Commands;
use crate::cli::e2e::running::provider_counts;
use crate::cli::e2e::running::stage::Stage;
use crate::cli::e2e::running::task::{Player, perform};
use crate::cli::e2e::tasks::model::E2eTask;
use crate::cli::failure::Failure;

/// The connections of an idle pool, each of which learns a statement when it is first sent over it.
const WARM_UP_ROUNDS: usize = 4;

/// The tasks of a session, and all that they need.
pub struct Play<'a> {
    /// True when all tasks are asked for.
    pub is_whole: bool,
    /// The provider's own counters of tokens.
    pub counters: Option<&'a Url>,
    /// True when no line is printed for each task.
    pub is_silent: bool,
    /// The tasks.
    pub tasks: &'a [E2eTask],
    /// The one who does them.
    pub player: &'a Player,
    /// The server.
    pub stage: &'a Stage,
    /// The commands that tasks themselves name.
    pub commands: &'a Commands,
}

impl Play<'_> {
    /// Warms the server up, then does every task and measures it.
    pub async fn perform(&self) -> Result<Vec<TaskData>, Failure> {
        let (player, stage, commands) = (self.player, self.stage, self.commands);
        for task in self.warm_up() {
            let folder = stage.folder("warm-up");
            perform(task, player, stage, &folder, commands).await?;
        }
        let mut rows = Vec::new();
        for task in self.tasks {
            let before = self.counted().await?;
            let folder = stage.folder("tasks");
            let mut row = perform(task, player, stage, &folder, commands).await?;
            if let (Some(before), Some(after)) = (before, self.counted().await?) {
                row.provider = Some(after.since(before));
            }
            if !self.is_silent {
                tell(&row)?;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The tasks that a whole session begins with and that count nowhere: a server that works has connections
    /// on which its statements are known. With a script the first interactive task and the first job of each
    /// kind, several times over; a real model is asked for one of each alone, because it is paid for.
    pub fn warm_up(&self) -> Vec<&E2eTask> {
        if !self.is_whole {
            return Vec::new();
        }
        let mut first: Vec<&E2eTask> = Vec::new();
        for task in self.tasks {
            let is_alike = |known: &&E2eTask| {
                let same_kind = known.kind == task.kind || *self.player != Player::Script;
                same_kind && known.written.interactive == task.written.interactive
            };
            if !first.iter().any(is_alike) && !task.kind.is_of_the_script() {
                first.push(task);
            }
        }
        let rounds = match self.player {
            Player::Script => WARM_UP_ROUNDS,
            Player::Model(_) => 1,
        };
        first.repeat(rounds)
    }

    async fn counted(&self) -> Result<Option<CountedTokens>, Failure> {
        match self.counters {
            Some(url) => Ok(Some(provider_counts::read(url).await?)),
            None => Ok(None),
        }
    }
}

/// Prints the line of a task that was done.
fn tell(row: &TaskData) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let mark = if row.passed() { "ok  " } else { "FAIL" };
    let own = row.shares.map_or(String::new(), |it| {
        format!(", own {}", page::time(it.own_ms))
    });
    writeln!(
        out,
        "{mark} {:<44} {}{own}",
        row.id,
        page::time(row.total_ms)
    )?;
    for failure in &row.failures {
        writeln!(out, "       {failure}")?;
    }
    Ok(())
}
