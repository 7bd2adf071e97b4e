//! The name of the provider, for settings, errors and replays.

/// The provider's configured name.
pub(super) const NAME: &str = "openai";
