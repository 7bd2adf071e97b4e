//! Requirements of every request, and security headers of every answer.

pub mod headers;
pub mod host;
