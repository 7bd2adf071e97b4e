//! A parser for the commands that bash would run.
//!
//! It reads the grammar of bash far enough to know every command of a text, in one pass, with bounds on
//! length and depth. Unknown syntax is an error, and a text that cannot be parsed is asked about, so an
//! omission costs a question and never a command that was overlooked.
//!
//! Parsers of others were tried first. The one for bash that exists in Rust takes time exponential
//! in the nesting, and loses a substitution that follows a here-document on its line.

pub mod ansi;
pub mod ast;
pub mod commands;
pub mod compound;
pub mod lexer;
pub mod substitution;
pub mod words;
