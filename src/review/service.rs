//! Reviewing what changed in a folder, step by step.

use std::path::{Path, PathBuf};

use async_stream::try_stream;
use futures_util::{Stream, StreamExt};

use crate::agent;
use crate::agent::deps::Deps;
use crate::agent::intake::open_workspace::OpenWorkspace;
use crate::agent::intake::request::TaskRequest;
use crate::agent::intake::routing::needs;
use crate::agent::model_call::{CallContext, ModelCall};
use crate::agent::prompt::compaction::window_budget;
use crate::agent::service::AgentService;
use crate::auth::principal::Principal;
use crate::exec::sandbox::enclosure::Grant;
use crate::git::error::Error as GitError;
use crate::git::folder::blocking;
use crate::git::place::Place;
use crate::git::program::Program;
use crate::git::repository::Repository;
use crate::ledger::model::CallPhase;
use crate::llm::route::Route;
use crate::platform::ids::uuid_v7;
use crate::platform::logging::TraceId;
use crate::platform::traces::context::TraceContext;
use crate::review::error::Error;
use crate::review::gathering::ReviewTarget;
use crate::review::judging::{Opinion, questions, request};
use crate::review::model::{Changed, Review};
use crate::review::skipped::Reason;
use crate::runs::task::Task;
use crate::workspace::paths::Workspace;
use crate::workspaces::territory::Territory;

/// The remark about a folder without a repository.
const NO_REPOSITORY: &str = "This folder is not in a git repository, so there is nothing to compare \
     with. Open the folder that holds `.git`, or run `git init`.";
/// The remark about a repository without a commit.
const NO_COMMITS: &str = "This repository has no commits yet, so every file counts as new.";
/// The remark about submodules that cannot be compared.
const NO_SUBMODULES: &str = "Changes of submodules are left out: where their data lies cannot be \
     checked, or is not in a folder this server works in.";
/// The beginning and the end of reading the differences, in percent of the whole.
const READING: (usize, usize) = (10, 30);
/// The same of asking the model.
const ASKING: (usize, usize) = (30, 95);
/// The failed questions to the model after which no more are asked.
const MAX_FAILURES: usize = 2;
/// A token of code is at least this many bytes; an estimate that fills no window.
const BYTES_PER_TOKEN: usize = 2;

/// A review that is asked for.
#[derive(Clone, Debug)]
pub struct ReviewOrder {
    /// The caller.
    pub principal: Principal,
    /// The trace of the request.
    pub trace_id: TraceId,
    /// Where in it the review is made.
    pub trace: TraceContext,
    /// The folder.
    pub workspace: Option<String>,
    /// The model, as the client named it.
    pub model: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
}

/// Something that happens in a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Work begins.
    Begins {
        /// On what, for a person.
        what: String,
        /// The share that is done, in percent.
        done: usize,
    },
    /// The review is complete.
    Done(Review),
}

impl Step {
    fn begins(what: impl Into<String>, done: usize) -> Self {
        Self::Begins {
            what: what.into(),
            done,
        }
    }
}

/// Reviews what changed. Dropping the stream ends what is under way: a command, or a call to a model.
pub fn steps(
    service: &AgentService,
    order: ReviewOrder,
) -> impl Stream<Item = Result<Step, Error>> + Send + 'static {
    let service = service.clone();
    try_stream! {
        yield Step::begins("Looking for the repository", 0);
        let Some((mut target, territory)) = target_of(&service, &order).await? else {
            yield Step::Done(Review::of_nothing(NO_REPOSITORY));
            return;
        };
        let mut review = Review::default();
        if !target.repository.has_commits() {
            review.notes.push(NO_COMMITS.to_owned());
        }
        if !read_submodules(territory, &mut target).await? {
            review.notes.push(NO_SUBMODULES.to_owned());
        }
        let changes = target.list(&mut review.skipped).await?;
        let count = changes.len();
        let mut failure = None;
        for (number, change) in changes.into_iter().enumerate() {
            let what = format!("Reading {} ({} of {count})", change.path, number + 1);
            yield Step::begins(what, between(READING, number, count));
            let path = change.path.clone();
            match target.read(change, &mut review.skipped).await {
                Ok(read) => review.files.extend(read),
                Err(error) if is_of_one_file(&error, failure.as_ref()) => {
                    review.skipped.add(Reason::Unreadable, &path);
                    failure = Some(error);
                }
                Err(error) => Err(error)?,
            }
        }
        if review.files.is_empty() {
            if let Some(error) = failure {
                Err(error)?;
            }
            review.summarise(&[]);
            yield Step::Done(review);
            return;
        }
        let judge = Judge::of(service.deps(), &order).await?;
        review.model = Some(judge.route.effective_model_id.clone());
        // Another one may have been asked for.
        let fallback = judge.route.fallback_reason.as_ref();
        review.notes.extend(fallback.map(|why| format!("{why}.")));
        let asking = judge.questions(&review.files);
        let mut opinions: Vec<Option<Opinion>> = Vec::new();
        let mut failures = 0;
        for (number, files) in asking.iter().enumerate() {
            if failures == MAX_FAILURES {
                opinions.push(None);
                continue;
            }
            let shown = &review.files[files.clone()];
            let what = reviewing(shown, number + 1, asking.len());
            yield Step::begins(what, between(ASKING, number, asking.len()));
            match judge.ask(shown).await {
                Ok(opinion) => opinions.push(opinion),
                // Answers that were paid for are kept.
                Err(error) if opinions.iter().any(Option::is_some) => {
                    failures += 1;
                    review.notes.push(format!("A question to the model failed: {error}."));
                    opinions.push(None);
                }
                Err(error) => Err(error)?,
            }
        }
        let asked_about: Vec<_> = asking.into_iter().zip(opinions).collect();
        yield Step::Done(judged(review, asked_about)?);
    }
}

