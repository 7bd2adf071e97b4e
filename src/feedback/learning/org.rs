//! The data of one organisation during a pass.

use std::collections::{BTreeMap, BTreeSet};

use crate::feedback::learning::conclusions::Conclusion;
use crate::feedback::learning::lifecycle::{InsightWrites, LifecycleInput};
use crate::feedback::learning::model::InsightKey;
use crate::feedback::learning::tallies::{ALL_ANSWERS, RatedAnswer, RaterTally};
use crate::feedback::learning::votes::Electorate;
use crate::feedback::learning::{comment_groups, insights};

/// The data of one organisation during a pass.
#[derive(Debug, Default)]
pub struct OrgAnalysis {
    /// True if everything is analyzed, not only what changed.
    pub is_full: bool,
    /// Subjects analyzed, unless all are.
    pub subjects: BTreeSet<String>,
    /// Votes by rater.
    pub tallies: Vec<RaterTally>,
    /// All its raters.
    pub electorate: Electorate,
    /// Rated answers: the newest, or those since the last pass.
    pub rated: Vec<RatedAnswer>,
    /// Stored insights and the conclusions about them.
    pub input: LifecycleInput,
    /// Comment groups analyzed.
    pub groups: BTreeSet<String>,
}

impl OrgAnalysis {
    /// Sets the evidence of each conclusion to the newest rated answers. An analysis of changes alone
    /// keeps the answers that were named before.
    pub fn set_evidence(&mut self) {
        let before: BTreeMap<&InsightKey, &Vec<i64>> = self
            .input
            .insights
            .iter()
            .filter(|_| !self.is_full)
            .map(|insight| (&insight.key, &insight.content.evidence))
            .collect();
        let withdrawn: BTreeSet<i64> = self
            .rated
            .iter()
            .filter(|rated| !rated.has_vote)
            .map(|rated| rated.gen_id)
            .collect();
        for (key, conclusion) in &mut self.input.conclusions {
            match conclusion {
                Conclusion::Strong(content) | Conclusion::Sustaining(content) => {
                    let about = self.rated.iter().filter(|rated| is_about(rated, key));
                    let before = before.get(key).into_iter().copied().flatten();
                    let all = about.map(|rated| rated.gen_id).chain(before.copied());
                    let all = all.filter(|answer| !withdrawn.contains(answer));
                    content.evidence = comment_groups::newest_evidence(all);
                }
                Conclusion::Lacking(_) => {}
            }
        }
    }

    /// Computes the writes. Consumes the stored insights and conclusions.
    pub fn writes(&mut self) -> InsightWrites {
        let input = std::mem::take(&mut self.input);
        let is_examined = |key: &InsightKey| {
            let subject = key.subject.split('=').next().unwrap_or_default();
            self.is_full || self.groups.contains(&key.subject) || self.subjects.contains(subject)
        };
        input.transitions(is_examined, |key| insights::baseline(&self.tallies, key))
    }
}

fn is_about(rated: &RatedAnswer, key: &InsightKey) -> bool {
    let in_category = key
        .category
        .as_ref()
        .is_none_or(|only| *only == rated.category);
    key.scope.includes(&rated.team, &rated.user)
        && in_category
        && (key.subject == ALL_ANSWERS || rated.tags.contains(&key.subject))
}
