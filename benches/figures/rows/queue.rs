//! Jobs that are finished in a second while many others wait.

use std::time::{Duration, Instant};

use crate::scene::{Scene, Way};
use crate::sheet::Sheet;

/// Jobs that are finished before the time begins, and within it.
const WARM: i64 = 100;
const TIMED: i64 = 1_500;
const PATIENCE: Duration = Duration::from_mins(2);

/// Jobs that wait, of twenty people of five organisations.
pub(crate) fn wait(scene: &Scene, count: i64) {
    scene.execute(&format!(
        "truncate runs, run_events, workers, run_turns, task_metrics cascade;
         insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                           request, created_at, updated_at, available_at, role, last_sequence)
         select 'org-' || n % 5, 'user-' || n % 20, gen_random_uuid(), 'job', 'queued', 'say something',
                'scripted', 'demo', '{{}}',
                '{{\"message\": \"say something\", \"workspace_path\": null, \"conversation_id\": null,
                  \"history\": [], \"attachments\": [], \"editor\": {{\"errors\": []}},
                  \"run_verification\": false, \"max_iterations\": null}}',
                now() - n * interval '1 millisecond', now(), now(), 'planner', 0
         from generate_series(1, {count}) n;
         analyze runs"
    ));
}

/// Jobs finished in a second while so many others wait.
#[expect(clippy::cast_precision_loss, reason = "a few hundred jobs")]
pub(crate) fn rate(scene: &Scene, waiting: i64) -> f64 {
    wait(scene, waiting + WARM + TIMED);
    let script = scene.data.path().join("script.json");
    std::fs::write(&script, r#"{"turns":[{"say":["Done."],"delay_ms":0}]}"#).unwrap();
    let settings = [
        ("NAVI_SCRIPT", script.to_str().unwrap()),
        ("NAVI_MAX_CONCURRENT_RUNS", "8"),
    ];
    let _server = scene.serve(Way::Tcp, &settings);
    let until = |count: i64| {
        let began = Instant::now();
        // One row for each that is over: to count those that wait too would cost what is measured.
        let finished = "select count(*) from task_metrics";
        loop {
            let now = scene.count(finished);
            if now >= count {
                return (Instant::now(), now);
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{now} of {count} jobs are finished"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let (began, before) = until(WARM);
    let (ended, after) = until(WARM + TIMED);
    (after - before) as f64 / (ended - began).as_secs_f64()
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let few = rate(scene, 100);
    sheet.value("queue.100", "jobs finished while 100 wait", few, "/s", None);
    for waiting in [1_000, 100_000] {
        let value = rate(scene, waiting);
        let what = format!("jobs finished while {waiting} wait");
        let again = rate(scene, 100);
        let baseline = Some(("while 100 wait, before and after", few.midpoint(again)));
        sheet.value(&format!("queue.{waiting}"), &what, value, "/s", baseline);
    }
    scene.execute("truncate runs, run_events, workers, run_turns cascade");
}
