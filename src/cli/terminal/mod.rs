//! The display for a person: text that fits into the terminal, and signs of life while work goes on.

pub mod flow;
pub mod log_file;
pub mod progress;
pub mod show;
pub mod spinner;
pub mod texts;
pub mod words;
