//! The time that commands get.

use std::time::Duration;

use crate::tools::context::ToolLimits;

/// Commands that contain one of these get the time that installs and builds need.
const SLOW: &[&str] = &[
    "npm install",
    "npm ci",
    "npm test",
    "npm run build",
    "yarn install",
    "yarn build",
    "pnpm install",
    "pnpm build",
    "bun install",
    "pip install",
    "poetry install",
    "uv sync",
    "cargo build",
    "cargo test",
    "cargo clippy",
    "cargo check",
    "cargo nextest",
    "docker build",
    "docker compose build",
    "pytest",
    "mvn ",
    "gradle ",
    "./gradlew",
    "go build",
    "go test",
    "apt-get install",
    "bundle install",
    "composer install",
];

/// The time that a command gets: more than was asked for when it is known to be slow.
pub fn patience(command: &str, asked: Duration, limits: &ToolLimits) -> Duration {
    if SLOW.iter().any(|slow| command.contains(slow)) {
        asked.max(limits.slow_command_time.min(limits.command_time_max))
    } else {
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_commands_get_more_time() {
        let limits = ToolLimits::default();
        let time = |command: &str, seconds| {
            patience(command, Duration::from_secs(seconds), &limits).as_secs()
        };
        assert_eq!(time("ls", 300), 300);
        assert_eq!(time("cd web && npm ci", 300), 1200);
        assert_eq!(time("npm ci", 1500), 1500);
    }
}
