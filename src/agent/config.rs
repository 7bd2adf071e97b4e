//! Limits of a run, and the settings for them.

use std::time::Duration;

use crate::policy::wall::setting::PolicySetting;
use crate::runs::lease::model::LeaseTimes;
use crate::runs::model::{RunKind, RunLimits};
use crate::runs::task::Task;
use crate::workspaces::roots::Roots;

/// Settings of the agent.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Agent")]
pub struct AgentConfig {
    /// Longest wall-clock time of a run, in seconds.
    #[arg(long, env = "AEP_AUTONOMOUS_MAX_RUNTIME_SECONDS", value_name = "SECONDS",
          default_value_t = 1_800, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_runtime_seconds: u64,
    /// The time that a job waits for a model that is overloaded, limits the rate or is out of reach, in
    /// seconds, before it pauses. `Retry-After` of the provider is respected.
    #[arg(long, env = "NAVI_MODEL_PATIENCE_SECONDS", value_name = "SECONDS",
          default_value_t = 900, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub model_patience_seconds: u64,
    /// The same for interactive runs, which end then.
    #[arg(long, env = "NAVI_MODEL_PATIENCE_SECONDS_INTERACTIVE", value_name = "SECONDS",
          default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub model_patience_seconds_interactive: u64,
    /// A shorter name of the same, which counts where both are set.
    #[arg(long, env = "NAVI_MODEL_PATIENCE_INTERACTIVE", hide = true)]
    pub model_patience_interactive: Option<u64>,
    /// Runs that this process works on at the same time; more are refused with 503.
    #[arg(long, env = "NAVI_MAX_CONCURRENT_RUNS", default_value_t = 128)]
    pub max_concurrent_runs: usize,
    /// Pick up queued jobs and orphaned runs. If false, this process runs only the interactive requests that
    /// it receives.
    #[arg(long, env = "NAVI_WORKER", value_name = "BOOL", default_value_t = true,
          action = clap::ArgAction::Set)]
    pub worker: bool,
    /// Runs of one organisation that may be under way in all processes together; a job beyond them
    /// waits, an interactive run is refused with 429. Runs that wait for a person do not count.
    #[arg(long, env = "NAVI_MAX_RUNS_PER_ORG", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_runs_per_org: u32,
    /// Jobs are taken up only while fewer runs than this are under way in all processes together.
    #[arg(long, env = "NAVI_MAX_RUNS_TOTAL", default_value_t = 1_024,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_runs_total: u32,
    /// Seconds after which the runs of a process that was lost are taken over by another.
    ///
    /// The lease is renewed three times in this time. Shorter means a quicker take-over, and less time
    /// that the database may be away before running commands are ended.
    #[arg(long, env = "NAVI_LEASE_SECONDS", value_name = "SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(2..=600))]
    pub lease_seconds: u64,
    /// Days after which the events of runs are dropped, a whole month at a time; 0 keeps them.
    #[arg(long, env = "NAVI_EVENTS_RETENTION_DAYS", value_name = "DAYS", default_value_t = 400,
          value_parser = clap::value_parser!(i32).range(0..=36_500))]
    pub events_retention_days: i32,
    /// Put insights learned from ratings into prompts. They are learned in any case.
    #[arg(long, env = "NAVI_APPLY_INSIGHTS", value_name = "BOOL", default_value_t = true,
          action = clap::ArgAction::Set)]
    pub apply_insights: bool,
    /// Let ratings choose the temperature of calls to models that take one. If false, the provider's default
    /// holds.
    #[arg(long, env = "NAVI_BANDIT", value_name = "BOOL", default_value_t = true,
          action = clap::ArgAction::Set)]
    pub bandit: bool,
    /// Models that ratings may choose between when a request names none, separated by commas; with
    /// fewer than two there is nothing to choose.
    #[arg(long, env = "NAVI_BANDIT_MODELS", value_delimiter = ',')]
    pub bandit_models: Vec<String>,
    /// Tool calls of one run, together.
    #[arg(long, env = "NAVI_RUN_MAX_TOOL_CALLS", default_value_t = 300)]
    pub run_max_tool_calls: u32,
    /// Cost of one run in US dollars.
    #[arg(long, env = "NAVI_RUN_MAX_COST_USD", default_value_t = 10.0)]
    pub run_max_cost_usd: f64,
    /// Tokens of one run, which also bounds runs whose price is unknown.
    #[arg(long, env = "NAVI_RUN_MAX_TOKENS", default_value_t = 5_000_000)]
    pub run_max_tokens: u64,
    /// The most that the words of a repository (`AGENTS.md`, `CLAUDE.md`, `.github/copilot-instructions.md`
    /// and skills) may take of a prompt, in bytes; 0 reads none of them.
    ///
    /// The `AGENTS.md` of folders that a run comes to may take as much again. A small window of a model
    /// allows less.
    #[arg(long, env = "NAVI_REPOSITORY_INSTRUCTIONS_BYTES", value_name = "BYTES",
          default_value_t = 32_768, value_parser = clap::value_parser!(u32).range(..=262_144))]
    pub repository_instructions_bytes: u32,
    /// Strictness of the policy on commands.
    ///
    /// `sandboxed` needs a sandbox around commands; without one the server does not start. See
    /// docs/policy.md.
    #[arg(
        long,
        env = "NAVI_POLICY",
        value_name = "SETTING",
        value_enum,
        default_value_t
    )]
    pub policy: PolicySetting,
    /// Folders that workspaces must lie in, separated by colons: `/srv/shared` for all organisations,
    /// `acme=/srv/acme` for one, `/srv/{org}` for each the folder of its name.
    ///
    /// The first organisation that uses a folder has it from then on. Without any root, a workspace may
    /// be every folder that the server may read. Required in production.
    #[arg(long, env = "NAVI_WORKSPACE_ROOTS", value_name = "FOLDERS")]
    pub workspace_roots: Option<Roots>,
}

