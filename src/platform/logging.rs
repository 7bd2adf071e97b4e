//! What is logged, and how: sentences with fields, to the standard error stream.
//!
//! A line says what happened in `message` and to whom in fields named `request.id`, `run.id`,
//! `org.id`, `user.id`, `duration_ms`. `error` means that a person should look, `warn` that
//! something was handled but should not happen often, `info` what an operator wants to see of a
//! healthy server, `debug` what a developer wants.
//!
//! Never logged, at any level: tokens, keys and other secrets, bodies of requests and answers,
//! prompts and what models say, the contents of files, output of commands, addresses with their
//! query. Text from outside that must appear is a field, never part of the message.

use std::fmt;
use std::io;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::platform::clock::Clock;
use crate::platform::ids::uuid_v7;

/// What is logged when nothing is set.
pub const DEFAULT_LEVEL: &str = "info";

/// How much is logged, and in which form.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogConfig {
    /// What is logged: error, warn, info, debug or trace, or directives such as
    /// `info,navi::agent=debug`.
    #[arg(
        long,
        env = "LOG_LEVEL",
        value_name = "LEVEL",
        default_value = DEFAULT_LEVEL,
        value_parser = directives
    )]
    pub log_level: String,

    /// The form of a log line.
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

fn directives(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is none.
    #[error("the log level is not understood")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody did it before.
    #[error("logging was set up twice")]
    Twice(#[from] TryInitError),
}

/// Sends what is logged in this process to the standard error stream.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    // Postgres remarks on every table that is there already; whoever wants that names it.
    let filter = EnvFilter::try_new(format!("sqlx::postgres::notice=warn,{}", config.log_level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            builder.with_ansi(colours).finish().try_init()?;
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

/// The longest request id that is taken from a client, in bytes.
pub const MAX_REQUEST_ID_BYTES: usize = 128;

/// Names one request, in the log, in its answer and in every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The client's own id when it is 1 to 128 visible ASCII characters, so that it cannot forge
    /// log lines or headers.
    pub fn from_client(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_REQUEST_ID_BYTES;
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (fits && visible).then(|| Self(text.to_owned()))
    }

    /// A new id.
    pub fn new(clock: &Clock) -> Self {
        Self(uuid_v7(clock).to_string())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names the trace that a request belongs to: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_short_visible_ascii() {
        assert!(RequestId::from_client("7b1f-A/b:c").is_some());
        assert!(RequestId::from_client(&"x".repeat(128)).is_some());
        for bad in ["", "a b", "a\nb", "ä", "\u{7f}", &"x".repeat(129)] {
            assert_eq!(RequestId::from_client(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_level_may_name_modules_and_nonsense_is_refused() {
        assert!(directives("info,navi::agent=debug").is_ok());
        assert!(directives("navi=loud").is_err());
    }
}
