//! Insights for a task, from what feedback taught.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::agent::deps::Deps;
use crate::auth::principal::Principal;
use crate::feedback::guidance::model::{Guidance, TaskContext};
use crate::feedback::guidance::service;
use crate::feedback::model::Category;
use crate::feedback::traits::{language_in, language_of};
use crate::retrieval::model::Chunk;
use crate::runs::task::Task;

/// The insights for a task of a user; none when that is switched off or cannot be read,
/// because a task can do without.
pub(crate) async fn guidance(
    deps: &Deps,
    principal: &Principal,
    task: &Task,
    chunks: &[Chunk],
    draw: Uuid,
) -> Guidance {
    if !deps.config.apply_insights {
        return Guidance::default();
    }
    let found = async {
        let mut conn = deps.db.acquire().await?;
        look_up(&mut conn, principal, task, chunks, draw).await
    };
    found.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a task goes without what was learned");
        Guidance::default()
    })
}

async fn look_up(
    conn: &mut PgConnection,
    principal: &Principal,
    task: &Task,
    chunks: &[Chunk],
    draw: Uuid,
) -> sqlx::Result<Guidance> {
    let task_context = TaskContext {
        org_id: &principal.org_id,
        team_id: principal.team_id.as_ref(),
        user_id: &principal.user_id,
        category: Category::of(&task.message),
        language: language(task, chunks),
        seed: draw,
    };
    service::guidance(conn, &task_context).await
}

/// The language a task is about: that of the open file, else the one it names, else that of the code
/// that was found for it.
fn language(task: &Task, chunks: &[Chunk]) -> Option<&'static str> {
    let open = task.editor.current_file.as_deref().and_then(language_of);
    open.or_else(|| language_in(&task.message))
        .or_else(|| chunks.iter().find_map(|chunk| language_of(&chunk.path)))
}
