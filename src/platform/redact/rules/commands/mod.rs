//! Secrets that a program is given, on its command line or in a file of its own.
//!
//! [`programs`] lists the programs, [`mod@line`] takes a command apart, and [`arguments`] finds the secrets
//! among what it is given. [`pipes`] finds those that it is handed on its standard input, if it is one of
//! [`readers`]; [`stages`] says which command that is. [`files`] reads `.netrc` and `.pgpass`.

pub mod arguments;
pub mod files;
pub mod line;
pub mod more;
pub mod pipes;
pub mod programs;
pub mod readers;
pub mod stages;
