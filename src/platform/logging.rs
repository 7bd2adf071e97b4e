//! The log: sentences with fields, on the standard error stream.
//!
//! A line says what happened in `message` and to whom in fields named `request.id`, `run.id`, `job.id`,
//! `org.id`, `user.id`, `duration_ms`. Those of a request or a run are the fields of its span, and so of every
//! line that it leads to; a line of JSON has them in `spans`. `error` means that a person should look, `warn` that
//! something was handled but should not happen often, `info` what an operator wants to see of a
//! healthy server, `debug` what a developer wants.
//!
//! Never logged, at any level: tokens, keys and other secrets, bodies of requests and answers,
//! prompts and what models say, the contents of files, output of commands, addresses with their
//! query. Text from outside that must appear is a field, never part of the message.
//!
//! Everything that is written passes through redaction, a whole line at a time: for values whose name or
//! form gives a secret away, and for the secrets in this process's settings. And no text from outside
//! turns or hides any part of a line: such characters are written as escapes.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clap::{Args, ValueEnum};
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, registry};

use crate::platform::clock::Clock;
use crate::platform::ids::uuid_v7;
use crate::platform::json::show_json;
use crate::platform::redact::json::redact_json;
use crate::platform::redact::known::KnownSecrets;
use crate::platform::redact::text::redact_text;
use crate::platform::text::visible;
use crate::platform::traces::statements;

/// The level when none is set.
pub const DEFAULT_LEVEL: &str = "info";

/// The level and the form of the log.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogConfig {
    /// Level of the log: error, warn (or warning), info, debug or trace in any case, or directives such
    /// as `info,navi::agent=debug`.
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

/// The reason that a text is not valid as a log level.
#[derive(Debug, thiserror::Error)]
enum NoLevel {
    /// It is one word and no level. To the filter it would be the name of a module, and silence.
    #[error("a level is error, warn, info, debug, trace or off")]
    Word,
    /// It is no directive.
    #[error(transparent)]
    Directive(#[from] tracing_subscriber::filter::ParseError),
}

fn directives(text: &str) -> Result<String, NoLevel> {
    let level = text.trim().to_ascii_lowercase();
    match level.as_str() {
        // As the service this one replaces said it.
        "warning" => return Ok("warn".to_owned()),
        "error" | "warn" | "info" | "debug" | "trace" | "off" => return Ok(level),
        word if word.chars().all(|c| c.is_ascii_alphabetic()) => return Err(NoLevel::Word),
        _ => {}
    }
    EnvFilter::try_new(text)?;
    Ok(text.to_owned())
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is none.
    #[error("unknown log level")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Logging was already set up.
    #[error("logging was set up twice")]
    Twice(#[from] TryInitError),
}

/// Sends the log of this process to a file or else to the standard error stream, without these secrets.
/// Where the process is traced, statements to the database become spans.
pub fn init(
    config: &LogConfig,
    secrets: KnownSecrets,
    file: Option<Mutex<File>>,
    is_traced: bool,
) -> Result<(), LoggingError> {
    let first = if let Some(file) = file {
        lines(config, secrets, file, false)?
    } else {
        let colours = io::IsTerminal::is_terminal(&io::stderr());
        lines(config, secrets, io::stderr, colours)?
    };
    let mut layers = vec![first];
    if is_traced {
        layers.push(statements::layer().boxed());
    }
    registry().with(layers).try_init()?;
    Ok(())
}

/// Makes the subscriber that turns events into lines and sends these to `writer`.
pub fn dispatch<W>(
    config: &LogConfig,
    secrets: KnownSecrets,
    writer: W,
    colours: bool,
) -> Result<Dispatch, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(registry()
        .with(lines(config, secrets, writer, colours)?)
        .into())
}

fn lines<W>(
    config: &LogConfig,
    secrets: KnownSecrets,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Postgres remarks on every table that is there already; a user who wants these lines names the
    // target.
    let filter = EnvFilter::try_new(format!("sqlx::postgres::notice=warn,{}", config.log_level))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(Redacting {
        writer,
        secrets: Arc::new(secrets),
        form: config.log_format,
        colours,
    });
    Ok(match config.log_format {
        LogFormat::Text => lines.with_ansi(colours).with_filter(filter).boxed(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            lines.with_filter(filter).boxed()
        }
    })
}

/// Makes writers that let no secret through.
struct Redacting<W> {
    writer: W,
    secrets: Arc<KnownSecrets>,
    form: LogFormat,
    colours: bool,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Redacting<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line {
            writer: self.writer.make_writer(),
            secrets: self.secrets.clone(),
            form: self.form,
            colours: self.colours,
            bytes: Vec::new(),
        }
    }
}

