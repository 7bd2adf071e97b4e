//! The page about all sessions whose raw data are there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::e2e::measuring::figures::{
    Percentiles, first_tokens, own_shares, own_shares_of_a_call, searches, totals,
};
use crate::cli::e2e::measuring::model::{
    E2eData, ProviderKind, ServerKind, SessionFacts, TaskData,
};
use crate::cli::e2e::reporting::budget::{Budgets, both_counts, demands, percent};
use crate::cli::e2e::tasks::model::TaskKind;
use crate::cli::pages::markdown::within_columns;

/// The budget of a model that counts.
const CAPABLE: &str = "capable";
const HEAD: &str = include_str!("page.md");
/// The most failures that are told of a session.
const FAILURES: usize = 20;

/// The page. `plots` is where the plots lie, as the page links to them.
pub fn render(sessions: &[E2eData], budgets: &Budgets, plots: &str) -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "\n| session | who answered | tasks | succeeded | p95 of interactive tasks | p95 of NAVI's own share | budgets |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for data in sessions {
        summary_row(&mut page, data, budgets);
    }
    for name in budgets.keys() {
        if !sessions.iter().any(|data| data.session.budget == *name) {
            page.push_str(&open_row(name));
        }
    }
    page.push_str(
        "\n```sh\nANTHROPIC_API_KEY=… scripts/e2e_real_llm_test.sh anthropic/claude-sonnet-5.5\n```\n",
    );
    for data in sessions {
        session(&mut page, data, budgets, plots);
    }
    within_columns(&page)
}

/// The row of a kind of provider that has not done the tasks.
fn open_row(budget: &str) -> String {
    let (who, why) = match budget {
        CAPABLE => (
            "a large model",
            "it needs a key that is paid for, and then one command, below",
        ),
        name => (name, "nothing is missing but the run"),
    };
    format!("| {who} | **not run** | | | | | open: {why} |\n")
}

fn who(session: &SessionFacts) -> String {
    match session.provider {
        ProviderKind::Scripted => "a script, no model".to_owned(),
        ProviderKind::Real => format!("the model `{}`", session.model),
    }
}

fn summary_row(page: &mut String, data: &E2eData, budgets: &Budgets) {
    let tasks: Vec<&TaskData> = data.tasks.iter().collect();
    let interactive: Vec<&TaskData> = tasks.iter().copied().filter(|it| it.interactive).collect();
    let passed = tasks.iter().filter(|task| task.passed()).count();
    let p95 = |samples: &[f64]| {
        Percentiles::of(samples).map_or_else(|| "not measured".to_owned(), |found| time(found.p95))
    };
    let broken = budgets.get(&data.session.budget).map(|budget| {
        let demands = demands(data, budget);
        demands.iter().filter(|demand| !demand.holds).count()
    });
    let verdict = match broken {
        None => "none named".to_owned(),
        Some(0) => "all hold".to_owned(),
        Some(1) => "**one is broken**".to_owned(),
        Some(count) => format!("**{count} are broken**"),
    };
    let _ = writeln!(
        page,
        "| [{name}](#{name}) | {} | {} | {passed} | {} | {} | {verdict} |",
        who(&data.session),
        tasks.len(),
        p95(&totals(&interactive)),
        p95(&own_shares(&tasks)),
        name = data.session.name,
    );
}

fn session(page: &mut String, data: &E2eData, budgets: &Budgets, plots: &str) {
    let facts = &data.session;
    let name = &facts.name;
    let _ = writeln!(page, "\n## {name}\n");
    let answered = match facts.provider {
        ProviderKind::Scripted => {
            "No model: a script answers at once, so nothing here says how long a model takes or \
             whether it finds the way."
                .to_owned()
        }
        ProviderKind::Real => format!("The model `{}` inferred every answer.", facts.model),
    };
    let server = match facts.server {
        ServerKind::Own => "a server of its own",
        ServerKind::Named => "a server that ran already",
    };
    let _ = writeln!(
        page,
        "{answered} {}, over HTTP against {server}, after {} tasks that count nowhere; {}; {}.\n",
        facts.began_at, facts.warm_up, facts.program, facts.machine
    );
    percentiles(page, data);
    let _ = writeln!(
        page,
        "\n![times]({plots}{name}-times.svg)\n\n![parts]({plots}{name}-parts.svg)\n"
    );
    if let Some(budget) = budgets.get(&facts.budget) {
        let _ = writeln!(
            page,
            "| budget `{}` | seen | holds |\n|---|---|---|",
            facts.budget
        );
        for demand in demands(data, budget) {
            let holds = if demand.holds { "yes" } else { "**no**" };
            let _ = writeln!(page, "| {} | {} | {holds} |", demand.what, demand.seen);
        }
        page.push('\n');
    }
    kinds(page, data);
    spent(page, data);
    not_well(page, data);
}

