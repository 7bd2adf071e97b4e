//! The tools against real files, processes and servers.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod adding;
mod commands;
mod files;
mod forms;
mod needs;
mod paths;
mod servers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::Parser;
use navi::exec::credentials::outside::Outside;
use navi::exec::credentials::settings::RunCredentials;
use navi::exec::egress::connection::{ConnectionSink, EgressConnection};
use navi::exec::egress::dial::Dialer;
use navi::exec::egress::hosts::RunHosts;
use navi::exec::egress::limits::EgressLimits;
use navi::exec::egress::proxy::EgressProxy;
use navi::exec::egress::resolve::SystemResolver;
use navi::exec::environment::for_commands;
use navi::exec::output::OutputLine;

use navi::exec::finding::find_sandbox;
use navi::exec::launch::Launch;
use navi::exec::process::Processes;
use navi::exec::sandbox::enclosure::Grant;
use navi::exec::sandbox::machine::Sandbox;
use navi::exec::sandbox::repositories::linked::LinkedRepository;
use navi::exec::sandbox::settings::Demand;
use navi::exec::sandbox::settings::SandboxConfig;
use navi::platform::metrics::Metrics;
use navi::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use navi::platform::outbound::reach::Reach;
use navi::platform::tasks::Tasks;
use navi::policy::service::Policy;
use navi::tools::commands::running_servers::RunningServers;
use navi::tools::context::{ToolContext, ToolLimits};
use navi::tools::outcome::{Outcome, ToolError};
use navi::tools::registry::{ToolSet, execute};
use navi::workspace::paths::Workspace;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A workspace in a folder of its own, and what the tools need to work in it.
pub(crate) struct Bench {
    pub(crate) context: ToolContext,
    pub(crate) output: mpsc::Receiver<OutputLine>,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// One whose commands are contained as well as this machine can.
    pub(crate) fn new() -> Self {
        Self::within(&sandbox())
    }

    /// One whose commands are processes like any other of this machine.
    pub(crate) fn uncontained() -> Self {
        Self::within(&Sandbox::off())
    }

    /// One whose commands are contained like this.
    pub(crate) fn within(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("workspace");
        std::fs::create_dir(&root).unwrap();
        let (to, output) = mpsc::channel(1_000);
        let workspace = Workspace::open(root.to_str().unwrap()).unwrap();
        let grant = Grant::of_workspace(workspace.root());
        let context = ToolContext {
            workspace,
            cancel: CancellationToken::new(),
            tasks: Tasks::new(),
            output: to,
            processes: Processes::new(launch(sandbox.clone()), &mark(), grant, None),
            servers: RunningServers::default(),
            http: Client::new(Reach::loopback(), CONNECT_TIMEOUT).unwrap(),
            limits: ToolLimits::default(),
            policy: Policy::built_in().unwrap(),
            status_file: None,
        };
        Self {
            context,
            output,
            folder,
        }
    }

    /// The same, whose workspace may be linked to a repository elsewhere.
    pub(crate) fn linked(mut self, sandbox: &Sandbox) -> Self {
        let linked = LinkedRepository::of(self.root());
        let grant = Grant::of_workspace(self.root()).with_repository(linked);
        let launch = launch(sandbox.clone());
        self.context.processes = Processes::new(launch, &mark(), grant, None);
        self
    }

    /// The same, whose run has a way out to these hosts, may borrow these credentials, and works for a
    /// person with this home folder.
    pub(crate) fn borrowing(
        mut self,
        sandbox: &Sandbox,
        hosts: &str,
        credentials: RunCredentials,
        home: &Path,
    ) -> Self {
        let mut launch = launch(sandbox.clone());
        let dialer = Dialer::new(Arc::new(SystemResolver), None);
        let metrics = Metrics::new(&[], &[]).unwrap();
        launch.egress = Some(EgressProxy::new(EgressLimits::default(), dialer, metrics));
        let home = home.display().to_string();
        let environment = (*launch.environment).clone().into_iter();
        let environment = environment.chain([("HOME".to_owned(), home)]);
        launch.environment = Arc::new(environment.collect());
        let outside = Outside {
            hosts: RunHosts::new(hosts.parse().unwrap()),
            sink: Arc::new(Deaf),
            credentials,
        };
        let grant = Grant::of_workspace(self.root());
        self.context.processes = Processes::new(launch, &mark(), grant, Some(outside));
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.context.workspace.root()
    }

    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn content(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<Outcome, ToolError> {
        let tools = ToolSet::built_in();
        let tool = tools.named(tool).unwrap();
        execute(&**tool, "call_1", object(arguments), &self.context).await
    }

    /// The result of a call that works.
    pub(crate) async fn result(&self, tool: &str, arguments: Value) -> Map<String, Value> {
        self.call(tool, arguments).await.unwrap().result
    }

    /// The text that the model receives from a call that fails.
    pub(crate) async fn told(&self, tool: &str, arguments: Value) -> String {
        match self.call(tool, arguments.clone()).await {
            Err(ToolError::Tell(told)) => told,
            other => panic!("{tool:?} {arguments}: {other:?}"),
        }
    }

    pub(crate) fn live(&mut self) -> Vec<OutputLine> {
        std::iter::from_fn(|| self.output.try_recv().ok()).collect()
    }
}

/// Hears of connections and keeps nothing.
pub(crate) struct Deaf;

impl ConnectionSink for Deaf {
    fn note(&self, _connection: &EgressConnection) {}
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        panic!("no object: {value}");
    };
    object
}

/// The strongest sandbox of this machine.
pub(crate) fn sandbox() -> Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
        let config = Settings::parse_from(["navi"]).sandbox;
        find_sandbox(&config, &program(), &environment(), Demand::Wanted).unwrap()
    });
    SANDBOX.clone()
}

#[derive(clap::Parser)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) sandbox: SandboxConfig,
}

pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_navi"))
}

fn environment() -> BTreeMap<String, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the toolchain is found by the environment"
    )]
    for_commands(std::env::vars())
}

fn launch(sandbox: Sandbox) -> Launch {
    Launch {
        supervisor: program(),
        environment: Arc::new(environment()),
        sandbox,
        egress: None,
        spares: Arc::default(),
        presence: None,
    }
}

pub(crate) fn mark() -> String {
    navi::platform::ids::uuid_v7(&navi::platform::clock::Clock::System).to_string()
}

/// Waits until `holds` says so, at most five seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..250 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}

/// True if a process is alive: there, and no zombie.
pub(crate) fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .unwrap()
            .1
            .trim_start()
            .starts_with('Z')
    })
}
