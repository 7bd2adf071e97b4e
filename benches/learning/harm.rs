//! The time until a harmful insight is retired.
//!
//! A person gets an insight that asks for something they do not like, activated by an admin: its effect
//! is the analyzer's only reason to doubt it. A mild one asks for one thing that is not liked, a strong
//! one for two.

use crate::stage::Stage;
use crate::world::Persona;

const TRIALS: usize = 15;
/// Tasks before the insight comes.
const BEFORE: usize = 20;
/// Tasks after which we give up.
const AFTER: usize = 100;

/// Something that does harm.
struct Harm {
    name: &'static str,
    /// The person's preferences: traits and values.
    wants: &'static [(usize, usize)],
    /// The text of the insight.
    words: &'static str,
}

const HARMS: &[Harm] = &[
    Harm {
        name: "mild",
        wants: &[(0, 0)],
        words: "Answer in detail.",
    },
    Harm {
        name: "strong",
        wants: &[(0, 0), (1, 1)],
        words: "Answer in detail. Structure answers with bullet points.",
    },
];

pub(crate) fn tell(stage: &Stage) {
    println!();
    for harm in HARMS {
        tell_one(stage, harm);
    }
}

fn tell_one(stage: &Stage, harm: &Harm) {
    let trials = (0..TRIALS).map(|trial| one(stage, harm, trial));
    let (mut exposures, mut before, mut with) = (Vec::new(), 0, (0, 0));
    for trial in trials {
        exposures.push(trial.exposures);
        before += trial.liked_before;
        with.0 += trial.liked_with;
        with.1 += trial.tasks_with;
    }
    exposures.sort_unstable();
    println!(
        "a harmful insight ({}: {:.0} % accepted before it, {:.0} % while it was there) is retired after \
         {} exposures in the median of {TRIALS} trials ({} to {}; {} means never)",
        harm.name,
        100.0 * before as f64 / (TRIALS * BEFORE) as f64,
        100.0 * with.0 as f64 / with.1 as f64,
        exposures[TRIALS / 2],
        exposures[0],
        exposures[TRIALS - 1],
        AFTER
    );
}

/// The counts of one trial.
#[derive(Default)]
struct Trial {
    exposures: usize,
    liked_before: usize,
    liked_with: usize,
    tasks_with: usize,
}

fn one(stage: &Stage, harm: &Harm, trial: usize) -> Trial {
    let person = Persona {
        number: 10_000 + trial,
        org: 0,
        wants: harm.wants.iter().copied().collect(),
    };
    let org = format!("harm-{}-{trial}", harm.name);
    let client = stage.client(true, &org, "ada");
    let mut told = Trial {
        exposures: AFTER,
        ..Trial::default()
    };
    stage.runtime.block_on(async {
        for task in 0..BEFORE + AFTER {
            if task == BEFORE {
                plant(stage, &org, harm.words).await;
            }
            let number = person.number;
            let message = format!("Write a Python function. [#{org} {number} {task}]");
            let gen_id = client.run(&message).await;
            let likes = person.likes(stage.seed, task, &stage.manner(&org, number, task));
            client.rate(gen_id, if likes { 1 } else { -1 }).await;
            if task < BEFORE {
                told.liked_before += usize::from(likes);
            } else {
                told.liked_with += usize::from(likes);
                told.tasks_with += 1;
            }
            stage.analyze().await;
            if task >= BEFORE
                && let Some(exposures) = retired(stage, &org).await
            {
                told.exposures = exposures;
                break;
            }
        }
        told
    })
}

/// As if it had been learned, and an admin had activated it.
async fn plant(stage: &Stage, org: &str, words: &str) {
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
         select $1, 'pattern_preferred', 'planted', 'Harmful', $2,
                jsonb_build_object('subject', 'planted', 'value', 'planted', 'baseline',
                    jsonb_build_object('accepted', sum(accepted) / 2, 'rejected', sum(rejected) / 2)),
                0.9, 10, 'admin'
         from learning_counts where org_id = $1 and subject = '*'",
    )
    .bind(org)
    .bind(words)
    .execute(&stage.pool)
    .await
    .unwrap();
}

/// The number of prompts that held the insight; none before it is retired.
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
