//! Whose folders are: first uses, roots, and taking a folder back.

mod commands;
mod foreign;
mod roots;
mod town;
mod using;
