//! Reports of a load: raw data, a table for people, and a page.

pub mod measured;
pub mod page;
pub mod raw_data;
pub mod table;
