//! Where it is played: a server, its database, and everybody's requests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use navi::feedback::learning::service::{Analyzer, PassOptions, PassReport};
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::embedded_postgres::server::EmbeddedPostgres;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::server::{Server, program};
use crate::world::{Given, Manner, Persona};
use crate::{postgres, provider, world};

/// Which ratings are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// Their true opinions.
    True,
    /// As many of each, of other answers than they were meant for.
    Shuffled,
}

/// A way to play it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    /// True when learned insights enter prompts.
    pub(crate) applies: bool,
    pub(crate) labels: Labels,
    /// The number of people, counted from the first, who rate the opposite of their opinion.
    pub(crate) hostile: usize,
}

/// The results of a condition.
#[derive(Default)]
pub(crate) struct Outcome {
    /// True opinions of the answers, by person and task, whatever rating was given.
    pub(crate) liked: BTreeMap<(usize, usize), bool>,
    /// Insights that were active at the end.
    pub(crate) active: i64,
    /// Of the insights that applied and were not held out by chance, the share that was shown.
    pub(crate) reach: f64,
    /// The most tokens that insights took in a prompt, at three bytes each.
    pub(crate) tokens: usize,
}

impl Outcome {
    pub(crate) fn acceptance(&self, of: impl Fn(usize, usize) -> bool) -> f64 {
        let liked: Vec<bool> = self
            .liked
            .iter()
            .filter(|((person, task), _)| of(*person, *task))
            .map(|(_, liked)| *liked)
            .collect();
        liked.iter().filter(|liked| **liked).count() as f64 / liked.len().max(1) as f64
    }

    /// The share of tasks whose answer was liked there and is not here.
    pub(crate) fn worse_than(&self, base: &Self) -> f64 {
        let worse = self
            .liked
            .iter()
            .filter(|(key, liked)| !**liked && base.liked[*key]);
        worse.count() as f64 / self.liked.len().max(1) as f64
    }

    /// Half the 95 % interval of the difference of two acceptances with as many independent tasks.
    pub(crate) fn noise(&self) -> f64 {
        let rate = self.acceptance(|_, _| true);
        1.96 * (2.0 * rate * (1.0 - rate) / self.liked.len() as f64).sqrt()
    }
}

pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) pool: PgPool,
    pub(crate) seed: u64,
    given: Given,
    told: Arc<std::sync::Mutex<usize>>,
    /// One that applies what was learned, and one that does not.
    servers: [Server; 2],
    data: PathBuf,
    _postgres: EmbeddedPostgres,
    _folder: tempfile::TempDir,
}

/// The learned preferences in a prompt: from their heading to the end of the list.
fn learned(message: &str) -> &str {
    let Some(at) = message.find("=== LEARNED PREFERENCES ===") else {
        return "";
    };
    let rest = &message[at..];
    let end = rest.find("\n\n").unwrap_or(rest.len());
    &rest[..end]
}

/// Who asks what: `[condition person task]` stands in every task.
fn who(message: &str) -> (String, usize, usize) {
    let from = message.find("[#").unwrap() + 2;
    let to = from + message[from..].find(']').unwrap();
    let mut parts = message[from..to].split(' ');
    let condition = parts.next().unwrap().to_owned();
    let mut number = || parts.next().unwrap().parse().unwrap();
    (condition, number(), number())
}

impl Stage {
    pub(crate) fn set(seed: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let postgres = postgres::start(&runtime, &folder.path().join("pg"));
        let options = postgres.connect_options();
        let pool = runtime.block_on(async {
            db::migrate(&options, Clock::System.now()).await.unwrap();
            sqlx::postgres::PgPoolOptions::new()
                .max_connections(16)
                .connect_with(options.clone())
                .await
                .unwrap()
        });
        let (given, told) = (Given::default(), Arc::new(std::sync::Mutex::new(0)));
        let (answers, most) = (given.clone(), told.clone());
        let model = provider::serve(move |body, reply| {
            let request: Value = serde_json::from_str(body).unwrap();
            let messages = request["messages"].as_array().unwrap();
            let last = messages
                .iter()
                .rev()
                .find(|message| message["role"] == "user")
                .unwrap();
            let content = &last["content"];
            let text = content.as_str().or_else(|| content[0]["text"].as_str());
            let text = text.unwrap().to_owned();
            let (condition, person, task) = who(&text);
            let learned = learned(&text);
            let mut most = most.lock().unwrap();
            *most = (*most).max(learned.len() / 3);
            let manner = world::manner(seed, person, task, learned);
            answers
                .lock()
                .unwrap()
                .insert((condition, person, task), manner);
            let answer = serde_json::to_string(&world::answer(&manner)).unwrap();
            reply.text(answer.trim_matches('"'));
            reply.end("stop");
        });
        let model = format!("http://{model}/v1");
        let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
        let data = folder.path().join("data");
        let start = |applies: &str| {
            let settings = [
                ("DATABASE_URL", url.as_str()),
                ("OPENAI_BASE_URL", model.as_str()),
                ("OPENAI_API_KEY", "sk-bench"),
                ("NAVI_APPLY_INSIGHTS", applies),
                ("NAVI_BANDIT", "false"),
                ("RL_FB_PM", "1000000"),
                ("RL_FB_BURST", "1000000"),
                // Passes are made when everybody has rated, so that the order is the same each time.
                ("FEEDBACK_LEARN_ON_RATING", "false"),
                ("FEEDBACK_ANALYZER_INTERVAL_MINUTES", "0"),
            ];
            Server::start(&data, &settings).0
        };
        let servers = [start("false"), start("true")];
        Self {
            runtime,
            pool,
            seed,
            given,
            told,
            servers,
            data,
            _postgres: postgres,
            _folder: folder,
        }
    }

