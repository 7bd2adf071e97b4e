//! Sending: what is due goes to its webhook, again and again over a day.

pub mod backoff;
pub mod body;
pub mod dispatcher;
pub mod sender;
pub mod signature;
pub mod slack;
