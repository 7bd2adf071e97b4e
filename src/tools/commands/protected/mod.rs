//! Files that run code later, or say what may run: put back after a command that changed them.

pub mod files;
mod guarded_folder;
mod held;
mod repository_settings;