/// The longest that the client of a chat waits for a model that cannot answer.
const CHAT_PATIENCE: Duration = Duration::from_mins(1);

impl AgentConfig {
    /// The times of leases.
    pub fn lease_times(&self) -> LeaseTimes {
        LeaseTimes::of_seconds(self.lease_seconds)
    }

    /// The time that a run of this kind waits for a model that cannot answer now.
    pub fn patience(&self, kind: RunKind) -> Duration {
        Duration::from_secs(match kind {
            RunKind::Job => self.model_patience_seconds,
            RunKind::Autonomous => self
                .model_patience_interactive
                .unwrap_or(self.model_patience_seconds_interactive),
        })
    }

    /// The same for what is answered within a request.
    pub fn chat_patience(&self) -> Duration {
        self.patience(RunKind::Autonomous).min(CHAT_PATIENCE)
    }

    /// The bytes that the words of a repository may take of a prompt.
    pub fn instructions_bytes(&self) -> usize {
        usize::try_from(self.repository_instructions_bytes).unwrap_or(usize::MAX)
    }

    /// The bounds of a task's run: its own rounds when it names them, else by its complexity.
    pub fn limits_of(&self, task: &Task) -> RunLimits {
        RunLimits {
            iterations: task
                .max_iterations
                .unwrap_or_else(|| complexity(&task.message).rounds()),
            tool_calls: self.run_max_tool_calls,
            runtime: Duration::from_secs(self.max_runtime_seconds),
            cost_usd: self.run_max_cost_usd,
            tokens: self.run_max_tokens,
        }
    }
}

/// The estimated size of a task. It decides about a limit and nothing else, so words are enough to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complexity {
    Simple,
    Medium,
    Complex,
}

impl Complexity {
    fn rounds(self) -> u32 {
        match self {
            Self::Simple => 8,
            Self::Medium => 15,
            Self::Complex => 25,
        }
    }
}

fn complexity(message: &str) -> Complexity {
    const LARGE: &[&str] = &[
        "refactor",
        "implement",
        "create",
        "build",
        "multiple",
        "entire",
        "whole",
        "all files",
        "architecture",
        "redesign",
    ];
    const SMALL: &[&str] = &["typo", "rename", "import", "missing", "unused", "spelling"];
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let length = message.chars().count();
    let large = [length > 300, has(LARGE), has(&["feature"])];
    let small = [length < 150, has(SMALL), has(&["fix"]) && !has(&["all"])];
    let count = |signs: [bool; 3]| signs.into_iter().filter(|sign| *sign).count();
    if count(large) >= 2 {
        Complexity::Complex
    } else if count(small) >= 2 {
        Complexity::Simple
    } else {
        Complexity::Medium
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_follow_the_complexity() {
        for (message, rounds) in [
            ("fix the typo in the README", 8),
            ("add a test for the parser", 15),
            ("implement the new billing feature", 25),
        ] {
            assert_eq!(complexity(message).rounds(), rounds, "{message}");
        }
    }
}