/// One event on its way out. It is held until it is whole, because a secret may come in pieces.
struct Line<W: Write> {
    writer: W,
    secrets: Arc<KnownSecrets>,
    form: LogFormat,
    colours: bool,
    bytes: Vec<u8>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = self.secrets.redact(&text);
        let clean = match self.form {
            LogFormat::Text if self.colours => Cow::Owned(visible_but_colours(&redact_text(&text))),
            LogFormat::Text => Cow::Owned(visible(&redact_text(&text)).into_owned()),
            LogFormat::Json => redact_line(&text),
        };
        // There is no way to report that a log cannot be written.
        let _ = self.writer.write_all(clean.as_bytes());
    }
}

/// A line of JSON, redacted by the names of its members at any depth; as text if it is none.
fn redact_line(line: &str) -> Cow<'_, str> {
    let Ok(mut event) = serde_json::from_str(line) else {
        return Cow::Owned(visible(&redact_text(line)).into_owned());
    };
    let had_secret = redact_json(&mut event);
    if show_json(&mut event, visible) || had_secret {
        Cow::Owned(format!("{event}\n"))
    } else {
        Cow::Borrowed(line)
    }
}

/// A line in which nothing but the colours that a line is written with controls the terminal.
fn visible_but_colours(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\x1b[") {
        let digits = &rest[at + 2..];
        let end = digits.find('m').filter(|end| is_colour(&digits[..*end]));
        // An escape that is no colour comes from outside.
        let to = end.map_or(at + 2, |end| at + 2 + end + 1);
        shown.push_str(&visible(&rest[..at]));
        if end.is_some() {
            shown.push_str(&rest[at..to]);
        } else {
            shown.push_str(&visible(&rest[at..to]));
        }
        rest = &rest[to..];
    }
    shown.push_str(&visible(rest));
    shown
}

/// One of the colours and weights of a line; none that hides what follows.
fn is_colour(code: &str) -> bool {
    let code = code.parse::<u8>();
    matches!(code, Ok(0..=3 | 30..=37))
}

/// The longest request id that is taken from a client, in bytes.
pub const MAX_REQUEST_ID_BYTES: usize = 128;

/// Names one request, in the log, in its answer and in every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The client's own id when it is 1 to 128 visible ASCII characters, so that it cannot forge
    /// log lines or headers, and no secret that was sent in its place by mistake.
    pub fn from_client(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_REQUEST_ID_BYTES;
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let harmless = || matches!(redact_text(text), Cow::Borrowed(_));
        (fits && visible && harmless()).then(|| Self(text.to_owned()))
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

/// Names the trace that a request belongs to: 32 hexadecimal digits. Everything that the request leads
/// to carries it, so that one query finds all of it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
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
    fn colours_stay_and_nothing_else_controls_the_terminal() {
        let line = "\x1b[2m12:00\x1b[0m \x1b[32m INFO\x1b[0m a\x1b[2Jb\u{202e}c\x1b[8md\u{9b}e\n";
        let shown =
            "\x1b[2m12:00\x1b[0m \x1b[32m INFO\x1b[0m a\\u{1b}[2Jb\\u{202e}c\\u{1b}[8md\\u{9b}e\n";
        assert_eq!(visible_but_colours(line), shown);
    }

    #[test]
    fn a_level_may_name_modules_and_nonsense_is_refused() {
        assert!(directives("info,navi::agent=debug").is_ok());
        assert_eq!(directives("WARNING").unwrap(), "warn");
        assert_eq!(directives("Debug").unwrap(), "debug");
        for nonsense in ["navi=loud", "loud", "", "critical"] {
            assert!(directives(nonsense).is_err(), "{nonsense}");
        }
    }
}
