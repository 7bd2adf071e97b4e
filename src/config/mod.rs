//! Settings: declared beside what they configure, composed here.
//!
//! They are read once, at the start of a command; after that they are values. No other module looks
//! at the environment. Start at [`settings::Config`].

pub mod bind;
pub mod browsers;
pub mod database;
pub mod development_switches;
pub mod environment;
pub mod found;
pub mod help;
pub mod production;
pub mod secret_files;
pub mod settings;
