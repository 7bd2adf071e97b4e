//! Verifying the logs in the database.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};

use crate::audit::checkpoints::number;
use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::Log;
use crate::audit::note::{Checkpoint, sized_of};
use crate::audit::record::Record;
use crate::audit::seals::fitting::Unfit;
use crate::audit::seals::handover::Handover;
use crate::audit::seals::{fitting, seal};
use crate::audit::service::Audit;
use crate::audit::store::appending::End;
use crate::audit::store::tree::StoredCheckpoint;
use crate::audit::store::{appending, reading, shape, tree};
use crate::audit::tree::merkle::{Frontier, leaf};
use crate::audit::verifying::checkpoint_rows;
use crate::audit::verifying::checkpoint_rows::OldRoots;
use crate::audit::verifying::report::Report;
use crate::audit::verifying::tile_check::TileCheck;
use crate::audit::verifying::verifier::Verifier;
use crate::audit::witnessing::statement;
use crate::audit::witnessing::statement::NamedCheckpoint;

/// The number of records that are read at once.
const PAGE: i64 = 2_000;

/// The statement that begins a transaction that sees one moment, however long it looks.
const SNAPSHOT: &str = "begin isolation level repeatable read read only";

impl Audit {
    /// Verifies a log against itself, its checkpoints, its end, what the server's own log names and these
    /// checkpoints that were kept elsewhere. `progress` is told how many records were looked at, of how
    /// many.
    pub async fn verify(
        &self,
        log: &Log,
        elsewhere: &[String],
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let mut tx = conn.begin_with(SNAPSHOT).await?;
        self.verify_over(&mut tx, log, elsewhere, progress).await
    }

    /// The keys by whose names logs are sealed, and whose seals these keys cannot check.
    pub async fn unfit_keys(&self) -> Result<Vec<Unfit>, Error> {
        let mut conn = self.db.acquire().await?;
        fitting::unfit_keys(&mut conn, &self.keys).await
    }

