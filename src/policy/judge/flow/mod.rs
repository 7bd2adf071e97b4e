//! What flows into programs, and what they write.

pub mod redirects;
