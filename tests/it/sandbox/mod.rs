//! The sandbox, attacked: some hundred ways out, each tried as real code inside a run's command, within
//! every wall that this machine can build. [`attempts`] holds what is found against the table in
//! `docs/sandbox.md`.

mod attempts;
mod credentials;
mod lasting;
mod machine;
mod network;
mod processes;
mod protected;
mod reading;
mod repositories;
mod resources;
mod system_calls;
mod tiers;
mod toolchains;
mod writing;
