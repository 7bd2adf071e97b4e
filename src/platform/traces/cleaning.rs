//! Spans without what must not leave the process.

use std::borrow::Cow;

use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::platform::redact::known::KnownSecrets;
use crate::platform::redact::text::redact_text;
use crate::platform::text::first_chars;

/// The longest text in a span, in characters.
const MAX_CHARS: usize = 256;

/// Redacts and shortens every text of a span.
pub(super) fn clean(span: &mut SpanData, secrets: &KnownSecrets) {
    if let Some(name) = cleaned(&span.name, secrets) {
        span.name = Cow::Owned(name);
    }
    for attribute in &mut span.attributes {
        match &mut attribute.value {
            Value::String(text) => clean_text(text, secrets),
            Value::Array(Array::String(texts)) => {
                for text in texts {
                    clean_text(text, secrets);
                }
            }
            Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::Array(_) | _ => {}
        }
    }
}

fn clean_text(text: &mut StringValue, secrets: &KnownSecrets) {
    if let Some(clean) = cleaned(text.as_str(), secrets) {
        *text = clean.into();
    }
}

/// The text without secrets and what is too long; none if it may leave as it is.
fn cleaned(text: &str, secrets: &KnownSecrets) -> Option<String> {
    let known = secrets.redact(text);
    let clean = redact_text(&known);
    let short = first_chars(&clean, MAX_CHARS);
    (short != text).then(|| short.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret::SecretString;

    #[test]
    fn secrets_and_long_texts_stay_here() {
        let secrets = KnownSecrets::new(&[SecretString::from("correct horse battery")]);
        let clean = |text: &str| cleaned(text, &secrets);
        assert_eq!(clean("POST /api/jobs"), None);
        assert_eq!(clean("a correct horse battery").unwrap(), "a [redacted]");
        let url = clean("postgres://ada:planted-a3@db/app").unwrap();
        assert!(!url.contains("planted-a3"), "{url}");
        assert_eq!(clean(&"ä".repeat(300)).unwrap().chars().count(), 256);
    }
}
