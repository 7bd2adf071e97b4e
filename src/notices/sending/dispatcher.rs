//! The background work of every server: claims a webhook, sends what is due next, notes what became of it.
//!
//! A claim is committed before anything is sent, and outlasts the longest request. So two servers never
//! send to a webhook at once, and what a lost server was sending is sent again, under the same id, when
//! its claim has ended. Webhooks that fail have slots of their own: receivers that hang delay no others.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{Notify, Semaphore};
use url::Url;

use crate::notices::address::AddressRules;
use crate::notices::config::NoticeConfig;
use crate::notices::model::{NoticeId, SecretPlace, WebhookFormat};
use crate::notices::notice::Notice;
use crate::notices::sending::body::{NoticeMessage, standard};
use crate::notices::sending::sender::{Attempt, CONNECT_TIMEOUT, Outgoing, send};
use crate::notices::sending::{backoff, signature, slack};
use crate::notices::store::claims::{Claimed, DueNotice, Failed, Lane};
use crate::notices::store::{claims, outbox};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::uuid_v7;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::client::Client;
use crate::platform::outbound::error::OutboundError;
use crate::platform::secret::SecretString;
use crate::platform::tasks::Tasks;
use crate::vault::service::Vault;

/// Requests of a lane that are on their way at once.
const SLOTS: usize = 16;
/// The interval at which an idle lane looks again.
const POLL: Duration = Duration::from_secs(1);
/// The pause after the database failed.
const PAUSE: Duration = Duration::from_secs(2);
/// A claim lasts for the longest request, opening the secret before it and writing the outcome after it.
const CLAIM: Duration = Duration::from_mins(1);
/// Attempts to write an outcome. After them the claim ends, and the notice is sent again.
const WRITES: usize = 5;
/// A webhook that has failed for so long loses the notices that are older.
const GIVE_UP: TimeDelta = TimeDelta::days(1);

/// Sends what is due; cheap to clone.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    db: Pool,
    clock: Clock,
    vault: Vault,
    metrics: Metrics,
    client: Client,
    base: Option<Arc<Url>>,
    patience: Duration,
}

impl Dispatcher {
    /// Over this database and vault, to where `rules` allow.
    pub fn new(
        db: Pool,
        clock: Clock,
        vault: Vault,
        metrics: Metrics,
        rules: &AddressRules,
        config: &NoticeConfig,
    ) -> Result<Self, OutboundError> {
        Ok(Self {
            db,
            clock,
            vault,
            metrics,
            client: Client::new(rules.reach(), CONNECT_TIMEOUT)?,
            base: config.public_base_url.clone().map(Arc::new),
            patience: Duration::from_secs(config.webhook_timeout_seconds),
        })
    }

    /// Sends until `tasks` end; what is on its way then is awaited.
    pub fn start(&self, tasks: &Tasks) {
        for lane in [Lane::Healthy, Lane::Failing] {
            let (dispatcher, stopping, within) = (self.clone(), tasks.stopping(), tasks.clone());
            tasks.spawn(async move {
                let work = dispatcher.work(lane, &within);
                stopping.run_until_cancelled(work).await;
            });
        }
        let (dispatcher, stopping) = (self.clone(), tasks.stopping());
        tasks.spawn(async move {
            let counting = dispatcher.count();
            stopping.run_until_cancelled(counting).await;
        });
    }

