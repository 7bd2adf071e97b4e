//! Destroying what is known of a person or an organisation, and looking whether it is gone.
//!
//! Every table is gone through, in an order in which rows by which others are found come last. What
//! is done to a row is done at once and for good, so an erasure that was killed is simply begun again
//! and finds what is left. While it goes on its person may still be writing; so it looks again, and
//! goes through the tables again, until nothing is found or it has tried often enough.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use crate::audit::erasing::Whose;
use crate::audit::event::Event;
use crate::audit::model::{Ending, Log, NewEntry, Outcome};
use crate::audit::reader::Asker;
use crate::audit::service::Audit;
use crate::auth::erased::model::ErasedName;
use crate::auth::erased::service::ERASED;
use crate::auth::erased::store as erased_names;
use crate::feedback::store::sums;
use crate::lifecycle::error::Error;
use crate::lifecycle::model::{Mention, Report, Subject, SubjectState, TableReport};
use crate::lifecycle::{runs, tables};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::signals::Signals;
use crate::platform::tables::model::{Person, TablePolicy, Whole};
use crate::platform::tables::store;

/// The most times that all tables are gone through.
const PASSES: u32 = 5;
/// The time within which servers write data that they still hold of the person, accounting above all.
const SETTLES: Duration = Duration::from_millis(1_500);

/// Erases; cheap to make.
#[derive(Clone, Debug)]
pub struct Eraser {
    /// The database.
    pub db: Pool,
    /// The time.
    pub clock: Clock,
    /// The log, which erases itself.
    pub audit: Audit,
    /// The data folder of this machine.
    pub data: Option<PathBuf>,
    /// Time limit for runs under way to end.
    pub runs_end_within: Duration,
}

/// The progress of an erasure.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The table that is worked on.
    pub table: &'static str,
    /// Its number.
    pub number: usize,
    /// Of how many.
    pub of: usize,
    /// The number of its rows that are erased.
    pub rows: u64,
    /// Which pass.
    pub pass: u32,
}

impl Eraser {
    /// Looks whether anything is there to erase, or was. Ends with the first row that it finds.
    pub async fn find(&self, subject: &Subject) -> Result<SubjectState, Error> {
        let mut conn = self.db.acquire().await?;
        for kept in tables::all() {
            if self.count(&mut conn, subject, kept).await? > 0 {
                return Ok(SubjectState::Here);
            }
        }
        let name = ErasedName::of(&subject.org, subject.user.as_ref());
        let was_erased = erased_names::erased_at(&mut conn, &name).await?.is_some();
        drop(conn);
        // An organisation all of whose people were erased has nothing left but its log, and was there.
        let log = Log::Org(subject.org.clone());
        let has_log = subject.user.is_none() && self.audit.logs().await?.contains(&log);
        Ok(if was_erased || has_log {
            SubjectState::Erased
        } else {
            SubjectState::Unknown
        })
    }

    /// Counts what an erasure would find, and changes nothing.
    pub async fn preview(&self, subject: &Subject) -> Result<Report, Error> {
        let declared = tables::all();
        let mut report = Report {
            dry_run: true,
            ..Report::begun(subject, &declared)
        };
        self.look(subject, &declared, &mut report).await?;
        for table in &mut report.tables {
            table.found = table.left;
        }
        Ok(report)
    }