    /// Verifies every log of which anything is there, or of which the server's own log or one of these
    /// checkpoints knows. Each is compared with the checkpoints that are its own.
    pub async fn verify_all(
        &self,
        elsewhere: &[String],
        progress: impl FnMut(&str, u64, u64) + Send,
    ) -> Result<Vec<Report>, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let mut tx = conn.begin_with(SNAPSHOT).await?;
        self.verify_all_over(&mut tx, elsewhere, progress).await
    }

    /// The same, as this connection sees it.
    pub async fn verify_all_over(
        &self,
        conn: &mut PgConnection,
        elsewhere: &[String],
        mut progress: impl FnMut(&str, u64, u64) + Send,
    ) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        let shape = shape::problems(conn).await?;
        let names = match known(conn, elsewhere).await {
            Err(error) if !shape.is_empty() => {
                return Ok(vec![self.unread("", &shape, &error.into())]);
            }
            names => names?,
        };
        for name in names {
            let mine: Vec<String> = elsewhere
                .iter()
                .filter(|note| is_of(note, &name))
                .cloned()
                .collect();
            let told = |done, of| progress(&name, done, of);
            let verified = self.verify_named(conn, &name, &shape, &mine, told).await;
            reports.push(match verified {
                Err(error) if !shape.is_empty() => self.unread(&name, &shape, &error),
                verified => verified?,
            });
        }
        Ok(reports)
    }

    /// Verifies one log, as this connection sees it.
    pub async fn verify_over(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        elsewhere: &[String],
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, Error> {
        let shape = shape::problems(conn).await?;
        let name = log.as_str();
        let verified = self.verify_named(conn, name, &shape, elsewhere, progress);
        match verified.await {
            Err(error) if !shape.is_empty() => Ok(self.unread(name, &shape, &error)),
            verified => verified,
        }
    }

    /// The report about a log that cannot be read from tables that are not as navi makes them.
    fn unread(&self, name: &str, shape: &[String], error: &Error) -> Report {
        let mut verifier = Verifier::after(name, self.verifying_keys(), Frontier::default());
        for problem in shape {
            verifier.whole(problem.clone());
        }
        verifier.whole(format!("it cannot be read: {error}"));
        verifier.finish()
    }

    /// Verifies the log of this name, which may be made up, in tables with these faults.
    async fn verify_named(
        &self,
        conn: &mut PgConnection,
        name: &str,
        shape: &[String],
        elsewhere: &[String],
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, Error> {
        // Records appended meanwhile are not looked at: the end is read first.
        let end = appending::end(conn, name).await?;
        let mut verifier = self
            .verify_chain(conn, name, end.as_ref(), elsewhere, progress)
            .await?;
        for problem in shape {
            verifier.whole(problem.clone());
        }
        let headless = appending::headless(conn, &[name.to_owned()]).await?;
        let is_known = !headless.is_empty() || !elsewhere.is_empty() || !verifier.is_clean();
        match &end {
            None if is_known => {
                verifier.whole("its end is missing: there is no such log".to_owned());
            }
            None => {}
            Some(end) => {
                compare_end(&mut verifier, end);
                if let Err(error) = seal::check(&self.keys, end) {
                    verifier.whole(error.to_string());
                }
                if seal::is_of_first_kind(&end.seal_key_id) {
                    verifier.excuse_sudden_keys();
                }
            }
        }
        Ok(verifier.finish())
    }

    /// Verifies all of a log but the seal of its end.
    pub(in crate::audit) async fn verify_chain(
        &self,
        conn: &mut PgConnection,
        name: &str,
        end: Option<&End>,
        elsewhere: &[String],
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Verifier, Error> {
        let size = end.map_or(0, |end| end.size);
        let before = reading::number_before(conn, name, None).await?;
        let before = before.min(size);
        let rows = tree::checkpoints(conn, name, 0, i64::MAX).await?;
        let signed = rows.iter().filter(|row| !row.is_base).map(|row| row.size);
        let mut tiles = TileCheck::new(name, number(signed.max().unwrap_or(0)));
        let mut old = OldRoots::of(&rows, before);
        let replayed = tiles
            .replay(conn, number(before), |tree| old.at(tree))
            .await?;
        let keys = self.verifying_keys();
        let mut verifier = Verifier::after(name, keys, tiles.frontier().clone());
        if !replayed {
            verifier.whole("the tree before the first record is missing".to_owned());
        }
        for size in old.wrong() {
            verifier.whole(format!(
                "the first {size} records are not those of a checkpoint that was signed"
            ));
        }
        let named = named(conn, name).await?;
        expect(&mut verifier, &rows, before, elsewhere, &named);
        if name == Log::Server.as_str() {
            for (log, said, at) in tree::said_of_server(conn).await? {
                if let Some(said) = sized_of(&said) {
                    verifier.await_beside(&log, at, said);
                }
            }
        }
        let mut at = before;
        while at < size {
            let page = reading::records_after(conn, name, at, None, PAGE).await?;
            // An entry that came after the end was read belongs to the next time.
            let page: Vec<_> = page.into_iter().filter(|r| r.sequence <= size).collect();
            let Some(last) = page.last() else { break };
            at = last.sequence;
            for record in &page {
                verifier.record(record);
                tiles.push(leaf(&record.hash));
                self.check_voucher(&mut verifier, record);
            }
            tiles.compare(conn).await?;
            progress(number(at - before), number(size - before));
        }
        if let Some(problem) = tiles.finish(conn).await? {
            verifier.whole(problem);
        }
        compare_count(&mut verifier, conn, size).await?;
        Ok(verifier)
    }

    /// A hand-over is bound to the key before, too; only a verifier that has that key can tell.
    fn check_voucher(&self, verifier: &mut Verifier, record: &Record) {
        if record.event != Event::AuditHandedOver {
            return;
        }
        let statement = record.statement.as_deref().unwrap_or_default();
        let handover = Handover::open(statement, &self.verifying_keys());
        if handover.is_ok_and(|handover| !handover.is_vouched(&self.keys)) {
            verifier.whole(format!(
                "record {} hands the log over, and the key before does not vouch for it",
                record.sequence
            ));
        }
    }

    /// The logs of which anything is there, or of which the server's own log or one of these checkpoints
    /// knows.
    pub async fn known_logs(&self, elsewhere: &[String]) -> Result<Vec<Log>, Error> {
        let mut conn = self.db.acquire().await?;
        let names = known(&mut conn, elsewhere).await?;
        let logs = names.iter().map(|name| (name, Log::from_name(name)));
        let real = logs.filter(|(name, log)| log.as_str() == **name);
        Ok(real.map(|(_, log)| log).collect())
    }

    /// The names of all logs of which anything is there.
    pub async fn logs(&self) -> Result<Vec<Log>, Error> {
        let mut conn = self.db.acquire().await?;
        let names = appending::logs(&mut conn).await?;
        Ok(names.iter().map(|name| Log::from_name(name)).collect())
    }
}

/// The names of the logs of which anything is there, or that are known from elsewhere.
async fn known(conn: &mut PgConnection, elsewhere: &[String]) -> sqlx::Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = appending::logs(conn).await?.into_iter().collect();
    let server = Log::Server;
    let words =
        reading::first_words_of_statements(conn, server.as_str(), Event::AuditWitnessed).await?;
    names.extend(words.iter().filter_map(|word| statement::log_of(word)));
    if !appending::headless(conn, &[server.as_str().to_owned()])
        .await?
        .is_empty()
    {
        names.insert(server.as_str().to_owned());
    }
    let given = elsewhere
        .iter()
        .filter_map(|note| Checkpoint::read(note).ok());
    names.extend(given.map(|read| read.checkpoint.log));
    Ok(names)
}

fn is_of(note: &str, name: &str) -> bool {
    Checkpoint::read(note).is_ok_and(|read| read.checkpoint.log == name)
}

/// The checkpoints of a log that the server's own log names.
async fn named(conn: &mut PgConnection, name: &str) -> sqlx::Result<Vec<NamedCheckpoint>> {
    let (server, beginning) = (Log::Server, statement::beginning(name));
    let event = Event::AuditWitnessed;
    let lines = reading::lines_of_statements(conn, server.as_str(), event, &beginning).await?;
    let lines = lines.iter();
    Ok(lines
        .filter_map(|(by, at, line)| statement::parse(name, *by, *at, line))
        .collect())
}

/// Tells the verifier what the log is to come to, and finds rows of checkpoints that are wrong or gone.
fn expect(
    verifier: &mut Verifier,
    rows: &[StoredCheckpoint],
    before: i64,
    elsewhere: &[String],
    named: &[NamedCheckpoint],
) {
    let base = rows.iter().find(|row| row.is_base && row.size == before);
    verifier.base(base.map(|base| base.note.as_str()));
    for row in rows {
        if let Some(problem) = checkpoint_rows::problem(row, verifier.log()) {
            verifier.whole(problem);
        } else if row.is_base && row.size <= before {
            verifier.check_signature(&row.note);
        } else {
            verifier.await_checkpoint(&row.note);
        }
    }
    for note in elsewhere {
        verifier.await_checkpoint(note);
        if let Ok(read) = Checkpoint::read(note)
            && !read.checkpoint.is_base
        {
            let by = "is kept elsewhere";
            let (size, at) = (read.checkpoint.size, read.checkpoint.at);
            checkpoint_rows::miss(verifier, rows, size, at, by);
        }
    }
    for named in named {
        verifier.await_named(named);
        if named.is_signed {
            let by = format!("record {} of the server's own log names", named.by);
            checkpoint_rows::miss(verifier, rows, named.size, named.at, &by);
        }
    }
}

/// Finds records that no number of the log is left for: two with one number, or some beyond its end.
async fn compare_count(
    verifier: &mut Verifier,
    conn: &mut PgConnection,
    size: i64,
) -> sqlx::Result<()> {
    let name = verifier.log().to_owned();
    let (taken, _) = verifier.counts();
    let there = reading::count_up_to(conn, &name, size).await?;
    if there.unsigned_abs() != taken {
        verifier.whole("there are records that share a number".to_owned());
    }
    // Records appended meanwhile have moved the end.
    let end = appending::end(conn, &name).await?;
    let end = end.map_or(size, |end| end.size.max(size));
    let stray = reading::records_after(conn, &name, end, None, 1).await?;
    if !stray.is_empty() {
        verifier.whole(format!(
            "there are records beyond the end of the log, {end}"
        ));
    }
    Ok(())
}

fn compare_end(verifier: &mut Verifier, end: &End) {
    if (end.size, end.head.as_slice()) != verifier.end() {
        verifier.whole(format!(
            "the log is sealed at record {} and its records end at {}",
            end.size,
            verifier.end().0
        ));
    }
    if verifier.last_at().is_some_and(|at| at != end.last_at) {
        verifier.whole(format!(
            "the end says that the last record was written at {}, which it was not",
            end.last_at
        ));
    }
}
