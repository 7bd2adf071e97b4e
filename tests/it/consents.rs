//! Consents that people give the agent: answered once, used once, for the action that was shown.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use navi::approvals::consents::error::Error;
use navi::approvals::consents::model::{
    AutoAllowed, Choice, ConsentStatus, Decision, GivenAnswer, NewConsent,
};
use navi::approvals::consents::preferences::model::{PreferenceId, type_covers};
use navi::approvals::consents::service::Consents;
use navi::approvals::consents::store;
use navi::auth::principal::{Principal, Role};
use navi::conversations::model::NewConversation;
use navi::platform::clock::Clock;
use navi::platform::idempotency::model::Created;
use navi::platform::ids::{ConsentId, RunId, ToolCallId};
use navi::platform::signals::Signals;
use navi::policy::model::{Danger, Finding};
use navi::runs::log::store::beginning;
use navi::runs::model::{ChosenModel, Run, RunKind};
use navi::runs::task::{EditorContext, Task};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp, USER, audit, principal};

const HASH: [u8; 32] = [7; 32];
const WORKSPACE: &str = "/home/u/project";
const PREFERENCES: &str = "/api/navi/consent-preferences";
const AUDIT: &str = "/api/navi/consent-audit";

fn finding(rule: &str, kind: &str, danger: &str) -> Finding {
    serde_json::from_value(json!({
        "rule": rule, "kind": kind, "verdict": "ask", "danger": danger, "segment": kind,
        "scope": {"sort": "part", "text": kind, "digest": kind},
        "why": "it may do harm", "consequences": ["harm"], "alternatives": [], "reversible": false,
    }))
    .unwrap()
}

fn forbidden() -> Finding {
    let mut finding = serde_json::to_value(finding("disk.format", "mkfs", "critical")).unwrap();
    finding["verdict"] = json!("forbid");
    serde_json::from_value(finding).unwrap()
}

fn push() -> Finding {
    push_to("origin", "medium")
}

fn push_to(remote: &str, danger: &str) -> Finding {
    let mut finding = serde_json::to_value(finding("git.push", "git push", danger)).unwrap();
    finding["scope"] = json!({
        "sort": "remote", "subcommand": "push", "remote": remote, "folder": ".", "options": [],
    });
    serde_json::from_value(finding).unwrap()
}

fn path(id: ConsentId) -> String {
    format!("/api/navi/consent/{id}")
}

/// The service and a run that can ask.
struct Desk {
    app: TestApp,
    me: Principal,
    run_id: RunId,
}

fn chosen(choice: Choice, alternative: Option<String>) -> GivenAnswer {
    GivenAnswer::Chosen {
        choice,
        alternative,
    }
}

impl Desk {
    async fn new(db: PgPool) -> Self {
        let app = TestApp::new(db).await;
        let me = principal(ORG, USER, Role::Planner);
        let run_id = begin_run(&app, &me, None).await;
        Self { app, me, run_id }
    }

    fn consents(&self) -> &Consents {
        &self.app.app.consents
    }

    fn clock(&self) -> &Clock {
        &self.app.app.clock
    }

    /// A question about [`HASH`] that can be answered for `left`.
    fn question(&self, findings: Vec<Finding>, left: TimeDelta) -> NewConsent {
        let now = self.clock().now();
        NewConsent {
            id: ConsentId::new(self.clock()),
            run_id: self.run_id,
            tool_call_id: ToolCallId::new(self.clock()),
            tool: "run_command".to_owned(),
            command: "git push origin main".to_owned(),
            cwd: ".".to_owned(),
            workspace: WORKSPACE.to_owned(),
            action_hash: HASH,
            danger: findings.iter().map(|one| one.danger).max().unwrap(),
            findings,
            shown: json!({"command": "git push origin main", "shell": "bash"}),
            created_at: now,
            expires_at: now + left,
        }
    }

    async fn put(&self, question: &NewConsent) -> ConsentId {
        let mut conn = self.app.app.db.acquire().await.unwrap();
        let (org_id, user_id) = (&self.me.org_id, &self.me.user_id);
        store::insert(&mut conn, org_id, user_id, question)
            .await
            .unwrap();
        question.id
    }

    async fn ask_about(&self, findings: Vec<Finding>) -> ConsentId {
        let question = self.question(findings, TimeDelta::seconds(300));
        self.put(&question).await
    }

