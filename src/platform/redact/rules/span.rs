//! The place of a secret in a text.

/// A secret in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platform::redact) struct Span {
    /// Its beginning, in bytes.
    pub(in crate::platform::redact) start: usize,
    /// Its end.
    pub(in crate::platform::redact) end: usize,
    /// Its kind, when its form says so; empty otherwise.
    pub(in crate::platform::redact) kind: &'static str,
}

impl Span {
    /// A secret of a kind.
    pub(super) fn new(start: usize, end: usize, kind: &'static str) -> Self {
        Self { start, end, kind }
    }

    /// The bytes between two places, unless they are blank or `is_secret` rejects them.
    pub(super) fn checked(
        text: &str,
        start: usize,
        end: usize,
        is_secret: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let value = text.get(start..end)?;
        (!value.trim().is_empty() && is_secret(value)).then(|| Self::new(start, end, ""))
    }
}
