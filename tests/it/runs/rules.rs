//! Rules that hold of every run, and the shapes that the old clients parse.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::PgPool;

use crate::runs::stream::{EventStream, Frame};

/// Holds a finished run against everything that is true of all of them.
pub(crate) async fn hold(db: &PgPool, frames: &[Frame], done: bool) {
    assert!(done, "`[DONE]` is the last line of every stream");
    numbered(frames);
    for frame in frames {
        old_clients_parse(&frame.data);
    }
    every_call_has_one_result(frames);
    let last = &frames.last().unwrap().data;
    assert_eq!(last["type"], "complete", "{last}");
    let summary = &last["summary"];
    let run_id = summary["task_id"].as_str().unwrap();
    the_log_is_what_was_sent(db, run_id, frames).await;
    the_rows_agree(db, run_id, summary, frames).await;
    nothing_is_left_running(run_id);
}

/// Holds a job that was followed from its beginning to its end against everything that is true of all
/// of them.
pub(crate) async fn hold_job(db: &PgPool, stream: &EventStream) {
    assert!(stream.done, "`[DONE]` is the last line of every stream");
    let mut frames = stream.frames.clone();
    let terminal = frames.pop().unwrap();
    assert_eq!(terminal.id, None, "{terminal:?}");
    assert_eq!(terminal.data["type"], "job_terminal");
    assert_eq!(terminal.data["sequence"], frames.len());
    let run_id = terminal.data["job_id"].as_str().unwrap().to_owned();
    let logged = log(db, &run_id).await;
    assert_eq!(logged.len(), frames.len());
    for (place, (frame, logged)) in frames.iter_mut().zip(&logged).enumerate() {
        assert_eq!(frame.id, i64::try_from(place + 1).ok());
        let data = frame.data.as_object_mut().unwrap();
        assert_eq!(data.shift_remove("sequence"), Some((place + 1).into()));
        assert_eq!(data.shift_remove("job_id").unwrap(), run_id);
        let status = data.shift_remove("job_status").unwrap();
        assert!(JOB_STATUSES.contains(&status.as_str().unwrap()), "{status}");
        assert!(data["timestamp"].is_number(), "{data:?}");
        if logged.data.get("timestamp").is_none() {
            data.shift_remove("timestamp");
        }
        if data["type"] == "router_info" {
            data.shift_remove("type");
        }
        assert_eq!(frame.data, logged.data);
        old_clients_parse(&frame.data);
    }
    assert_eq!(frames[0].data["type"], "job_created");
    every_call_has_one_result(&frames);
    let [.., complete, end] = &frames[..] else {
        panic!("{frames:#?}");
    };
    let summary = &complete.data["summary"];
    let status = terminal.data["job_status"].as_str().unwrap();
    assert_eq!(end.data["type"], format!("job_{status}"));
    the_rows_agree(db, &run_id, summary, &frames).await;
    nothing_is_left_running(&run_id);
}

