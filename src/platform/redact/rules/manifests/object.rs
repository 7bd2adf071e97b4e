//! The objects that markers are members of.

use crate::platform::redact::rules::manifests::marker::{Marker, Tells};
use crate::platform::redact::rules::manifests::{flow, lines};
use crate::platform::redact::rules::span::Span;

/// Hands over the values of all secrets that these markers tell of.
pub(in crate::platform::redact::rules) fn secrets(
    text: &str,
    markers: &[Marker],
    more: &mut Vec<Span>,
) {
    let mut flows = flow::Flows::default();
    let mut blocks = lines::Blocks::default();
    for marker in markers
        .iter()
        .filter(|marker| marker.tells != Tells::Version)
    {
        if !(marker.is_flow && flows.secrets(text, marker, more)) {
            blocks.secrets(text, marker, more);
        }
    }
}

/// The beginning of a value that may go on beyond the end of a text, or of those that are secrets if a
/// kind follows that says so.
pub(in crate::platform::redact) fn open_manifest(text: &str, at: usize) -> Option<usize> {
    let marker = Marker::at(text, at)?;
    let open = flow::open(text, &marker).filter(|_| marker.is_flow);
    open.or_else(|| lines::open(text, &marker))
}

/// The beginning of an object that may go on beyond the end of a text, and may be a secret.
pub(in crate::platform::redact) fn context_of_manifest(text: &str, at: usize) -> Option<usize> {
    let marker = Marker::at(text, at)?;
    let context = flow::context(text, &marker).filter(|_| marker.is_flow);
    context.or_else(|| lines::context(text, &marker))
}
