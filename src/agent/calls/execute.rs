//! Doing what the model asked for: each call shown, recorded as intent, judged, run, and answered.
//!
//! Every call gets exactly one result, whatever happens, because a provider refuses a conversation
//! in which one is missing. A call that another process left behind goes on from where it was; see
//! [`crate::agent::calls::recover`].

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::agent::calls::approve::Approval;
use crate::agent::calls::audit::ending;
use crate::agent::calls::call::{CallResult, Invocation, PendingCall};
use crate::agent::calls::probe::StoredProbe;
use crate::agent::calls::recover::Recovery;
use crate::agent::calls::{announce, approve, audit, question, recover};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::runner::watch;
use crate::agent::steps::verification;
use crate::audit::service::Open;
use crate::llm::model::{Arguments as Sent, ToolCall};
use crate::platform::ids::ToolCallId;
use crate::platform::traces::context::TraceContext;
use crate::platform::traces::gen_ai;
use crate::policy::model::Verdict;
use crate::runs::log::audience::Readers;
use crate::runs::log::entry::{Entry, Prior, UsedConsent};
use crate::runs::model::ToolAccess;
use crate::runs::outcome::Stopped;
use crate::runs::store::steps::{CallProgress, OpenCall};
use crate::tools::context::ToolContext;
use crate::tools::outcome::ToolError;
use crate::tools::registry;
use crate::tools::tool::{Access, Tool};

/// Reading tools that run at the same time.
const PARALLEL_READS: usize = 5;

/// Runs the calls of one turn: neighbours that only read at the same time, all others one by
/// one, results in the order of the calls. Calls beyond the run's limit are not even shown.
pub(crate) async fn all(runner: &mut Runner, calls: Vec<ToolCall>) -> Result<(), Halt> {
    let left = runner
        .limits
        .tool_calls
        .saturating_sub(runner.state.usage.tool_calls);
    // Those that another process left behind were counted when they were shown.
    let left = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .saturating_add(runner.left_behind.len());
    let too_many = calls.len() > left;
    let mut reads = Vec::new();
    for call in calls.into_iter().take(left) {
        let pending = pending(runner, call);
        if is_free(runner, &pending) {
            reads.push(pending);
            continue;
        }
        run_reads(runner, std::mem::take(&mut reads)).await?;
        // One of the tools needs much room; the others should not be given it.
        Box::pin(run_one(runner, pending)).await?;
    }
    run_reads(runner, reads).await?;
    if too_many {
        return Err(Halt::Stopped(Stopped::ToolCallLimit));
    }
    Ok(())
}

fn pending(runner: &mut Runner, call: ToolCall) -> PendingCall {
    let work = match (&call.arguments, runner.deps.tools.set.named(&call.name)) {
        (Sent::Invalid { reason, .. }, _) => Err(format!(
            "the arguments are not a usable JSON object ({reason}); nothing was run, send the \
             call again"
        )),
        (Sent::Object { .. }, None) => Err(format!(
            "there is no tool `{}`; use one of the tools offered",
            call.name
        )),
        (Sent::Object { object }, Some(tool)) => may_use(runner, &**tool).map(|()| Invocation {
            tool: tool.clone(),
            arguments: object.clone(),
        }),
    };
    let left_behind = &mut runner.left_behind;
    let past = left_behind.iter().position(|past| past.call_id == call.id);
    let past = past.map(|at| left_behind.remove(at));
    let id = match &past {
        Some(past) => past.id,
        None => ToolCallId::new(&runner.deps.clock),
    };
    PendingCall {
        id,
        call,
        work,
        past,
    }
}

/// True if a call only reads and needs no consent, so that it can run beside others.
fn is_free(runner: &Runner, pending: &PendingCall) -> bool {
    let Ok(invocation) = &pending.work else {
        return false;
    };
    invocation.tool.access() == Access::Read
        && approve::judge(runner, invocation).verdict == Verdict::Allow
}

