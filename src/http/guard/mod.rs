//! What every request has to say, and what every answer says to browsers.

pub mod headers;
pub mod host;
