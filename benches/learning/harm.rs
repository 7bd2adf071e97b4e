//! How soon an insight that does harm is gone.
//!
//! Somebody who likes everything as it happens to be, unless it is long, gets an insight that asks for
//! long answers, activated by an admin: the analyzer has no reason of its own to doubt it but what it does.

use std::collections::BTreeMap;

use crate::stage::Stage;
use crate::world::Persona;

const TRIALS: usize = 15;
/// Tasks before the insight comes.
const BEFORE: usize = 20;
/// Tasks after which we give up.
const AFTER: usize = 100;

pub(crate) fn tell(stage: &Stage) {
    let mut exposures: Vec<usize> = (0..TRIALS).map(|trial| one(stage, trial)).collect();
    exposures.sort_unstable();
    println!(
        "\na harmful insight is retired after {} exposures in the median of {TRIALS} trials \
         ({} to {}; {} means never)",
        exposures[TRIALS / 2],
        exposures[0],
        exposures[TRIALS - 1],
        AFTER
    );
}

fn one(stage: &Stage, trial: usize) -> usize {
    let person = Persona {
        number: 10_000 + trial,
        org: 0,
        // One thing, half of it by chance: liked about 70 of 100 times.
        wants: BTreeMap::from([(0, 0)]),
    };
    let org = format!("harm-{trial}");
    let client = stage.client(true, &org, "ada");
    stage.runtime.block_on(async {
        for task in 0..BEFORE + AFTER {
            if task == BEFORE {
                plant(stage, &org).await;
            }
            let number = person.number;
            let message = format!("Write a Python function. [#harm {number} {task}]");
            let gen_id = client.run(&message).await;
            let likes = person.likes(stage.seed, task, &stage.manner("harm", number, task));
            client.rate(gen_id, if likes { 1 } else { -1 }).await;
            stage.analyze().await;
            if task >= BEFORE
                && let Some(exposures) = retired(stage, &org).await
            {
                return exposures;
            }
        }
        AFTER
    })
}

/// As if it had been learned, and an admin had activated it.
async fn plant(stage: &Stage, org: &str) {
    sqlx::query(
        "update learning_insights set status = 'retired', is_active = false,
                decided_by = 'admin' where org_id = $1",
    )
    .bind(org)
    .execute(&stage.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into learning_insights (org_id, insight_type, subject, title, description,
                                        pattern_data, confidence, sample_size, decided_by)
         select $1, 'pattern_preferred', 'planted', 'Long answers', 'Answer in detail.',
                jsonb_build_object('subject', 'planted', 'value', 'planted', 'baseline',
                    jsonb_build_object('accepted', sum(accepted) / 2, 'rejected', sum(rejected) / 2)),
                0.9, 10, 'admin'
         from learning_counts where org_id = $1 and subject = '*'",
    )
    .bind(org)
    .execute(&stage.pool)
    .await
    .unwrap();
}

/// How often it stood in a prompt, once it is retired.
async fn retired(stage: &Stage, org: &str) -> Option<usize> {
    let exposures: Option<i64> = sqlx::query_scalar(
        "select times_applied from learning_insights
         where org_id = $1 and subject = 'planted' and status = 'retired'",
    )
    .bind(org)
    .fetch_optional(&stage.pool)
    .await
    .unwrap();
    exposures.map(|exposures| exposures as usize)
}
