//! Reading and writing with ten thousand rows stored, a hundred thousand and a million.

use std::time::Duration;

use crate::figure::Growth;
use crate::load::{self, Load, Make};
use crate::scene::{Scene, Way};
use crate::sheet::round;

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

pub(crate) fn measure(scene: &Scene) -> Vec<Growth> {
    let mut all = Vec::new();
    let mut stored = 0;
    for rows in SIZES {
        fill(scene, stored, rows);
        stored = rows;
        let server = scene.serve(Way::Tcp, &[("NAVI_WRITES_PER_MINUTE", "0")]);
        summed(scene);
        let token = scene.token("org-0", "ada");
        let ratings = 60_000;
        let first = super::feedback::answers(scene, ratings);
        let loads: [(&str, u64, Make); 6] = [
            (
                "events of 2.9 KB, 10 clients",
                10,
                super::telemetry::requests(vec![token.clone()], 2_900, 1),
            ),
            (
                "ratings, 10 clients",
                10,
                super::feedback::requests(super::feedback::people(scene), first, ratings),
            ),
            (
                "audit entries, 50 of a page, 10 clients",
                10,
                super::reading::gets("/api/audit?limit=50", &scene.token("grown", "ada")),
            ),
            (
                "groups of errors, 20 of a page, 10 clients",
                10,
                super::reading::gets("/api/telemetry/errors", &token),
            ),
            (
                "statistics of ratings, 1 client",
                1,
                super::reading::gets("/api/feedback/stats?days=30", &token),
            ),
            (
                "jobs, 50 of a page, 10 clients",
                10,
                super::reading::gets("/api/jobs?limit=50", &token),
            ),
        ];
        for (what, clients, make) in loads {
            let load = load::closed(server.address, clients, scene.lasts, &make);
            let load = scene.runtime.block_on(load);
            println!(
                "{rows:>9} rows: {what}: {:.0}/s, p99 {:.1} ms",
                load.rate(),
                load.millis(990)
            );
            all.push(grown(what, rows, &load));
        }
        drop(server);
    }
    all
}

/// Adds rows to each table until it holds so many. The audit entries are of an organisation whose log is
/// read and not continued, because what is inserted is chained to nothing.
fn fill(scene: &Scene, stored: u64, rows: u64) {
    let (from, until) = (stored + 1, rows);
    scene.execute(&format!(
        "set statement_timeout = 0;
         insert into telemetry_events (org_id, user_id, event_type, event_name, event_data, created_at)
         select 'org-0', 'ada', 'navi.user.interaction', 'accept',
                jsonb_build_object('notes', repeat(md5(n::text), 80)), now() - n * interval '1 second'
         from generate_series({from}, {until}) n;
         insert into audit_records (org_id, sequence, entry_id, phase, created_at, event, outcome,
                                    actor_kind, actor, commitment, previous, hash)
         select 'grown', n, gen_random_uuid(), 'noted',
                now() - ({until} - n + 1) * interval '1 second', 'cli.token.minted', 'success', 'operator',
                'ada', sha256('a'), sha256('b'), sha256('c')
         from generate_series({from}, {until}) n;
         with made as (
             insert into error_groups (org_id, fingerprint, error_type, message, source, created_at)
             select 'org-0', md5(n::text), 'TypeError', 'could not read ' || n, 'client', now()
             from generate_series({stored} / 100 + 1, {until} / 100) n returning org_id, group_id
         ) insert into error_group_activity (org_id, group_id, occurrences, first_seen, last_seen,
                                             severity, last_message)
         select org_id, group_id, 100, now(), now() - group_id * interval '1 second', 'error', 'x' from made;
         insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                           request, created_at, updated_at, finished_at, role, last_sequence)
         select 'org-0', 'ada', gen_random_uuid(), 'job', 'completed', 'say something', 'scripted',
                'demo', '{{}}', '{{}}', now() - n * interval '1 second', now(), now(), 'planner', 0
         from generate_series({from}, {until}) n;
         with answers as (
             insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash,
                                            category, created_at)
             select 'org-0', 'user-' || n % 1000, 'codegen', 'claude-sonnet-4', '{{}}', repeat('0', 64),
                    (array['fix', 'feature', 'test'])[1 + n % 3], now() - n % 86400 * interval '30 seconds'
             from generate_series({from}, {until}) n returning id, user_sub, created_at
         ) insert into ai_feedback (gen_id, org_key, user_sub, rating, created_at)
         select id, 'org-0', user_sub, case when id % 3 = 0 then -1 else 1 end, created_at from answers"
    ));
    scene.execute("vacuum analyze");
}

/// Waits until the server has added up what was filled in, and takes away what that left, as servers and
/// autovacuum have done where rows came over months.
fn summed(scene: &Scene) {
    while scene.count("select count(*) from feedback_sum_changes") > 0 {
        std::thread::sleep(Duration::from_millis(200));
    }
    scene.execute("vacuum feedback_sum_changes");
}

fn grown(what: &str, rows: u64, load: &Load) -> Growth {
    assert_eq!(load.failed, 0, "{what}: a request failed");
    let rounded = |mut value: f64| {
        round(&mut value);
        value
    };
    Growth {
        what: what.to_owned(),
        rows,
        value: rounded(load.rate()),
        unit: "/s".to_owned(),
        p50_ms: rounded(load.millis(500)),
        p99_ms: rounded(load.millis(990)),
    }
}