pub(crate) fn may_use(runner: &Runner, tool: &dyn Tool) -> Result<(), String> {
    match runner.access {
        ToolAccess::Full => Ok(()),
        ToolAccess::ReadOnly if tool.access() == Access::Read => Ok(()),
        ToolAccess::ReadOnly => Err(format!(
            "this run may only read; `{}` is not available in it",
            tool.name()
        )),
        ToolAccess::NoWorkspace => Err("no workspace is open, so there are no tools".to_owned()),
    }
}

async fn run_reads(runner: &mut Runner, pending: Vec<PendingCall>) -> Result<(), Halt> {
    if pending.is_empty() {
        return Ok(());
    }
    for call in &pending {
        announce::announce(runner, call).await?;
    }
    let Some(tools) = runner.tools.clone() else {
        return Ok(());
    };
    let gate = Arc::new(Semaphore::new(PARALLEL_READS));
    let entries = audit::begin_all(runner, &pending).await?;
    let work = pending.iter().zip(entries).map(|(pending, entry)| {
        let (gate, tools) = (gate.clone(), tools.clone());
        async move {
            let _place = gate.acquire().await;
            match &pending.work {
                Ok(invocation) => execute(invocation, &pending.call.id, &tools, entry).await,
                Err(told) => Ok(CallResult::error(told)),
            }
        }
    });
    let results = runner.output.during(join_all(work)).await?;
    for (pending, result) in pending.into_iter().zip(results) {
        announce::finish(runner, pending, result?).await?;
    }
    Ok(())
}

async fn run_one(runner: &mut Runner, pending: PendingCall) -> Result<(), Halt> {
    announce::announce(runner, &pending).await?;
    let mut done = match pending.work.clone() {
        Err(told) => CallResult::error(&told),
        Ok(invocation) if invocation.tool.access() == Access::Person => {
            question::ask(runner, pending.id, &invocation.arguments).await?
        }
        Ok(invocation) => match &pending.past {
            Some(past) if past.progress == CallProgress::Started => {
                recover(runner, &pending, past, invocation).await?
            }
            Some(_) | None => approve_and_run(runner, &pending, invocation).await?,
        },
    };
    done.effects.extend(watch::end(runner).await);
    announce::finish(runner, pending, done).await
}

/// Runs a call that began in another process, unless it is known what came of it.
async fn recover(
    runner: &mut Runner,
    pending: &PendingCall,
    past: &OpenCall,
    invocation: Invocation,
) -> Result<CallResult, Halt> {
    let probe = past
        .probe
        .clone()
        .map(StoredProbe::read)
        .unwrap_or_default();
    let invocation = probe
        .invocation(&runner.deps.tools.set)
        .unwrap_or(invocation);
    // Rules may have become stricter since it began.
    if let Some(done) = approve::forbids(runner, &invocation) {
        return Ok(done);
    }
    match recover::outcome_of(runner, pending, &probe, &invocation).await? {
        Recovery::Completed(done) => Ok(done),
        Recovery::NotStarted => run_approved(runner, pending, invocation, None, None).await,
        Recovery::Unknown => match approve::ask_to_repeat(runner, pending, invocation).await? {
            Approval::Run {
                invocation,
                consent,
                note,
            } => run_approved(runner, pending, invocation, consent, note).await,
            Approval::Refuse(done) => Ok(done),
        },
    }
}

