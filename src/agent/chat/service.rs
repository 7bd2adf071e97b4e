//! Answering a question in text.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::agent::error::Error;
use crate::agent::memory;
use crate::agent::model::Task;
use crate::agent::model_call::{Caller, ModelCall};
use crate::agent::plan::Plan;
use crate::agent::preparing::{needs, router_info};
use crate::agent::prompt::{self, Reach};
use crate::agent::request::TaskRequest;
use crate::agent::service::AgentService;
use crate::agent::tuning::params;
use crate::agent::workspace::Workspace;
use crate::auth::principal::Principal;
use crate::feedback;
use crate::feedback::model::{Category, Exposure, Generation, Sha256Hex, TaskType};
use crate::feedback::traits::TraitInput;
use crate::ledger::model::Phase;
use crate::llm::error::LlmError;
use crate::llm::model::ChatRequest;
use crate::llm::route::Route;
use crate::platform::ids::uuid_v7;
use crate::platform::logging::TraceId;
use crate::retrieval::model::{Chunk, DEFAULT_BUDGET_TOKENS};

/// What the old clients send to see whether the server lives; no model is asked.
pub const HEALTH_CHECK: &str = "health_check";

/// A question that is ready to be sent.
pub struct Chat {
    /// The routing decision, for the first frame.
    pub router_info: Map<String, Value>,
    /// Files that were shown to the model.
    pub files: Vec<String>,
    task: Task,
    route: Route,
    request: ChatRequest,
    exposure: Exposure,
    principal: Principal,
    trace_id: TraceId,
    asked_at: DateTime<Utc>,
    service: AgentService,
}

impl AgentService {
    /// Checks a chat's request and gathers what the model is shown.
    pub async fn chat(
        &self,
        principal: &Principal,
        trace_id: TraceId,
        request: TaskRequest,
    ) -> Result<Chat, Error> {
        if self.stopping().is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let mode = request.mode.clone();
        let (model, hint) = (request.model.clone(), request.provider.clone());
        let mut task = request.into_task()?;
        let workspace = self.open_workspace(&task)?;
        let names_model = model.is_some() || hint.is_some();
        task.tuning = self
            .tune(principal, &task, TaskType::Chat, names_model)
            .await;
        let needs = needs(&task, false);
        let route = self.route(model.as_deref(), hint.as_deref(), &mut task, needs)?;
        memory::recall(&self.services().conversations, principal, &mut task).await?;
        let chunks = self
            .search(principal, Phase::Chat, workspace.as_ref(), &task.message)
            .await;
        let (asked_at, draw) = (self.services().clock.now(), uuid_v7(&self.services().clock));
        let guidance = self.guidance(principal, &task, &chunks, draw).await;
        let mut messages = task.history.clone();
        messages.push(prompt::first_message(
            &task,
            &Plan::single(&task.message),
            &chunks,
            &guidance.text,
        ));
        let request = ChatRequest {
            model: route.provider_model.clone(),
            system: prompt::system(Reach::NoWorkspace).to_owned(),
            messages,
            tools: Vec::new(),
            max_output_tokens: Some(route.max_output_tokens),
            temperature: task.temperature(),
        };
        let mut files: Vec<String> = chunks.into_iter().map(|chunk| chunk.path).collect();
        files.dedup();
        Ok(Chat {
            router_info: router_info(&route, mode.as_deref(), "chat"),
            files,
            task,
            route,
            request,
            exposure: guidance.exposure,
            principal: principal.clone(),
            trace_id,
            asked_at,
            service: self.clone(),
        })
    }

    /// Finds the code that matters for a question; nothing without a workspace, or when it cannot be
    /// searched, because an answer can do without.
    pub(in crate::agent) async fn search(
        &self,
        principal: &Principal,
        phase: Phase,
        workspace: Option<&Workspace>,
        query: &str,
    ) -> Vec<Chunk> {
        let Some(workspace) = workspace else {
            return Vec::new();
        };
        let retrieval = &self.services().retrieval;
        let found = retrieval
            .search(
                &principal.org_id,
                phase,
                workspace.root(),
                query,
                DEFAULT_BUDGET_TOKENS,
            )
            .await;
        match found {
            Ok(found) => found.chunks,
            Err(error) => {
                tracing::warn!(%error, "retrieval failed");
                Vec::new()
            }
        }
    }
}

impl Chat {
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
        self.service.services().clock.millis()
    }

    /// Sends the question.
    pub async fn ask(&self) -> Result<ModelCall, LlmError> {
        let services = self.service.services();
        let caller = Caller {
            trace_id: Some(self.trace_id.clone()),
            session_id: self.task.conversation_id.map(|id| id.to_string()),
            ..Caller::new(services, &self.principal, &self.route, "chat")
        };
        ModelCall::start(&caller, Phase::Chat, &self.request).await
    }

    /// Keeps the answer: as a generation that can be rated, and in its conversation. Answers with
    /// the generation's id; none when it could not be kept, which the answer itself survives.
    pub async fn keep(&self, answer: &str) -> Option<i64> {
        let services = self.service.services();
        let (org_id, user_id) = (&self.principal.org_id, &self.principal.user_id);
        memory::remember(
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
