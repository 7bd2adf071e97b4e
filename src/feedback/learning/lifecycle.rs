//! Status transitions of insights, from their stored state, new conclusions and measured effects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::feedback::insight::InsightStatus;
use crate::feedback::learning::comment_groups;
use crate::feedback::learning::conclusions::Conclusion;
use crate::feedback::learning::effects::MeasuredEffect;
use crate::feedback::learning::model::{
    InsightContent, InsightKey, InsightScope, InsightState, RetireReason,
};
use crate::feedback::learning::tallies::VoteCounts;

/// An insight to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInsight {
    /// Identity.
    pub key: InsightKey,
    /// Content.
    pub content: InsightContent,
    /// Initial status.
    pub status: InsightStatus,
}

/// An insight to update.
#[derive(Clone, Debug, PartialEq)]
pub struct InsightUpdate {
    /// State as it was read. The update is dropped if an administrator changed it meanwhile.
    pub before: InsightState,
    /// State to write.
    pub after: InsightState,
}

/// The writes of one organisation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InsightWrites {
    /// Insights to create.
    pub created: Vec<NewInsight>,
    /// Insights to update, in the order of their ids.
    pub updated: Vec<InsightUpdate>,
}

/// The inputs of an organisation's transitions.
#[derive(Debug, Default)]
pub struct LifecycleInput {
    /// Stored insights.
    pub insights: Vec<InsightState>,
    /// Conclusions from vote counts and comments.
    pub conclusions: BTreeMap<InsightKey, Conclusion>,
    /// Measured effects, by insight id.
    pub effects: HashMap<i64, MeasuredEffect>,
    /// Teams by user.
    pub teams: BTreeMap<String, BTreeSet<String>>,
}

impl LifecycleInput {
    /// Computes the transitions. `is_examined` says that all evidence about a key was read, so a missing
    /// conclusion means that there is none. `baseline` returns the acceptance of a key's scope so far.
    pub fn transitions(
        self,
        is_examined: impl Fn(&InsightKey) -> bool,
        baseline: impl Fn(&InsightKey) -> VoteCounts,
    ) -> InsightWrites {
        let mut stored: BTreeMap<InsightKey, InsightState> = self
            .insights
            .into_iter()
            .map(|insight| (insight.key.clone(), insight))
            .collect();
        let mut conclusions = self.conclusions;
        for key in stored.keys() {
            if is_examined(key) && !conclusions.contains_key(key) {
                let reason = RetireReason::EvidenceAged;
                conclusions.insert(key.clone(), Conclusion::Lacking(reason));
            }
        }
        let mut writes = InsightWrites::default();
        // Wider scopes order first, so their new status is known when narrower ones are decided.
        let mut statuses: BTreeMap<InsightKey, InsightStatus> = stored
            .values()
            .map(|insight| (insight.key.clone(), insight.status))
            .collect();
        for (key, conclusion) in conclusions {
            let conclusion = match conclusion {
                Conclusion::Strong(_) | Conclusion::Sustaining(_)
                    if is_covered(&key, &statuses, &self.teams) =>
                {
                    Conclusion::Lacking(RetireReason::Covered)
                }
                Conclusion::Strong(_) | Conclusion::Sustaining(_) | Conclusion::Lacking(_) => {
                    conclusion
                }
            };
            let Some(before) = stored.remove(&key) else {
                if let Conclusion::Strong(content) = conclusion {
                    let status = initial_status(&key);
                    statuses.insert(key.clone(), status);
                    let content = with_baseline(content, baseline(&key));
                    writes.created.push(NewInsight {
                        key,
                        content,
                        status,
                    });
                }
                continue;
            };
            let mut after = before.clone();
            apply_conclusion(&mut after, conclusion, || baseline(&key));
            apply_effect(&mut after, &self.effects);
            statuses.insert(key, after.status);
            writes.update(before, after);
        }
        for before in stored.into_values() {
            let mut after = before.clone();
            apply_effect(&mut after, &self.effects);
            writes.update(before, after);
        }
        writes.updated.sort_by_key(|update| update.before.id);
        writes
    }
}

impl InsightWrites {
    fn update(&mut self, before: InsightState, after: InsightState) {
        if before != after {
            self.updated.push(InsightUpdate { before, after });
        }
    }
}

/// Returns the status of a new insight. One that shows a comment to other people waits for an
/// administrator.
fn initial_status(key: &InsightKey) -> InsightStatus {
    match key.scope {
        InsightScope::Org | InsightScope::Team(_) if comment_groups::is_group(&key.subject) => {
            InsightStatus::Proposed
        }
        InsightScope::Org | InsightScope::Team(_) | InsightScope::User(_) => InsightStatus::Active,
    }
}