/// The folder and its repository, and what its owner may look into; none when it has no repository.
async fn target_of(
    service: &AgentService,
    order: &ReviewOrder,
) -> Result<Option<(ReviewTarget, Territory)>, Error> {
    if service.stopping().is_cancelled() {
        return Err(agent::error::Error::ShuttingDown.into());
    }
    let named = order.workspace.as_deref().map(str::trim);
    let named = named.filter(|path| !path.is_empty());
    let task = TaskRequest {
        message: "Review the changes".to_owned(),
        workspace_path: Some(named.ok_or(Error::NoWorkspace)?.to_owned()),
        ..TaskRequest::default()
    };
    let (deps, principal) = (service.deps(), &order.principal);
    let OpenWorkspace {
        workspace, policy, ..
    } = OpenWorkspace::of(deps, principal, Some(&order.trace_id), &task.into_task()?).await?;
    let workspace = workspace.ok_or(Error::NoWorkspace)?;
    let territory = deps.workspaces.territory(&principal.org_id).await;
    let territory = territory.map_err(agent::error::Error::from)?;
    let (within, root) = (territory.clone(), workspace.root().to_owned());
    let Some((place, readable)) = blocking(move || repository_of(&within, &root)).await? else {
        return Ok(None);
    };
    let git = git(deps, &workspace, readable).await?;
    let repository = Repository::open(git, place).await?;
    let target = ReviewTarget {
        secrets: policy.secret_files(workspace.root()),
        workspace,
        repository,
    };
    Ok(Some((target, territory)))
}

/// The repository that a folder belongs to, once all its places are checked, with those places.
fn repository_of(
    territory: &Territory,
    folder: &Path,
) -> Result<Option<(Place, Vec<PathBuf>)>, GitError> {
    let Some(place) = Place::of(folder) else {
        return Ok(None);
    };
    // Whose folder this is decides who git runs as, so it comes first.
    let mut readable = vec![folder.to_owned(), place.top.clone()];
    place.check(|path| {
        readable.push(path.to_owned());
        territory.holds(path)
    })?;
    readable.dedup();
    Ok(Some((place, readable)))
}

/// Compares submodules too, when all of them lie where this server works. Answers true then.
async fn read_submodules(
    territory: Territory,
    target: &mut ReviewTarget,
) -> Result<bool, GitError> {
    let Some(submodules) = target.repository.submodules().await? else {
        return Ok(false);
    };
    let root = target.workspace.root().to_owned();
    let look = move || {
        let is_within_reach = |path: &PathBuf| {
            let top = root.join(path);
            match Place::at(&top) {
                Some(place) => place.check_names(|path| territory.holds(path)).is_ok(),
                // Git looks at anything of that name.
                None => top.join(".git").symlink_metadata().is_err(),
            }
        };
        Ok(submodules.iter().all(is_within_reach))
    };
    let are_within_reach = blocking(look).await?;
    if are_within_reach {
        target.repository.read_submodules();
    }
    Ok(are_within_reach)
}

async fn git(deps: &Deps, workspace: &Workspace, readable: Vec<PathBuf>) -> Result<Program, Error> {
    let workspace = workspace.clone();
    let open = move || Ok(workspace.open_directory("."));
    let opened = blocking(open).await?;
    let (directory, _) =
        opened.map_err(|error| agent::error::Error::Workspace(error.to_string()))?;
    let mark = format!("review-{}", uuid_v7(&deps.clock));
    let (launch, tasks) = (deps.tools.launch.clone(), deps.tasks.clone());
    let grant = Grant {
        readable,
        ..Grant::default()
    };
    Ok(Program::new(launch, &mark, tasks, directory, grant))
}

