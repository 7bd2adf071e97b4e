//! Choices for a task that come from ratings: the temperature its model is asked with and, where that is
//! allowed, the model.

use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::agent::deps::Deps;
use crate::auth::principal::Principal;
use crate::feedback::bandit::model::{ARMS, BanditContext, MODEL_SUFFIX};
use crate::feedback::bandit::service::choose;
use crate::feedback::model::TaskType;
use crate::runs::task::{Chosen, Task, Tuning};

/// The parameters of an answer, with what was chosen for it and a rating has to be counted for.
pub(crate) fn params(own: Value, tuning: Option<&Tuning>) -> Value {
    match (own, tuning) {
        (Value::Object(mut own), Some(tuning)) => {
            note(tuning, &mut own);
            Value::Object(own)
        }
        (own, _) => own,
    }
}

fn note(tuning: &Tuning, params: &mut Map<String, Value>) {
    if let Some(temperature) = &tuning.temperature {
        params.insert("bandit_context".to_owned(), tuning.context.clone().into());
        params.insert("bandit_arm".to_owned(), temperature.arm.clone().into());
    }
    if let Some(model) = &tuning.model {
        let context = format!("{}{MODEL_SUFFIX}", tuning.context);
        params.insert("bandit_model_context".to_owned(), context.into());
        params.insert("bandit_model_arm".to_owned(), model.clone().into());
    }
}

/// Chooses for a task by what ratings said of earlier ones. Nothing when that is switched off or the
/// database does not say: a task can do without.
pub(crate) async fn tune(
    deps: &Deps,
    principal: &Principal,
    task: &Task,
    task_type: TaskType,
    names_model: bool,
) -> Option<Tuning> {
    if !deps.config.bandit {
        return None;
    }
    let context = BanditContext::of(task_type, &task.message, principal.role);
    let models = &deps.config.bandit_models;
    let models = if names_model || models.len() < 2 {
        &[]
    } else {
        models.as_slice()
    };
    let chosen = async {
        let mut conn = deps.db.acquire().await?;
        choose_for(deps, &mut conn, principal, context, models).await
    };
    chosen.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a task goes without what ratings would choose");
        None
    })
}

async fn choose_for(
    deps: &Deps,
    conn: &mut PgConnection,
    principal: &Principal,
    context: BanditContext,
    models: &[String],
) -> sqlx::Result<Option<Tuning>> {
    let (org_id, now) = (&principal.org_id, deps.clock.now());
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
