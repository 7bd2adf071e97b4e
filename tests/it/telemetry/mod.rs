//! Reports of clients: taken, kept, found again.

mod batches;
mod bodies;
mod desk;
mod errors;
mod events;
mod faults;
mod measured;
mod reading;
mod resolving;
mod secrets;
mod server;
mod stock;