/// The model that reviews.
struct Judge {
    route: Route,
    caller: CallContext,
}

impl Judge {
    async fn of(deps: &Deps, order: &ReviewOrder) -> Result<Self, Error> {
        let task = Task::unreadable(String::new());
        let (model, hint) = (order.model.as_deref(), order.provider.as_deref());
        let route = deps.router.choose(model, hint, needs(&task, false)).await;
        let route = route.map_err(agent::error::Error::Route)?;
        let caller = CallContext {
            trace_id: Some(order.trace_id.clone()),
            trace: order.trace.clone(),
            ..CallContext::new(deps, &order.principal, &route, "review")
        };
        Ok(Self { route, caller })
    }

    fn questions(&self, files: &[Changed]) -> Vec<std::ops::Range<usize>> {
        questions(files, window_budget(&self.route) * BYTES_PER_TOKEN)
    }

    /// Asks about some files. None when the answer is no review.
    async fn ask(&self, files: &[Changed]) -> Result<Option<Opinion>, Error> {
        let (model, most) = (&self.route.provider_model, self.route.max_output_tokens);
        let question = request(model, files, most);
        let answer = ModelCall::whole(&self.caller, CallPhase::Chat, &question).await;
        let answer = answer.map_err(agent::error::Error::Model)?;
        self.caller.ledger.settled().await;
        Ok(Opinion::read(&answer.text, files))
    }
}

/// The review with the model's opinions of the parts of its files. Files without an opinion are skipped:
/// nothing is known about them.
fn judged(
    mut review: Review,
    parts: Vec<(std::ops::Range<usize>, Option<Opinion>)>,
) -> Result<Review, Error> {
    let mut summaries = Vec::new();
    let mut kept = Vec::new();
    let mut dropped = 0;
    let (mut files, mut taken) = (std::mem::take(&mut review.files).into_iter(), 0);
    for (range, opinion) in parts {
        let shown = files.by_ref().take(range.len());
        taken += range.len();
        let Some(opinion) = opinion else {
            shown.for_each(|file| review.skipped.add(Reason::Unanswered, &file.path));
            continue;
        };
        let first = kept.len();
        kept.extend(shown);
        dropped += opinion.dropped;
        summaries.extend(opinion.summary);
        review
            .findings
            .extend(opinion.findings.into_iter().map(|mut finding| {
                finding.file += first;
                finding
            }));
    }
    if kept.is_empty() && taken > 0 {
        return Err(Error::Unreadable);
    }
    for file in files {
        review.skipped.add(Reason::TooMuch, &file.path);
    }
    if dropped > 0 {
        review.notes.push(format!(
            "Remarks of the model that concern nothing that changed, left out: {dropped}."
        ));
    }
    review.files = kept;
    review.summarise(&summaries);
    Ok(review)
}

/// True for a failure of git after which the other files are read all the same. A second file that takes
/// too long is none: all others might.
fn is_of_one_file(error: &GitError, last: Option<&GitError>) -> bool {
    match error {
        GitError::Failed(_) => true,
        GitError::TimedOut(_) => !matches!(last, Some(GitError::TimedOut(_))),
        GitError::NotStarted(_)
        | GitError::Elsewhere
        | GitError::Unclear(_)
        | GitError::NoFolder(_) => false,
    }
}

/// The review that a stream ends with.
pub async fn whole(steps: impl Stream<Item = Result<Step, Error>>) -> Result<Review, Error> {
    let mut steps = std::pin::pin!(steps);
    while let Some(step) = steps.next().await {
        if let Step::Done(review) = step? {
            return Ok(review);
        }
    }
    Err(Error::Unreadable)
}

/// The share of a stretch that is done.
fn between((from, to): (usize, usize), done: usize, count: usize) -> usize {
    from + (to - from) * done / count.max(1)
}

fn reviewing(files: &[Changed], number: usize, count: usize) -> String {
    let first = files.first().map_or("", |file| file.path.as_str());
    let more = files.len().saturating_sub(1);
    let what = match more {
        0 => format!("Reviewing {first}"),
        1 => format!("Reviewing {first} and 1 more"),
        more => format!("Reviewing {first} and {more} more"),
    };
    if count > 1 {
        format!("{what} ({number} of {count})")
    } else {
        what
    }
}
