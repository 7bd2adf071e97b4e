//! Reading and writing with ten thousand rows stored, a hundred thousand and a million.

use std::time::Duration;

use crate::clock::Sample;
use crate::figure::Growth;
use crate::load::{self, Make};
use crate::provider;
use crate::scene::{Scene, Way};
use crate::server::Server;
use crate::sheet::round;

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

pub(crate) fn measure(scene: &Scene) -> Vec<Growth> {
    let provider = provider::serve(|body, reply| {
        if body.contains("invoices") {
            super::runs::answer(body, reply);
        } else {
            super::chat::answer(body, reply);
        }
    });
    let base = format!("http://{provider}/v1");
    let settings = [
        ("OPENAI_BASE_URL", base.as_str()),
        ("NAVI_WRITES_PER_MINUTE", "0"),
    ];
    let mut all = Vec::new();
    let mut stored = 0;
    for rows in SIZES {
        fill(scene, stored, rows);
        stored = rows;
        let server = scene.serve(Way::Tcp, &settings);
        summed(scene);
        let measured = requests(scene, &server, rows)
            .into_iter()
            .chain(models(scene, &server, rows));
        for one in measured {
            println!(
                "{rows:>9} rows: {}: {:.0}/s, p99 {:.1} ms",
                one.what, one.value, one.p99_ms
            );
            all.push(one);
        }
        drop(server);
    }
    all
}

/// Requests that read and write rows, and calls of a model.
fn requests(scene: &Scene, server: &Server, rows: u64) -> Vec<Growth> {
    let token = scene.token("org-0", "ada");
    let ratings = 60_000;
    let first = super::feedback::answers(scene, ratings);
    let gets = super::reading::gets;
    let loads: [(&str, u64, Make); 7] = [
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
            gets("/api/audit?limit=50", &scene.token("grown", "ada")),
        ),
        (
            "groups of errors, 20 of a page, 10 clients",
            10,
            gets("/api/telemetry/errors", &token),
        ),
        (
            "statistics of ratings, 1 client",
            1,
            gets("/api/feedback/stats?days=30", &token),
        ),
        (
            "jobs, 50 of a page, 10 clients",
            10,
            gets("/api/jobs?limit=50", &token),
        ),
        ("calls, 20 clients", 20, super::chat::words(&token)),
    ];
    let measure = |(what, clients, make): &(&str, u64, Make)| {
        let load = load::closed(server.address, *clients, scene.lasts, make);
        let load = scene.runtime.block_on(load);
        assert_eq!(load.failed, 0, "{what}: a request failed");
        let (p50, p99) = (load.millis(500), load.millis(990));
        grown(what, rows, load.rate(), p50, p99)
    };
    loads.iter().map(measure).collect()
}

/// First tokens, of one client after the other, and turns of runs.
fn models(scene: &Scene, server: &Server, rows: u64) -> Vec<Growth> {
    // Not of whom jobs are listed: real runs have longer rows than those that were filled in.
    let token = scene.token("org-0", "grace");
    let millis = |sample: &Sample, permille| sample.at(permille).as_secs_f64() * 1e3;
    let first = super::chat::first_token(server, &token);
    let (p50, p99) = (millis(&first, 500), millis(&first, 990));
    let work = tempfile::tempdir().unwrap();
    let (rate, runs) = super::runs::turns(server, &token, work.path(), 10, scene.lasts);
    vec![
        grown("first tokens, 1 client", rows, 1e3 / p50, p50, p99),
        grown(
            "turns of runs (times: of runs of 8), 10 clients",
            rows,
            rate,
            millis(&runs, 500),
            millis(&runs, 990),
        ),
    ]
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
         with made as (
             insert into runs (org_id, user_id, run_id, kind, status, task, provider, model, options,
                               request, created_at, updated_at, finished_at, role, last_sequence)
             select 'org-0', 'ada', gen_random_uuid(), 'job', 'completed', 'say something', 'scripted',
                    'demo', '{{}}', '{{}}', now() - n * interval '1 second', now(), now(), 'planner', 1
             from generate_series({from}, {until}) n returning org_id, user_id, run_id, created_at
         ), said as (
             insert into run_events (org_id, run_id, sequence, kind, payload, created_at, run_status)
             select org_id, run_id, 1, 'content', jsonb_build_object('text', repeat(md5(run_id::text), 4)),
                    created_at, 'completed' from made
         ) insert into llm_metrics (org_id, user_id, call_id, run_id, model, provider, phase,
                                    input_tokens, output_tokens, total_tokens, input_cost, output_cost,
                                    total_cost, latency_ms, ttft_ms, created_at)
         select org_id, user_id, gen_random_uuid(), run_id, 'demo', 'scripted', 'act', 1000, 100, 1100,
                0, 0, 0, 900, 300, created_at from made;
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

fn grown(what: &str, rows: u64, rate: f64, p50_ms: f64, p99_ms: f64) -> Growth {
    let rounded = |mut value: f64| {
        round(&mut value);
        value
    };
    Growth {
        what: what.to_owned(),
        rows,
        value: rounded(rate),
        unit: "/s".to_owned(),
        p50_ms: rounded(p50_ms),
        p99_ms: rounded(p99_ms),
    }
}
