//! Log lines, as they leave the process.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use navi::platform::logging::{LogConfig, LogFormat, dispatch};
use navi::platform::redact::known::KnownSecrets;
use navi::platform::secret::SecretString;
use navi::platform::text::is_unseen;
use serde_json::Value;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// A dispatcher that sends all log lines here.
    pub(crate) fn dispatch(
        &self,
        form: LogFormat,
        colours: bool,
        secrets: KnownSecrets,
    ) -> Dispatch {
        let config = LogConfig {
            log_level: "debug".to_owned(),
            log_format: form,
        };
        dispatch(&config, secrets, self.clone(), colours).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A struct that prints what it should not.
#[derive(Debug)]
#[expect(dead_code, reason = "only its printed form is looked at")]
struct Careless {
    api_key: &'static str,
    tokens: u32,
}

fn careless_lines(form: LogFormat, colours: bool) -> String {
    let captured = Captured::default();
    let secrets = KnownSecrets::new(&[SecretString::from("correct horse \"battery\"")]);
    tracing::dispatcher::with_default(&captured.dispatch(form, colours, secrets), || {
        let span = tracing::info_span!("request", token = "planted-a1", org.id = "org-1");
        span.in_scope(|| {
            tracing::info!(password = "planted-a2", total_tokens = 1200, "a run ended");
            tracing::warn!("could not connect: postgres://ada:planted-a3@db/app");
            tracing::error!(error = %"invalid header Authorization: Bearer planted-a4", "refused");
            let careless = Careless {
                api_key: "planted-a5",
                tokens: 7,
            };
            tracing::info!(?careless, "debug prints everything");
            tracing::info!(body = r#"{"clientSecret":"planted-a6"}"#, "answered");
            tracing::info!(
                note = "it is correct horse \"battery\" indeed",
                "a secret of the settings"
            );
            tracing::info!(note = "first\npassword=planted-a7\nlast", "several lines");
        });
    });
    captured.text()
}

#[test]
fn no_secret_leaves_in_a_line_of_either_form() {
    for (form, colours) in [
        (LogFormat::Text, false),
        (LogFormat::Text, true),
        (LogFormat::Json, false),
    ] {
        let text = careless_lines(form, colours);
        for gone in ["planted-a", "battery"] {
            assert!(!text.contains(gone), "{form:?} {colours}: {text}");
        }
        for stays in [
            "a run ended",
            "1200",
            "org-1",
            "debug prints everything",
            "db/app",
            "last",
        ] {
            assert!(
                text.contains(stays),
                "{form:?} {colours} lost {stays}: {text}"
            );
        }
    }
}

#[test]
fn a_redacted_line_of_json_is_json() {
    let text = careless_lines(LogFormat::Json, false);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0]["password"], "[redacted]");
    assert_eq!(lines[0]["total_tokens"], 1200);
    assert_eq!(lines[0]["span"]["token"], "[redacted]");
}

#[test]
fn no_text_from_outside_turns_or_hides_a_line() {
    let trick = "a\u{202e}b\u{200b}c\u{2066}d\u{9b}2Je\u{e0041}f\u{1b}[8mg\rh";
    for (form, colours) in [
        (LogFormat::Text, false),
        (LogFormat::Text, true),
        (LogFormat::Json, false),
    ] {
        let captured = Captured::default();
        let log = captured.dispatch(form, colours, KnownSecrets::default());
        tracing::dispatcher::with_default(&log, || {
            tracing::warn!(note = trick, path = %trick, "{trick}");
            tracing::warn!(note = "שלום é 你好 🚀", "all is well");
        });
        let text = captured.text();
        let is_trick = |c: char| is_unseen(c) || matches!(c, '\r' | '\u{9b}' | '\u{8}');
        assert!(!text.contains(is_trick), "{form:?} {colours}: {text:?}");
        assert!(!text.contains("\u{1b}[8m"), "{form:?} {colours}: {text:?}");
        assert!(text.contains("202e") && text.contains("200b"), "{text}");
        assert!(text.contains("שלום é 你好 🚀"), "{text}");
        if form == LogFormat::Json {
            let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            assert!(
                !line["note"].as_str().unwrap().contains(char::is_control),
                "{line}"
            );
        }
    }
}
