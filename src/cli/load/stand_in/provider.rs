//! The stand-in, from its start to its end.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::cli::load::measure::call_tally::CallTally;
use crate::cli::load::stand_in::play::ScriptPlayer;
use crate::cli::load::stand_in::routes::serve;
use crate::llm::script::Script;
use crate::platform::tasks::Tasks;

/// The longest that answers under way may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// A provider that plays a script.
#[derive(Debug)]
pub struct StandIn {
    url: String,
    tally: Arc<CallTally>,
    tasks: Tasks,
}

impl StandIn {
    /// Begins to play.
    pub async fn start(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let (tally, tasks) = (Arc::new(CallTally::default()), Tasks::new());
        let player = ScriptPlayer {
            script: Arc::new(script),
            tally: tally.clone(),
        };
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            if let Err(error) = serve(listener, player, stopping).await {
                tracing::error!(%error, "the stand-in for a model has ended");
            }
        });
        Ok(Self { url, tally, tasks })
    }

    /// Its address, as servers are given it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its calls.
    pub fn tally(&self) -> &CallTally {
        &self.tally
    }

    /// Ends it.
    pub async fn stop(self) {
        let _in_time = self.tasks.shutdown(GRACE).await;
    }
}
