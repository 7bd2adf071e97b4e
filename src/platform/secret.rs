//! Values that do not print: [`secrecy`] under the names this project uses.

pub use secrecy::{ExposeSecret, SecretString};
