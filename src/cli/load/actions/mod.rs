//! Actions of users: requests over HTTP, as any client sends them.

pub mod analytics;
pub mod chat;
pub mod error;
pub mod feedback;
pub mod followers;
pub mod frames;
pub mod job;
pub mod marks;
pub mod perform;
pub mod run;
pub mod telemetry;
pub mod world;
