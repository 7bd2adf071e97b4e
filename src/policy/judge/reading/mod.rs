//! Files that commands read: those they name, those below folders, and those that others tell them.

pub mod code;
pub mod folders;
pub mod listed;
pub mod readers;
pub mod touches;
