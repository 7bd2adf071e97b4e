//! What counts teach: which value of a subject is better than the others, which is not wanted, and
//! which kinds of answers are accepted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::feedback::insight::InsightType;
use crate::feedback::learning::categories;
use crate::feedback::learning::model::{Content, Key, Reason, Scope};
use crate::feedback::learning::posterior::{Posterior, rounded, wilson};
use crate::feedback::learning::tallies::{Count, Voices};
use crate::feedback::learning::votes::{Opinion, Weighed};
use crate::feedback::traits;

/// All answers.
pub const EVERYTHING: &str = "*";

/// How probable it must be that a value is better than the others to say so,
const SURE: f64 = 0.9;
/// and to go on saying so.
const STILL: f64 = 0.7;
/// A difference that is sure but smaller than this is not worth a sentence.
const WORTH: f64 = 0.1;
/// So many rejections of the other values are enough to look,
const REJECTIONS: f64 = 2.0;
/// or so many acceptances of this one.
const ACCEPTANCES: f64 = 3.0;
/// What is accepted less than this is rejected.
pub(super) const LOW: f64 = 0.5;
/// How far it may come back before it is no longer said.
pub(super) const SLACK: f64 = 0.1;
/// Nobody speaks for the others alone: so many people have to agree.
const RATERS: usize = 2;

/// What the counts say of something that an insight could say.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is to be said.
    Sure(Content),
    /// It is not sure enough to be said for the first time, but enough to go on.
    Still(Content),
    /// It is not to be said.
    Gone(Reason),
}

/// What the counts say about a subject: a verdict on everything that could be said. Counts of `*` are
/// looked at by category.
pub fn verdicts(subject: &str, counts: &[&Count], found: &mut BTreeMap<Key, Verdict>) {
    let mut scopes = BTreeSet::from([Scope::Org]);
    for count in counts {
        scopes.insert(Scope::User(count.user.clone()));
        if !count.team.is_empty() {
            scopes.insert(Scope::Team(count.team.clone()));
        }
    }
    if subject == EVERYTHING {
        let categories: BTreeSet<&str> = counts.iter().map(|c| c.category.as_str()).collect();
        for category in categories {
            let of_it: Vec<&Count> = counts
                .iter()
                .copied()
                .filter(|count| count.category == category)
                .collect();
            for scope in &scopes {
                categories::verdicts(category, &Opinion::of(&of_it, scope), scope, found);
            }
        }
        return;
    }
    for scope in &scopes {
        trait_verdicts(subject, &Opinion::of(counts, scope), scope, found);
    }
}

/// A value next to the others of its subject.
struct Contrast<'a> {
    value: &'a str,
    own: Weighed,
    rest: Weighed,
    /// How probable it is that it is the better one.
    better: f64,
}

fn trait_verdicts(
    subject: &str,
    opinion: &Opinion<'_>,
    scope: &Scope,
    found: &mut BTreeMap<Key, Verdict>,
) {
    let Some(kind) = traits::subject(subject).map(|subject| subject.kind) else {
        return;
    };
    let mut contrasts: Vec<Contrast<'_>> = opinion
        .values()
        .into_iter()
        .map(|value| contrast(opinion, value))
        .collect();
    contrasts.sort_by(|one, other| other.better.total_cmp(&one.better));
    let best = contrasts
        .first()
        .map(|best| preferred(best, opinion, scope));
    let is_known = best.is_some_and(|standing| standing == Standing::Sure);
    for (place, contrast) in contrasts.iter().enumerate() {
        let Some(sentence) = traits::sentence(subject, contrast.value) else {
            continue;
        };
        let about = About {
            subject,
            value: contrast.value,
            sentence: &sentence,
            scope,
        };
        let standing = match best {
            Some(standing) if place == 0 => standing,
            // Another value is better than this one.
            Some(_) | None => Standing::Gone(Reason::EvidenceTurned),
        };
        let key = about.key(InsightType::preferring(kind));
        found.insert(key, standing.verdict(|| about.preferring(contrast)));
        let standing = rejected(contrast.value, &contrast.own, opinion, scope);
        let standing = match standing {
            // That the other one is better says it already, and says what to do.
            Standing::Sure | Standing::Still if is_known => Standing::Gone(Reason::Covered),
            Standing::Sure | Standing::Still | Standing::Gone(_) => standing,
        };
        let key = about.key(InsightType::PatternRejected);
        found.insert(key, standing.verdict(|| about.rejecting(contrast)));
    }
}

fn contrast<'a>(opinion: &Opinion<'_>, value: &'a str) -> Contrast<'a> {
    let own = opinion.about(|one| one == value);
    let rest = opinion.about(|one| one != value);
    let better = Posterior::of(own.weighed).above(Posterior::of(rest.weighed));
    Contrast {
        value,
        own,
        rest,
        better,
    }
}

/// A verdict without its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Standing {
    Sure,
    Still,
    Gone(Reason),
}

impl Standing {
    pub(super) fn verdict(self, content: impl FnOnce() -> Content) -> Verdict {
        match self {
            Self::Sure => Verdict::Sure(content()),
            Self::Still => Verdict::Still(content()),
            Self::Gone(reason) => Verdict::Gone(reason),
        }
    }
}

