//! Rows as a year of use leaves them, so that a load can be measured beside them.

use sqlx::PgConnection;

/// Makes so many events, runs, and rated answers of these organisations, and so many audit records of
/// another one: what is inserted here is chained to nothing, and a log that goes on must be. All are older
/// than an hour, and the comparison of rows knows younger ones only.
pub async fn fill(
    conn: &mut PgConnection,
    orgs: &[String],
    grown: &str,
    rows: i64,
) -> sqlx::Result<()> {
    events(conn, orgs, rows).await?;
    runs(conn, orgs, rows).await?;
    ratings(conn, orgs, rows).await?;
    records(conn, grown, rows).await?;
    sqlx::raw_sql("vacuum analyze").execute(conn).await?;
    Ok(())
}

async fn events(conn: &mut PgConnection, orgs: &[String], rows: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into telemetry_events (org_id, user_id, event_type, event_name, event_data, created_at)
         select ($1::text[])[1 + n % cardinality($1)], 'user-' || n % 10, 'navi.user.interaction', 'accept',
                jsonb_build_object('notes', repeat(md5(n::text), 12)),
                now() - interval '1 hour' - n * interval '100 milliseconds'
         from generate_series(1, $2::bigint) n",
        orgs,
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn runs(conn: &mut PgConnection, orgs: &[String], rows: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                           created_at, updated_at, finished_at, role, last_sequence)
         select ($1::text[])[1 + n % cardinality($1)],
                'user-' || 50 * (n % cardinality($1)) + n / cardinality($1) % 50, gen_random_uuid(), 'job',
                'completed', 'say something', 'scripted', 'load', '{}', made, made, made, 'planner', 0
         from generate_series(1, $2::bigint) n,
              lateral (select now() - interval '1 hour' - n * interval '100 milliseconds') t (made)",
        orgs,
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn ratings(conn: &mut PgConnection, orgs: &[String], rows: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "with answers as (
             insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash,
                                            category, created_at)
             select ($1::text[])[1 + n % cardinality($1)], 'user-' || n % 10, 'codegen', 'load', '{}',
                    repeat('0', 64), (array['fix', 'feature', 'test'])[1 + n % 3],
                    now() - interval '1 hour' - n * interval '100 milliseconds'
             from generate_series(1, $2::bigint) n returning id, org_key, user_sub, created_at
         ) insert into ai_feedback (gen_id, org_key, user_sub, rating, created_at)
         select id, org_key, user_sub, case when id % 3 = 0 then -1 else 1 end, created_at from answers",
        orgs,
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn records(conn: &mut PgConnection, org: &str, rows: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_records (org_id, sequence, entry_id, phase, created_at, event, outcome,
                                    actor_kind, actor, commitment, previous, hash)
         select $1, n, gen_random_uuid(), 'noted',
                now() - interval '1 hour' - ($2 - n) * interval '100 milliseconds', 'cli.token.minted', 'ok',
                'operator', 'ada', sha256('a'), sha256('b'), sha256('c')
         from generate_series(1, $2::bigint) n",
        org,
        rows
    )
    .execute(conn)
    .await?;
    Ok(())
}
