//! `start_server`: servers that live as long as the run.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use crate::exec::capture::{Capture, Live};
use crate::exec::launch::ShellCommand;
use crate::exec::output::OutputStream;
use crate::exec::running::Running;
use crate::exec::sandbox::network::forward::Forward;
use crate::platform::outbound::client::Method;
use crate::policy::request::Request;
use crate::policy::wall::widening::CallNeeds;
use crate::tools::arguments::Arguments;
use crate::tools::commands::local_http;
use crate::tools::commands::opened::{OpenedNeeds, refuse_credentials};
use crate::tools::commands::running_servers::RunningServer;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Effect, Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, needs, number, object, text};

/// Between two questions whether a server is ready.
const PROBE_EVERY: Duration = Duration::from_millis(200);

/// Time limit for one such question.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// The wait for a server until it is gone.
pub(super) const STOP_WAIT: Duration = Duration::from_secs(10);

/// Bytes kept of a server's first and last output.
const LOG_BYTES: usize = 4 * 1024;

/// The ports a server may have.
const PORTS: std::ops::RangeInclusive<u64> = 1024..=65535;

/// `start_server`.
#[derive(Clone, Copy, Debug)]
pub struct StartServer;

impl Tool for StartServer {
    fn name(&self) -> &'static str {
        "start_server"
    }

    fn description(&self) -> &'static str {
        "Starts a server in the background and waits until it answers over HTTP. It ends with the run."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "command": text("The command, for bash; it stays in the foreground."),
                "port": number("The port it listens on, 1024 to 65535; also given to it as PORT."),
                "health_path": text("URL path to ask; `/` when left out."),
                "startup_time": number("Seconds until it must answer; 10 when left out."),
                "cwd": text("Working directory relative to the workspace."),
                "needs": needs(),
            }),
            &["command", "port"],
        )
    }

    fn access(&self) -> Access {
        Access::Write
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        arguments.request("command", |text| Request::Command {
            text,
            directory: arguments.raw_text("cwd").unwrap_or_default(),
            in_background: true,
            needs: arguments.raw("needs"),
        })
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Server
    }

    fn call<'a>(
        &'a self,
        call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let call = StartServerCall::parse(Arguments::of(&arguments))?;
            start(call, call_id, context).await
        })
    }
}

/// The arguments of `start_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartServerCall {
    command: String,
    port: u16,
    health_path: String,
    startup: Duration,
    directory: String,
    /// Its needs beyond the wall, which the policy has judged.
    pub widening: CallNeeds,
}

impl StartServerCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        let command = given.text("command")?;
        if command.trim().is_empty() {
            return Err(ToolError::Tell("`command` is empty".to_owned()));
        }
        let health_path = given
            .optional_text("health_path")?
            .unwrap_or_else(|| "/".to_owned());
        let plain = |c: char| c.is_ascii_graphic() && c != '\\';
        if !health_path.starts_with('/') || !health_path.chars().all(plain) {
            return Err(ToolError::Tell(
                "`health_path` must be a URL path that begins with `/`".to_owned(),
            ));
        }
        let startup = given
            .optional_whole("startup_time", 0..=u64::MAX)?
            .unwrap_or(10);
        let directory = given.optional_text("cwd")?.filter(|cwd| !cwd.is_empty());
        let (port, widening) = (port(given)?, given.needs()?);
        if let Some(other) = widening.ports.iter().find(|other| **other != port) {
            return Err(ToolError::Tell(format!(
                "`needs.ports` names {other}, and this server has port {port}: a call can open no other"
            )));
        }
        refuse_credentials(&widening)?;
        Ok(Self {
            command,
            port,
            health_path,
            startup: Duration::from_secs(startup.clamp(1, 300)),
            directory: directory.unwrap_or_else(|| ".".to_owned()),
            widening,
        })
    }
}

/// The port that a call names.
pub(super) fn port(given: Arguments<'_>) -> Result<u16, ToolError> {
    let port = given.whole("port", PORTS)?;
    u16::try_from(port).map_err(|error| ToolError::Tell(error.to_string()))
}

