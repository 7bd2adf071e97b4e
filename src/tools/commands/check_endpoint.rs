//! `check_endpoint`: one request to a server on this machine, and to no other.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use url::Url;

use crate::exec::text;
use crate::platform::outbound::client::Method;
use crate::platform::text::cut_bytes;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::commands::local_http;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, number, object, text};

const TIME: Duration = Duration::from_secs(10);
const PREVIEW_BYTES: usize = 500;

/// `check_endpoint`.
#[derive(Clone, Copy, Debug)]
pub struct CheckEndpoint;

impl Tool for CheckEndpoint {
    fn name(&self) -> &'static str {
        "check_endpoint"
    }

    fn description(&self) -> &'static str {
        "Sends one HTTP request to a server on this machine and shows the beginning of its answer."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "url": text("A URL on localhost."),
                "method": { "type": "string", "enum": ["GET", "POST", "HEAD"] },
                "expected_status": number("200 when left out."),
            }),
            &["url"],
        )
    }

    fn access(&self) -> Access {
        Access::Write
    }

    fn request<'a>(&self, _arguments: Arguments<'a>) -> Request<'a> {
        Request::Harmless { reads_only: false }
    }

    fn probe(&self, arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        match arguments.raw_text("method") {
            Some(method) if method.eq_ignore_ascii_case("post") => Probe::None,
            Some(_) | None => Probe::Repeatable,
        }
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = CheckEndpointCall::parse(Arguments::of(&arguments))?;
            execute(&call, context).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckEndpointCall {
    url: Url,
    method: Method,
    expected_status: u16,
}

impl CheckEndpointCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        let method = match given.optional_text("method")?.as_deref() {
            None | Some("GET" | "get") => Method::GET,
            Some("POST" | "post") => Method::POST,
            Some("HEAD" | "head") => Method::HEAD,
            Some(other) => {
                return Err(ToolError::Tell(format!(
                    "the argument `method` must be GET, POST or HEAD, not `{}`",
                    cut_bytes(other, 60)
                )));
            }
        };
        let expected = given
            .optional_whole("expected_status", 100..=599)?
            .unwrap_or(200);
        Ok(Self {
            url: local(&given.text("url")?)?,
            method,
            expected_status: u16::try_from(expected).unwrap_or(200),
        })
    }
}

/// A URL of this machine's loopback interface.
fn local(given: &str) -> Result<Url, ToolError> {
    let refused = |why: &str| {
        ToolError::Tell(format!(
            "`{}` {why}; only servers on this machine can be checked, such as \
             http://127.0.0.1:3000/",
            cut_bytes(given, 200)
        ))
    };
    // The parser understands every spelling of an address (`0x7f.1`, `2130706433`); what is judged
    // is what will be connected to.
    let mut url = Url::parse(given).map_err(|error| refused(&format!("is not a URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds credentials"));
    }
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if !loopback {
        return Err(refused("is not a loopback address"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Asks.
pub async fn execute(
    call: &CheckEndpointCall,
    context: &ToolContext,
) -> Result<Outcome, ToolError> {
    let port = call.url.port_or_known_default();
    if port.is_some_and(|port| context.limits.reserved_ports.contains(&port)) {
        return Err(ToolError::Tell("this port is not open to tools".to_owned()));
    }
    let result = tokio::select! {
        result = tokio::time::timeout(TIME, ask(call, context)) => result,
        () = context.cancel.cancelled() => return Err(ToolError::Cancelled),
    };
    let result = result.unwrap_or_else(|_| {
        json!({
            "success": false,
            "responding": false,
            "error": format!("no answer within {} s", TIME.as_secs()),
        })
    });
    Ok(Outcome::new(result, Vec::new()))
}

async fn ask(call: &CheckEndpointCall, context: &ToolContext) -> Value {
    let answer = match local_http::ask(&call.method, &call.url, PREVIEW_BYTES, context).await {
        Ok(answer) => answer,
        Err(reason) => {
            return json!({
                "success": false,
                "responding": false,
                "error": format!("connection failed: {reason}"),
            });
        }
    };
    let (status, preview) = (answer.status, answer.preview);
    let mut result = json!({
        "success": status == call.expected_status,
        "status": status,
        "responding": true,
        "body_preview": text::lossy(&preview[..preview.len() - text::unfinished(&preview)]).0,
    });
    if let Some(location) = answer.location {
        result["location"] = json!(cut_bytes(&location, 200));
    }
    if status != call.expected_status {
        result["error"] = json!(format!(
            "status {status}, expected {}",
            call.expected_status
        ));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_loopback_is_accepted() {
        for url in [
            "http://localhost:3000/",
            "http://127.0.0.1",
            "https://127.1:8443/x?y#z",
            "http://0x7f.0.0.1:80/",
            "http://2130706433/",
            "http://[::1]:5173/",
            "http://[::ffff:127.0.0.1]:80/",
            "HTTP://LOCALHOST:9000",
        ] {
            assert!(local(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn nothing_but_loopback_is_reached() {
        for url in [
            "http://example.com/",
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://192.168.1.1:8080/",
            "http://0.0.0.0:3000/",
            "http://[::]/",
            "http://[fd00::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://2852039166/",
            "http://localhost.example.com/",
            "http://127.0.0.1.nip.io/",
            "http://127.0.0.1@example.com/",
            "http://user:pass@127.0.0.1/",
            "http://localhost%2eexample.com/",
            "http://foo.localhost/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_INFO",
            "//127.0.0.1/",
            "127.0.0.1:3000",
            "",
        ] {
            assert!(matches!(local(url), Err(ToolError::Tell(_))), "{url}");
        }
    }
}