    /// A person of an organisation who sends requests.
    pub(crate) fn client(&self, applies: bool, org: &str, user: &str) -> Client {
        let output = program(&self.data)
            .args(["token", "mint", "--org", org, "--user", user])
            .args(["--role", "admin", "--ttl", "12h"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        Client {
            token: String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            base: format!("http://{}", self.servers[usize::from(applies)].address),
            http: reqwest::Client::new(),
        }
    }

    pub(crate) async fn analyze(&self) -> PassReport {
        let options = PassOptions {
            lookback_days: 90,
            rebuild: false,
            only: None,
            wait: Duration::from_secs(10),
        };
        let analyzer = Analyzer::new(self.pool.clone(), Clock::System);
        let stop = CancellationToken::new();
        let report = analyzer.pass(&options, &stop, &|_| {}).await.unwrap();
        report.unwrap()
    }

    /// The answer that a person was given.
    pub(crate) fn manner(&self, condition: &str, person: usize, task: usize) -> Manner {
        let key = (condition.to_owned(), person, task);
        self.given.lock().unwrap()[&key]
    }

    /// Everybody does all tasks; after each, all rate, and the analyzer looks.
    pub(crate) fn play(&self, condition: &Condition, people: &[Persona], tasks: usize) -> Outcome {
        *self.told.lock().unwrap() = 0;
        let key = condition.name.replace([' ', '%'], "-");
        let clients: Vec<Client> = people
            .iter()
            .map(|person| {
                let org = format!("{key}-{}", person.org);
                self.client(condition.applies, &org, &format!("p{}", person.number))
            })
            .collect();
        let mut outcome = Outcome::default();
        let (mut shown, mut due) = (0, 0);
        for task in 0..tasks {
            let work = people.iter().zip(&clients).map(|(person, client)| {
                let (key, number) = (&key, person.number);
                async move {
                    let before = self.applicable(key, person).await;
                    let message = format!("Write a Python function. [#{key} {number} {task}]");
                    let gen_id = client.run(&message).await;
                    let likes = person.likes(self.seed, task, &self.manner(key, number, task));
                    let says = match condition.labels {
                        Labels::True => likes != (number < condition.hostile),
                        // Their own verdict on another task's answer under no condition at all.
                        Labels::Shuffled => {
                            let other = world::manner(self.seed, number, tasks + task, "");
                            person.likes(self.seed, tasks + task, &other)
                        }
                    };
                    client.rate(gen_id, if says { 1 } else { -1 }).await;
                    let reached = self.reached(gen_id, before).await;
                    ((number, task), likes, reached)
                }
            });
            let done = self.runtime.block_on(async {
                let done = futures_util::future::join_all(work).await;
                self.analyze().await;
                done
            });
            for (key, likes, (had, should)) in done {
                outcome.liked.insert(key, likes);
                shown += had;
                due += should;
            }
        }
        outcome.active = self.runtime.block_on(self.active(&key));
        outcome.reach = if due == 0 {
            1.0
        } else {
            shown as f64 / due as f64
        };
        outcome.tokens = *self.told.lock().unwrap();
        outcome
    }

    /// The insights that apply to a person's next task: of several on one subject, the narrowest.
    async fn applicable(&self, key: &str, person: &Persona) -> Vec<i64> {
        sqlx::query_scalar(
            "select id from (
                 select distinct on (split_part(subject, '=', 1)) id from learning_insights
                 where org_id = $1 and is_active and confidence >= 0.5
                   and (user_id is null or user_id = $2)
                   and (category is null or category = 'feature')
                 order by split_part(subject, '=', 1), user_id is null, confidence desc, sample_size desc, id
             ) i",
        )
        .bind(format!("{key}-{}", person.org))
        .bind(format!("p{}", person.number))
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Counts those of these insights that an answer's prompt held, and those that it should have held.
    async fn reached(&self, gen_id: i64, applicable: Vec<i64>) -> (usize, usize) {
        let (held, left_out): (Vec<i64>, Vec<i64>) =
            sqlx::query_as("select insights, held_out from ai_generation_log where id = $1")
                .bind(gen_id)
                .fetch_one(&self.pool)
                .await
                .unwrap();
        let should = applicable.iter().filter(|id| !left_out.contains(id));
        let should: Vec<&i64> = should.collect();
        let had = should.iter().filter(|id| held.contains(id)).count();
        (had, should.len())
    }

    async fn active(&self, key: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from learning_insights where org_id like $1 and is_active",
        )
        .bind(format!("{key}-%"))
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// Sends one person's requests.
pub(crate) struct Client {
    token: String,
    base: String,
    http: reqwest::Client,
}

impl Client {
    /// Has a task done; answers with its number.
    pub(crate) async fn run(&self, message: &str) -> i64 {
        let body = json!({"message": message, "model": "openai/bench"});
        let answer = self.post("/api/navi/chat/autonomous", &body).await;
        let logged = answer
            .lines()
            .find(|line| line.contains("generation_logged"))
            .unwrap();
        let logged: Value = serde_json::from_str(logged.trim_start_matches("data: ")).unwrap();
        logged["gen_id"].as_i64().unwrap()
    }

    pub(crate) async fn rate(&self, gen_id: i64, rating: i64) {
        let body = json!({"gen_id": gen_id, "rating": rating});
        self.post("/api/feedback/submit", &body).await;
    }

    async fn post(&self, path: &str, body: &Value) -> String {
        let request = self.http.post(format!("{}{path}", self.base));
        let answer = request
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }
}
