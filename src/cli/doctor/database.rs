//! A database that answers, or not.

use sqlx::PgConnection;

use crate::audit::keyring::Keyring;
use crate::audit::seals::fitting::{Unfit, log_states, unfit_keys};
use crate::audit::witnessing::floors::Floors;
use crate::cli::doctor::check::Check;
use crate::cli::doctor::disks::{DATABASE_DISK, DATABASE_FULL, room};
use crate::platform::clock::Clock;
use crate::platform::database::disk::{folder_here, try_storing};
use crate::platform::database::refusal::{is_full, is_read_only};
use crate::platform::database::servers::Servers;
use crate::platform::database::sessions::are_shared;
use crate::platform::database::storage::STORES_NOTHING;
use crate::platform::db;

/// Clocks further apart than this make events seem to come from the future.
const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// Stores something and takes it back, and looks for the room that is left where the disk is in sight.
async fn disk_of_database(conn: &mut PgConnection, servers: &Servers) -> Check {
    match try_storing(conn).await {
        Err(error) if is_full(&error) || is_read_only(&error) => {
            let found = format!("{STORES_NOTHING}: {error}");
            Check::bad(DATABASE_DISK, found, DATABASE_FULL)
        }
        Err(error) => Check::good(DATABASE_DISK, format!("storing cannot be tried: {error}")),
        Ok(()) => match folder_here(conn, servers).await {
            Some(folder) => room(DATABASE_DISK, &folder, DATABASE_FULL),
            None => Check::good(
                DATABASE_DISK,
                "it stores; how full it is cannot be seen from here",
            ),
        },
    }
}

/// A server's view of audit logs before it writes to them.
pub(super) struct AuditSight {
    pub(super) keys: Keyring,
    pub(super) floors: Floors,
}

/// Sees whether the audit logs are sealed with keys of the ring and go on where they ended; nothing of what
/// cannot be asked.
async fn audit_logs(conn: &mut PgConnection, sight: &AuditSight) -> Vec<Check> {
    const KEYS: &str = "audit keys";
    const LOGS: &str = "audit logs";
    let Ok(unfit) = unfit_keys(conn, &sight.keys).await else {
        return Vec::new();
    };
    match unfit.into_iter().next() {
        None => {}
        Some(Unfit::Missing(id)) => {
            return vec![Check::bad(
                KEYS,
                format!("logs are sealed with the key `{id}`, which is not among them"),
                "add it to AUDIT_ENCRYPTION_KEYS_PREVIOUS (docs/audit.md tells when it is lost)",
            )];
        }
        Some(Unfit::Other(id)) => {
            return vec![Check::bad(
                KEYS,
                format!("logs are sealed with another key than the one that is called `{id}` here"),
                "restore AUDIT_ENCRYPTION_KEY, or give the new key a name of its own and keep the old \
                 one in AUDIT_ENCRYPTION_KEYS_PREVIOUS",
            )];
        }
    }
    let mut checks = vec![Check::good(KEYS, "the logs are sealed with them")];
    if let Ok(states) = log_states(conn, &sight.keys, &sight.floors).await {
        let closed: Vec<_> = states.into_iter().filter_map(|it| it.obstacle).collect();
        checks.push(match closed.first() {
            None => Check::good(LOGS, "they go on where they ended"),
            Some(first) => {
                let others = match closed.len() - 1 {
                    0 => String::new(),
                    others => format!("; and {others} more"),
                };
                let found = format!("{first}{others}");
                Check::bad(LOGS, found, "navi audit verify, then as docs/audit.md says")
            }
        });
    }
    checks
}

/// The database: reachable, migrated, with room, audit logs that go on and a clock that agrees.
pub(super) async fn database(
    servers: &Servers,
    audit: Option<&AuditSight>,
    clock: &Clock,
) -> Vec<Check> {
    let mut conn = match db::connect_once(servers).await {
        Ok(conn) => conn,
        Err(error) => {
            return vec![Check::bad(
                "database",
                error.to_string(),
                "start the server, or correct DATABASE_URL: psql \"$DATABASE_URL\" -c 'select 1'",
            )];
        }
    };
    let mut checks = vec![Check::good(
        "database",
        format!("answers at {}", servers.good().get_host()),
    )];
    if matches!(are_shared(&mut conn, servers).await, Ok(true)) {
        checks.push(Check::bad(
            "pooler",
            db::Error::SharedSessions.to_string(),
            "export DATABASE_POOLER=transaction DATABASE_DIRECT_URL='postgres://USER:PASSWORD@HOST/NAME'",
        ));
    }
    checks.push(match db::pending(&mut conn).await {
        Ok(pending) if pending.is_empty() => Check::good("migrations", "all are applied"),
        Ok(pending) => Check::bad(
            "migrations",
            format!("{} are pending", pending.len()),
            "navi migrate",
        ),
        Err(db::Error::Unreleased) => Check::bad("migrations", db::UNRELEASED, db::BEGIN_ANEW),
        Err(error) => Check::bad(
            "migrations",
            error.to_string(),
            "use the version of navi that migrated this database, or a later one",
        ),
    });
    if let Some(sight) = audit {
        checks.extend(audit_logs(&mut conn, sight).await);
    }
    checks.push(disk_of_database(&mut conn, servers).await);
    checks.push(match db::server_time(&mut conn).await {
        Ok(theirs) => {
            let apart = (clock.now() - theirs).abs();
            if apart > MAX_CLOCK_SKEW {
                Check::bad(
                    "clock",
                    format!("{} s apart from the database's", apart.num_seconds()),
                    "sudo timedatectl set-ntp true",
                )
            } else {
                Check::good("clock", "agrees with the database's")
            }
        }
        Err(error) => Check::bad("clock", error.to_string(), "psql \"$DATABASE_URL\""),
    });
    checks
}
