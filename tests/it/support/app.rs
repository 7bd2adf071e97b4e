//! The whole service over a test's own database.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use chrono::DateTime;
use futures_util::future::BoxFuture;
use navi::app::App;
use navi::audit::service::Audit;
use navi::audit::witnessing::witness::Witness;
use navi::auth::principal::{Principal, Proof, Role};
use navi::config::settings::Config;
use navi::exec::sandbox::settings::SandboxMode;
use navi::http::router::{document, router};
use navi::platform::clock::Clock;
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool};

use crate::support::client::Client;
use crate::support::described::as_described;

/// The organisation that [`TestApp::client`] speaks for.
pub(crate) const ORG: &str = "org-1";
/// The person that [`TestApp::client`] speaks for.
pub(crate) const USER: &str = "user-1";
/// The secret that signs the tests' tokens.
pub(crate) const SECRET: &str = "test-5f2b8c1d7e9a4036b8d1c2e3f4a5968778695a4b";

/// The key that seals the tests' audit logs.
pub(crate) const AUDIT_KEY: &str = "q5Jm0cHfT2hXvB7w1R9kYl3Zs8NdUe4GaPo6IxVtQyE=";

/// The service without a socket: requests go into the router.
pub(crate) struct TestApp {
    /// The services.
    pub(crate) app: App,
    router: Router,
}

impl TestApp {
    /// The service with a clock that stands still at 2026-01-02 03:04:05 UTC.
    pub(crate) async fn new(db: PgPool) -> Self {
        let at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
        Self::with(db, Clock::fixed(at), &[]).await
    }

    /// The service with this clock and these flags beside the tests' own.
    pub(crate) async fn with(db: PgPool, clock: Clock, flags: &[&str]) -> Self {
        Self::of(db, clock, Self::config(flags)).await
    }

    /// The settings of [`Self::with`], for tests that change more than flags can.
    pub(crate) fn config(flags: &[&str]) -> Config {
        let ours = [
            "--jwt-secret",
            SECRET,
            "--audit-encryption-key",
            AUDIT_KEY,
            "--bind",
            "127.0.0.1:0",
        ];
        // No test waits for two minutes unless it says so.
        let patience = ["--model-patience-seconds-interactive", "3"];
        let patience: &[&str] = if flags.contains(&patience[0]) {
            &[]
        } else {
            &patience
        };
        let all = ours.iter().chain(patience).chain(flags);
        Config::from_flags(all.copied()).unwrap()
    }

    /// The service with this clock and these settings, which would make a large future.
    pub(crate) fn of(db: PgPool, clock: Clock, mut config: Config) -> BoxFuture<'static, Self> {
        if config.surroundings.supervisor.is_none() {
            // There is no program that could contain a command.
            config.sandbox.mode = SandboxMode::Off;
        }
        Box::pin(async move {
            let app = App::build(config, db, clock, Tasks::new()).await.unwrap();
            app.health.refresh().await;
            let document = serde_json::to_value(document(&app)).unwrap();
            let router = router(&app).layer(from_fn_with_state(Arc::new(document), as_described));
            Self { app, router }
        })
    }

    /// A token that is valid for an hour of the test's clock.
    pub(crate) fn token(&self, org: &str, user: &str, role: Role) -> String {
        let principal = principal(org, user, role);
        let hour = Duration::from_hours(1);
        self.app.verifier.mint(&principal, hour).unwrap()
    }

    /// A client of [`USER`] in [`ORG`] with this role.
    pub(crate) fn client(&self, role: Role) -> Client {
        self.client_of(ORG, USER, role)
    }

    /// A client of anybody.
    pub(crate) fn client_of(&self, org: &str, user: &str, role: Role) -> Client {
        Client::new(self.router.clone(), Some(self.token(org, user, role)))
    }

    /// A client with this token, whatever it is worth.
    pub(crate) fn client_with(&self, token: &str) -> Client {
        Client::new(self.router.clone(), Some(token.to_owned()))
    }

    /// A client without a token.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.router.clone(), None)
    }
}

impl Drop for TestApp {
    /// Ends what works in the background, which would keep the test's database open.
    fn drop(&mut self) {
        self.app.agent.stopping().cancel();
        self.app.tasks.stopping().cancel();
    }
}

/// The audit log of another process over the same database.
pub(crate) fn audit(db: &PgPool, clock: &Clock) -> Audit {
    let keys = Arc::new(TestApp::config(&[]).audit_keys().unwrap());
    let metrics = Metrics::new(&[], &[]).unwrap();
    let (witness, tasks) = (Witness::default(), Tasks::new());
    Audit::open(db.clone(), clock.clone(), keys, metrics, witness, &tasks)
}

/// A principal of an organisation, with a role.
pub(crate) fn principal(org: &str, user: &str, role: Role) -> Principal {
    Principal {
        org_id: org.parse().unwrap(),
        team_id: None,
        user_id: user.parse().unwrap(),
        role,
        proof: Proof::Token,
    }
}

/// Empties a database, which is made with the migrations applied (`scripts/with-postgres.sh`).
pub(crate) async fn unmigrated(options: &PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql("drop schema public cascade; create schema public")
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
}
