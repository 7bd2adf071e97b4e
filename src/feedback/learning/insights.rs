//! Conclusions from vote counts: values that are better than the others of their subject, values that
//! are rejected, and categories that are.

use std::collections::{BTreeMap, BTreeSet};

use crate::feedback::insight::InsightType;
use crate::feedback::learning::categories;
use crate::feedback::learning::conclusions::{
    Conclusion, HYSTERESIS, LOW_ACCEPTANCE, Support, confidence, pattern_data, sample_size,
};
use crate::feedback::learning::model::{
    InsightContent, InsightKey, InsightScope, RetireReason, pattern_key,
};
use crate::feedback::learning::posterior::{Posterior, wilson};
use crate::feedback::learning::tallies::{ALL_ANSWERS, RaterTally, VoteCounts};
use crate::feedback::learning::votes::{Electorate, ScopeVotes, VoteSum, VoterGroup};
use crate::feedback::traits;

/// Probability of being the best value from which an insight is created.
const CREATE_PROBABILITY: f64 = 0.9;
/// Probability of being the best value from which an insight is kept.
const KEEP_PROBABILITY: f64 = 0.7;
/// The smallest difference of acceptance for which an insight is created.
const MIN_DIFFERENCE: f64 = 0.1;
/// The fewest rejections of a value, or of the others, from which something is concluded.
const MIN_REJECTIONS: f64 = 2.0;
/// The fewest acceptances of a value that do instead of rejections of the others.
const MIN_ACCEPTANCES: f64 = 3.0;

/// Adds the conclusions from the tallies of a subject, for every scope with votes. Those of
/// [`ALL_ANSWERS`] are about categories.
pub fn conclude(
    subject: &str,
    tallies: &[&RaterTally],
    electorate: &Electorate,
    found: &mut BTreeMap<InsightKey, Conclusion>,
) {
    let mut scopes = BTreeSet::from([InsightScope::Org]);
    for tally in tallies {
        scopes.insert(InsightScope::User(tally.user.clone()));
        if !tally.team.is_empty() {
            scopes.insert(InsightScope::Team(tally.team.clone()));
        }
    }
    if subject == ALL_ANSWERS {
        let mut by_category: BTreeMap<&str, Vec<&RaterTally>> = BTreeMap::new();
        for tally in tallies {
            let of_category = by_category.entry(&tally.category).or_default();
            of_category.push(tally);
        }
        for (category, tallies) in by_category {
            for scope in &scopes {
                let votes = ScopeVotes::of(&tallies, scope);
                categories::conclude(category, &votes, &VoterGroup { scope, electorate }, found);
            }
        }
        return;
    }
    for scope in &scopes {
        let votes = ScopeVotes::of(tallies, scope);
        conclude_traits(subject, &votes, &VoterGroup { scope, electorate }, found);
    }
}

/// A value against the others of its subject.
struct Contrast<'a> {
    value: &'a str,
    own: VoteSum,
    rest: VoteSum,
    /// Probability that the value is accepted more often than the others.
    better: f64,
}

fn conclude_traits(
    subject: &str,
    votes: &ScopeVotes<'_>,
    group: &VoterGroup<'_>,
    found: &mut BTreeMap<InsightKey, Conclusion>,
) {
    let Some(kind) = traits::subject(subject).map(|subject| subject.kind) else {
        return;
    };
    let mut contrasts: Vec<Contrast<'_>> = votes
        .values()
        .into_iter()
        .map(|value| contrast(votes, value))
        .collect();
    contrasts.sort_by(|one, other| other.better.total_cmp(&one.better));
    let best = contrasts.first().map(|best| preference(best, votes, group));
    let has_preference = best.is_some_and(|support| support == Support::Strong);
    for (rank, contrast) in contrasts.iter().enumerate() {
        let Some(sentence) = traits::sentence(subject, contrast.value) else {
            continue;
        };
        let statement = TraitStatement {
            subject,
            value: contrast.value,
            sentence: &sentence,
            scope: group.scope,
        };
        let support = match best {
            Some(support) if rank == 0 => support,
            // Another value is better than this one.
            Some(_) | None => Support::Lacking(RetireReason::EvidenceTurned),
        };
        let key = statement.key(InsightType::preferring(kind));
        found.insert(key, support.with(|| statement.preferring(contrast)));
        let support = match rejection(contrast.value, &contrast.own, votes, group) {
            // The preference for another value says the same, and says what to do.
            Support::Strong | Support::Sustaining if has_preference => {
                Support::Lacking(RetireReason::Covered)
            }
            support @ (Support::Strong | Support::Sustaining | Support::Lacking(_)) => support,
        };
        let key = statement.key(InsightType::PatternRejected);
        found.insert(key, support.with(|| statement.rejecting(contrast)));
    }
}

