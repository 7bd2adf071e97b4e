//! The list of all tables against the catalogue, the settings and the page about them.

use std::collections::BTreeSet;

use navi::config::settings::Config;
use navi::lifecycle::tables;
use navi::platform::tables::model::{Find, Person, Stays, Then};
use sqlx::{PgPool, Row};

use crate::documents;
use crate::lifecycle::filling;
use crate::lifecycle::filling::naming;

/// Parts of names of columns that name a person, or may.
const PERSONAL: &[&str] = &[
    "user",
    "actor",
    "owner",
    "author",
    "person",
    "email",
    "account",
    "resolved_by",
    "created_by",
    "updated_by",
    "ip_address",
    "login",
    "name_of",
    "member",
];

/// Columns that look as if they named a person, and do not.
const IMPERSONAL: &[(&str, &str)] = &[
    ("audit_records", "actor_kind"),
    // Goes with the actor, which a test of the audit log shows.
    ("audit_records", "actor_role"),
    ("error_group_activity", "affected_users"),
    ("error_events", "user_visible"),
];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_table_is_declared_once_and_none_that_is_not_there(db: PgPool) {
    let declared: Vec<&str> = tables::all().iter().map(|kept| kept.table).collect();
    let unique: BTreeSet<String> = declared.iter().map(|&table| table.to_owned()).collect();
    assert_eq!(unique.len(), declared.len(), "declared twice: {declared:?}");
    assert_eq!(unique, filling::tables(&db).await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_column_that_names_a_person_or_an_organisation_is_declared(db: PgPool) {
    let sql = "select c.relname::text as t, a.attname::text as name from pg_attribute a
               join pg_class c on c.oid = a.attrelid
               where c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
                 and not a.attisdropped and c.relnamespace = current_schema()::regnamespace";
    let rows = sqlx::query(sql).fetch_all(&db).await.unwrap();
    let columns: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row.get("t"), row.get("name")))
        .collect();
    let mut wrong = Vec::new();
    for kept in tables::all() {
        let here = columns.iter().filter(|(table, _)| table == kept.table);
        let here: BTreeSet<&str> = here.map(|(_, column)| column.as_str()).collect();
        // Every declared column exists.
        let mut named: Vec<&str> = kept.org.into_iter().collect();
        named.extend(naming(&kept.person));
        named.extend(kept.sealed);
        let mut deletes = false;
        if let Person::Rows(traces) = kept.person {
            for trace in traces {
                match trace.then {
                    Then::Delete => deletes |= matches!(trace.find, Find::Column(_)),
                    Then::Blank { columns, .. } => named.extend(columns.iter().map(|(c, _)| c)),
                }
                if let Find::Through { table, column, on } | Find::Alone { table, column, on } =
                    trace.find
                {
                    for there in [column, on] {
                        if !columns.contains(&(table.to_owned(), there.to_owned())) {
                            wrong.push(format!("{}: there is no {table}.{there}", kept.table));
                        }
                    }
                    named.push(on);
                }
            }
        }
        for column in &named {
            if !here.contains(column) {
                wrong.push(format!("there is no {}.{column}", kept.table));
            }
        }
        // Every existing column is declared.
        for column in here {
            let org = ["org_id", "org_key"].contains(&column);
            let personal = PERSONAL.iter().any(|part| column.contains(part))
                && !IMPERSONAL.contains(&(kept.table, column));
            // A row that is deleted takes its other columns along, but for those that name others.
            let goes_along = deletes && !["user_id", "user_sub", "resolved_by"].contains(&column);
            if (org || personal) && !named.contains(&column) && !goes_along {
                wrong.push(format!("{}.{column} is not declared", kept.table));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_table_that_is_partitioned_by_month_is_kept_by_months(db: PgPool) {
    let sql = "select c.relname::text as t, a.attname::text as name from pg_partitioned_table p
               join pg_class c on c.oid = p.partrelid
               join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]";
    let rows = sqlx::query(sql).fetch_all(&db).await.unwrap();
    let there: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row.get("t"), row.get("name")))
        .collect();
    let declared = tables::all()
        .into_iter()
        .filter_map(|kept| match kept.stays {
            Stays::Months { column, .. } => Some((kept.table.to_owned(), column.to_owned())),
            Stays::SignedMonths { .. } => Some((kept.table.to_owned(), "created_at".to_owned())),
            Stays::Days { .. } | Stays::With(_) | Stays::Until(_) => None,
        });
    assert_eq!(declared.collect::<BTreeSet<_>>(), there);
}

#[test]
fn every_time_is_a_setting_and_every_setting_is_used() {
    let periods = |flags: &[&str]| Config::from_flags(flags.iter().copied()).unwrap().periods();
    // By default the days of this one are none, as those of an unknown setting are.
    let all = periods(&["--rollups-retention-days", "7"]);
    let mut used = BTreeSet::new();
    for kept in tables::all() {
        if let Stays::Months { setting, .. } | Stays::SignedMonths { setting } = kept.stays {
            assert!(all.days(setting).is_some(), "{}: {setting}", kept.table);
            used.insert(setting);
        }
    }
    let example = documents::read(".env.example");
    let settings = example.lines().filter_map(|line| {
        let name = line.trim_start_matches(['#', ' ']).split('=').next()?;
        name.ends_with("RETENTION_DAYS").then(|| name.to_owned())
    });
    let settings: BTreeSet<String> = settings.collect();
    assert_eq!(settings, used.iter().map(|&name| name.to_owned()).collect());
    let periods = periods(&[]);
    assert_eq!(periods.days("NAVI_TELEMETRY_RETENTION_DAYS"), Some(90));
    assert_eq!(periods.days("NAVI_ERRORS_RETENTION_DAYS"), Some(180));
    assert_eq!(periods.days("NAVI_METRICS_RETENTION_DAYS"), Some(400));
    assert_eq!(
        periods.days("NAVI_ROLLUPS_RETENTION_DAYS"),
        None,
        "for ever"
    );
}

#[test]
fn the_page_about_what_is_kept_says_what_is_declared() {
    let text = documents::read("docs/data.md");
    let listed = documents::table(&text, "| table | how long | sealed | erasing a person |");
    let listed: BTreeSet<Vec<String>> = listed.into_iter().collect();
    let declared = tables::all().into_iter().map(|kept| {
        let sealed: Vec<_> = kept.sealed.iter().map(|name| format!("`{name}`")).collect();
        vec![
            format!("`{}`", kept.table),
            kept.stays.to_string(),
            sealed.join(" "),
            kept.person.to_string(),
            kept.whole.to_string(),
        ]
    });
    let declared: BTreeSet<Vec<String>> = declared.collect();
    let missing: Vec<_> = declared.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&declared).collect();
    let as_rows = |rows: &[&Vec<String>]| {
        let rows = rows.iter().map(|row| format!("| {} |", row.join(" | ")));
        rows.collect::<Vec<_>>().join("\n")
    };
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing:\n{}\nunknown:\n{}",
        as_rows(&missing),
        as_rows(&unknown)
    );
    let described = documents::table(&text, "| table | one row is |");
    let described: BTreeSet<String> = described
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    let names: BTreeSet<String> = tables::all()
        .iter()
        .map(|kept| kept.table.to_owned())
        .collect();
    assert_eq!(described, names);
}
