//! Ratings: as many as there are clients for, and a thousand a second.

use std::sync::Arc;

use crate::load::{self, Make};
use crate::plain;
use crate::scene::{Scene, Way};
use crate::sheet::Sheet;

const ORGANISATIONS: usize = 50;
const PEOPLE: usize = 1_000;
const RATE: f64 = 1_000.0;
/// A rating's row and what it carries.
const ROW: usize = 200;

/// Answers of the people, as many as there can be ratings; the number of the first.
pub(crate) fn answers(scene: &Scene, count: usize) -> i64 {
    scene.count(&format!(
        "with made as (
             insert into ai_generation_log (org_key, user_sub, task_type, model, temperature, params,
                                            prompt_hash, result_ref, category, language, answer, tags)
             select 'org-' || n % {PEOPLE} % {ORGANISATIONS}, 'user-' || n % {PEOPLE}, 'codegen',
                    'claude-sonnet-4', 0.3,
                    jsonb_build_object('bandit_context', 'codegen_small_expert', 'bandit_arm',
                                       (array['precise', 'balanced', 'creative'])[1 + n % 3]),
                    repeat('0', 64), n::text, (array['fix', 'feature', 'test'])[1 + n % 3], 'python',
                    repeat('The cause was an open file. ', 20),
                    array['quotes@python=single', 'indent@python=4_spaces', 'length=brief']
             from generate_series(0, {count} - 1) series (n) order by series.n returning id
         ) select min(id) from made"
    ))
}

pub(crate) fn people(scene: &Scene) -> Vec<String> {
    let one = |n: usize| scene.token(&format!("org-{}", n % ORGANISATIONS), &format!("user-{n}"));
    (0..PEOPLE).map(one).collect()
}

/// Ratings of the answers from `first` on, each by its own person. The number of a request says which.
pub(crate) fn requests(people: Vec<String>, first: i64, count: usize) -> Make {
    let begun = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move |_| {
        let number = begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(number < count, "more ratings than answers");
        let answer = first + i64::try_from(number).unwrap();
        let rating = if number.is_multiple_of(3) { -1 } else { 1 };
        let body = format!(
            r#"{{"gen_id":{answer},"rating":{rating},"reason":"style","comment":"Rating {number} says so."}}"#
        );
        load::request(
            "POST",
            "/api/feedback/submit",
            &people[number % people.len()],
            &body,
        )
    })
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let people = people(scene);
    let seconds = usize::try_from(scene.lasts.as_secs()).unwrap() + 1;
    for way in scene.ways() {
        let server = scene.serve(way, &[("NAVI_WRITES_PER_MINUTE", "0")]);
        for &clients in way.clients(&[1, 10, 50]) {
            let count = seconds * 6_000;
            let make = requests(people.clone(), answers(scene, count), count);
            let plain = plain::inserts(scene, way, clients, ROW);
            let load = load::closed(server.address, clients, scene.lasts, &make);
            let load = scene.runtime.block_on(load);
            let what = format!("ratings {}, {clients} clients", way.words());
            let id = format!("feedback.{}.{clients}", way.name());
            sheet.rate(
                &id,
                &what,
                &load,
                Some(("plain inserts by pgbench", plain.rate)),
            );
        }
    }
    let server = scene.serve(Way::Tcp, &[("NAVI_WRITES_PER_MINUTE", "0")]);
    let count = seconds * 1_100;
    let make = requests(people, answers(scene, count), count);
    let plain = plain::inserts(scene, Way::Tcp, 64, ROW);
    let load = load::open(server.address, 64, RATE, scene.lasts, &make);
    let load = scene.runtime.block_on(load);
    let baseline = Some(("plain inserts by pgbench, 64 clients", plain.rate));
    sheet.rate(
        "feedback.asked",
        "1,000 ratings a second asked",
        &load,
        baseline,
    );
}
