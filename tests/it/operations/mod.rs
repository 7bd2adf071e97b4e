//! Objectives, alerts and their tests, with the programs that will read them.

mod cardinality;
mod objectives;
mod programs;
mod routes;
mod rules;
mod slos;
mod trials;