/// The frames of a run that ends without a client, once it has.
pub(crate) async fn end_of(db: &PgPool, run_id: &str) -> Vec<Frame> {
    let began = Instant::now();
    loop {
        let ended: bool = sqlx::query_scalar(
            "select finished_at is not null from runs where run_id = $1::text::uuid",
        )
        .bind(run_id)
        .fetch_one(db)
        .await
        .unwrap();
        if ended {
            return log(db, run_id).await;
        }
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "the run never ends"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The log of a run, in the form of frames.
pub(crate) async fn log(db: &PgPool, run_id: &str) -> Vec<Frame> {
    let rows: Vec<(i64, Value)> = sqlx::query_as(
        "select sequence, payload from run_events where run_id = $1::text::uuid order by sequence",
    )
    .bind(run_id)
    .fetch_all(db)
    .await
    .unwrap();
    let frame = |(id, mut data): (i64, Value)| {
        if data["type"] == "router_info" {
            data.as_object_mut().unwrap().shift_remove("type");
        }
        Frame { id: Some(id), data }
    };
    rows.into_iter().map(frame).collect()
}

/// 1, 2, 3 …, the routing decision first.
pub(crate) fn numbered(frames: &[Frame]) {
    let ids: Vec<_> = frames.iter().map(|frame| frame.id.unwrap()).collect();
    let expected: Vec<_> = (1..).take(ids.len()).collect();
    assert_eq!(ids, expected);
    let first = frames[0].data.as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["router_info"]);
}

/// Every call that was shown is answered once, after it was shown.
pub(crate) fn every_call_has_one_result(frames: &[Frame]) {
    let mut open: BTreeMap<&str, i32> = BTreeMap::new();
    for frame in frames {
        if let Some(id) = frame.data["tool_call"]["id"].as_str() {
            *open.entry(id).or_default() += 1;
        }
        if let Some(id) = frame.data["tool_result"]["id"].as_str() {
            let left = open.get_mut(id).unwrap();
            *left -= 1;
            assert!(*left >= 0, "{id} was answered twice");
        }
    }
    assert!(open.values().all(|left| *left == 0), "unanswered: {open:?}");
}

async fn the_log_is_what_was_sent(db: &PgPool, run_id: &str, frames: &[Frame]) {
    for (logged, sent) in log(db, run_id).await.iter().zip(frames) {
        assert_eq!(logged, sent);
    }
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Sums {
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
    cost: f64,
    unknown: i64,
}

async fn the_rows_agree(db: &PgPool, run_id: &str, summary: &Value, frames: &[Frame]) {
    let one = async |sql: &'static str| -> Value {
        sqlx::query_scalar(sql)
            .bind(run_id)
            .fetch_one(db)
            .await
            .unwrap()
    };
    let run = one("select to_jsonb(r) from runs r where run_id = $1::text::uuid").await;
    let status = match (
        summary["success"].as_bool().unwrap(),
        &summary["stopped_reason"],
    ) {
        (true, _) => "completed",
        // The model said that it was done, and nothing that it tried could be done.
        (false, reason) if reason == "completed" => {
            assert_eq!(summary["verdict"], "failed", "{summary}");
            "completed"
        }
        (false, reason) if reason == "cancelled" => "canceled",
        (false, _) => "failed",
    };
    assert_eq!(run["status"], status, "{run}");
    assert_eq!(&run["summary"], summary);
    assert_eq!(run["last_sequence"], frames.len());

    let messages = one(
        "select coalesce(jsonb_agg(position order by position), '[]') from run_messages
         where run_id = $1::text::uuid",
    )
    .await;
    let count = messages.as_array().map_or(0, Vec::len);
    let expected: Value = (0..count).collect();
    assert_eq!(messages, expected, "messages");

    let calls = one(
        "select coalesce(jsonb_agg(status order by position), '[]') from tool_calls
         where run_id = $1::text::uuid",
    )
    .await;
    let shown = frames
        .iter()
        .filter(|frame| frame.data["type"] == "tool_call");
    let expected: Value = shown.map(|_| "finished").collect();
    assert_eq!(calls, expected, "tool calls");
    let prompts = one("select to_jsonb(count(*)) from prompts
         where run_id = $1::text::uuid and status = 'pending'")
    .await;
    assert_eq!(
        prompts, 0,
        "a question waits for an answer that nobody reads"
    );

    let sums: Sums = sqlx::query_as(
        "select coalesce(sum(input_tokens), 0)::bigint as input,
                coalesce(sum(output_tokens), 0)::bigint as output,
                coalesce(sum(cache_read_tokens), 0)::bigint as cache_read,
                coalesce(sum(cache_write_tokens), 0)::bigint as cache_write,
                coalesce(sum(total_cost), 0)::float8 as cost,
                count(*) filter (where total_cost is null) as unknown
         from llm_metrics where run_id = $1::text::uuid",
    )
    .bind(run_id)
    .fetch_one(db)
    .await
    .unwrap();
    let tokens = &summary["tokens"];
    assert_eq!(tokens["input"], sums.input);
    assert_eq!(tokens["output"], sums.output);
    assert_eq!(tokens["cache_read"], sums.cache_read);
    assert_eq!(tokens["cache_write"], sums.cache_write);
    match summary["cost_usd"].as_f64() {
        Some(cost) => {
            assert_eq!(sums.unknown, 0);
            assert!((cost - sums.cost).abs() < 1e-9, "{cost} {sums:?}");
        }
        None => assert!(sums.unknown > 0, "the cost is known: {sums:?}"),
    }

    let task = one("select to_jsonb(t) from task_metrics t where run_id = $1::text::uuid").await;
    assert_eq!(task["total_tokens"], sums.input + sums.output);
    assert_eq!(task["llm_iterations"], summary["iterations"]);
    let retrievals =
        one("select to_jsonb(count(*)) from rag_metrics where run_id = $1::text::uuid").await;
    assert_eq!(task["rag_retrievals"], retrievals);

    let logged = frames
        .iter()
        .find(|frame| frame.data["type"] == "generation_logged");
    let generations = one(
        "select coalesce(jsonb_agg(id), 'null') from ai_generation_log where result_ref = $1::text",
    )
    .await;
    // A run that was ended from outside has no answer that could be rated.
    let expected = match logged {
        Some(logged) => serde_json::json!([logged.data["gen_id"]]),
        None => Value::Null,
    };
    assert_eq!(generations, expected);
}

/// No process carries the run's mark.
pub(crate) fn nothing_is_left_running(run_id: &str) {
    let mark = format!("NAVI_RUN_ID={run_id}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    for process in processes {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes());
        assert!(!marked, "{} still runs", process.path().display());
    }
}

/// The frames that the old clients know: name, and type of each field they read. Frames may have
/// more fields; `?` marks those that may be missing.
const SHAPES: &[(&str, &str)] = &[
    (
        "status",
        "status:string task_id:string? reason:string? prompt_id:string?",
    ),
    ("thinking_progress", "message:string timestamp:number"),
    ("plan_start", "data/plan_id:string data/steps:array"),
    (
        "plan",
        "steps:array estimated_files:array is_complex:boolean",
    ),
    (
        "step_update",
        "data/plan_id:string data/step_index:number data/status:string",
    ),
    ("plan_complete", "data/plan_id:string"),
    ("text", "text:string timestamp:number"),
    (
        "tool_call",
        "tool_call/id:string tool_call/name:string tool_call/arguments:any",
    ),
    (
        "tool_result",
        "tool_result/id:string tool_result/result/success:boolean timestamp:number",
    ),
    (
        "command_output",
        "stream:string line:string command:string timestamp:number",
    ),
    // Of types of their own, which old clients pass over.
    (
        "check_output",
        "check_id:string stream:string line:string command:string timestamp:number",
    ),
    (
        "network_connection",
        "host:string port:number outcome:string reason:string? timestamp:number",
    ),
    (
        "prompt_request",
        "data/prompt_id:string data/prompt_type:string data/title:string data/description:string \
         data/required:boolean data/timeout_seconds:number timestamp:number",
    ),
    (
        "command.consent_required",
        "data/consent_id:string data/command:string data/shell:string data/cwd:string \
         data/danger_level:string data/warning:string data/consequences:array \
         data/alternatives:array data/rollback_possible:boolean timestamp:number",
    ),
    (
        "approval_recorded",
        "approval/consent_id:string? approval/tool_call_id:string approval/decision:string \
         approval/command:string",
    ),
    (
        "approval_denied",
        "approval/consent_id:string approval/tool_call_id:string approval/decision:string \
         approval/command:string",
    ),
    ("job_created", "status:string message:string"),
    ("job_started", "message:string"),
    (
        "job_resumed",
        "reason:string discard_after:number message:string",
    ),
    (
        "job_paused",
        "consent_id:string? prompt_id:string? message:string",
    ),
    ("cancel_requested", "message:string"),
    ("job_completed", "message:string"),
    ("job_failed", "message:string"),
    ("job_canceled", "message:string"),
    ("iteration", "iteration:number max:number reason:string"),
    ("verification", "results:array"),
    ("next_steps", "next_steps:array"),
    ("generation_logged", "gen_id:number timestamp:number"),
    ("error", "error:string"),
    (
        "complete",
        "summary/task_id:string summary/files_read:array summary/files_modified:array \
         summary/files_created:array summary/files_deleted:array summary/files_renamed:array \
         summary/changes_complete:boolean summary/iterations:number summary/success:boolean \
         summary/verdict:string summary/obstacles:array \
         summary/stopped_reason:string summary/verification:string summary/elapsed_ms:number \
         summary/next_steps:array",
    ),
];

/// Where a job can stand.
const JOB_STATUSES: &[&str] = &[
    "queued",
    "running",
    "paused_for_approval",
    "completed",
    "failed",
    "canceled",
];

const STATUSES: &[&str] = &[
    "planning",
    "executing",
    "verifying",
    "fixing",
    "awaiting_user_input",
    "awaiting_human_decision",
    "interrupted",
    "completed",
    "failed",
    "canceled",
];

/// Holds a frame against the shapes of the recordings.
pub(crate) fn old_clients_parse(data: &Value) {
    if let Some(router_info) = data.get("router_info") {
        for key in [
            "effectiveModelId",
            "provider",
            "model",
            "modelId",
            "task_type",
        ] {
            assert!(router_info[key].is_string(), "{key} of {data}");
        }
        assert!(router_info["wasFallback"].is_boolean(), "{data}");
        return;
    }
    let kind = data["type"].as_str().unwrap();
    let shape = SHAPES.iter().find(|(name, _)| *name == kind);
    let (_, fields) = shape.unwrap_or_else(|| panic!("the old clients know no {kind}: {data}"));
    for field in fields.split_whitespace() {
        let (path, expected) = field.split_once(':').unwrap();
        let value = data.pointer(&format!("/{path}"));
        let optional = expected.ends_with('?');
        let fits = match (value, expected.trim_end_matches('?')) {
            (None, _) => optional,
            (Some(value), "string") => value.is_string(),
            (Some(value), "number") => value.is_number(),
            (Some(value), "boolean") => value.is_boolean(),
            (Some(value), "array") => value.is_array(),
            (Some(_), _) => true,
        };
        assert!(fits, "{path} is no {expected} in {data}");
    }
    // A frame with this key is shown as a failure, whatever its type.
    assert_eq!(data.get("error").is_some(), kind == "error", "{data}");
    if kind == "status" {
        let status = data["status"].as_str().unwrap();
        assert!(STATUSES.contains(&status), "{data}");
    }
}
