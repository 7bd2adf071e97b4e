//! What was seen of each value, whether or not it is worth an insight.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::feedback::learning::insights::{EVERYTHING, Verdict, confidence, pattern_key, sample};
use crate::feedback::learning::model::{Key, Scope};
use crate::feedback::learning::posterior::Posterior;
use crate::feedback::learning::store::patterns::Pattern;
use crate::feedback::learning::tallies::Count;
use crate::feedback::learning::votes::Opinion;
use crate::feedback::traits::{self, Kind};

/// Patterns of everybody together for every value, and of single people for those values about which an
/// insight of theirs is sure: what people like is looked up by person, what they said is in the counts.
pub fn patterns(counts: &[Count], verdicts: &BTreeMap<Key, Verdict>) -> Vec<Pattern> {
    let mut by_subject: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.subject != EVERYTHING) {
        by_subject.entry(&count.subject).or_default().push(count);
    }
    let sure: BTreeSet<(&str, &str)> = verdicts
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Sure(_)))
        .filter_map(|(key, _)| Some((key.scope.user()?, key.subject.as_str())))
        .collect();
    let mut found = Vec::new();
    for (subject, counts) in by_subject {
        let all = Opinion::of(&counts, &Scope::Org);
        for value in all.values() {
            let key = pattern_key(subject, value);
            let of_value: Vec<&Count> = counts
                .iter()
                .copied()
                .filter(|count| count.value == value)
                .collect();
            found.extend(pattern(subject, value, None, &all, &of_value));
            let users: BTreeSet<&str> = of_value.iter().map(|count| count.user.as_str()).collect();
            for user in users
                .into_iter()
                .filter(|user| sure.contains(&(user, key.as_str())))
            {
                let own = Opinion::of(&counts, &Scope::User(user.to_owned()));
                let of_user: Vec<&Count> = of_value
                    .iter()
                    .copied()
                    .filter(|count| count.user == user)
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
    opinion: &Opinion<'_>,
    counts: &[&Count],
) -> Option<Pattern> {
    let own = opinion.about(|one| one == value);
    let rest = opinion.about(|one| one != value);
    let better = Posterior::of(own.weighed).above(Posterior::of(rest.weighed));
    Some(Pattern {
        user: user.map(ToOwned::to_owned),
        key: pattern_key(subject, value),
        pattern_type: match traits::subject(subject)?.kind {
            Kind::Style => "style",
            Kind::Preference => "preference",
            Kind::Workflow => "workflow",
        },
        description: traits::sentence(subject, value)?,
        confidence: confidence(better.max(1.0 - better)),
        positive: sample(own.plain.accepted),
        negative: sample(own.plain.rejected),
        context: json!({"subject": subject, "value": value, "raters": own.raters}),
        last_seen: counts.iter().map(|count| count.last_week).max()?,
    })
}