    async fn ask(&self) -> ConsentId {
        self.ask_about(vec![push()]).await
    }

    async fn answer(&self, id: ConsentId, choice: Choice) {
        let text = (choice == Choice::Alternative).then(|| "git push --dry-run".to_owned());
        let answered = self
            .consents()
            .answer(&self.me, id, chosen(choice, text))
            .await;
        assert_eq!(answered.unwrap().choice, choice);
    }

    async fn status(&self, id: ConsentId) -> ConsentStatus {
        let mut conn = self.app.app.db.acquire().await.unwrap();
        let (org_id, user_id) = (&self.me.org_id, &self.me.user_id);
        let found = store::find(&mut conn, org_id, user_id, id).await.unwrap();
        found.unwrap().status
    }

    async fn wait(&self, id: ConsentId) -> Decision {
        let (org_id, user_id) = (&self.me.org_id, &self.me.user_id);
        let wait = self.consents().wait(org_id, user_id, id);
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, wait).await.unwrap().unwrap()
    }

    async fn use_once(&self, id: ConsentId, hash: [u8; 32]) -> bool {
        let mut conn = self.app.app.db.acquire().await.unwrap();
        let (org_id, user_id) = (&self.me.org_id, &self.me.user_id);
        let now = self.clock().now();
        store::use_once(&mut conn, org_id, user_id, id, &hash, now)
            .await
            .unwrap()
    }

    async fn preferred_by(
        &self,
        who: &Principal,
        workspace: &str,
        hash: [u8; 32],
        findings: &[Finding],
    ) -> Option<Vec<PreferenceId>> {
        let mut conn = self.app.app.db.acquire().await.unwrap();
        let (org_id, user_id) = (&who.org_id, &who.user_id);
        self.consents()
            .preferred(&mut conn, org_id, user_id, workspace, &hash, findings)
            .await
            .unwrap()
    }

    /// True if the action with this hash and these findings may be done without asking.
    async fn unasked(&self, hash: [u8; 32], findings: &[Finding]) -> bool {
        let ids = self.preferred_by(&self.me, WORKSPACE, hash, findings).await;
        ids.is_some_and(|ids| !ids.is_empty())
    }

    /// The lines of the audit, oldest first.
    async fn decisions(&self) -> Vec<String> {
        let (status, body) = self.app.client(Role::Viewer).get(AUDIT).await;
        assert_eq!(status, StatusCode::OK);
        let log = body["audit_log"].as_array().unwrap().iter().rev();
        log.map(|line| line["decision"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The consents of another process over the same database.
fn elsewhere(db: &PgPool, clock: &Clock) -> Consents {
    let audit = audit(db, clock);
    Consents::new(db.clone(), clock.clone(), Signals::new(db.clone()), audit)
}

async fn begin_run(app: &TestApp, me: &Principal, conversation: Option<&str>) -> RunId {
    let run = Run {
        id: RunId::new(&app.app.clock),
        org_id: me.org_id.clone(),
        user_id: me.user_id.clone(),
        team_id: None,
        role: me.role,
        kind: RunKind::Autonomous,
        task: Task {
            message: "publish it".to_owned(),
            workspace_path: Some(WORKSPACE.to_owned()),
            conversation_id: conversation.map(|id| id.parse().unwrap()),
            history: Vec::new(),
            attachments: Vec::new(),
            editor: EditorContext::default(),
            run_verification: false,
            max_iterations: None,
            effort: None,
            verbosity: None,
            tuning: None,
            plan: None,
            trace_parent: None,
        },
        model: ChosenModel {
            requested: None,
            provider: "scripted".to_owned(),
            model: "demo".to_owned(),
            router_info: serde_json::Map::new(),
        },
        trace_id: None,
        created_at: app.app.clock.now(),
    };
    let mut conn = app.app.db.acquire().await.unwrap();
    beginning::insert_run(&mut conn, &run, None, false, None, &[])
        .await
        .unwrap();
    run.id
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn each_of_the_five_choices_reaches_the_run_and_the_audit(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Planner);
    for (choice, decision) in [
        ("allow_once", Decision::Allowed),
        ("allow_always_exact", Decision::Allowed),
        ("allow_always_type", Decision::Allowed),
        ("deny", Decision::Denied),
        ("alternative", Decision::Replaced("git status".to_owned())),
    ] {
        let id = desk.ask().await;
        let body = json!({
            "choice": choice, "alternative_command": "git status", "command": "rm -rf /",
            "comment": "as you like",
        });
        let (status, body) = client.post(&path(id), body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["success"], true);
        assert_eq!(body["consent_id"], id.to_string());
        assert_eq!(body["choice"], choice);
        assert_eq!(desk.wait(id).await, decision);
    }
    let all = [
        "allow_once",
        "allow_always_exact",
        "allow_always_type",
        "deny",
        "alternative",
    ];
    assert_eq!(desk.decisions().await, all);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_supplied_or_unknown_is_never_an_approval(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Planner);
    let id = desk.ask().await;
    for body in [
        json!({}),
        json!({"choice": null}),
        json!({"choice": ""}),
        json!({"choice": "yes please"}),
        json!({"choice": "allow_everything"}),
        json!({"choice": "deny_exact"}),
        json!({"choice": "allow_once", "decision": "deny"}),
        json!({"choice": "allow_once", "decision": "whatever"}),
        json!({"choice": "alternative"}),
        json!({"choice": "alternative", "alternative_command": " \n"}),
        json!({"choice": "alternative", "alternative_command": "\u{0}"}),
        json!({"command": "git push", "comment": "allow_once"}),
    ] {
        let (status, problem) = client.post(&path(id), body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(problem["error_code"], "CONSENT_UNANSWERED", "{body}");
    }
    let long = json!({"choice": "alternative", "alternative_command": "x".repeat(8 * 1024 + 1)});
    let (status, problem) = client.post(&path(id), long).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["error_code"], "TEXT_TOO_LONG");
    let typed = client.post(&path(id), json!({"choice": true})).await;
    assert_eq!(typed.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.status(id).await, ConsentStatus::Pending);
    assert!(desk.decisions().await.is_empty());
    let fits = json!({"choice": "alternative", "alternative_command": "x".repeat(8 * 1024)});
    assert_eq!(client.post(&path(id), fits).await.0, StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_same_answer_again_is_harmless_and_another_one_is_refused(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Planner);
    let id = desk.ask().await;
    let yes = json!({"decision": "approved"});
    let first = client.post(&path(id), yes.clone()).await;
    assert_eq!(first.0, StatusCode::OK);
    assert_eq!(first.1["choice"], "allow_once");
    assert!(desk.use_once(id, HASH).await);
    // Neither does it come back to life by being answered again.
    let (status, again) = client.post(&path(id), yes).await;
    assert_eq!((status, &again["choice"]), (first.0, &first.1["choice"]));
    let message = "this answer was given before; nothing changed";
    assert_eq!(again["message"], message);
    assert!(!desk.use_once(id, HASH).await);
    for other in ["deny", "allow_always_exact", "allow_always_type"] {
        let (status, problem) = client.post(&path(id), json!({"choice": other})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{other}");
        assert_eq!(problem["error_code"], "CONSENT_ALREADY_ANSWERED");
    }
    let instead = desk.ask().await;
    desk.answer(instead, Choice::Alternative).await;
    let another = json!({"choice": "alternative", "alternative_command": "git log"});
    let (status, _) = client.post(&path(instead), another).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(desk.decisions().await, ["allow_once", "alternative"]);
    let (_, preferences) = client.get(PREFERENCES).await;
    assert_eq!(preferences["count"], 0, "{preferences}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_two_answers_at_once_exactly_one_wins(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    for _ in 0..10 {
        let id = desk.ask().await;
        // Two replicas, each with its own connection.
        let other = elsewhere(&db, desk.clock());
        let yes = desk
            .consents()
            .answer(&desk.me, id, chosen(Choice::AllowOnce, None));
        let no = other.answer(&desk.me, id, chosen(Choice::Deny, None));
        let (yes, no) = tokio::join!(yes, no);
        assert_ne!(yes.is_ok(), no.is_ok());
        let (winner, refusal) = match (yes, no) {
            (Ok(_), Err(refusal)) => (ConsentStatus::Allowed, refusal),
            (Err(refusal), Ok(_)) => (ConsentStatus::Denied, refusal),
            both => panic!("{both:?}"),
        };
        assert!(matches!(refusal, Error::AlreadyAnswered(_)), "{refusal}");
        assert_eq!(desk.status(id).await, winner);
    }
    assert_eq!(desk.decisions().await.len(), 10, "a line for each decision");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_through_another_replica_reaches_the_run_that_waits(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let id = desk.ask().await;
    let other = elsewhere(&db, desk.clock());
    let answered = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other
            .answer(&desk.me, id, chosen(Choice::AllowOnce, None))
            .await
    };
    let (decision, answered) = tokio::join!(desk.wait(id), answered);
    answered.unwrap();
    assert_eq!(decision, Decision::Allowed);
    // So does one that came while no run waited, because the process was restarted.
    let id = desk.ask().await;
    other
        .answer(&desk.me, id, chosen(Choice::Deny, None))
        .await
        .unwrap();
    assert_eq!(desk.wait(id).await, Decision::Denied);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_woken_looks_at_once(db: PgPool) {
    const ROUNDS: u64 = 10;
    let desk = Desk::new(db.clone()).await;
    let other = elsewhere(&db, desk.clock());
    let begun = std::time::Instant::now();
    for _ in 0..ROUNDS {
        let id = desk.ask().await;
        let answered = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let denied = other.answer(&desk.me, id, chosen(Choice::Deny, None)).await;
            denied.unwrap();
            desk.consents().wake();
        };
        let (decision, ()) = tokio::join!(desk.wait(id), answered);
        assert_eq!(decision, Decision::Denied);
    }
    // Without being woken, each would look again after a second.
    assert!(begun.elapsed() < Duration::from_secs(ROUNDS));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn silence_is_a_denial_and_a_late_answer_is_told_so(db: PgPool) {
    let desk = Desk::new(db).await;
    let question = desk.question(vec![push()], TimeDelta::milliseconds(200));
    let id = desk.put(&question).await;
    assert_eq!(desk.wait(id).await, Decision::Expired);
    assert_eq!(desk.status(id).await, ConsentStatus::Expired);
    assert!(!desk.use_once(id, HASH).await);
    let client = desk.app.client(Role::Planner);
    for choice in ["allow_once", "deny"] {
        let (status, problem) = client.post(&path(id), json!({"choice": choice})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(problem["error_code"], "CONSENT_NOT_FOUND");
    }
    // Asked again after a restart, it is what it was, and is audited once.
    assert_eq!(desk.wait(id).await, Decision::Expired);
    assert_eq!(desk.decisions().await, ["timeout"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn where_no_person_can_be_asked_that_is_what_is_known_of_it(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.ask().await;
    let client = desk.app.client(Role::Planner);
    // No one can have said yes.
    let yes = json!({"choice": "allow_once", "nobody_asked": true});
    let (status, _) = client.post(&path(id), yes).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let no = json!({"choice": "deny", "nobody_asked": true});
    let (status, taken) = client.post(&path(id), no).await;
    assert_eq!((status, &taken["choice"]), (StatusCode::OK, &json!("deny")));
    assert_eq!(desk.wait(id).await, Decision::Unasked);
    assert!(!desk.use_once(id, HASH).await);
    assert_eq!(desk.decisions().await, ["timeout"]);
    let (status, _) = client.post(&path(id), json!({"choice": "deny"})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_restart_gives_no_new_time(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.ask().await;
    desk.clock().advance(TimeDelta::seconds(300));
    let late = desk
        .consents()
        .answer(&desk.me, id, chosen(Choice::AllowOnce, None))
        .await;
    assert!(matches!(late, Err(Error::NotFound(_))), "{late:?}");
    assert_eq!(desk.status(id).await, ConsentStatus::Pending);
    let begun = std::time::Instant::now();
    assert_eq!(desk.wait(id).await, Decision::Expired);
    assert!(begun.elapsed() < Duration::from_secs(10));
    // An answer in time counts whenever the run comes to read it.
    let id = desk.ask().await;
    desk.answer(id, Choice::AllowOnce).await;
    desk.clock().advance(TimeDelta::hours(5));
    assert_eq!(desk.wait(id).await, Decision::Allowed);
    assert_eq!(desk.decisions().await, ["timeout", "allow_once"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_approval_is_used_once_and_for_its_own_action(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.ask().await;
    assert!(!desk.use_once(id, HASH).await, "nobody has answered yet");
    desk.answer(id, Choice::AllowOnce).await;
    assert!(!desk.use_once(id, [8; 32]).await, "another action");
    let (first, second) = tokio::join!(desk.use_once(id, HASH), desk.use_once(id, HASH));
    assert!(first != second, "of two at once one uses it");
    assert!(!desk.use_once(id, HASH).await, "it is used up");
    for choice in [Choice::Deny, Choice::Alternative] {
        let id = desk.ask().await;
        desk.answer(id, choice).await;
        assert!(!desk.use_once(id, HASH).await, "{choice:?} allows nothing");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nobody_else_answers_uses_or_sees_a_consent(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.ask().await;
    let unknown = ConsentId::new(desk.clock());
    for (org, user) in [(ORG, "user-2"), ("org-2", USER), ("org-2", "user-2")] {
        let other = desk.app.client_of(org, user, Role::Admin);
        let answer = json!({"choice": "allow_always_exact"});
        let (status, foreign) = other.post(&path(id), answer.clone()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{org} {user}");
        let (status, missing) = other.post(&path(unknown), answer).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        for field in ["type", "title", "error_code"] {
            assert_eq!(foreign[field], missing[field]);
        }
        let said = |problem: &Value, id: ConsentId| {
            let detail = problem["detail"].as_str().unwrap();
            detail.replace(&id.to_string(), "…")
        };
        assert_eq!(said(&foreign, id), said(&missing, unknown));
    }
    let viewer = desk.app.client(Role::Viewer);
    let (status, _) = viewer.post(&path(id), json!({"choice": "deny"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(desk.status(id).await, ConsentStatus::Pending);

    desk.answer(id, Choice::AllowAlwaysType).await;
    let (_, mine) = viewer.get(PREFERENCES).await;
    let number = mine["preferences"][0]["id"].as_i64().unwrap();
    for (org, user) in [(ORG, "user-2"), ("org-2", USER)] {
        let other = desk.app.client_of(org, user, Role::Admin);
        assert_eq!(other.get(PREFERENCES).await.1["count"], 0);
        assert_eq!(other.get(AUDIT).await.1["count"], 0);
        let (status, problem) = other.delete(&format!("{PREFERENCES}/{number}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(problem["error_code"], "PREFERENCE_NOT_FOUND");
        let them = principal(org, user, Role::Planner);
        let theirs = desk.preferred_by(&them, WORKSPACE, HASH, &[push()]).await;
        assert_eq!(theirs, None, "{org} {user}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_preference_for_one_action_covers_that_action_in_its_workspace(db: PgPool) {
    let desk = Desk::new(db).await;
    let wipe = finding("rm.recursive", "rm", "critical");
    let findings = [push(), wipe];
    assert!(!desk.unasked(HASH, &findings).await);
    let id = desk.ask_about(findings.to_vec()).await;
    desk.answer(id, Choice::AllowAlwaysExact).await;
    assert!(desk.unasked(HASH, &findings).await, "critical or not");
    assert!(!desk.unasked([8; 32], &[push()]).await, "another action");
    assert!(!desk.unasked(HASH, &[push(), forbidden()]).await);
    let elsewhere = desk
        .preferred_by(&desk.me, "/home/u/other", HASH, &findings)
        .await;
    assert_eq!(elsewhere, None);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_preference_for_a_type_covers_its_rule_and_object_in_its_workspace(db: PgPool) {
    let desk = Desk::new(db).await;
    let install = finding("package.install", "npm install", "low");
    let id = desk.ask_about(vec![push(), install.clone()]).await;
    desk.answer(id, Choice::AllowAlwaysType).await;
    let other = [8; 32];
    assert!(desk.unasked(other, &[push()]).await);
    assert!(desk.unasked(other, &[install.clone(), push()]).await);
    let unknown = finding("net.fetch", "curl", "low");
    assert!(!desk.unasked(other, &[push(), unknown]).await, "each asks");
    let same_rule = push_to("https://evil.invalid/x", "medium");
    assert!(!desk.unasked(other, &[same_rule]).await, "another object");
    let same_kind = finding("git.push", "git push", "low");
    assert!(!desk.unasked(other, &[same_kind]).await, "no object");
    let mut same_object = push();
    "git.force".clone_into(&mut same_object.rule);
    assert!(!desk.unasked(other, &[same_object]).await, "another rule");
    let mut unbounded = push();
    unbounded.scope = None;
    assert!(
        !desk.unasked(other, &[unbounded]).await,
        "older than scopes"
    );
    assert!(!desk.unasked(other, &[push(), forbidden()]).await);
    assert!(!desk.unasked(other, &[]).await, "nothing is not covered");
    let elsewhere = desk
        .preferred_by(&desk.me, "/home/u/other", other, &[push()])
        .await;
    assert_eq!(elsewhere, None);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_preference_for_a_type_never_covers_what_is_critical(db: PgPool) {
    let desk = Desk::new(db).await;
    let wipe = finding("rm.recursive", "rm", "critical");
    let id = desk.ask_about(vec![push(), wipe.clone()]).await;
    desk.answer(id, Choice::AllowAlwaysType).await;
    assert!(desk.unasked(HASH, &[push(), wipe.clone()]).await);
    let other = [8; 32];
    assert!(!desk.unasked(other, std::slice::from_ref(&wipe)).await);
    assert!(!desk.unasked(other, &[push(), wipe]).await);
    assert!(desk.unasked(other, &[push()]).await);
    assert!(desk.unasked(other, &[push_to("origin", "low")]).await);
    // Harmless when it was allowed, and not any more.
    for worse in ["high", "critical"] {
        assert!(!desk.unasked(other, &[push_to("origin", worse)]).await);
    }
    let (_, listed) = desk.app.client(Role::Viewer).get(PREFERENCES).await;
    let kinds = listed["preferences"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|one| &one["preference_type"]).collect();
    assert_eq!(kinds, ["exact_command", "command_type"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn preferences_are_listed_once_and_deleted_by_their_owner(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Viewer);
    for choice in [
        Choice::AllowAlwaysType,
        Choice::AllowAlwaysType,
        Choice::AllowAlwaysExact,
        Choice::AllowAlwaysExact,
    ] {
        let id = desk.ask().await;
        desk.answer(id, choice).await;
    }
    let (status, listed) = client.get(PREFERENCES).await;
    assert_eq!(status, StatusCode::OK);
    assert_json_snapshot!(listed, {
        ".preferences[].id" => "[id]", ".preferences[].created_by_task_id" => "[run]",
    }, @r#"
    {
      "success": true,
      "preferences": [
        {
          "id": "[id]",
          "preference_type": "exact_command",
          "command_pattern": "git push origin main",
          "covers": "This exact command.",
          "created_at": "2026-01-02T03:04:05Z",
          "created_by_task_id": "[run]",
          "workspace": "/home/u/project"
        },
        {
          "id": "[id]",
          "preference_type": "command_type",
          "command_pattern": "git push origin",
          "covers": "Pushes to the remote `origin` without force.",
          "created_at": "2026-01-02T03:04:05Z",
          "created_by_task_id": "[run]",
          "workspace": "/home/u/project"
        }
      ],
      "count": 2
    }
    "#);
    let first = &listed["preferences"][0];
    assert_eq!(first["created_by_task_id"], desk.run_id.to_string());
    for preference in listed["preferences"].as_array().unwrap() {
        assert!(desk.unasked(HASH, &[push()]).await);
        let one = format!("{PREFERENCES}/{}", preference["id"]);
        let (status, gone) = client.delete(&one).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(gone["success"], true);
        assert_eq!(client.delete(&one).await.0, StatusCode::NOT_FOUND);
    }
    assert!(!desk.unasked(HASH, &[push()]).await);
    let odd = client.delete(&format!("{PREFERENCES}/first")).await;
    assert_eq!(odd.0, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_preference_for_a_type_without_an_object_covers_nothing_any_more(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let old = "insert into consent_preferences
                 (org_id, user_id, workspace, preference_type, command_pattern, subject, created_at)
               values ($1, $2, $3, $4, $5, $6, now())";
    for (kind, pattern, subject) in [
        ("command_type", "git push", "git.push".to_owned()),
        ("exact_command", "git push origin main", "07".repeat(32)),
    ] {
        let insert = sqlx::query(old).bind(ORG).bind(USER).bind(WORKSPACE);
        let insert = insert.bind(kind).bind(pattern).bind(subject);
        insert.execute(&db).await.unwrap();
    }
    let mut unbounded = push();
    unbounded.scope = None;
    for finding in [push(), unbounded] {
        assert!(!desk.unasked([8; 32], &[finding]).await);
    }
    assert!(
        desk.unasked(HASH, &[push()]).await,
        "an action is one still"
    );
    // Its owner finds it in the list, and why it does nothing.
    let (_, listed) = desk.app.client(Role::Viewer).get(PREFERENCES).await;
    let told = listed["preferences"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| one["covers"].as_str().unwrap()).collect();
    assert_eq!(told[0], "This exact action.");
    assert!(told[1].starts_with("Nothing: it was created"), "{told:?}");
    // Allowed again, it is bound to the action that was shown.
    let id = desk.ask().await;
    desk.answer(id, Choice::AllowAlwaysType).await;
    assert!(desk.unasked([8; 32], &[push()]).await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_told_of_a_preference_is_what_it_was_allowed_for(db: PgPool) {
    let desk = Desk::new(db).await;
    let findings = vec![push(), finding("kills-others", "kill 7", "medium")];
    let sentence = type_covers(&findings, "bash");
    let id = desk.ask_about(findings).await;
    desk.answer(id, Choice::AllowAlwaysType).await;
    let (_, listed) = desk.app.client(Role::Viewer).get(PREFERENCES).await;
    let told = listed["preferences"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| one["covers"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "This exact command: `kill 7`.",
            "Pushes to the remote `origin` without force.",
        ]
    );
    assert_eq!(
        sentence,
        "Pushes to the remote `origin` without force; this exact command: `kill 7`."
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn allowing_a_type_again_after_it_became_worse_covers_it(db: PgPool) {
    let desk = Desk::new(db).await;
    for danger in ["low", "high"] {
        let worse = push_to("origin", danger);
        assert!(!desk.unasked([8; 32], std::slice::from_ref(&worse)).await);
        let id = desk.ask_about(vec![worse.clone()]).await;
        desk.answer(id, Choice::AllowAlwaysType).await;
        assert!(desk.unasked([8; 32], &[worse]).await, "{danger}");
    }
    let (_, listed) = desk.app.client(Role::Viewer).get(PREFERENCES).await;
    assert_eq!(listed["count"], 1, "it is the same preference");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_command_of_any_length_can_be_preferred(db: PgPool) {
    let desk = Desk::new(db).await;
    let mut question = desk.question(vec![push()], TimeDelta::seconds(300));
    // Text without repetition does not compress in the index.
    let ids = (0..1_000).map(|_| ConsentId::new(desk.clock()).to_string());
    question.command = ids.collect();
    let id = desk.put(&question).await;
    desk.answer(id, Choice::AllowAlwaysExact).await;
    assert!(desk.unasked(HASH, &[push()]).await);
    let (_, listed) = desk.app.client(Role::Viewer).get(PREFERENCES).await;
    let shown = &listed["preferences"][0]["command_pattern"];
    let shown = shown.as_str().unwrap().strip_suffix(" …").unwrap();
    assert!(question.command.starts_with(shown) && shown.len() == 1_024);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_decision_has_its_line_in_the_audit(db: PgPool) {
    let mut desk = Desk::new(db).await;
    let conversations = &desk.app.app.conversations;
    let begun = conversations.create(&desk.me, NewConversation::default(), None);
    let Created::Now(conversation) = begun.await.unwrap() else {
        panic!("nobody sent a key");
    };
    let session = conversation.id.to_string();
    desk.run_id = begin_run(&desk.app, &desk.me, Some(&session)).await;

    let id = desk.ask().await;
    desk.clock().advance(TimeDelta::milliseconds(1_500));
    desk.answer(id, Choice::Alternative).await;
    let mut conn = desk.app.app.db.acquire().await.unwrap();
    let (org_id, user_id) = (&desk.me.org_id, &desk.me.user_id);
    let action = AutoAllowed {
        run_id: desk.run_id,
        trace_id: None,
        tool: "write_file",
        shell: "",
        command: "write_file .env\0",
        cwd: ".",
        danger: Danger::High,
    };
    desk.consents()
        .record_auto_allowed(&mut conn, org_id, user_id, &[PreferenceId(4)], &action)
        .await
        .unwrap();
    drop(conn);

    let client = desk.app.client(Role::Viewer);
    let (status, log) = client.get(AUDIT).await;
    assert_eq!(status, StatusCode::OK);
    assert_json_snapshot!(log, {
        ".audit_log[].id" => "[id]", ".audit_log[].task_id" => "[run]",
        ".audit_log[1].consent_id" => "[consent]", ".audit_log[].session_id" => "[session]",
    }, @r#"
    {
      "success": true,
      "audit_log": [
        {
          "id": "[id]",
          "consent_id": null,
          "command": "write_file .env",
          "shell": "",
          "cwd": ".",
          "danger_level": "high",
          "decision": "auto_allowed",
          "alternative_command": null,
          "requested_at": "2026-01-02T03:04:06.500Z",
          "responded_at": "2026-01-02T03:04:06.500Z",
          "response_time_ms": 0,
          "task_id": "[run]",
          "session_id": "[session]"
        },
        {
          "id": "[id]",
          "consent_id": "[consent]",
          "command": "git push origin main",
          "shell": "bash",
          "cwd": ".",
          "danger_level": "medium",
          "decision": "alternative",
          "alternative_command": "git push --dry-run",
          "requested_at": "2026-01-02T03:04:05Z",
          "responded_at": "2026-01-02T03:04:06.500Z",
          "response_time_ms": 1500,
          "task_id": "[run]",
          "session_id": "[session]"
        }
      ],
      "count": 2
    }
    "#);
    let line = &log["audit_log"][1];
    assert_eq!(line["consent_id"], id.to_string());
    assert_eq!(line["task_id"], desk.run_id.to_string());
    assert_eq!(line["session_id"], session);
    for (limit, count) in [(0, 1), (1, 1), (4_000_000_000_u32, 2)] {
        let (_, log) = client.get(&format!("{AUDIT}?limit={limit}")).await;
        assert_eq!(log["count"], count, "{limit}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_end_of_a_run_settles_what_it_still_asks(db: PgPool) {
    let desk = Desk::new(db).await;
    let (answered, open) = (desk.ask().await, desk.ask().await);
    desk.answer(answered, Choice::Deny).await;
    let mut conn = desk.app.app.db.acquire().await.unwrap();
    let org_id = &desk.me.org_id;
    let waiting = store::pending_of_runs(&mut conn, org_id, &[desk.run_id]).await;
    let waiting: Vec<_> = waiting.unwrap().iter().map(|one| one.id).collect();
    assert_eq!(waiting, [open]);
    let now = desk.clock().now();
    for expected in [vec![open], vec![]] {
        let canceled = store::cancel_pending_of_run(&mut conn, org_id, desk.run_id, now).await;
        let canceled: Vec<_> = canceled.unwrap().iter().map(|one| one.id).collect();
        assert_eq!(canceled, expected);
    }
    drop(conn);
    assert_eq!(desk.wait(open).await, Decision::Canceled);
    let late = desk
        .consents()
        .answer(&desk.me, open, chosen(Choice::AllowOnce, None))
        .await;
    assert!(matches!(late, Err(Error::NotFound(_))), "{late:?}");
    assert_eq!(desk.decisions().await, ["deny", "canceled"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_cannot_be_audited_does_not_count(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let id = desk.ask().await;
    sqlx::query("alter table consent_audit_log rename to consent_audit_log_gone")
        .execute(&db)
        .await
        .unwrap();
    let answered = desk
        .consents()
        .answer(&desk.me, id, chosen(Choice::AllowAlwaysExact, None))
        .await;
    assert!(matches!(answered, Err(Error::Database(_))), "{answered:?}");
    assert_eq!(desk.status(id).await, ConsentStatus::Pending);
    assert!(!desk.unasked(HASH, &[push()]).await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_database_that_is_away_for_a_moment_ends_no_question(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let id = desk.ask().await;
    let away = async {
        let rename = |sql: &'static str| sqlx::query(sql).execute(&db);
        rename("alter table consents rename to consents_gone")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        rename("alter table consents_gone rename to consents")
            .await
            .unwrap();
        desk.answer(id, Choice::AllowOnce).await;
    };
    let (decision, ()) = tokio::join!(desk.wait(id), away);
    assert_eq!(decision, Decision::Allowed);
}
