//! Takes secrets out of what others will see: logs, events, problems, telemetry, audit.
//!
//! Two things give a secret away. Its **name**: a value under `apiKey` or after `password=` is one,
//! whatever it looks like. Its **form**: `ghp_…`, a JWT or a PEM block is one, whatever it is called.
//! [`rules`] hold both; [`text`] and [`json`] apply them, and [`gate`] applies them to a text that comes
//! in pieces. [`arguments`] reads a list as the words of a program, [`command`] leaves the commands
//! within a command visible, [`hidden`] takes away characters that would hide a secret from them, and
//! [`known`] takes out secrets that the server itself knows.
//!
//! All functions are pure, take time linear in their input, and leave numbers and booleans alone. What
//! stands in place of a secret is not taken for one.

pub mod arguments;
pub mod command;
pub mod evidence;
pub mod gate;
pub mod hidden;
pub mod json;
pub mod known;
pub mod rules;
pub mod shapes;
pub mod text;