fn percentiles(page: &mut String, data: &E2eData) {
    let all: Vec<&TaskData> = data.tasks.iter().collect();
    let passed: Vec<&TaskData> = all.iter().copied().filter(|task| task.passed()).collect();
    let interactive: Vec<&TaskData> = all.iter().copied().filter(|it| it.interactive).collect();
    page.push_str("| failures included | tasks | p50 | p95 | p99 |\n|---|---|---|---|---|\n");
    let rows = [
        ("to the first token", first_tokens(&all)),
        ("total", totals(&all)),
        ("total of interactive tasks", totals(&interactive)),
        ("the search before the first turn", searches(&all)),
        ("NAVI's own share of a task", own_shares(&all)),
        (
            "NAVI's own share, for each call to the model",
            own_shares_of_a_call(&all),
        ),
        ("total, of those that succeeded alone", totals(&passed)),
    ];
    for (name, samples) in rows {
        let _ = match Percentiles::of(&samples) {
            Some(found) => writeln!(
                page,
                "| {name} | {} | {} | {} | {} |",
                found.count,
                time(found.p50),
                time(found.p95),
                time(found.p99)
            ),
            None => writeln!(page, "| {name} | 0 | not measured | | |"),
        };
    }
}

fn kinds(page: &mut String, data: &E2eData) {
    page.push_str(
        "| kind | tasks | succeeded | total p50 | total p95 | own share p50 | own share p95 |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for kind in TaskKind::ALL {
        let tasks: Vec<&TaskData> = data.tasks.iter().filter(|task| task.kind == kind).collect();
        let Some(total) = Percentiles::of(&totals(&tasks)) else {
            continue;
        };
        let passed = tasks.iter().filter(|task| task.passed()).count();
        let own = Percentiles::of(&own_shares(&tasks));
        let own = own.map_or_else(
            || "not measured | ".to_owned(),
            |own| format!("{} | {}", time(own.p50), time(own.p95)),
        );
        let _ = writeln!(
            page,
            "| {kind} | {} | {passed} | {} | {} | {own} |",
            tasks.len(),
            time(total.p50),
            time(total.p95)
        );
    }
    let mut languages: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &data.tasks {
        *languages.entry(&task.language).or_default() += 1;
    }
    let languages: Vec<String> = languages
        .iter()
        .map(|(language, count)| format!("{language} {count}"))
        .collect();
    let _ = writeln!(page, "\nTasks by language: {}.\n", languages.join(", "));
}

fn spent(page: &mut String, data: &E2eData) {
    let sum = |of: fn(&TaskData) -> u64| data.tasks.iter().map(of).sum::<u64>();
    let calls: u64 = data
        .tasks
        .iter()
        .filter_map(|it| it.calls)
        .map(u64::from)
        .sum();
    let unknown = data.tasks.iter().filter(|task| task.cost_usd.is_none());
    let unknown = unknown.count();
    let dollars: f64 = data.tasks.iter().filter_map(|task| task.cost_usd).sum();
    let cost = if unknown == data.tasks.len() {
        "no price is known".to_owned()
    } else {
        format!("${dollars:.4}, without {unknown} tasks whose price is not known")
    };
    let estimated = match data.session.provider {
        ProviderKind::Scripted => " The script has no tokens; these are the lengths of its texts.",
        ProviderKind::Real => "",
    };
    let _ = writeln!(
        page,
        "{calls} calls; {} input tokens, {} of them from a cache, {} output tokens; {cost}.{estimated}",
        sum(|task| task.tokens.input),
        sum(|task| task.tokens.cache_read),
        sum(|task| task.tokens.output),
    );
    let (provider, ledger, count) = both_counts(data);
    if count > 0 {
        let _ = writeln!(
            page,
            "\n| tokens of {count} tasks | input | from the cache | output |\n|---|---|---|---|"
        );
        for (name, counts) in [
            ("by the provider's own counters", provider),
            ("by the ledger", ledger),
        ] {
            let _ = writeln!(
                page,
                "| {name} | {} | {} | {} |",
                counts.input, counts.cache_read, counts.output
            );
        }
    }
}

fn not_well(page: &mut String, data: &E2eData) {
    let failed: Vec<&TaskData> = data.tasks.iter().filter(|task| !task.passed()).collect();
    if !failed.is_empty() {
        let part = {
            let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            count(failed.len()) / count(data.tasks.len())
        };
        let _ = writeln!(
            page,
            "\n{} of {} tasks did not succeed ({}); the raw data say why. The first of them:\n",
            failed.len(),
            data.tasks.len(),
            percent(part)
        );
        for task in failed.iter().take(FAILURES) {
            let why = task.failures.first().map_or("", String::as_str);
            let why: String = why.chars().take(120).collect();
            let why = why.replace('`', "'").replace(['\n', '|'], " ");
            let _ = writeln!(page, "- `{}`: {}", task.id, plain(&why));
        }
    }
    if !data.session.left_out.is_empty() {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for task in &data.session.left_out {
            *reasons.entry(&task.why).or_default() += 1;
        }
        page.push_str("\nNot run:\n\n");
        for (why, count) in reasons {
            let _ = writeln!(page, "- {count}: {why}");
        }
    }
}

/// Text of a model, without what Markdown would make of it.
fn plain(text: &str) -> String {
    text.replace('[', "(").replace(']', ")").replace('<', "‹")
}

/// A time as people write it.
pub fn time(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{:.2} s", ms / 1_000.0)
    } else if ms >= 100.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}
