//! Tools of operators: dashboards, objectives, alerts and their tests, with the programs that will read
//! them.

mod cardinality;
mod dashboards;
mod objectives;
mod programs;
mod routes;
mod rules;
mod scraper;
mod slos;
mod traffic;
mod trials;
