//! `navi erase`: destroying what is known of a person or an organisation.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::json;

use crate::cli::audit::opened;
use crate::cli::audit::opened::operator;
use crate::cli::failure::Failure;
use crate::cli::terminal::progress::Progress;
use crate::config::settings::Config;
use crate::lifecycle::erasure::{Eraser, Step};
use crate::lifecycle::error::Error;
use crate::lifecycle::model::{Report, Subject, SubjectState};
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;
use crate::platform::ids::{OrgId, UserId};

/// Destroys what is known of a person, or of a whole organisation, in every table, and looks whether
/// it is gone.
///
/// Tokens that were issued before are refused from then on; take away their access first where they could
/// get another. Servers may go on meanwhile; runs of theirs are ended. May be interrupted and started again
/// at any time; `--dry-run` counts before. Ends with 4 when something is left, and with 5 when nothing is
/// known of them.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The organisation.
    #[arg(long, value_name = "ORG")]
    pub org: OrgId,
    /// The person. Without one, everybody and everything of the organisation.
    #[arg(long, value_name = "USER")]
    pub user: Option<UserId>,
    /// Change nothing; count what would be erased.
    #[arg(long)]
    pub dry_run: bool,
    /// Erase a whole organisation without asking.
    #[arg(long)]
    pub yes: bool,
    /// Seconds that runs which are under way get to end.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub wait: u64,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &Args,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let stdin = io::stdin();
    let terminal = stdin.is_terminal();
    confirm(args, terminal, &mut stdin.lock(), &mut io::stderr())?;
    let log = opened::open_at_length(config, database, &Clock::System).await?;
    let eraser = Eraser {
        db: log.db.clone(),
        clock: Clock::System,
        audit: log.audit.clone(),
        data: config.data_dir().ok(),
        runs_end_within: Duration::from_secs(args.wait),
    };
    let subject = Subject {
        org: args.org.clone(),
        user: args.user.clone(),
    };
    let outcome = work(args, &eraser, &subject).await;
    log.close().await;
    match outcome? {
        ErasureOutcome::Done(report) => {
            answer(args, &report, out)?;
            Ok(ExitCode::from(if report.complete || report.dry_run {
                0
            } else {
                4
            }))
        }
        ErasureOutcome::Stranger(words) => {
            if args.json {
                let json = json!({
                    "org": subject.org, "user": subject.user, "known": false, "detail": words,
                });
                writeln!(out, "{json}")?;
            }
            Err(Failure::Stranger(words))
        }
    }
}

/// The outcome of the work, as far as the database let it come to one.
enum ErasureOutcome {
    /// It was done, or counted.
    Done(Report),
    /// Nothing is known of the subject.
    Stranger(String),
}

async fn work(args: &Args, eraser: &Eraser, subject: &Subject) -> Result<ErasureOutcome, Error> {
    if let Some(words) = stranger(eraser, subject).await? {
        return Ok(ErasureOutcome::Stranger(words));
    }
    if args.dry_run {
        return eraser.preview(subject).await.map(ErasureOutcome::Done);
    }
    let mut progress = Progress::default();
    let mut told = |step| progress.show(&line(step));
    let report = eraser.erase(subject, &operator(), &mut told).await;
    progress.end();
    report.map(ErasureOutcome::Done)
}

fn answer(args: &Args, report: &Report, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    if args.json {
        let json = serde_json::to_string(report).map_err(io::Error::from)?;
        writeln!(out, "{json}")?;
    } else if report.dry_run {
        tell_preview(report, out)?;
    } else {
        tell(report, out)?;
    }
    Ok(())
}

/// The warning when nothing is known of the subject, so that a slip of the pen does not look like an erasure.
async fn stranger(eraser: &Eraser, subject: &Subject) -> Result<Option<String>, Error> {
    if eraser.find(subject).await? != SubjectState::Unknown {
        return Ok(None);
    }
    let org = &subject.org;
    let Some(user) = &subject.user else {
        let name = format!("an organisation `{org}`");
        return Ok(Some(no_organisation(&name)));
    };
    let whole = Subject {
        org: org.clone(),
        user: None,
    };
    Ok(Some(match eraser.find(&whole).await? {
        SubjectState::Unknown => no_organisation(&format!(
            "an organisation `{org}`, nor of a person `{user}` of it"
        )),
        SubjectState::Here | SubjectState::Erased => format!(
            "nothing is known of a person `{user}` of `{org}`, and nothing was erased. Their id is what \
             `sub` of their tokens says, letter by letter; the organisation is known"
        ),
    }))
}

fn no_organisation(name: &str) -> String {
    format!(
        "nothing is known of {name}, and nothing was erased. The name of an organisation is what `org_id` of \
         its tokens says, letter by letter"
    )
}

