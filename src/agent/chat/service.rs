//! Answering a question in text.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::intake::open_workspace::open;
use crate::agent::intake::request::TaskRequest;
use crate::agent::intake::routing::{needs, route};
use crate::agent::intake::{history, instructions};
use crate::agent::learning::guidance::guidance;
use crate::agent::learning::tuning;
use crate::agent::learning::tuning::params;
use crate::agent::model_call::{Answer, CallContext, ChatQuestion, ModelCall};
use crate::agent::prompt::messages;
use crate::agent::service::AgentService;
use crate::audit::recording::clearance::{Clearance, Cleared};
use crate::auth::principal::Principal;
use crate::feedback;
use crate::feedback::model::{Category, Exposure, Generation, Sha256Hex, TaskType};
use crate::feedback::traits::TraitInput;
use crate::ledger::model::CallPhase;
use crate::llm::error::LlmError;
use crate::llm::model::ChatRequest;
use crate::llm::route::Route;
use crate::platform::ids::uuid_v7;
use crate::platform::logging::TraceId;
use crate::platform::traces::context::TraceContext;
use crate::retrieval::model::{CodeQuery, DEFAULT_BUDGET_TOKENS, Retrieved};
use crate::runs::event_data::{router_info, with_instructions};
use crate::runs::model::ToolAccess;
use crate::runs::plan::Plan;
use crate::runs::task::Task;
use crate::workspace::paths::Workspace;

/// The message by which old clients test that the server lives; no model is asked.
pub const HEALTH_CHECK: &str = "health_check";

/// A question that is ready to be sent.
pub struct Chat {
    /// The routing decision, for the first frame.
    pub router_info: Map<String, Value>,
    /// Files that were shown to the model.
    pub files: Vec<String>,
    /// The number of files left out because they may hold secrets.
    pub secret_files: usize,
    task: Task,
    route: Route,
    request: ChatRequest,
    exposure: Exposure,
    principal: Principal,
    trace_id: TraceId,
    trace: TraceContext,
    asked_at: DateTime<Utc>,
    deps: Deps,
    _cleared: Cleared,
}

/// Checks a chat's request and gathers what the model is shown, which is asked only after this: with the request
/// cleared.
pub async fn prepare(
    service: &AgentService,
    principal: &Principal,
    trace_id: TraceId,
    request: TaskRequest,
    clearance: Clearance,
) -> Result<Chat, Error> {
    if service.stopping().is_cancelled() {
        return Err(Error::ShuttingDown);
    }
    let deps = service.deps();
    let mode = request.mode.clone();
    let (model, hint) = (request.model.clone(), request.provider.clone());
    let mut task = request.into_task()?;
    let names_model = model.is_some() || hint.is_some();
    let (workspace, history, tuning) = tokio::join!(
        open(deps, principal, Some(&trace_id), &task),
        history::recall(&deps.conversations, principal, &task),
        tuning::tune(deps, principal, &task, TaskType::Chat, names_model),
    );
    let workspace = workspace?;
    task.tuning = tuning;
    let needs = needs(&task, false);
    let route = route(deps, model.as_deref(), hint.as_deref(), &mut task, needs).await?;
    task.history = history?;
    let found = search(
        deps,
        principal,
        CallPhase::Chat,
        workspace.as_ref(),
        &task.message,
    )
    .await;
    let (asked_at, draw) = (deps.clock.now(), uuid_v7(&deps.clock));
    let guidance = guidance(deps, principal, &task, &found.chunks, draw).await;
    let root = workspace.as_ref().map_or(Path::new("/"), Workspace::root);
    let words = instructions::of_chat(deps, workspace.as_ref(), &route).await;
    let mut messages = task.history.clone();
    messages.push(messages::first_message(
        &words,
        &task,
        &Plan::single(&task.message),
        &found,
        &guidance.text,
        &deps.tools.policy.secret_files(root),
    ));
    let request = ChatRequest {
        model: route.provider_model.clone(),
        system: messages::system(ToolAccess::NoWorkspace).to_owned(),
        messages,
        tools: Arc::default(),
        max_output_tokens: Some(route.max_output_tokens),
        temperature: task.temperature(),
        effort: task.effort,
        verbosity: task.verbosity,
    };
    let secret_files = found.secret_files;
    let mut files: Vec<String> = found.chunks.into_iter().map(|chunk| chunk.path).collect();
    files.dedup();
    let cleared = clearance.given().await;
    Ok(Chat {
        router_info: with_instructions(
            router_info(&route, mode.as_deref(), "chat"),
            words.data().as_ref(),
        ),
        files,
        secret_files,
        task,
        route,
        request,
        exposure: guidance.exposure,
        principal: principal.clone(),
        trace_id,
        // The answer is asked for while it is sent, when the handler is over.
        trace: TraceContext::current(),
        asked_at,
        deps: deps.clone(),
        _cleared: cleared,
    })
}

