//! The hand that a test's script in Node has on the server: it starts and ends it, and writes what
//! the scripted model plays.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use navi::auth::principal::Role;
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::Mutex;

use crate::clients::{node, root};
use crate::support::app::{ORG, SECRET, USER, principal};
use crate::support::served::{Place, Served, url};

/// The longest time that a server may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that does not run yet, and a door through which a script commands it.
pub(super) struct Backstage {
    address: String,
    stage: Arc<Stage>,
}

struct Stage {
    place: Arc<Place>,
    /// The same for every server, as after a deploy.
    bind: String,
    served: Mutex<Option<Served>>,
}

impl Backstage {
    pub(super) async fn open(db: &PgPool) -> Self {
        let stage = Arc::new(Stage {
            place: Place::new(&Script::default(), Some(&url(&db.connect_options()))),
            bind: free_address(),
            served: Mutex::default(),
        });
        let router = Router::new()
            .route("/script", post(write_script))
            .route("/start", post(start))
            .route("/stop", post(stop))
            .route("/kill", post(kill))
            .with_state(stage.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, stage }
    }

    /// Runs a script of this folder, which must end well.
    pub(super) async fn play(&self, script: &str, environment: &[(&str, &str)]) {
        let script = format!("tests/it/clients/{script}");
        let address = format!("http://{}", self.address);
        let mut environment = environment.to_vec();
        environment.push(("NAVI_BACKSTAGE", &address));
        let said = node(root(), &[&script], &environment).await;
        let log = self.stage.served.lock().await;
        let log = log.as_ref().map(Served::log).unwrap_or_default();
        assert!(!log.contains("panicked"), "{said}\n{log}");
    }
}

/// An address below the ports that the system gives to connections, so that none takes it while the
/// server is down.
fn free_address() -> String {
    loop {
        let address = format!("127.0.0.1:{}", rand::random_range(20_000..32_000));
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// Writes what the model plays from the next start on.
async fn write_script(State(stage): State<Arc<Stage>>, body: String) {
    stage.place.write_script(&body);
}

/// Starts a server with the flags of the body, one a line; answers with its address, the token of
/// a planner, and that of an administrator.
async fn start(State(stage): State<Arc<Stage>>, body: String) -> impl IntoResponse {
    let flags: Vec<_> = body.lines().collect();
    let served = stage.place.serve_at(&stage.bind, &flags).await;
    let said = json!({"url": served.url, "token": served.token, "admin": admin()}).to_string();
    *stage.served.lock().await = Some(served);
    said
}

/// The token of an administrator.
fn admin() -> String {
    let config = Config::from_flags(["--jwt-secret", SECRET]).unwrap();
    let secret = config.signing_secret().unwrap();
    let verifier = Verifier::new(&config.auth, &secret, Clock::System);
    let principal = principal(ORG, USER, Role::Admin);
    verifier.mint(&principal, Duration::from_hours(1)).unwrap()
}

/// Ends the server as a deploy does, and waits until it is gone.
async fn stop(State(stage): State<Arc<Stage>>) {
    let mut served = stage.served.lock().await;
    if let Some(mut served) = served.take() {
        served.signal(Signal::SIGTERM);
        assert_eq!(served.gone(PATIENCE).await, Some(0), "{}", served.log());
    }
}

/// Ends the server without a word.
async fn kill(State(stage): State<Arc<Stage>>) {
    if let Some(mut served) = stage.served.lock().await.take() {
        served.kill();
    }
}
