//! `navi config`: the settings, checked, and listed for people.

pub mod check;
pub mod documents;
pub mod setting_names;
pub mod warnings;
pub mod wrong_values;
