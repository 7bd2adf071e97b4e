//! The choice of a model, as the router makes it: [`search`] over the [`models`] that can be named.
//!
//! [`openai`] says in which protocol OpenAI is asked, and [`preferred`] falls back to the other one.

pub mod answer_limit;
pub mod models;
pub mod openai;
pub mod preferred;
pub mod search;
