//! The text of files that are stored in other ways than UTF-8.
//!
//! [`contents::Contents`] tells what a file holds; [`stored::StoredForm`] writes a text back as the file stored
//! it. A text counts as exact only when its form gives every byte back, so that an edit of one line never
//! damages another.

mod charset;
pub mod contents;
mod legacy;
pub mod stored;
mod wide;
