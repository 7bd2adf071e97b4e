//! Spans of what this process does, sent to a collector (OpenTelemetry, OTLP over HTTP).
//!
//! Start at [`service::Traces`], which begins a trace or goes on with another's, and
//! [`context::TraceContext`], which begins spans below the one that is being worked in. Both are empty
//! where tracing is off, and then cost a look at an option.
//!
//! A request never waits for the collector: an ended span goes into a bounded queue, or is dropped and
//! counted when the queue is full. A task sends the queued spans, and cleans each before it leaves.

mod cleaning;
mod collector;
pub mod config;
pub mod context;
pub mod error;
pub mod gen_ai;
pub mod parent;
mod queue;
mod sending;
pub mod service;
pub mod statements;
