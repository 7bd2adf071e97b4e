//! Erasing people and organisations: what is gone, what stays, and what a second look says.

use std::collections::BTreeSet;
use std::time::Duration;

use navi::audit::erasing::Whose;
use navi::audit::event::Event;
use navi::audit::model::{Actor, Log, NewEntry, Outcome};
use navi::auth::principal::Role;
use navi::cli::audit::opened::operator;
use navi::lifecycle::erasure::Eraser;
use navi::lifecycle::error::Error;
use navi::lifecycle::model::{Report, Subject};
use navi::lifecycle::tables;
use navi::platform::clock::Clock;
use navi::platform::tables::model::{Person, Stays, Then, Whole};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

use crate::feedback::sums::{add_changes, assert_summed};
use crate::jobs::desk::{Desk, nothing};
use crate::lifecycle::filling::{ADA, BOB, OTHER_ADA, Somebody, fill, rows};
use crate::lifecycle::rollups::assert_counted;
use crate::runs::stage::{calls, says, script};
use crate::support::app::{ORG, TestApp, USER, principal};

fn of(who: &Somebody) -> Subject {
    Subject {
        org: who.org.parse().unwrap(),
        user: Some(who.user.parse().unwrap()),
    }
}

fn organisation(org: &str) -> Subject {
    Subject {
        org: org.parse().unwrap(),
        user: None,
    }
}

fn eraser(app: &TestApp) -> Eraser {
    Eraser {
        db: app.app.db.clone(),
        clock: app.app.clock.clone(),
        audit: app.app.audit.clone(),
        data: None,
        runs_end_within: Duration::from_secs(10),
    }
}

async fn erase(app: &TestApp, subject: &Subject) -> Report {
    let erased = eraser(app).erase(subject, &operator(), &mut |_| {}).await;
    erased.unwrap()
}

/// Writes two audit entries of a person, one of them with its end.
async fn audit(app: &TestApp, who: &Somebody) {
    let entry = || NewEntry {
        resource: Some(who.mark.to_owned()),
        payload: Some(json!({"said": who.mark})),
        ..NewEntry::new(
            Log::Org(who.org.parse().unwrap()),
            Event::HttpRequest,
            Actor::user(&principal(who.org, who.user, Role::Planner)),
        )
    };
    let open = app.app.audit.begin(entry()).await.unwrap();
    open.complete(Outcome::Success.into()).await;
    app.app.audit.note(entry(), Outcome::Success).await.unwrap();
}

async fn assert_provable(app: &TestApp) {
    for log in app.app.audit.logs().await.unwrap() {
        let report = app.app.audit.verify(&log, &[], |_, _| {}).await.unwrap();
        assert!(report.ok, "{log}: {:?}", report.findings);
    }
}

