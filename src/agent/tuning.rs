//! What ratings choose for a task: the temperature its model is asked with and, where that is allowed,
//! the model.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::agent::error::Error;
use crate::agent::model::Task;
use crate::agent::service::AgentService;
use crate::auth::principal::Principal;
use crate::feedback::bandit::model::{ARMS, BanditContext, MODEL_SUFFIX};
use crate::feedback::bandit::service::choose;
use crate::feedback::model::TaskType;
use crate::llm::catalog::Capabilities;
use crate::llm::route::Route;

/// What was chosen, and where a rating of the answer is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The circumstances of the choice.
    pub context: String,
    /// The temperature that was chosen; none when the model takes none.
    pub temperature: Option<Chosen>,
    /// The model that was chosen; none when the request named one, or there was nothing to choose.
    pub model: Option<String>,
}

/// A temperature that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The name of the choice.
    pub arm: String,
    /// What it stands for.
    pub value: f32,
}

impl Tuning {
    /// Adds what a rating needs to know to an answer's parameters.
    pub(super) fn note(&self, params: &mut Map<String, Value>) {
        if let Some(temperature) = &self.temperature {
            params.insert("bandit_context".to_owned(), self.context.clone().into());
            params.insert("bandit_arm".to_owned(), temperature.arm.clone().into());
        }
        if let Some(model) = &self.model {
            let context = format!("{}{MODEL_SUFFIX}", self.context);
            params.insert("bandit_model_context".to_owned(), context.into());
            params.insert("bandit_model_arm".to_owned(), model.clone().into());
        }
    }
}

/// The parameters of an answer, with what was chosen for it.
pub(super) fn params(own: Value, tuning: Option<&Tuning>) -> Value {
    match (own, tuning) {
        (Value::Object(mut own), Some(tuning)) => {
            tuning.note(&mut own);
            Value::Object(own)
        }
        (own, _) => own,
    }
}

impl Task {
    /// The temperature that its model is asked with; none when the provider's default holds.
    pub(super) fn temperature(&self) -> Option<f32> {
        let chosen = self.tuning.as_ref()?.temperature.as_ref()?;
        Some(chosen.value)
    }
}

impl AgentService {
    /// The model for a task: the one that is asked for, or that ratings chose. What was chosen and
    /// cannot be had is left out, and nothing is counted for it.
    pub(super) fn route(
        &self,
        model: Option<&str>,
        hint: Option<&str>,
        task: &mut Task,
        needs: Capabilities,
    ) -> Result<Route, Error> {
        let Some(tuning) = &mut task.tuning else {
            return Ok(self.router().route(model, hint, needs)?);
        };
        let chosen = tuning.model.as_deref();
        let chosen = chosen.map(|model| self.router().route(Some(model), None, needs));
        let route = match chosen {
            Some(Ok(route)) if !route.was_fallback => route,
            Some(Ok(_) | Err(_)) | None => {
                if let Some(model) = tuning.model.take() {
                    tracing::warn!(%model, "a model that ratings may choose cannot be had");
                }
                self.router().route(model, hint, needs)?
            }
        };
        if !route.provider.takes_temperature(&route.provider_model) {
            tuning.temperature = None;
        }
        Ok(route)
    }

    /// Chooses for a task by what ratings said of earlier ones. Nothing when that is switched off or the
    /// database does not say: a task can do without.
    pub(super) async fn tune(
        &self,
        principal: &Principal,
        task: &Task,
        task_type: TaskType,
        names_model: bool,
    ) -> Option<Tuning> {
        if !self.config().bandit {
            return None;
        }
        let context = BanditContext::of(task_type, &task.message, principal.role);
        let models = &self.config().bandit_models;
        let models = if names_model || models.len() < 2 {
            &[]
        } else {
            models.as_slice()
        };
        let chosen = async {
            let mut conn = self.services().db.acquire().await?;
            self.choose(&mut conn, principal, context, models).await
        };
        chosen.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a task goes without what ratings would choose");
            None
        })
    }

    async fn choose(
        &self,
        conn: &mut PgConnection,
        principal: &Principal,
        context: BanditContext,
        models: &[String],
    ) -> sqlx::Result<Option<Tuning>> {
        let (org_id, now) = (&principal.org_id, self.services().clock.now());
        let arms = ARMS.map(|arm| arm.name.to_owned());
        let key = context.key();
        let arm = choose(conn, org_id, &key, &arms, now).await?;
        let arm = arm.and_then(|name| ARMS.into_iter().find(|arm| arm.name == name));
        let Some(arm) = arm else {
            return Ok(None);
        };
        let model = choose(conn, org_id, &context.model_key(), models, now).await?;
        Ok(Some(Tuning {
            context: key,
            temperature: Some(Chosen {
                arm: arm.name.to_owned(),
                value: arm.temperature,
            }),
            model,
        }))
    }
}