fn contrast<'a>(votes: &ScopeVotes<'_>, value: &'a str) -> Contrast<'a> {
    let own = votes.sum_where(|one| one == value);
    let rest = votes.sum_where(|one| one != value);
    let better = Posterior::of(own.weighted).above(Posterior::of(rest.weighted));
    Contrast {
        value,
        own,
        rest,
        better,
    }
}

fn preference(contrast: &Contrast<'_>, votes: &ScopeVotes<'_>, group: &VoterGroup<'_>) -> Support {
    let Contrast { own, rest, .. } = contrast;
    let has_both = own.raw.total() > 0.0 && rest.raw.total() > 0.0;
    let is_enough = rest.raw.rejected >= MIN_REJECTIONS || own.raw.accepted >= MIN_ACCEPTANCES;
    if !has_both || !is_enough {
        return Support::Lacking(RetireReason::EvidenceAged);
    }
    let difference = Posterior::of(own.weighted).mean() - Posterior::of(rest.weighted).mean();
    let split = votes.preference(contrast.value);
    if contrast.better >= CREATE_PROBABILITY
        && difference >= MIN_DIFFERENCE
        && split.is_agreement(group)
    {
        return Support::Strong;
    }
    if contrast.better >= KEEP_PROBABILITY && split.is_majority() {
        return Support::Sustaining;
    }
    let raw = Posterior::of(own.raw).above(Posterior::of(rest.raw));
    Support::aged_or_turned(raw >= KEEP_PROBABILITY && split.is_majority())
}

fn rejection(
    value: &str,
    own: &VoteSum,
    votes: &ScopeVotes<'_>,
    group: &VoterGroup<'_>,
) -> Support {
    const KEEP_BELOW: f64 = LOW_ACCEPTANCE + HYSTERESIS;
    let rejecting = votes.acceptance(value).reversed();
    let acceptance = wilson(own.weighted);
    if own.raw.rejected < MIN_REJECTIONS {
        Support::Lacking(RetireReason::EvidenceAged)
    } else if acceptance.high < LOW_ACCEPTANCE && rejecting.is_agreement(group) {
        Support::Strong
    } else if acceptance.high < KEEP_BELOW && rejecting.is_majority() {
        Support::Sustaining
    } else {
        let raw = wilson(own.raw);
        Support::aged_or_turned(raw.high < KEEP_BELOW && rejecting.is_majority())
    }
}

/// A possible insight about a trait.
struct TraitStatement<'a> {
    subject: &'a str,
    value: &'a str,
    sentence: &'a str,
    scope: &'a InsightScope,
}

impl TraitStatement<'_> {
    fn key(&self, insight_type: InsightType) -> InsightKey {
        InsightKey {
            scope: self.scope.clone(),
            insight_type,
            category: None,
            subject: pattern_key(self.subject, self.value),
            language: self
                .subject
                .split_once('@')
                .map(|(_, language)| language.to_owned()),
        }
    }

    fn preferring(&self, contrast: &Contrast<'_>) -> InsightContent {
        let votes = contrast.own.raw.total() + contrast.rest.raw.total();
        InsightContent {
            title: format!("Preferred: {}", self.sentence),
            description: self.sentence.to_owned(),
            pattern_data: pattern_data(self.subject, self.value, &contrast.own),
            confidence: confidence(contrast.better),
            sample_size: sample_size(votes),
            quoted_user: None,
            evidence: Vec::new(),
        }
    }

    fn rejecting(&self, contrast: &Contrast<'_>) -> InsightContent {
        let own = &contrast.own;
        InsightContent {
            title: format!("Not wanted: {}", self.sentence),
            description: format!("Avoid this: {}", self.sentence),
            pattern_data: pattern_data(self.subject, self.value, own),
            confidence: confidence(Posterior::of(own.weighted).below(LOW_ACCEPTANCE)),
            sample_size: sample_size(own.raw.total()),
            quoted_user: None,
            evidence: Vec::new(),
        }
    }
}

/// Returns the votes on all answers of an insight's scope and category, the reference for its effect.
pub fn baseline(tallies: &[RaterTally], key: &InsightKey) -> VoteCounts {
    tallies
        .iter()
        .filter(|tally| tally.subject == ALL_ANSWERS)
        .filter(|tally| {
            key.category
                .as_ref()
                .is_none_or(|only| *only == tally.category)
        })
        .filter(|tally| key.scope.includes(&tally.team, &tally.user))
        .fold(VoteCounts::default(), |sum, tally| sum.plus(tally.raw))
}
