//! What a pass knows of an organisation, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::feedback::learning::comment_groups;
use crate::feedback::learning::insights::{self, EVERYTHING, Verdict};
use crate::feedback::learning::lifecycle::{Known, Writes};
use crate::feedback::learning::model::{Key, Scope};
use crate::feedback::learning::tallies::{Count, Rated};

/// What a pass knows of an organisation.
#[derive(Debug, Default)]
pub struct Org {
    /// Whether all of it is looked at, and not only what has changed.
    pub whole: bool,
    /// The subjects that were looked at, when it is not all of them.
    pub subjects: BTreeSet<String>,
    /// What its ratings add up to.
    pub counts: Vec<Count>,
    /// Answers that were rated: the newest, or those since the last pass.
    pub rated: Vec<Rated>,
    /// What is concluded from them.
    pub known: Known,
    /// Groups of comments that were looked at.
    pub groups: BTreeSet<String>,
}

impl Org {
    /// Puts the newest answers behind each verdict. Where only changes were looked at, those that were
    /// named before go on being named.
    pub fn name_evidence(&mut self) {
        let before: BTreeMap<&Key, &Vec<i64>> = self
            .known
            .insights
            .iter()
            .filter(|_| !self.whole)
            .map(|insight| (&insight.key, &insight.content.evidence))
            .collect();
        let withdrawn: BTreeSet<i64> = self
            .rated
            .iter()
            .filter(|rated| !rated.judged)
            .map(|rated| rated.gen_id)
            .collect();
        for (key, verdict) in &mut self.known.verdicts {
            match verdict {
                Verdict::Sure(content) | Verdict::Still(content) => {
                    let about = self.rated.iter().filter(|rated| is_about(rated, key));
                    let before = before.get(key).into_iter().copied().flatten();
                    let all = about.map(|rated| rated.gen_id).chain(before.copied());
                    let all = all.filter(|answer| !withdrawn.contains(answer));
                    content.evidence = comment_groups::evidence(all);
                }
                Verdict::Gone(_) => {}
            }
        }
    }

    /// What is to be written; what is concluded is used up by it.
    pub fn writes(&mut self) -> Writes {
        let known = std::mem::take(&mut self.known);
        let looked_at = |key: &Key| {
            let subject = key.subject.split('=').next().unwrap_or_default();
            self.whole || self.groups.contains(&key.subject) || self.subjects.contains(subject)
        };
        known.writes(looked_at, |key| insights::baseline(&self.counts, key))
    }
}

fn is_about(rated: &Rated, key: &Key) -> bool {
    let in_scope = match &key.scope {
        Scope::Org => true,
        Scope::Team(team) => rated.team == *team,
        Scope::User(user) => rated.user == *user,
    };
    let in_category = key
        .category
        .as_ref()
        .is_none_or(|only| *only == rated.category);
    in_scope && in_category && (key.subject == EVERYTHING || rated.tags.contains(&key.subject))
}