/// Finds the code that matters for a question; nothing without a workspace, or when it cannot be
/// searched, because an answer can do without.
pub async fn search(
    deps: &Deps,
    principal: &Principal,
    phase: CallPhase,
    workspace: Option<&Workspace>,
    query: &str,
) -> Retrieved {
    let Some(workspace) = workspace else {
        return Retrieved::default();
    };
    let question = CodeQuery {
        text: query,
        budget_tokens: DEFAULT_BUDGET_TOKENS,
        secrets: &deps.tools.policy.secret_files(workspace.root()),
    };
    let retrieval = &deps.retrieval;
    let found = retrieval
        .search(&principal.org_id, phase, workspace.root(), question)
        .await;
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "retrieval failed");
        Retrieved::default()
    })
}

impl Chat {
    /// The services that the chat uses.
    pub(crate) fn deps(&self) -> &Deps {
        &self.deps
    }

    /// The provider's name, as errors show it.
    pub fn provider_name(&self) -> &'static str {
        self.route.provider.name()
    }

    /// The id of the model that answers.
    pub fn model_id(&self) -> String {
        self.route.effective_model_id.clone()
    }

    /// The time, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.deps.clock.millis()
    }

    /// Its question, not asked yet.
    pub(crate) fn question(&self) -> ChatQuestion {
        ChatQuestion::new(self.caller(), CallPhase::Chat)
    }

    /// Sends the question, and waits until something of an answer came.
    pub(crate) async fn ask(&self, question: &mut ChatQuestion) -> Result<ModelCall, LlmError> {
        question.ask(&self.request).await
    }

    /// Sends the question until a whole answer came.
    pub async fn ask_whole(&self) -> Result<Answer, LlmError> {
        let caller = self.caller();
        let answer = ModelCall::whole(&caller, CallPhase::Chat, &self.request).await?;
        caller.ledger.settled().await;
        Ok(answer)
    }

    fn caller(&self) -> CallContext {
        CallContext {
            trace_id: Some(self.trace_id.clone()),
            trace: self.trace.clone(),
            session_id: self.task.conversation_id.map(|id| id.to_string()),
            ..CallContext::new(&self.deps, &self.principal, &self.route, "chat")
        }
    }

    /// Keeps the answer: as a generation that can be rated, and in its conversation. Answers with
    /// the generation's id; none when it could not be kept, which the answer itself survives.
    pub async fn keep(&self, answer: &str) -> Option<i64> {
        let services = &self.deps;
        let (org_id, user_id) = (&self.principal.org_id, &self.principal.user_id);
        history::remember(
            &services.conversations,
            &self.principal,
            &self.task,
            self.asked_at,
            answer,
        )
        .await;
        let prompt = serde_json::to_string(&self.request.messages).unwrap_or_default();
        let written = TraitInput {
            answer: answer.to_owned(),
            ..TraitInput::default()
        };
        let generation = Generation {
            org_id: org_id.clone(),
            user_id: user_id.clone(),
            task_type: TaskType::Chat,
            input_fingerprint: Some(Sha256Hex::of(&self.task.message)),
            model: self.route.provider_model.clone(),
            temperature: self.request.temperature,
            params: params(
                json!({ "provider": self.route.provider_id.as_str() }),
                self.task.tuning.as_ref(),
            ),
            prompt_hash: Sha256Hex::of(&prompt),
            result_ref: self.task.conversation_id.map(|id| id.to_string()),
            trace_id: Some(self.trace_id.clone()),
            team_id: self.principal.team_id.clone(),
            session_id: self.task.conversation_id.map(|id| id.to_string()),
            category: Category::of(&self.task.message),
            language: written.language(),
            traits: written.traits(),
            answer: written.answer,
            verification: None,
            exposure: self.exposure.clone(),
            created_at: services.clock.now(),
        };
        let inserted = async {
            let mut conn = services.db.acquire().await?;
            feedback::store::generations::insert_generation(&mut conn, &generation).await
        };
        inserted
            .await
            .inspect_err(|error| tracing::warn!(%error, "the generation was not kept"))
            .ok()
    }
}
