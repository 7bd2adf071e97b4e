//! The end of a run, whether it can tell it itself or not.

pub mod abandoned;
pub mod answer;
pub mod complete;
pub mod end;
pub mod pause;
pub mod record;
