//! How often things happened and how long they took, hour by hour: what stays countable when the
//! events themselves are gone.

pub mod sketch;