/// True if an insight of a wider scope says the same to the same people. For a team a proposal is enough:
/// it needs none of its own beside that of the organisation.
fn is_covered(
    key: &InsightKey,
    statuses: &BTreeMap<InsightKey, InsightStatus>,
    teams: &BTreeMap<String, BTreeSet<String>>,
) -> bool {
    let in_scope = |scope: InsightScope| {
        let wider = InsightKey {
            scope,
            ..key.clone()
        };
        match statuses.get(&wider) {
            Some(InsightStatus::Active) => true,
            Some(InsightStatus::Proposed) => key.scope.team().is_some(),
            Some(InsightStatus::Retired) | None => false,
        }
    };
    match &key.scope {
        InsightScope::Org => false,
        InsightScope::Team(_) => in_scope(InsightScope::Org),
        InsightScope::User(user) => {
            let mut teams = teams.get(user).into_iter().flatten();
            // A user in several teams is not covered by the insight of one of them.
            in_scope(InsightScope::Org)
                || teams.clone().count() == 1
                    && teams.any(|team| in_scope(InsightScope::Team(team.clone())))
        }
    }
}

fn apply_conclusion(
    insight: &mut InsightState,
    conclusion: Conclusion,
    baseline: impl FnOnce() -> VoteCounts,
) {
    let is_reactivated = match (insight.status, &conclusion) {
        (InsightStatus::Retired, Conclusion::Strong(_)) => may_reactivate(insight),
        (InsightStatus::Retired, Conclusion::Sustaining(_) | Conclusion::Lacking(_))
        | (InsightStatus::Active | InsightStatus::Proposed, _) => false,
    };
    if insight.status == InsightStatus::Retired && !is_reactivated {
        return;
    }
    match conclusion {
        Conclusion::Strong(content) | Conclusion::Sustaining(content) => {
            let content = if is_reactivated {
                insight.status = initial_status(&insight.key);
                insight.status_reason = None;
                insight.decided_by = None;
                with_baseline(content, baseline())
            } else {
                InsightContent {
                    pattern_data: keep_baseline(content.pattern_data, &insight.content),
                    ..content
                }
            };
            // An administrator's text stays, and so does a quotation on which an administrator decides.
            let keeps_text = insight.edited_by.is_some()
                || comment_groups::is_group(&insight.key.subject) && !is_reactivated;
            insight.content = if keeps_text {
                InsightContent {
                    title: insight.content.title.clone(),
                    description: insight.content.description.clone(),
                    quoted_user: insight.content.quoted_user.clone(),
                    ..content
                }
            } else {
                content
            };
        }
        Conclusion::Lacking(reason) => retire(insight, reason),
    }
}

fn retire(insight: &mut InsightState, reason: RetireReason) {
    insight.status = InsightStatus::Retired;
    insight.status_reason = Some(reason.label().to_owned());
    insight.decided_by = None;
}

/// True unless an administrator retired the insight, or its measured effect did.
fn may_reactivate(insight: &InsightState) -> bool {
    let reason = insight.status_reason.as_deref();
    let reason = reason.and_then(RetireReason::of);
    insight.decided_by.is_none() && reason.is_some_and(RetireReason::is_reversible)
}

/// Stores the measured effect of an active insight, and retires it if the effect is harmful or absent.
/// Others keep the effect they had while they were active.
fn apply_effect(insight: &mut InsightState, effects: &HashMap<i64, MeasuredEffect>) {
    let Some(effect) = effects.get(&insight.id) else {
        return;
    };
    if insight.status != InsightStatus::Active {
        return;
    }
    insight.effect = Some(effect.to_json());
    if let Some(reason) = effect.retire_reason(baseline_of(&insight.content.pattern_data)) {
        retire(insight, reason);
    }
}

fn with_baseline(mut content: InsightContent, baseline: VoteCounts) -> InsightContent {
    if let Some(data) = content.pattern_data.as_object_mut() {
        let baseline = json!({"accepted": baseline.accepted, "rejected": baseline.rejected});
        data.insert("baseline".to_owned(), baseline);
    }
    content
}

/// Copies the baseline, which is that of the day of activation.
fn keep_baseline(mut data: Value, before: &InsightContent) -> Value {
    if let Some(data) = data.as_object_mut()
        && let Some(baseline) = before.pattern_data.get("baseline")
    {
        data.insert("baseline".to_owned(), baseline.clone());
    }
    data
}

fn baseline_of(data: &Value) -> VoteCounts {
    let number = |name: &str| {
        let number = data.get("baseline").and_then(|base| base.get(name));
        number.and_then(Value::as_f64).unwrap_or_default().max(0.0)
    };
    VoteCounts {
        accepted: number("accepted"),
        rejected: number("rejected"),
    }
}
