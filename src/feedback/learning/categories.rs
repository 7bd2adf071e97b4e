//! What counts teach of a category: whether answers of that kind are often rejected, or hardly ever.

use std::collections::BTreeMap;

use crate::feedback::insight::InsightType;
use crate::feedback::learning::insights::{
    EVERYTHING, LOW, SLACK, Standing, Verdict, aged_or_turned, agreed, confidence, data, sample,
};
use crate::feedback::learning::model::{Content, Key, Reason, Scope};
use crate::feedback::learning::posterior::{Posterior, wilson};
use crate::feedback::learning::votes::Opinion;

/// A category is looked at from so many voices on.
const SAMPLES: f64 = 5.0;
/// What is accepted more than this is well received.
const HIGH: f64 = 0.8;

/// What the counts of a category say of it.
pub(super) fn verdicts(
    category: &str,
    opinion: &Opinion<'_>,
    scope: &Scope,
    found: &mut BTreeMap<Key, Verdict>,
) {
    let all = opinion.about(|_| true);
    if all.raters == 0 {
        return;
    }
    let (content, not) = opinion.content(EVERYTHING);
    let (lower, upper) = wilson(all.weighed);
    let (plain_lower, plain_upper) = wilson(all.plain);
    let enough = all.plain.total() >= SAMPLES;
    let standing = |sure: bool, still: bool, plain: bool| match (enough, sure, still) {
        (true, true, _) => Standing::Sure,
        (true, false, true) => Standing::Still,
        (true, false, false) => Standing::Gone(aged_or_turned(plain)),
        (false, _, _) => Standing::Gone(Reason::EvidenceAged),
    };
    let low = standing(
        upper < LOW && agreed((not, content), scope),
        upper < LOW + SLACK && not > content,
        plain_upper < LOW + SLACK && not > content,
    );
    let high = standing(
        lower > HIGH && agreed((content, not), scope),
        lower > HIGH - SLACK && content > not,
        plain_lower > HIGH - SLACK && content > not,
    );
    let posterior = Posterior::of(all.weighed);
    for (insight_type, standing, certainty) in [
        (InsightType::LowAcceptance, low, posterior.below(LOW)),
        (
            InsightType::HighAcceptance,
            high,
            1.0 - posterior.below(HIGH),
        ),
    ] {
        let key = Key {
            scope: scope.clone(),
            insight_type,
            category: Some(category.to_owned()),
            subject: EVERYTHING.to_owned(),
            language: None,
        };
        let verdict = standing.verdict(|| {
            let (title, description) = about_category(insight_type, category);
            Content {
                title,
                description,
                pattern_data: data(EVERYTHING, EVERYTHING, &all),
                confidence: confidence(certainty),
                sample_size: sample(all.plain.total()),
                quoted_user: None,
                evidence: Vec::new(),
            }
        });
        found.insert(key, verdict);
    }
}

/// A title and a description. The category is one of a closed list, like everything that is said.
fn about_category(insight_type: InsightType, category: &str) -> (String, String) {
    if insight_type == InsightType::LowAcceptance {
        (
            format!("Answers about {category} are often rejected"),
            format!(
                "Answers to requests of the kind \"{category}\" were often rejected here: make sure what is \
                 wanted before you begin, and check the result against the request before you call it done."
            ),
        )
    } else {
        (
            format!("Answers about {category} are mostly accepted"),
            format!(
                "Answers to requests of the kind \"{category}\" are mostly accepted here: go about them as before."
            ),
        )
    }
}