async fn count(db: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

/// Three people with a row in every table: two of one organisation, and a namesake of one elsewhere.
async fn three_people(db: &PgPool) -> TestApp {
    // Rows are compared, and no heartbeat of this process may move its own meanwhile.
    let flags = ["--lease-seconds", "600"];
    let app = TestApp::with(db.clone(), Clock::System, &flags).await;
    // The first of an organisation has what belongs to all of it.
    for who in [&BOB, &ADA, &OTHER_ADA] {
        fill(db, who).await;
        audit(&app, who).await;
    }
    add_changes(db).await;
    app
}

/// The tables of a report: rows found, erased and left.
fn shown(report: &Report) -> String {
    let lines = report.tables.iter().filter(|table| table.found > 0);
    let lines = lines.map(|table| {
        let (found, erased, left) = (table.found, table.erased, table.left);
        format!("{} {found} {erased} {left}", table.table)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_person_with_a_row_in_every_table_leaves_none_and_nobody_else_loses_one(db: PgPool) {
    let app = three_people(&db).await;
    let before = rows(&db).await;
    let names: BTreeSet<&str> = before.iter().map(|(table, _)| table.as_str()).collect();
    for kept in tables::all() {
        // All changes were added to the sums.
        let by_hand = names.contains(kept.table)
            || kept.table.starts_with("audit_")
            || kept.table == "feedback_sum_changes";
        assert!(by_hand || kept.org.is_none(), "{} is empty", kept.table);
    }
    // The words of others about a person are theirs.
    let said = "update conversations set title = 'ada', initial_context = '{\"ask\": [\"ada\"]}'
                where user_id = 'bob'";
    sqlx::query(said).execute(&db).await.unwrap();
    let before: BTreeSet<_> = rows(&db).await;

    let report = erase(&app, &of(&ADA)).await;
    insta::assert_snapshot!(shown(&report), @"
    conversation_messages 1 1 0
    conversations 1 1 0
    run_changes 1 1 0
    run_events 1 1 0
    run_messages 1 1 0
    tool_calls 1 1 0
    prompts 1 1 0
    consents 1 1 0
    runs 1 1 0
    consent_preferences 1 1 0
    consent_audit_log 1 1 0
    workspace_bindings 1 1 0
    ai_feedback_signals 1 1 0
    learning_exposures 1 1 0
    ai_feedback 1 1 0
    ai_generation_log 1 1 0
    learning_suggestions 1 1 0
    learning_patterns 1 1 0
    learning_insights 1 1 0
    learning_counts 1 1 0
    telemetry_events 1 1 0
    performance_metrics 1 1 0
    error_events 1 1 0
    error_group_activity 1 1 0
    error_groups 1 1 0
    telemetry_batches 1 1 0
    connector_tokens 1 1 0
    notice_deliveries 1 1 0
    webhooks 1 1 0
    rag_metrics 1 1 0
    llm_metrics 1 1 0
    task_metrics 1 1 0
    idempotency_keys 1 1 0
    audit_records 3 3 0
    ");
    assert!(report.complete && report.passes == 1, "{report:#?}");
    let mentions: Vec<_> = report
        .mentions
        .iter()
        .map(|mention| format!("{}.{} {}", mention.table, mention.column, mention.rows))
        .collect();
    assert_eq!(
        mentions,
        ["conversations.title 1", "conversations.initial_context 1"]
    );

    let after = rows(&db).await;
    let blanked = |table: &str| {
        let kept = tables::all().into_iter().find(|kept| kept.table == table);
        let Person::Rows(traces) = kept.unwrap().person else {
            return false;
        };
        traces
            .iter()
            .any(|trace| matches!(trace.then, Then::Blank { .. }))
    };
    assert_summed(&db).await;
    let is_sum = |(table, _): &&(String, String)| table == "feedback_sums";
    assert!(
        !after
            .iter()
            .filter(is_sum)
            .any(|(_, row)| row.contains(ADA.mark))
    );
    for (table, row) in before.difference(&after).filter(|row| !is_sum(row)) {
        let kept = tables::all().into_iter().find(|kept| kept.table == table);
        let personal = !matches!(kept.unwrap().person, Person::Nobody(_));
        assert!(personal, "{table} lost a row of nobody's: {row}");
        let hers = row.contains("\"ada\"") && row.contains("\"acme\"")
            || row.contains(ADA.mark)
            || row.contains(&ADA.number("gen_id").to_string());
        assert!(hers, "somebody else lost a row of {table}: {row}");
    }
    for (table, row) in after.difference(&before).filter(|row| !is_sum(row)) {
        assert!(blanked(table), "{table} has a new row: {row}");
    }
    for (table, row) in &after {
        let named = row.contains("\"ada\"") && row.contains("\"acme\"") && !row.contains(BOB.mark);
        assert!(!named, "{table}: {row}");
    }
    assert_counted(&db).await;
    assert_provable(&app).await;
    let hers = "select count(*) from audit_records where org_id = 'acme'
                and (actor = 'ada' or erased_by is null and resource = 'mark-7c1')";
    assert_eq!(count(&db, hers).await, 0);
    let theirs = "select count(*) from audit_records where actor in ('ada', 'bob')";
    assert_eq!(count(&db, theirs).await, 4);
    let noted = "select count(*) from audit_records
                 where org_id = '' and event = 'data.erased' and actor is null";
    assert_eq!(count(&db, noted).await, 2, "begun and completed");

    let again = erase(&app, &of(&ADA)).await;
    assert_eq!(shown(&again), "", "nothing is found a second time");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_organisation_leaves_nothing_but_its_proofs_and_no_other_loses_a_row(db: PgPool) {
    let app = three_people(&db).await;
    let before = rows(&db).await;
    let report = erase(&app, &organisation("acme")).await;
    assert!(report.complete, "{report:#?}");
    assert!(report.mentions.is_empty(), "{:?}", report.mentions);
    let after = rows(&db).await;
    let ours = |(_, row): &&(String, String)| row.contains("\"acme\"");
    assert_eq!(after.iter().find(ours), None);
    let others: BTreeSet<_> = before.iter().filter(|row| !ours(row)).cloned().collect();
    assert_eq!(after, others);
    // Its log says what was done when, and neither by whom nor to what, and nothing opens.
    let readable = "select count(*) from audit_records where org_id = 'acme'
                    and event <> 'audit.erased'
                    and (actor is not null or resource is not null or entry_key is not null)";
    assert_eq!(count(&db, readable).await, 0);
    let there =
        "select count(*) from audit_records where org_id = 'acme' and event = 'http.request'";
    assert_eq!(count(&db, there).await, 6);
    assert_provable(&app).await;
    for (kept, table) in tables::all().iter().zip(&report.tables) {
        match kept.whole {
            // Some go with the rows that they belong to, before they are counted.
            Whole::Delete if matches!(kept.stays, Stays::With(_)) => {}
            Whole::Delete | Whole::Audited => assert!(table.found > 0, "{}", kept.table),
            Whole::Stays(why) => assert!(table.how.contains(why), "{table:?}"),
        }
    }
    let again = erase(&app, &organisation("acme")).await;
    assert_eq!(shown(&again), "");
    assert_provable(&app).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_error_that_others_have_too_stays_and_one_of_a_person_alone_goes(db: PgPool) {
    let app = three_people(&db).await;
    // Bob has what Ada has, and Ada does not have what Bob has.
    let shared = format!(
        "insert into error_group_users values ('acme', {}, 'bob');
         update error_groups set message = 'no <n> such file' where group_id = {0};",
        ADA.number("group_id")
    );
    sqlx::raw_sql(AssertSqlSafe(shared))
        .execute(&db)
        .await
        .unwrap();
    let report = erase(&app, &of(&ADA)).await;
    assert!(report.complete, "{report:#?}");
    let left =
        "select string_agg(concat_ws(', ', g.message, a.last_message, u.user_id, g.resolved_by),
                                  E'\\n' order by g.message)
                from error_groups g join error_group_activity a using (org_id, group_id)
                join error_group_users u using (org_id, group_id) where org_id = 'acme'";
    let left: String = sqlx::query_scalar(left).fetch_one(&db).await.unwrap();
    insta::assert_snapshot!(left, @"
    message mark-2e9, last_message mark-2e9, bob, bob
    no <n> such file, no <n> such file, bob
    ");
    sqlx::query("delete from error_group_users where user_id = 'bob'")
        .execute(&db)
        .await
        .unwrap();
    fill(&db, &ADA).await;
    let report = erase(&app, &of(&ADA)).await;
    assert!(report.complete, "{report:#?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_comes_while_an_erasure_goes_on_is_found_by_the_next_pass(db: PgPool) {
    let app = three_people(&db).await;
    // As if a server wrote an event after its table was gone through.
    sqlx::raw_sql(
        "create function comes_late() returns trigger language plpgsql as $$ begin
             insert into telemetry_events (org_id, user_id, event_type, event_name)
             values ('acme', 'ada', 'late', 'late');
             return null;
         end $$;
         create trigger comes_late after delete on idempotency_keys
             for each statement execute function comes_late();",
    )
    .execute(&db)
    .await
    .unwrap();
    let report = erase(&app, &of(&ADA)).await;
    assert!(report.complete && report.passes == 2, "{report:#?}");

    // And a writer that never stops.
    sqlx::raw_sql(
        "create trigger comes_again after delete on telemetry_events
             for each statement execute function comes_late();
         insert into telemetry_events (org_id, user_id, event_type, event_name)
         values ('acme', 'ada', 'first', 'first');",
    )
    .execute(&db)
    .await
    .unwrap();
    let report = erase(&app, &of(&ADA)).await;
    assert!(!report.complete && report.passes == 5, "{report:#?}");
    let left: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.left > 0)
        .collect();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].table, left[0].left), ("telemetry_events", 1));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_table_that_fails_stops_no_other_and_is_told(db: PgPool) {
    let app = three_people(&db).await;
    sqlx::raw_sql(
        "create function refuses() returns trigger language plpgsql as $$ begin
             raise exception 'not this one';
         end $$;
         create trigger refuses before delete on prompts
             for each row execute function refuses();",
    )
    .execute(&db)
    .await
    .unwrap();
    let report = erase(&app, &of(&ADA)).await;
    assert!(!report.complete);
    let failed: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.problem.is_some())
        .collect();
    let names: Vec<_> = failed.iter().map(|table| table.table).collect();
    // Questions go with their run as well, so their run stays.
    assert_eq!(names, ["prompts", "runs"]);
    assert!(failed[0].problem.as_ref().unwrap().contains("not this one"));
    let left: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.left > 0)
        .collect();
    assert_eq!(
        left.iter().map(|table| table.table).collect::<Vec<_>>(),
        names
    );
    sqlx::query("drop trigger refuses on prompts")
        .execute(&db)
        .await
        .unwrap();
    let report = erase(&app, &of(&ADA)).await;
    assert!(report.complete, "{report:#?}");
}

/// Makes a person's run one that is not over, held by a process whose lease lasts so long.
async fn unfinished(db: &PgPool, who: &Somebody, seconds: f64) {
    sqlx::query(
        "update runs set status = 'running', finished_at = null, cancel_requested_at = null,
                worker_id = $3
         where org_id = $1 and user_id = $2",
    )
    .bind(who.org)
    .bind(who.user)
    .bind(who.uuid("worker_id"))
    .execute(db)
    .await
    .unwrap();
    sqlx::query(
        "update workers set expires_at = clock_timestamp() + make_interval(secs => $2)
         where worker_id = $1",
    )
    .bind(who.uuid("worker_id"))
    .bind(seconds)
    .execute(db)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn runs_that_are_worked_on_are_asked_to_end_and_those_of_a_lost_process_are_ended(
    db: PgPool,
) {
    let app = three_people(&db).await;
    unfinished(&db, &ADA, 300.0).await;
    let before = rows(&db).await;
    let impatient = Eraser {
        runs_end_within: Duration::from_millis(600),
        ..eraser(&app)
    };
    let refused = impatient.erase(&of(&ADA), &operator(), &mut |_| {}).await;
    assert!(
        matches!(refused, Err(Error::StillRunning(1))),
        "{refused:?}"
    );
    let changed: Vec<_> = before.difference(&rows(&db).await).cloned().collect();
    assert_eq!(changed.len(), 1, "only that it is to end: {changed:?}");
    let asked =
        "select count(*) from runs where user_id = 'ada' and cancel_requested_at is not null
                 and finished_at is null";
    assert_eq!(count(&db, asked).await, 1);

    unfinished(&db, &ADA, -1.0).await;
    let report = erase(&app, &of(&ADA)).await;
    assert!(report.complete && report.runs_ended == 1, "{report:#?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_for_its_person_ends_and_goes(db: PgPool) {
    let push = calls(&[("run_command", json!({"command": "git push origin main"}))]);
    let desk = Desk::new(db.clone(), script([push, says("Done.")])).await;
    let waiting = desk.create(nothing()).await;
    desk.until(&waiting, "command.consent_required").await;
    let data = tempfile::tempdir().unwrap();
    let notes = data.path().join("outcomes").join(&waiting);
    let others = data
        .path()
        .join("outcomes")
        .join(ADA.uuid("run_id").to_string());
    for folder in [&notes, &others] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("call"), "begun\n").unwrap();
    }
    let subject = Subject {
        org: ORG.parse().unwrap(),
        user: Some(USER.parse().unwrap()),
    };
    let eraser = Eraser {
        data: Some(data.path().to_owned()),
        ..eraser(&desk.stage.app)
    };
    let report = eraser
        .erase(&subject, &operator(), &mut |_| {})
        .await
        .unwrap();
    assert!(report.complete, "{report:#?}");
    assert_eq!((report.runs_ended, report.files_removed), (1, 1));
    assert!(!notes.exists() && others.exists());
    for table in [
        "runs",
        "run_events",
        "run_messages",
        "tool_calls",
        "consents",
    ] {
        let sql = format!("select count(*) from {table}");
        let left: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&db)
            .await
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_provable(&desk.stage.app).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_of_which_people_were_erased_stays_provable_when_its_old_months_go(db: PgPool) {
    let now: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select now()")
        .fetch_one(&db)
        .await
        .unwrap();
    let clock = Clock::fixed(now - chrono::TimeDelta::days(100));
    sqlx::query("select make_month_partitions(now() - interval '100 days', 6)")
        .execute(&db)
        .await
        .unwrap();
    let app = TestApp::with(db.clone(), clock, &[]).await;
    for _ in 0..3 {
        audit(&app, &ADA).await;
        audit(&app, &BOB).await;
        app.app.clock.advance(chrono::TimeDelta::days(45));
    }
    app.app.clock.advance(now - app.app.clock.now());
    audit(&app, &ADA).await;
    let log = Log::Org("acme".parse().unwrap());
    let whose = Whose::Person("ada");
    let erased = app.app.audit.erase(&log, whose, &operator()).await;
    assert_eq!(erased.unwrap(), 12);
    assert_provable(&app).await;
    let dropped = app.app.audit.retain(60).await.unwrap();
    assert!(!dropped.is_empty());
    let report = app.app.audit.verify(&log, &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    assert!(
        report.erased > 0 && report.erased < 12,
        "a part of them went"
    );
}