    /// Erases a subject; `told` of every step. The server's own log says that it was done, and not to
    /// whom.
    pub async fn erase(
        &self,
        subject: &Subject,
        asker: &Asker,
        told: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Report, Error> {
        let entry = NewEntry {
            payload: Some(json!({
                "of": if subject.user.is_some() { "a person" } else { "an organisation" },
            })),
            ..NewEntry::new(Log::Server, Event::DataErased, asker.actor.clone())
        };
        let open = self.audit.begin(entry).await?;
        let done = self.go_through(subject, asker, told).await;
        let payload = done.as_ref().ok().map(|report| {
            let rows: u64 = report.tables.iter().map(|table| table.erased).sum();
            json!({"rows": rows, "passes": report.passes, "complete": report.complete})
        });
        let outcome = match &done {
            Ok(report) if report.complete => Outcome::Success,
            Ok(_) | Err(_) => Outcome::Failure,
        };
        open.complete(Ending {
            payload,
            ..Ending::from(outcome)
        })
        .await;
        done
    }

    /// Has every server refuse the tokens that were issued before this moment.
    async fn refuse_tokens(&self, subject: &Subject) -> Result<(), Error> {
        let name = ErasedName::of(&subject.org, subject.user.as_ref());
        let mut conn = self.db.acquire().await?;
        erased_names::insert(&mut conn, &name, self.clock.now()).await?;
        drop(conn);
        // Servers that do not hear of it look for themselves.
        let told = Signals::new(self.db.clone()).tell_now(ERASED, "all").await;
        if let Err(error) = told {
            tracing::warn!(%error, "servers learn of an erasure a little later");
        }
        Ok(())
    }

    async fn go_through(
        &self,
        subject: &Subject,
        asker: &Asker,
        told: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Report, Error> {
        self.refuse_tokens(subject).await?;
        let declared = tables::all();
        let mut report = Report::begun(subject, &declared);
        while report.passes < PASSES && !report.complete {
            if report.passes > 0 {
                tokio::time::sleep(SETTLES).await;
            }
            report.passes += 1;
            self.pass(subject, asker, &declared, &mut report, told)
                .await?;
            self.look(subject, &declared, &mut report).await?;
        }
        report.mentions = self.mentions(subject, &declared).await?;
        Ok(report)
    }

    /// Goes through all tables once.
    async fn pass(
        &self,
        subject: &Subject,
        asker: &Asker,
        declared: &[&TablePolicy],
        report: &mut Report,
        told: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), Error> {
        let within = self.runs_end_within;
        match runs::end(&self.db, &self.clock, subject, within).await {
            Ok(ended) => report.runs_ended += ended,
            // The person begins a run for every one that ends; the second look will find it.
            Err(Error::StillRunning(_)) if report.passes > 1 => {}
            Err(error) => return Err(error),
        }
        if let Some(data) = &self.data {
            let folder = data.join("outcomes");
            report.files_removed += runs::forget_notes(&self.db, subject, &folder).await?;
        }
        let pass = report.passes;
        for (number, (kept, table)) in declared.iter().zip(&mut report.tables).enumerate() {
            let of = declared.len();
            let mut told = |rows| {
                told(Step {
                    table: kept.table,
                    number: number + 1,
                    of,
                    rows,
                    pass,
                });
            };
            told(0);
            table.problem = None;
            if let Err(error) = self
                .erase_table(subject, asker, kept, table, &mut told)
                .await
            {
                tracing::warn!(%error, table = kept.table, "not all rows could be erased");
                table.problem = Some(error.to_string());
                // The tables that follow would fail in the same way.
                if error.is_lost() {
                    return Err(error);
                }
            }
        }
        // Reasons are people's words, and stay in sums until what the erasure takes out is added to them.
        sums::fold(&self.db).await?;
        Ok(())
    }

    async fn erase_table(
        &self,
        subject: &Subject,
        asker: &Asker,
        kept: &TablePolicy,
        table: &mut TableReport,
        told: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        if let Some(whose) = audited(kept, subject) {
            let log = Log::Org(subject.org.clone());
            let erased = self.audit.erase(&log, whose, asker).await?;
            table.found += erased;
            table.erased += erased;
        }
        for target in store::targets(kept, subject.as_rows()) {
            let done = store::erase(&self.db, &target, subject.as_rows(), told).await?;
            table.found += done.found;
            table.erased += done.erased;
        }
        Ok(())
    }

    /// Counts what is still there.
    async fn look(
        &self,
        subject: &Subject,
        declared: &[&TablePolicy],
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        for (kept, table) in declared.iter().zip(&mut report.tables) {
            table.left = self.count(&mut conn, subject, kept).await?;
        }
        let done = |table: &TableReport| table.left == 0 && table.problem.is_none();
        report.complete = report.tables.iter().all(done);
        Ok(())
    }

    /// Counts the rows of one table that are to be erased.
    async fn count(
        &self,
        conn: &mut PgConnection,
        subject: &Subject,
        kept: &TablePolicy,
    ) -> Result<u64, Error> {
        let mut count = 0;
        if let Some(whose) = audited(kept, subject) {
            let log = Log::Org(subject.org.clone());
            count += self.audit.count_unerased(&log, whose).await?;
        }
        let targets = store::targets(kept, subject.as_rows());
        count += store::count(conn, &targets, subject.as_rows()).await?;
        Ok(count)
    }

    /// Where the name still stands. A person's own rows are gone, so these are what others wrote; of an
    /// organisation, proofs keep the name.
    async fn mentions(
        &self,
        subject: &Subject,
        declared: &[&TablePolicy],
    ) -> Result<Vec<Mention>, Error> {
        let mut conn = self.db.acquire().await?;
        let org = subject.org.as_str();
        let mut found = Vec::new();
        for mut column in store::text_columns(&mut conn).await? {
            let name = if let Some(user) = &subject.user {
                user.as_str()
            } else {
                let kept = declared.iter().find(|kept| kept.table == column.table);
                if kept.and_then(|kept| kept.org) == Some(column.column.as_str()) {
                    continue;
                }
                // Others may name it as well.
                column.org = None;
                org
            };
            let rows = store::mentions(&mut conn, &column, org, name).await?;
            if rows > 0 {
                let store::TextColumn { table, column, .. } = column;
                found.push(Mention {
                    table,
                    column,
                    rows,
                });
            }
        }
        Ok(found)
    }
}

/// Whom the audit log has to erase in this table.
fn audited<'a>(kept: &TablePolicy, subject: &'a Subject) -> Option<Whose<'a>> {
    match (&subject.user, kept.person, kept.whole) {
        (Some(user), Person::Audited { .. }, _) => Some(Whose::Person(user.as_str())),
        (None, _, Whole::Audited) => Some(Whose::Everybody),
        (Some(_), Person::Nobody(_) | Person::Rows(_), _)
        | (None, _, Whole::Delete | Whole::Stays(_)) => None,
    }
}
