//! Reports of a load: raw data, a table for people, a page and plots.

pub mod measured;
pub mod page;
pub mod plot;
pub mod raw_data;
pub mod table;
