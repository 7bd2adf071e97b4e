//! Conclusions about categories: answers of which are often rejected, or mostly accepted.

use std::collections::BTreeMap;

use crate::feedback::insight::InsightType;
use crate::feedback::learning::conclusions::{
    Conclusion, HYSTERESIS, LOW_ACCEPTANCE, Support, confidence, pattern_data, sample_size,
};
use crate::feedback::learning::model::{InsightContent, InsightKey, RetireReason};
use crate::feedback::learning::posterior::{Posterior, wilson};
use crate::feedback::learning::tallies::ALL_ANSWERS;
use crate::feedback::learning::votes::{ScopeVotes, VoterGroup};

/// The fewest votes from which a category is judged.
const MIN_VOTES: f64 = 5.0;
/// Acceptance above which a category is well received.
const HIGH_ACCEPTANCE: f64 = 0.8;

/// Adds the conclusions about a category.
pub(super) fn conclude(
    category: &str,
    votes: &ScopeVotes<'_>,
    group: &VoterGroup<'_>,
    found: &mut BTreeMap<InsightKey, Conclusion>,
) {
    let sum = votes.sum_where(|_| true);
    if sum.raters == 0 {
        return;
    }
    let accepting = votes.acceptance(ALL_ANSWERS);
    let rejecting = accepting.clone().reversed();
    let (weighted, raw) = (wilson(sum.weighted), wilson(sum.raw));
    let is_enough = sum.raw.total() >= MIN_VOTES;
    let support = |creates: bool, keeps: bool, raw_keeps: bool| match (is_enough, creates, keeps) {
        (true, true, _) => Support::Strong,
        (true, false, true) => Support::Sustaining,
        (true, false, false) => Support::aged_or_turned(raw_keeps),
        (false, _, _) => Support::Lacking(RetireReason::EvidenceAged),
    };
    let low = support(
        weighted.high < LOW_ACCEPTANCE && rejecting.is_agreement(group),
        weighted.high < LOW_ACCEPTANCE + HYSTERESIS && rejecting.is_majority(),
        raw.high < LOW_ACCEPTANCE + HYSTERESIS && rejecting.is_majority(),
    );
    let high = support(
        weighted.low > HIGH_ACCEPTANCE && accepting.is_agreement(group),
        weighted.low > HIGH_ACCEPTANCE - HYSTERESIS && accepting.is_majority(),
        raw.low > HIGH_ACCEPTANCE - HYSTERESIS && accepting.is_majority(),
    );
    let posterior = Posterior::of(sum.weighted);
    for (insight_type, support, probability) in [
        (
            InsightType::LowAcceptance,
            low,
            posterior.below(LOW_ACCEPTANCE),
        ),
        (
            InsightType::HighAcceptance,
            high,
            1.0 - posterior.below(HIGH_ACCEPTANCE),
        ),
    ] {
        let key = InsightKey {
            scope: group.scope.clone(),
            insight_type,
            category: Some(category.to_owned()),
            subject: ALL_ANSWERS.to_owned(),
            language: None,
        };
        let conclusion = support.with(|| {
            let (title, description) = title_and_description(insight_type, category);
            InsightContent {
                title,
                description,
                pattern_data: pattern_data(ALL_ANSWERS, ALL_ANSWERS, &sum),
                confidence: confidence(probability),
                sample_size: sample_size(sum.raw.total()),
                quoted_user: None,
                evidence: Vec::new(),
            }
        });
        found.insert(key, conclusion);
    }
}

/// Returns the texts of an insight about a category. The category is one of a closed list, so nothing a
/// user wrote enters a prompt.
fn title_and_description(insight_type: InsightType, category: &str) -> (String, String) {
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