/// A whole organisation is erased only on explicit confirmation: with `--yes`, or by typing its name.
fn confirm(
    args: &Args,
    terminal: bool,
    input: &mut dyn BufRead,
    asked: &mut dyn Write,
) -> Result<(), Failure> {
    if args.user.is_some() || args.yes || args.dry_run {
        return Ok(());
    }
    let org = &args.org;
    if !terminal {
        return Err(Failure::Usage(format!(
            "this would erase everybody and everything of `{org}`; name a person with --user USER, or \
             say --yes"
        )));
    }
    write!(
        asked,
        "This erases everybody and everything of `{org}`, for good. Type its name to go on: "
    )?;
    asked.flush()?;
    let mut typed = String::new();
    input.read_line(&mut typed)?;
    if typed.trim_end_matches(['\r', '\n']) == org.as_str() {
        Ok(())
    } else {
        Err(Failure::Usage(
            "that is not its name; nothing was erased".to_owned(),
        ))
    }
}

fn line(step: Step) -> String {
    const WIDTH: usize = 24;
    let Step {
        table,
        number,
        of,
        rows,
        pass,
    } = step;
    let done = (number - 1) * WIDTH / of;
    let bar: String = (0..WIDTH)
        .map(|at| if at < done { '#' } else { '.' })
        .collect();
    let again = if pass > 1 {
        format!(", once more ({pass})")
    } else {
        String::new()
    };
    format!("[{bar}] {number} of {of} tables{again}: {table}, {rows} rows")
}

fn tell_preview(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["table", "would go", "what erasing means here"]);
    for row in &report.tables {
        let count = row.found.to_string();
        table.add_row([row.table.to_owned(), count, row.how.replace('`', "")]);
    }
    for column in table.column_iter_mut().skip(1).take(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    let found: u64 = report.tables.iter().map(|table| table.found).sum();
    let who = who(report);
    writeln!(
        out,
        "{who}: {found} rows would be erased; nothing was changed"
    )
}

/// The one that a report is of.
fn who(report: &Report) -> String {
    match &report.user {
        Some(user) => format!("`{user}` of `{}`", report.org),
        None => format!("`{}`", report.org),
    }
}

fn tell(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "table",
        "found",
        "erased",
        "left",
        "what erasing means here",
    ]);
    for row in &report.tables {
        let how = match &row.problem {
            Some(problem) => format!("FAILED: {problem}"),
            None => row.how.replace('`', ""),
        };
        let counts = [row.found, row.erased, row.left].map(|count| count.to_string());
        let [found, erased, left] = counts;
        table.add_row([row.table.to_owned(), found, erased, left, how]);
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    for mention in &report.mentions {
        writeln!(
            out,
            "mentioned by others: {}.{}, {} rows",
            mention.table, mention.column, mention.rows
        )?;
    }
    writeln!(out, "may still name them, and is yours to see to:")?;
    for place in report.not_looked_at {
        writeln!(out, "  {}", place.replace('`', ""))?;
    }
    let who = who(report);
    let erased: u64 = report.tables.iter().map(|table| table.erased).sum();
    let left: u64 = report.tables.iter().map(|table| table.left).sum();
    let verdict = if report.complete {
        "nothing is left".to_owned()
    } else {
        format!("{left} rows are LEFT; start again")
    };
    writeln!(
        out,
        "{who}: {erased} rows erased in {} passes, {} runs ended, {} files removed; {verdict}",
        report.passes, report.runs_ended, report.files_removed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(user: Option<&str>, yes: bool, terminal: bool, typed: &str) -> bool {
        confirmed(user, yes, false, terminal, typed)
    }

    fn confirmed(
        user: Option<&str>,
        yes: bool,
        dry_run: bool,
        terminal: bool,
        typed: &str,
    ) -> bool {
        let args = Args {
            org: "acme".parse().unwrap(),
            user: user.map(|user| user.parse().unwrap()),
            dry_run,
            yes,
            wait: 0,
            json: false,
        };
        confirm(&args, terminal, &mut typed.as_bytes(), &mut Vec::new()).is_ok()
    }

    #[test]
    fn an_organisation_is_erased_only_when_somebody_says_so() {
        assert!(asked(Some("ada"), false, false, ""));
        assert!(asked(None, true, false, ""));
        assert!(asked(None, false, true, "acme\n"));
        assert!(!asked(None, false, false, "acme\n"));
        assert!(!asked(None, false, true, "acm\n"));
        assert!(!asked(None, false, true, "yes\n"));
        assert!(!asked(None, false, true, ""));
        assert!(
            confirmed(None, false, true, false, ""),
            "it changes nothing"
        );
    }

    #[test]
    fn the_bar_grows_with_the_tables() {
        let step = |number, pass| Step {
            table: "runs",
            number,
            of: 4,
            rows: 7,
            pass,
        };
        insta::assert_snapshot!(line(step(1, 1)), @"[........................] 1 of 4 tables: runs, 7 rows");
        insta::assert_snapshot!(line(step(3, 2)), @"[############............] 3 of 4 tables, once more (2): runs, 7 rows");
    }
}
