//! Patterns: the numbers of each value with votes, for the whole organisation and for single users.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::feedback::learning::conclusions::{Conclusion, confidence, sample_size};
use crate::feedback::learning::model::{InsightKey, InsightScope, pattern_key};
use crate::feedback::learning::posterior::Posterior;
use crate::feedback::learning::store::patterns::Pattern;
use crate::feedback::learning::tallies::{ALL_ANSWERS, RaterTally};
use crate::feedback::learning::votes::ScopeVotes;
use crate::feedback::traits;
use crate::feedback::traits::TraitKind;

/// Returns the organisation's pattern of every value, and a user's where an insight of theirs has strong
/// support. Preferences are looked up by user; the votes of every user stay in the counts.
pub fn find_patterns(
    tallies: &[RaterTally],
    conclusions: &BTreeMap<InsightKey, Conclusion>,
) -> Vec<Pattern> {
    let mut by_subject: BTreeMap<&str, Vec<&RaterTally>> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| tally.subject != ALL_ANSWERS) {
        by_subject.entry(&tally.subject).or_default().push(tally);
    }
    let strong: BTreeSet<(&str, &str)> = conclusions
        .iter()
        .filter(|(_, conclusion)| matches!(conclusion, Conclusion::Strong(_)))
        .filter_map(|(key, _)| Some((key.scope.user()?, key.subject.as_str())))
        .collect();
    let mut found = Vec::new();
    for (subject, tallies) in by_subject {
        let votes = ScopeVotes::of(&tallies, &InsightScope::Org);
        for value in votes.values() {
            let key = pattern_key(subject, value);
            let of_value: Vec<&RaterTally> = tallies
                .iter()
                .copied()
                .filter(|tally| tally.value == value)
                .collect();
            found.extend(pattern(subject, value, None, &votes, &of_value));
            let users: BTreeSet<&str> = of_value.iter().map(|tally| tally.user.as_str()).collect();
            for user in users
                .into_iter()
                .filter(|user| strong.contains(&(user, key.as_str())))
            {
                let own = ScopeVotes::of(&tallies, &InsightScope::User(user.to_owned()));
                let of_user: Vec<&RaterTally> = of_value
                    .iter()
                    .copied()
                    .filter(|tally| tally.user == user)
                    .collect();
                found.extend(pattern(subject, value, Some(user), &own, &of_user));
            }
        }
    }
    found
}

fn pattern(
    subject: &str,
    value: &str,
    user: Option<&str>,
    votes: &ScopeVotes<'_>,
    tallies: &[&RaterTally],
) -> Option<Pattern> {
    let own = votes.sum_where(|one| one == value);
    let rest = votes.sum_where(|one| one != value);
    let better = Posterior::of(own.weighted).above(Posterior::of(rest.weighted));
    Some(Pattern {
        user: user.map(ToOwned::to_owned),
        key: pattern_key(subject, value),
        pattern_type: match traits::subject(subject)?.kind {
            TraitKind::Style => "style",
            TraitKind::Preference => "preference",
            TraitKind::Workflow => "workflow",
        },
        description: traits::sentence(subject, value)?,
        confidence: confidence(better.max(1.0 - better)),
        positive: sample_size(own.raw.accepted),
        negative: sample_size(own.raw.rejected),
        context: json!({"subject": subject, "value": value, "raters": own.raters}),
        last_seen: tallies.iter().map(|tally| tally.last_week).max()?,
    })
}
