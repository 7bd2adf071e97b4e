//! Tools that read, search and change files.

pub mod diff;
pub mod edit_file;
pub mod edit_match;
pub mod existing;
pub mod line_ends;
pub mod list_directory;
pub mod read_file;
pub mod search_files;
pub mod write_file;
