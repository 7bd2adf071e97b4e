//! Why a request's body cannot be read to its end.

use std::error::Error;
use std::io;

use http_body_util::LengthLimitError;

/// A body that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client sends nothing, or too little.
    #[error("the body was not received in time; send it again")]
    Slow,
    /// The body is not what its `Content-Encoding` says.
    #[error("the body cannot be decompressed; it is damaged, or not compressed with {0}")]
    Damaged(&'static str),
    /// The body is larger than its limit.
    #[error("the body is larger than this route accepts")]
    TooLarge,
    /// The connection ended, or broke.
    #[error("the body ended early")]
    CutShort,
}

impl BodyError {
    /// Returns the reason behind an error of reading, which the layers between have wrapped. One that
    /// has none of ours came from the connection.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        Self::within(error).unwrap_or(Self::CutShort)
    }

    /// Returns the reason behind an error, if it is one of ours.
    pub fn within(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(reason) = error.downcast_ref::<Self>() {
            return Some(*reason);
        }
        if error.is::<LengthLimitError>() {
            return Some(Self::TooLarge);
        }
        // An `io::Error` does not name the error that it was made of as its source.
        let made_of = error.downcast_ref::<io::Error>();
        match made_of.and_then(io::Error::get_ref) {
            Some(inner) => Self::within(inner),
            None => Self::within(error.source()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_behind_what_wraps_it() {
        let wrapped = io::Error::other(axum::Error::new(io::Error::other(BodyError::Slow)));
        assert_eq!(BodyError::of(&wrapped), BodyError::Slow);
        let limited = axum::Error::new(BodyError::TooLarge);
        assert_eq!(BodyError::of(&limited), BodyError::TooLarge);
        let reset = axum::Error::new(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(BodyError::of(&reset), BodyError::CutShort);
        assert_eq!(BodyError::within(&reset), None);
    }
}
