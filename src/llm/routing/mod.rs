//! The choice of a model, as the router makes it: [`search`] over the [`models`] that can be named. The
//! [`registry`] is made of [`entries`], those of an operator's [`catalog_file`] among them.
//!
//! [`openai`] says in which protocol OpenAI is asked, and [`preferred`] falls back to the other one.

pub mod answer_limit;
pub mod catalog_file;
pub mod entries;
pub mod models;
pub mod openai;
pub mod preferred;
pub mod registry;
pub mod search;
