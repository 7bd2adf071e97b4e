//! OpenAI's Responses API: what is sent, what comes back, well and badly, and where it is spoken.

mod bad_answers;
mod endpoints;
mod good_answers;
mod refusals;
mod requests;
mod support;
