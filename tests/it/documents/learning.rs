//! `docs/learning.md` against the code.

use navi::feedback::bandit::model::{ARMS, HALF_LIFE_DAYS};
use navi::feedback::guidance::model::{
    ApplicableInsight, Guidance, MAX_INSIGHTS, MAX_TOKENS, MIN_CONFIDENCE,
};
use navi::feedback::insight::InsightType;
use navi::feedback::model::InsightId;
use navi::feedback::traits::{SUBJECTS, TraitKind, sentence};
use uuid::Uuid;

use crate::documents;

fn page() -> String {
    documents::read("docs/learning.md")
}

#[test]
fn the_page_lists_the_catalogue_of_traits() {
    let page = page();
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| subject |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let known: Vec<String> = SUBJECTS
        .iter()
        .map(|subject| {
            let values: Vec<_> = subject
                .values
                .iter()
                .map(|(value, _)| format!("`{value}`"))
                .collect();
            let by_language = if subject.by_language { "yes" } else { "no" };
            let kind = match subject.kind {
                TraitKind::Style => "style",
                TraitKind::Preference => "preference",
                TraitKind::Workflow => "workflow",
            };
            let values = values.join(" ");
            format!("| `{}` | {values} | {by_language} | {kind} |", subject.name)
        })
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn the_page_shows_the_section_of_a_prompt_as_it_is() {
    let insight = |id, insight_type: InsightType, subject: &str, value| ApplicableInsight {
        id: InsightId(id),
        insight_type,
        subject: subject.to_owned(),
        description: sentence(subject, value).unwrap(),
        times_applied: 1_000,
    };
    let insights = [
        insight(1, InsightType::StylePreference, "quotes@python", "single"),
        insight(2, InsightType::PatternPreferred, "length", "brief"),
    ];
    let mut sections = (0..100).map(|draw| Guidance::of(&insights, Uuid::from_u128(draw)));
    let whole = sections
        .find(|one| one.exposure.held_out.is_empty())
        .unwrap();
    assert!(
        page().contains(&format!("```text\n{}```", whole.text)),
        "{}",
        whole.text
    );
}

#[test]
fn the_page_has_the_numbers_of_the_code() {
    let page = page();
    for claim in [
        format!("at most {MAX_INSIGHTS} and at most {MAX_TOKENS} tokens"),
        format!("with a confidence of at least {MIN_CONFIDENCE}"),
        format!("fade by half in {HALF_LIFE_DAYS} days"),
        format!(
            "(`{}` {}, `{}` {}, `{}` {})",
            ARMS[0].name,
            ARMS[0].temperature,
            ARMS[1].name,
            ARMS[1].temperature,
            ARMS[2].name,
            ARMS[2].temperature
        ),
    ] {
        assert!(page.replace('\n', " ").contains(&claim), "{claim}");
    }
}
