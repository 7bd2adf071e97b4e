//! Takes secrets out of what others will see: logs, events, problems, telemetry, audit.
//!
//! Two things give a secret away. Its **name**: what stands under `apiKey` or after `password=` is
//! one, whatever it looks like ([`keys`]). Its **form**: `ghp_…`, a JWT or a PEM block is one, whatever
//! it is called ([`forms`], [`values`]). [`text`] and [`json`] apply both.
//!
//! All functions are pure, take time linear in their input, and leave numbers and booleans alone. What
//! stands in place of a secret is not taken for one.

pub mod bytes;
pub mod forms;
pub mod gate;
pub mod json;
pub mod keys;
pub mod known;
pub mod pairs;
pub mod plausible;
pub mod quotes;
pub mod scan;
pub mod span;
pub mod text;
pub mod tie;
pub mod values;
