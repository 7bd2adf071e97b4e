//! The proxy of a run, between clients that write their own bytes and hosts that show what they got.

mod attacks;
mod bounds;
mod reaches;
mod requests;
mod stage;
mod tunnels;
mod upstream;