fn preferred(contrast: &Contrast<'_>, opinion: &Opinion<'_>, scope: &Scope) -> Standing {
    let Contrast { own, rest, .. } = contrast;
    let contrasted = own.plain.total() > 0.0 && rest.plain.total() > 0.0;
    let enough = rest.plain.rejected >= REJECTIONS || own.plain.accepted >= ACCEPTANCES;
    if !contrasted || !enough {
        return Standing::Gone(Reason::EvidenceAged);
    }
    let worth = Posterior::of(own.weighed).mean() - Posterior::of(rest.weighed).mean() >= WORTH;
    let agreed = agreed(opinion.leaning(contrast.value), scope);
    if contrast.better >= SURE && worth && agreed {
        return Standing::Sure;
    }
    let (to, away) = opinion.leaning(contrast.value);
    if contrast.better >= STILL && to > away {
        return Standing::Still;
    }
    // Whether it would still be said if nothing were old.
    let plain = Posterior::of(own.plain).above(Posterior::of(rest.plain));
    Standing::Gone(aged_or_turned(plain >= STILL && to > away))
}

fn rejected(value: &str, own: &Weighed, opinion: &Opinion<'_>, scope: &Scope) -> Standing {
    let (content, not) = opinion.content(value);
    let (_, upper) = wilson(own.weighed);
    if own.plain.rejected < REJECTIONS {
        Standing::Gone(Reason::EvidenceAged)
    } else if upper < LOW && agreed((not, content), scope) {
        Standing::Sure
    } else if upper < LOW + SLACK && not > content {
        Standing::Still
    } else {
        let (_, plain) = wilson(own.plain);
        Standing::Gone(aged_or_turned(plain < LOW + SLACK && not > content))
    }
}

pub(super) fn aged_or_turned(would_hold_if_it_were_new: bool) -> Reason {
    if would_hold_if_it_were_new {
        Reason::EvidenceAged
    } else {
        Reason::EvidenceTurned
    }
}

/// Whether enough people agree: two at least and two thirds. One's own scope needs nobody else.
pub(super) fn agreed((with, without): (usize, usize), scope: &Scope) -> bool {
    match scope {
        Scope::Org | Scope::Team(_) => with >= RATERS && with * 3 >= (with + without) * 2,
        Scope::User(_) => with >= 1,
    }
}

/// What an insight about a trait is about.
struct About<'a> {
    subject: &'a str,
    value: &'a str,
    sentence: &'a str,
    scope: &'a Scope,
}

impl About<'_> {
    fn key(&self, insight_type: InsightType) -> Key {
        Key {
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

    fn preferring(&self, contrast: &Contrast<'_>) -> Content {
        let all = contrast.own.plain.total() + contrast.rest.plain.total();
        Content {
            title: format!("Preferred: {}", self.sentence),
            description: self.sentence.to_owned(),
            pattern_data: data(self.subject, self.value, &contrast.own),
            confidence: confidence(contrast.better),
            sample_size: sample(all),
            quoted_user: None,
            evidence: Vec::new(),
        }
    }

    fn rejecting(&self, contrast: &Contrast<'_>) -> Content {
        let own = &contrast.own;
        Content {
            title: format!("Not wanted: {}", self.sentence),
            description: format!("Avoid this: {}", self.sentence),
            pattern_data: data(self.subject, self.value, own),
            confidence: confidence(Posterior::of(own.weighed).below(LOW)),
            sample_size: sample(own.plain.total()),
            quoted_user: None,
            evidence: Vec::new(),
        }
    }
}

/// What an insight and a pattern about a value are known by.
pub fn pattern_key(subject: &str, value: &str) -> String {
    format!("{subject}={value}")
}

/// How sure, from 0 for as likely as not to 1.
pub fn confidence(probability: f64) -> f64 {
    rounded((2.0 * probability - 1.0).clamp(0.0, 1.0))
}

/// A number of voices; half a voice is rounded up.
pub fn sample(voices: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is too large becomes the greatest number"
    )]
    let sample = voices.round() as i32;
    sample
}

pub(super) fn data(subject: &str, value: &str, own: &Weighed) -> Value {
    let posterior = Posterior::of(own.weighed);
    let (low, high) = posterior.interval();
    json!({
        "subject": subject,
        "value": value,
        "accepted": own.plain.accepted,
        "rejected": own.plain.rejected,
        "raters": own.raters,
        "posterior": {
            "mean": rounded(posterior.mean()),
            "low": rounded(low),
            "high": rounded(high),
        },
    })
}

/// How all answers of a scope are rated, for comparison with those that an insight has a part in.
pub fn baseline(counts: &[Count], key: &Key) -> Voices {
    counts
        .iter()
        .filter(|count| count.subject == EVERYTHING)
        .filter(|count| {
            key.category
                .as_ref()
                .is_none_or(|only| *only == count.category)
        })
        .filter(|count| match &key.scope {
            Scope::Org => true,
            Scope::Team(team) => count.team == *team,
            Scope::User(user) => count.user == *user,
        })
        .fold(Voices::default(), |all, count| all.plus(count.plain))
}