/// Computes the probe by which the effect will be recognised.
async fn foresee(runner: &Runner, invocation: &Invocation, tools: &ToolContext) -> StoredProbe {
    let (invocation, judgement) = (invocation.clone(), approve::judge(runner, invocation));
    let (tools, records) = (tools.clone(), runner.deps.status_files.clone());
    let look = move || StoredProbe::of(&invocation, &judgement, &tools, &records);
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

async fn approve_and_run(
    runner: &mut Runner,
    pending: &PendingCall,
    invocation: Invocation,
) -> Result<CallResult, Halt> {
    match approve::approve(runner, pending, invocation.clone()).await? {
        Approval::Run {
            invocation,
            consent,
            note,
        } => run_approved(runner, pending, invocation, consent, note).await,
        Approval::Refuse(done) => {
            audit::note_refusal(runner, pending, &invocation);
            Ok(done)
        }
    }
}

/// Runs what may run: the intent is durable before the effect begins.
async fn run_approved(
    runner: &mut Runner,
    pending: &PendingCall,
    invocation: Invocation,
    consent: Option<UsedConsent>,
    note: Option<String>,
) -> Result<CallResult, Halt> {
    verification::measure_baseline(runner, invocation.request().written_file()).await?;
    let Some(mut tools) = runner.tools.clone() else {
        return Ok(CallResult::error(
            "no workspace is open, so there are no tools",
        ));
    };
    if invocation.request().writes_a_file() {
        // Clients copy the file for their Undo when they see the call, which they can now.
        runner.journal.commit().await?;
        let read = runner.deps.feed.let_clients_read(runner.run.id);
        if runner.unless_halted(read).await? == Readers::Behind {
            tracing::debug!(run.id = %runner.run.id, "a file changes before a slow client has read of it");
        }
    }
    let probe = foresee(runner, &invocation, &tools).await;
    if probe.needs_record() {
        tools.status_file = runner.deps.status_files.file(runner.run.id, pending.id);
    }
    if probe.is_unseen() {
        watch::begin(runner, pending.id).await;
    }
    let (id, probe) = (pending.id, probe.to_value());
    runner
        .journal
        .write(vec![Entry::ToolStarted { id, probe, consent }])
        .await?;
    let entry = audit::begin(runner, pending, &invocation, consent.map(|used| used.id)).await?;
    // Otherwise another process may have taken the run since, and do this.
    runner.unless_halted(runner.deps.lease.held()).await?;
    let work = execute(&invocation, &pending.call.id, &tools, Some(entry));
    let mut done = runner.output.during(work).await??;
    if let Some(note) = note {
        done.result.insert("note".to_owned(), Value::String(note));
    }
    Ok(done)
}

/// Runs one call, and completes its entry in the audit log: the result is not told before that is on disk, and
/// the run goes on meanwhile.
async fn execute(
    invocation: &Invocation,
    call_id: &str,
    tools: &ToolContext,
    entry: Option<Open>,
) -> Result<CallResult, Halt> {
    let span = gen_ai::execute_tool(&TraceContext::current(), invocation.tool.name(), call_id);
    let began = Instant::now();
    let mut done = span.around(outcome(invocation, call_id, tools)).await;
    if let Ok(done) = &mut done {
        done.took = Some(began.elapsed());
    }
    match &done {
        Ok(done) if done.succeeded() => {}
        Ok(_) => span.fail("tool_error"),
        Err(_) => span.fail("halted"),
    }
    drop(span);
    if let Some(entry) = entry {
        let ending = ending(&done);
        match &mut done {
            Ok(done) => done.audited = Some(Prior::new(entry.complete_soon(&ending))),
            Err(_) => entry.complete(ending).await,
        }
    }
    done
}

/// The model's mistakes are told to the model; ours end the run.
async fn outcome(
    invocation: &Invocation,
    call_id: &str,
    tools: &ToolContext,
) -> Result<CallResult, Halt> {
    let (tool, arguments) = (&*invocation.tool, invocation.arguments.clone());
    match registry::execute(tool, call_id, arguments, tools).await {
        Ok(outcome) => Ok(CallResult::from(outcome)),
        Err(ToolError::Tell(told)) => Ok(CallResult::error(&told)),
        Err(ToolError::Cancelled) => Err(Halt::Stopped(Stopped::Cancelled)),
        Err(ToolError::Stop(reason)) => {
            tracing::error!(tool = tool.name(), reason, "a tool failed on our side");
            Err(Halt::Stopped(Stopped::InternalError))
        }
    }
}
