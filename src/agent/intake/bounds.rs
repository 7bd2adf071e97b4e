//! Bounds of the texts of a request.

use crate::agent::error::Error;

/// The longest message, in bytes. Longer ones fit no model's window together with any code.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

pub(crate) fn within(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    if text.len() > limit {
        return Err(Error::TooLong {
            field,
            length: text.len(),
            limit,
        });
    }
    Ok(())
}
