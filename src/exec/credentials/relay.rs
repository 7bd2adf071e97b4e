//! The relay between one command and the SSH agent: it passes on the agent's public keys, and lets it
//! sign a user in at the hosts that a person named.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::exec::credentials::binding::is_proven;
use crate::exec::credentials::message::{AgentRequest, FAILURE};
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;

/// The longest message, which is that of OpenSSH's own agent.
const MESSAGE_BYTES: u32 = 256 * 1024;
/// The most sessions of one connection, and reasons that are kept.
const SESSIONS: usize = 16;
const REASONS: usize = 8;
/// The most connections to the relay at once.
const CONNECTIONS: usize = 16;

/// A relay. When it is dropped, it and its connections are closed.
#[derive(Debug)]
pub(super) struct AgentRelay {
    stop: CancellationToken,
    refused: Arc<Mutex<Vec<&'static str>>>,
}

impl Drop for AgentRelay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The agent, and the hosts that it may sign in at, by their keys.
#[derive(Debug)]
struct Lent {
    agent: PathBuf,
    keys: Vec<Vec<u8>>,
    refused: Arc<Mutex<Vec<&'static str>>>,
}

impl Lent {
    fn refuse(&self, reason: &'static str) {
        let mut refused = lock(&self.refused);
        if refused.len() < REASONS && !refused.contains(&reason) {
            refused.push(reason);
        }
    }
}

impl AgentRelay {
    /// Listens at a path for one command.
    pub(super) fn open(
        path: &Path,
        agent: PathBuf,
        keys: Vec<Vec<u8>>,
        tasks: &Tasks,
    ) -> std::io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let relay = Self {
            stop: tasks.stopping().child_token(),
            refused: Arc::default(),
        };
        let lent = Arc::new(Lent {
            agent,
            keys,
            refused: Arc::clone(&relay.refused),
        });
        let (stop, spawning) = (relay.stop.clone(), tasks.clone());
        tasks.spawn(async move {
            let accepting = accept_all(listener, lent, stop.clone(), spawning);
            stop.run_until_cancelled(accepting).await;
        });
        Ok(relay)
    }

    /// The reasons why something was not passed on.
    pub(super) fn refused(&self) -> Vec<&'static str> {
        lock(&self.refused).clone()
    }
}

async fn accept_all(
    listener: UnixListener,
    lent: Arc<Lent>,
    stop: CancellationToken,
    tasks: Tasks,
) {
    let room = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let (lent, stop) = (Arc::clone(&lent), stop.clone());
        tasks.spawn(async move {
            // A client that breaks off is done.
            let _ended = stop.run_until_cancelled(serve(client, &lent)).await;
            drop(place);
        });
    }
}

async fn serve(mut client: UnixStream, lent: &Lent) -> std::io::Result<()> {
    let mut agent = UnixStream::connect(&lent.agent).await?;
    let mut sessions: Vec<Vec<u8>> = Vec::new();
    loop {
        let message = receive(&mut client).await?;
        if is_allowed(&message, lent, &mut sessions) {
            send(&mut agent, &message).await?;
            let answer = receive(&mut agent).await?;
            send(&mut client, &answer).await?;
        } else {
            send(&mut client, &[FAILURE]).await?;
        }
    }
}

/// True for a message that is passed on. A binding that is proven counts for what comes after it.
fn is_allowed(message: &[u8], lent: &Lent, sessions: &mut Vec<Vec<u8>>) -> bool {
    match AgentRequest::read(message) {
        Some(AgentRequest::Identities) => true,
        Some(AgentRequest::Bind(binding)) => {
            let is_proven = sessions.len() < SESSIONS && is_proven(&binding, &lent.keys);
            if is_proven {
                sessions.push(binding.session.to_vec());
            } else {
                lent.refuse("the SSH agent signs in at no other host than those that were named");
            }
            is_proven
        }
        Some(AgentRequest::SignIn { session }) => {
            let is_bound = sessions.iter().any(|it| it == session);
            if !is_bound {
                lent.refuse(
                    "the SSH agent signs in only where `ssh` proved the host to it, as OpenSSH does \
                     since version 8.9",
                );
            }
            is_bound
        }
        None => {
            lent.refuse("the SSH agent does nothing else than to list its keys and to sign in");
            false
        }
    }
}

async fn receive(from: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    if length > MESSAGE_BYTES {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; usize::try_from(length).unwrap_or_default()];
    from.read_exact(&mut message).await?;
    Ok(message)
}

async fn send(to: &mut UnixStream, message: &[u8]) -> std::io::Result<()> {
    to.write_u32(u32::try_from(message.len()).unwrap_or_default())
        .await?;
    to.write_all(message).await
}
