//! The choice of a model, as the router makes it: [`search`] over the [`models`] that can be named. The
//! [`registry`] is made of [`entries`], those of an operator's [`catalog_file`] among them.
//!
//! [`meant`] suggests a name for an unknown one, and [`own`] tells which model a server of the operator's own
//! answers with.
//!
//! [`given`] is what the settings say of the way to a provider.
//!
//! [`openai`] says in which protocol OpenAI is asked, and [`preferred`] falls back to the other one.

pub mod answer_limit;
pub mod base_url;
pub mod catalog_file;
pub mod entries;
pub mod given;
mod meant;
pub mod models;
pub mod openai;
mod own;
pub mod preferred;
pub mod registry;
pub mod search;
