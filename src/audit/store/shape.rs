//! The shape of the tables, compared with what the migrations make.
//!
//! The owner of the tables can put something between them and a reader that no hash covers: a view or a
//! policy that hides rows, a rule or a trigger that drops or changes what is written, a table without its
//! key that takes two rows for one.

use sqlx::PgConnection;

/// The tables, each with its kind, its key, and its columns in order.
const TABLES: [(&str, &str, &str, &str); 4] = [
    (
        "audit_chains",
        "r",
        "PRIMARY KEY (org_id)",
        "org_id text, size bigint, head bytea, last_at timestamp with time zone, seal bytea, \
         seal_key_id text",
    ),
    (
        "audit_records",
        "p",
        "PRIMARY KEY (org_id, sequence, created_at)",
        "org_id text, sequence bigint, entry_id uuid, phase text, created_at timestamp with time zone, \
         event text, method text, route text, request_id text, trace_id text, run_id uuid, status integer, \
         outcome text, duration_ms bigint, actor_kind text, statement text, actor text, actor_role text, \
         resource text, blind bytea, commitment bytea, payload bytea, payload_digest bytea, \
         entry_key bytea, key_id text, erased_by bigint, previous bytea, hash bytea",
    ),
    (
        "audit_checkpoints",
        "r",
        "PRIMARY KEY (org_id, size, is_base)",
        "org_id text, size bigint, is_base boolean, root bytea, note text, \
         created_at timestamp with time zone",
    ),
    (
        "audit_tiles",
        "r",
        "PRIMARY KEY (org_id, level, tile)",
        "org_id text, level smallint, tile bigint, hashes bytea",
    ),
];

/// The differences, in words. Checks of values are not compared: what they guard is under hashes. Columns
/// behind those that are known are no difference: a later version adds them while this one still serves.
pub async fn problems(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let names = TABLES.map(|(name, ..)| name.to_owned());
    let kinds = TABLES.map(|(_, kind, ..)| kind.to_owned());
    let keys = TABLES.map(|(_, _, key, _)| key.to_owned());
    let columns = TABLES.map(|(_, _, _, columns)| columns.to_owned());
    sqlx::query_scalar!(
        r#"with recursive expected as (
               select e.name, e.kind, e.key, e.columns, to_regclass(e.name)::oid as oid
               from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                    as e (name, kind, key, columns)
           ), tree (name, oid) as (
               select name, oid from expected
               union all
               select t.name, i.inhrelid from tree t join pg_inherits i on i.inhparent = t.oid
           )
           select '`' || name || '` is no table as navi makes it' as "problem!"
           from expected e left join pg_class c on c.oid = e.oid
           where c.relkind::text is distinct from e.kind or c.relpersistence::text is distinct from 'p'
           union all
           select '`' || name || '` is not the table beside the other tables of navi'
           from expected e join pg_class c on c.oid = e.oid
           where c.relnamespace is distinct from
               (select m.relnamespace from pg_class m where m.oid = to_regclass('_sqlx_migrations'))
           union all
           select '`' || name || '` has lost its key, so there can be two rows for one'
           from expected e
           where not exists (
               select from pg_constraint k
               where k.conrelid = e.oid and k.contype = 'p' and k.convalidated
                 and pg_get_constraintdef(k.oid) = e.key)
           union all
           select '`' || name || '` has other columns than navi gives it'
           from expected e
           where e.columns is distinct from (
               select string_agg(a.attname || ' ' || a.type, ', ' order by a.attnum)
               from (select a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type
                     from pg_attribute a
                     where a.attrelid = e.oid and a.attnum > 0 and not a.attisdropped
                       and a.attcollation::regcollation::text in ('-', '"default"')
                       and a.attgenerated = ''
                     order by a.attnum
                     limit cardinality(string_to_array(e.columns, ', '))) a)
           union all
           select distinct 'a row-level policy stands on `' || t.name || '` and can hide rows'
           from tree t join pg_class c on c.oid = t.oid
           where c.relrowsecurity or c.relforcerowsecurity
           union all
           select distinct 'the rule `' || r.rulename || '` stands on `' || t.name || '`'
           from tree t join pg_rewrite r on r.ev_class = t.oid
           union all
           select distinct 'the trigger `' || g.tgname || '` stands on `' || t.name
                  || '` and can drop or change what is written'
           from tree t join pg_trigger g on g.tgrelid = t.oid
           where not g.tgisinternal
             and not (t.name = 'audit_records' and g.tgname = 'audit_records_stay' and g.tgtype = 27)
           order by 1"#,
        &names,
        &kinds,
        &keys,
        &columns,
    )
    .fetch_all(conn)
    .await
}
