//! `stop_server`: ends a server of the run before the run ends.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::commands::start_server::{STOP_WAIT, is_free, port};
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, number, object};

/// `stop_server`.
#[derive(Clone, Copy, Debug)]
pub struct StopServer;

impl Tool for StopServer {
    fn name(&self) -> &'static str {
        "stop_server"
    }

    fn description(&self) -> &'static str {
        "Stops a server that start_server started."
    }

    fn parameters(&self) -> Value {
        object(&json!({ "port": number("Its port.") }), &["port"])
    }

    fn access(&self) -> Access {
        Access::Write
    }

    fn request<'a>(&self, _arguments: Arguments<'a>) -> Request<'a> {
        Request::Harmless { reads_only: false }
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Server
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = StopServerCall::parse(Arguments::of(&arguments))?;
            stop(&call, context).await
        })
    }
}

/// The arguments of `stop_server`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopServerCall {
    port: u16,
}

impl StopServerCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        Ok(Self { port: port(given)? })
    }
}

/// Stops a server of this run, and no other.
pub async fn stop(call: &StopServerCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let port = call.port;
    let Some(mut server) = context.servers.remove(port) else {
        return Err(ToolError::Tell(format!(
            "this run started no server on port {port}; servers of others are not stopped"
        )));
    };
    server.running.stop();
    let gone = server.running.gone(STOP_WAIT).await;
    let free = is_free(port, context).await;
    let result = json!({
        "success": gone,
        "message": format!("the server on port {port} was stopped"),
        "port_free": free,
        "log_preview": server.log.text(),
    });
    Ok(Outcome::new(result, Vec::new()))
}
