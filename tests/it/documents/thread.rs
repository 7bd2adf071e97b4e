//! The questions that `docs/thread.md` asks of the database, and the answers it shows.

use navi::platform::db::MIGRATOR;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

use crate::documents::claims::blocks;
use crate::documents::{code_spans, read, table};

/// One run with a trace, which an error names by the trace and another by the run, and the same in
/// another organisation.
const SCENE: &str = "
insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options, trace_id,
                  created_at, updated_at, started_at, finished_at)
select org, 'ada', '01980d3a-0000-7000-8000-000000000001', 'autonomous', 'completed', 'do it', 'p', 'm',
       '{}', '4bf92f3577b34da6a3ce929d0e0e4736', t, t, t, t
from unnest(array['acme', 'other']) org, (values ('2026-11-02T09:00:00Z'::timestamptz)) at (t);

insert into llm_metrics (org_id, user_id, call_id, run_id, trace_id, model, provider, phase, status,
                         input_cost, output_cost, total_cost, created_at)
select org, 'ada', gen_random_uuid(), '01980d3a-0000-7000-8000-000000000001',
       '4bf92f3577b34da6a3ce929d0e0e4736', 'm', 'p', 'autonomous', status, cost, 0, cost,
       '2026-11-02T09:00:01Z'
from unnest(array['acme', 'other']) org,
     (values ('success', 0.021), ('error', 0)) calls (status, cost);

insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash, result_ref,
                               trace_id)
values ('acme', 'ada', 'codegen', 'm', '{}', 'h', '01980d3a-0000-7000-8000-000000000001',
        '4bf92f3577b34da6a3ce929d0e0e4736');
insert into ai_feedback (gen_id, org_key, user_sub, rating, reason)
select id, org_key, user_sub, -1, 'incorrect' from ai_generation_log;

insert into audit_records (org_id, sequence, entry_id, phase, created_at, event, outcome, actor_kind,
                           trace_id, commitment, previous, hash)
select 'acme', number, '01980d3a-0000-7000-8000-000000000002', phase, '2026-11-02T09:00:00Z',
       'http.request', outcome, 'user', '4bf92f3577b34da6a3ce929d0e0e4736', bytes, bytes, bytes
from (values (1, 'begun', null), (2, 'completed', 'success')) r (number, phase, outcome),
     (values (sha256('x'))) b (bytes);

insert into error_events (org_id, user_id, error_type, severity, error_message, trace_id, run_id,
                          created_at)
values ('acme', 'ada', 'RenderError', 'error', 'the diff could not be shown',
        '4bf92f3577b34da6a3ce929d0e0e4736', null, '2026-11-02T09:30:00Z'),
       ('acme', 'ada', 'Timeout', 'warning', 'no answer', null,
        '01980d3a-0000-7000-8000-000000000001', '2026-11-02T09:31:00Z'),
       ('acme', 'ada', 'Timeout', 'warning', 'no answer', null, null, '2026-11-02T09:32:00Z'),
       ('other', 'eve', 'RenderError', 'error', 'the diff could not be shown',
        '4bf92f3577b34da6a3ce929d0e0e4736', null, '2026-11-02T09:30:00Z');
";

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_questions_about_a_thread_are_answered_as_the_document_shows(db: PgPool) {
    sqlx::raw_sql(SCENE).execute(&db).await.unwrap();
    let text = read("docs/thread.md");
    let blocks = blocks(&text);
    let of = |kind: &str| {
        let wanted = blocks.iter().filter(|(one, _)| *one == kind);
        wanted.map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    let (questions, answers) = (of("sql"), of("json"));
    assert_eq!((questions.len(), answers.len()), (3, 3));
    for (question, answer) in questions.into_iter().zip(answers) {
        let asked = format!("select coalesce(jsonb_agg(to_jsonb(q)), '[]') from ({question}) q");
        let found: Value = sqlx::query_scalar(AssertSqlSafe(asked))
            .fetch_one(&db)
            .await
            .unwrap();
        let shown: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(found, shown, "{question}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_columns_of_a_thread_are_those_of_the_document(db: PgPool) {
    let columns: Vec<String> = sqlx::query_scalar(
        "select attname::text from pg_attribute
         where attrelid = 'error_threads'::regclass and attnum > 0 order by attnum",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let text = read("docs/thread.md");
    let rows = table(&text, "| column |");
    let shown: Vec<_> = rows.iter().flat_map(|row| code_spans(&row[0])).collect();
    assert_eq!(columns, shown);
}
