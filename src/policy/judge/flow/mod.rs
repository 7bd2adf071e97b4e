//! What flows into programs, what they write, and where paths lead.

pub mod places;
pub mod redirects;