/// True if no program listens on the port: of the run's network where it has one, otherwise at any
/// address of this machine.
pub(super) async fn is_free(port: u16, context: &ToolContext) -> bool {
    if let Some(connected) = context.processes.connect(port).await {
        return connected.is_err();
    }
    // Binding fails when a program listens at the address or at all of them. A machine without IPv6
    // refuses the second for another reason.
    let used = |error: std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
    let free = |bound: std::io::Result<TcpListener>| !bound.is_err_and(used);
    free(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        && free(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
        && free(TcpListener::bind((Ipv6Addr::LOCALHOST, port)))
}

/// Starts a server and waits until it answers.
pub async fn start(
    call: StartServerCall,
    call_id: &str,
    context: &ToolContext,
) -> Result<Outcome, ToolError> {
    check_port(call.port, context).await?;
    let mut server = launch(&call, call_id, context).await?;
    let guard = server.running.guard();
    let ready = tokio::select! {
        ready = until_ready(&call, &mut server.running, context) => ready,
        () = context.cancel.cancelled() => return Err(ToolError::Cancelled),
    };
    match ready {
        Ok(url) => {
            let kept = keep(call, server, &url, context).await;
            guard.disarm();
            Ok(kept)
        }
        Err(reason) => Ok(discard(call, server, &reason).await),
    }
}

/// Refuses a port that this run's servers, the server itself or another program use, and one server
/// too many.
async fn check_port(port: u16, context: &ToolContext) -> Result<(), ToolError> {
    let running = context.servers.ports();
    if running.contains(&port) {
        return Err(ToolError::Tell(format!(
            "this run's server already uses port {port}; use it, or stop it with `stop_server`"
        )));
    }
    if running.len() >= context.limits.servers {
        return Err(ToolError::Tell(format!(
            "{} servers run already; stop one with `stop_server`",
            running.len()
        )));
    }
    if context.limits.reserved_ports.contains(&port) || !is_free(port, context).await {
        return Err(ToolError::Tell(format!(
            "port {port} is used by another program; choose another port"
        )));
    }
    Ok(())
}

/// A server that was started and has not answered yet.
struct Starting {
    running: Running,
    live: Live,
    log: Capture,
    opened: OpenedNeeds,
}

/// Starts the command; its output is shown live, and its beginning and end are kept.
async fn launch(
    call: &StartServerCall,
    call_id: &str,
    context: &ToolContext,
) -> Result<Starting, ToolError> {
    let (directory, _) = context.workspace.open_directory(&call.directory)?;
    let opened = OpenedNeeds::of(&call.widening, &context.processes, &context.tasks).await?;
    let extra = [("PORT", call.port.to_string())];
    let command = ShellCommand {
        text: &call.command,
        record: context.status_file.as_deref(),
        widening: opened.widening(),
    };
    if let Some(protected) = context.protected_files().await? {
        context.servers.settle_at_the_end(protected);
    }
    let started = context
        .processes
        .start(command, &directory, &extra, &context.tasks);
    let (running, outputs) = started.await?;
    let live = Live::new(
        context.output.clone(),
        call_id,
        &call.command,
        context.limits.live_bytes,
    );
    let log = Capture::new(LOG_BYTES);
    let (stdout, stderr) = (live.of(OutputStream::Stdout), live.of(OutputStream::Stderr));
    context
        .tasks
        .spawn(log.clone().read(outputs.stdout, stdout));
    context
        .tasks
        .spawn(log.clone().read(outputs.stderr, stderr));
    Ok(Starting {
        running,
        live,
        log,
        opened,
    })
}

/// Keeps a server that answers at `url` until the run ends.
async fn keep(
    call: StartServerCall,
    server: Starting,
    url: &str,
    context: &ToolContext,
) -> Outcome {
    let Starting {
        running,
        live,
        log,
        opened,
    } = server;
    live.close();
    let port = call.port;
    let mut result = json!({
        "success": true,
        "message": format!("the server answers on port {port}; it ends with the run"),
        "url": url,
        "port": port,
        "verified": true,
        "log_preview": log.text(),
    });
    let mut forward = None;
    if !call.widening.ports.is_empty() {
        match forwarded(port, context).await {
            Ok((address, opened)) => {
                result["forwarded"] = json!(address);
                forward = opened;
            }
            Err(error) => {
                result["note"] = json!(format!("the port could not be opened: {error}"));
            }
        }
    }
    let server = RunningServer {
        running,
        log,
        _opened: opened,
        _forward: forward,
    };
    context.servers.insert(port, server);
    Outcome::new(result, vec![ran(call.command, true)])
}

/// Lets programs of this machine reach a server, and answers with where they do. One that shares the
/// machine's network is reached there already.
async fn forwarded(port: u16, context: &ToolContext) -> std::io::Result<(String, Option<Forward>)> {
    if context.processes.connect(port).await.is_none() {
        return Ok((url_of(port, ""), None));
    }
    let forward = Forward::open(&context.processes, port, &context.tasks).await?;
    let address = url_of(forward.address().port(), "");
    Ok((address, Some(forward)))
}

/// Stops a server that did not come to answer.
async fn discard(call: StartServerCall, mut server: Starting, reason: &str) -> Outcome {
    server.running.stop();
    server.running.gone(STOP_WAIT).await;
    server.live.close();
    let port = call.port;
    let result = json!({
        "success": false,
        "error": format!("{reason}; it was stopped"),
        "url": url_of(port, &call.health_path),
        "port": port,
        "log_preview": server.log.text(),
        "suggestion": format!(
            "read the log; the server must listen on port {port} (also in the variable \
             PORT) within {} s, set `startup_time` when it needs longer",
            call.startup.as_secs()
        ),
    });
    Outcome::new(result, vec![ran(call.command, false)])
}

fn ran(command: String, success: bool) -> Effect {
    Effect::Ran {
        command,
        exit_code: None,
        success,
    }
}

fn url_of(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// Asks the server until it answers, it ends, or its time is up.
async fn until_ready(
    call: &StartServerCall,
    running: &mut Running,
    context: &ToolContext,
) -> Result<String, String> {
    let deadline = Instant::now() + call.startup;
    let mut last = "nothing listens yet".to_owned();
    // Some servers listen on only one of the two loopback addresses.
    let urls = [
        url_of(call.port, &call.health_path),
        format!("http://[::1]:{}{}", call.port, call.health_path),
    ];
    loop {
        for url in &urls {
            let Ok(target) = Url::parse(url) else {
                continue;
            };
            let asking = local_http::ask(&Method::GET, &target, 0, context);
            match tokio::time::timeout(PROBE_TIME, asking).await {
                Ok(Ok(answer)) if answer.status < 500 => return Ok(url.clone()),
                Ok(Ok(answer)) => last = format!("it answers with status {}", answer.status),
                Err(_) => "it accepts but does not answer".clone_into(&mut last),
                Ok(Err(_)) => {}
            }
        }
        let state = running.state();
        if state.gone {
            return Err(match (state.code, state.failure) {
                (Some(code), _) => format!("the server ended with exit code {code}"),
                (None, reason) => format!("the server ended: {}", reason.unwrap_or_default()),
            });
        }
        if Instant::now() >= deadline {
            return Err(format!(
                "the server was not ready after {} s: {last}",
                call.startup.as_secs()
            ));
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}