    async fn work(&self, lane: Lane, tasks: &Tasks) {
        let (slots, freed) = (Arc::new(Semaphore::new(SLOTS)), Arc::new(Notify::new()));
        loop {
            // It is never closed.
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            match self.claim(lane).await {
                Ok(Some(claimed)) => {
                    let (dispatcher, freed) = (self.clone(), freed.clone());
                    tasks.spawn(async move {
                        dispatcher.serve(&claimed).await;
                        drop(slot);
                        freed.notify_one();
                    });
                }
                Ok(None) => {
                    drop(slot);
                    // More may be due for a webhook that was just served.
                    tokio::select! {
                        () = freed.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "notices wait for Postgres");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends everything that is due now, one after the other. Answers how many attempts that were.
    pub async fn send_all(&self) -> sqlx::Result<usize> {
        let mut attempts = 0;
        for lane in [Lane::Healthy, Lane::Failing] {
            while let Some(claimed) = self.claim(lane).await? {
                self.serve(&claimed).await;
                attempts += 1;
            }
        }
        Ok(attempts)
    }

    async fn count(&self) {
        loop {
            let counted = async {
                let mut conn = self.db.acquire().await?;
                claims::count_due(&mut conn, self.clock.now()).await
            };
            if let Ok(due) = counted.await {
                self.metrics.navi_notices_due.set(due);
            }
            tokio::time::sleep(POLL * 15).await;
        }
    }

    async fn claim(&self, lane: Lane) -> sqlx::Result<Option<Claimed>> {
        let (claim, at) = (uuid_v7(&self.clock), self.clock.now());
        let mut conn = self.db.acquire().await?;
        claims::claim(&mut conn, lane, claim, CLAIM, at).await
    }

    /// Sends the next notice of a webhook that is claimed, and gives the webhook back.
    async fn serve(&self, claimed: &Claimed) {
        let due = async {
            let mut conn = self.db.acquire().await?;
            let due = claims::next_due(&mut conn, claimed, self.clock.now()).await?;
            if due.is_none() {
                claims::release(&mut conn, claimed).await?;
            }
            Ok::<_, sqlx::Error>(due)
        };
        let due = match due.await {
            Ok(Some(due)) => due,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "a notice waits for Postgres");
                return;
            }
        };
        let attempt = self.attempt(claimed, &due).await;
        if let Attempt::Failed { error, .. } = &attempt {
            tracing::info!(
                org.id = %claimed.org_id, webhook.id = %claimed.webhook_id, notice.id = %due.id,
                error, "a notice was not delivered"
            );
        }
        for _ in 0..WRITES {
            match self.write(claimed, &due, &attempt).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, notice.id = %due.id, "the outcome of a notice waits for Postgres");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn attempt(&self, claimed: &Claimed, due: &DueNotice) -> Attempt {
        let outgoing = match self.outgoing(claimed, due).await {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::error!(
                    %error, org.id = %claimed.org_id, webhook.id = %claimed.webhook_id,
                    "the secret of a webhook does not open"
                );
                return Attempt::failed("the secret cannot be opened");
            }
        };
        send(&self.client, outgoing, self.patience, self.clock.now()).await
    }

    async fn outgoing(
        &self,
        claimed: &Claimed,
        due: &DueNotice,
    ) -> Result<Outgoing, crate::vault::error::Error> {
        let place = SecretPlace::new(&claimed.org_id, claimed.webhook_id, &claimed.url);
        let secret = self.vault.open(&place.place(), &claimed.secret).await?;
        let message = NoticeMessage {
            kind: due.kind,
            at: due.created_at,
            data: &due.data,
        };
        let base = self.base.as_deref();
        Ok(match claimed.format {
            WebhookFormat::Standard => {
                let body = standard(&message, base).to_string().into_bytes();
                let (id, seconds) = (due.id.to_string(), self.clock.now().timestamp());
                let signature = signature::sign(&secret, &id, seconds, &body);
                Outgoing {
                    url: SecretString::from(claimed.url.as_str()),
                    headers: vec![
                        ("webhook-id", id),
                        ("webhook-timestamp", seconds.to_string()),
                        ("webhook-signature", signature),
                    ],
                    body,
                }
            }
            WebhookFormat::Slack => Outgoing {
                url: SecretString::from(String::from_utf8_lossy(&secret).as_ref()),
                headers: Vec::new(),
                body: slack::message(&message, base).to_string().into_bytes(),
            },
        })
    }

    async fn write(
        &self,
        claimed: &Claimed,
        due: &DueNotice,
        attempt: &Attempt,
    ) -> sqlx::Result<()> {
        let at = self.clock.now();
        let mut tx = self.db.begin().await?;
        let (outcome, dead) = match attempt {
            Attempt::Delivered => {
                claims::delivered(&mut tx, claimed, due, at).await?;
                ("delivered", 0)
            }
            Attempt::Gone => {
                let error = "answered 410 Gone";
                let dead = claims::disable(&mut tx, claimed, due, error, at).await?;
                let (id, notice) = (
                    NoticeId::new(&self.clock),
                    Notice::webhook_disabled(claimed.webhook_id),
                );
                outbox::tell(&mut tx, &claimed.org_id, id, &notice, at).await?;
                ("failed", dead)
            }
            Attempt::Failed { error, retry_after } => {
                let attempts = due.attempts.saturating_add(1);
                let again = at + backoff::pause(attempts, *retry_after);
                let resumes_at = at + backoff::hold(claimed.failures + 1, *retry_after);
                let failed = Failed {
                    at,
                    error,
                    due_at: (attempts < backoff::MAX_ATTEMPTS).then_some(again),
                    resumes_at,
                    oldest: at - GIVE_UP,
                };
                let dead = claims::failed(&mut tx, claimed, due, &failed).await?;
                ("failed", dead)
            }
        };
        tx.commit().await?;
        let outcomes = &self.metrics.navi_notice_attempts_total;
        outcomes.with_label_values(&[outcome]).inc();
        self.metrics.navi_notices_dead_total.inc_by(dead);
        Ok(())
    }
}
