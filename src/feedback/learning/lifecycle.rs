//! What becomes of an insight: from how it stands in the table and what is known now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::feedback::insight::Status;
use crate::feedback::learning::comment_groups;
use crate::feedback::learning::effects::Measured;
use crate::feedback::learning::insights::Verdict;
use crate::feedback::learning::model::{Content, Insight, Key, Reason, Scope};
use crate::feedback::learning::tallies::Voices;

/// An insight that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What makes it this one.
    pub key: Key,
    /// What it says.
    pub content: Content,
    /// Whether it is used at once.
    pub status: Status,
}

/// An insight that is different now.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// As it was; if it no longer is when it is written, somebody else was faster.
    pub before: Insight,
    /// As it is to be.
    pub after: Insight,
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writes {
    /// New ones.
    pub made: Vec<Made>,
    /// Others, in the order of their ids.
    pub changed: Vec<Changed>,
}

/// What is known of an organisation.
#[derive(Debug, Default)]
pub struct Known {
    /// Its insights.
    pub insights: Vec<Insight>,
    /// What counts and comments say.
    pub verdicts: BTreeMap<Key, Verdict>,
    /// What insights do, by their ids.
    pub measured: HashMap<i64, Measured>,
    /// The teams of people, by user.
    pub teams: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// What is to be written. `looked_at` says whether all that could be said of a key was looked at, so
    /// that no verdict means no evidence; `baseline` how answers were rated so far.
    pub fn writes(
        self,
        looked_at: impl Fn(&Key) -> bool,
        baseline: impl Fn(&Key) -> Voices,
    ) -> Writes {
        let mut there: BTreeMap<Key, Insight> = self
            .insights
            .into_iter()
            .map(|insight| (insight.key.clone(), insight))
            .collect();
        let mut verdicts = self.verdicts;
        for key in there.keys() {
            if looked_at(key) && !verdicts.contains_key(key) {
                verdicts.insert(key.clone(), Verdict::Gone(Reason::EvidenceAged));
            }
        }
        let mut writes = Writes::default();
        // Wider scopes come first, so that what they say is known when narrower ones are looked at.
        let mut said: BTreeMap<Key, Status> = there
            .values()
            .map(|insight| (insight.key.clone(), insight.status))
            .collect();
        for (key, verdict) in verdicts {
            let verdict = match verdict {
                Verdict::Sure(_) | Verdict::Still(_) if is_covered(&key, &said, &self.teams) => {
                    Verdict::Gone(Reason::Covered)
                }
                Verdict::Sure(_) | Verdict::Still(_) | Verdict::Gone(_) => verdict,
            };
            let Some(before) = there.remove(&key) else {
                if let Verdict::Sure(content) = verdict {
                    let status = first_status(&key);
                    said.insert(key.clone(), status);
                    let content = with_baseline(content, baseline(&key));
                    writes.made.push(Made {
                        key,
                        content,
                        status,
                    });
                }
                continue;
            };
            let mut after = before.clone();
            judge(&mut after, verdict, || baseline(&key));
            measure(&mut after, &self.measured);
            said.insert(key, after.status);
            writes.change(before, after);
        }
        for before in there.into_values() {
            let mut after = before.clone();
            measure(&mut after, &self.measured);
            writes.change(before, after);
        }
        writes.changed.sort_by_key(|changed| changed.before.id);
        writes
    }
}

impl Writes {
    fn change(&mut self, before: Insight, after: Insight) {
        if before != after {
            self.changed.push(Changed { before, after });
        }
    }
}

/// Words of people that are for others wait until somebody says yes.
fn first_status(key: &Key) -> Status {
    match key.scope {
        Scope::Org | Scope::Team(_) if comment_groups::is_group(&key.subject) => Status::Proposed,
        Scope::Org | Scope::Team(_) | Scope::User(_) => Status::Active,
    }
}

/// Whether a wider scope says the same to the same people. A team needs no proposal of its own beside
/// that for everybody.
fn is_covered(
    key: &Key,
    said: &BTreeMap<Key, Status>,
    teams: &BTreeMap<String, BTreeSet<String>>,
) -> bool {
    let in_scope = |scope: Scope| {
        let wider = Key {
            scope,
            ..key.clone()
        };
        match said.get(&wider) {
            Some(Status::Active) => true,
            Some(Status::Proposed) => key.scope.team().is_some(),
            Some(Status::Retired) | None => false,
        }
    };
    match &key.scope {
        Scope::Org => false,
        Scope::Team(_) => in_scope(Scope::Org),
        Scope::User(user) => {
            let mut teams = teams.get(user).into_iter().flatten();
            // Of somebody in several teams only what holds in one and the same covers it.
            in_scope(Scope::Org)
                || teams.clone().count() == 1
                    && teams.any(|team| in_scope(Scope::Team(team.clone())))
        }
    }
}

/// What evidence makes of an insight.
fn judge(insight: &mut Insight, verdict: Verdict, baseline: impl FnOnce() -> Voices) {
    let came_back = match (insight.status, &verdict) {
        (Status::Retired, Verdict::Sure(_)) => may_return(insight),
        (Status::Retired, Verdict::Still(_) | Verdict::Gone(_))
        | (Status::Active | Status::Proposed, _) => false,
    };
    if insight.status == Status::Retired && !came_back {
        return;
    }
    match verdict {
        Verdict::Sure(content) | Verdict::Still(content) => {
            let content = if came_back {
                insight.status = first_status(&insight.key);
                insight.status_reason = None;
                insight.decided_by = None;
                with_baseline(content, baseline())
            } else {
                Content {
                    pattern_data: keep_baseline(content.pattern_data, &insight.content),
                    ..content
                }
            };
            // The words of an admin stay, and so do words of people on which an admin decides.
            let keeps = insight.edited_by.is_some()
                || comment_groups::is_group(&insight.key.subject) && !came_back;
            insight.content = if keeps {
                Content {
                    title: insight.content.title.clone(),
                    description: insight.content.description.clone(),
                    quoted_user: insight.content.quoted_user.clone(),
                    ..content
                }
            } else {
                content
            };
        }
        Verdict::Gone(reason) => retire(insight, reason),
    }
}

fn retire(insight: &mut Insight, reason: Reason) {
    insight.status = Status::Retired;
    insight.status_reason = Some(reason.label().to_owned());
    insight.decided_by = None;
}

/// What a person retired stays so, and what was measured too.
fn may_return(insight: &Insight) -> bool {
    let reason = insight.status_reason.as_deref().and_then(Reason::of);
    insight.decided_by.is_none() && reason.is_some_and(Reason::may_return)
}

/// What its effect makes of an insight. One that is not used keeps what was measured while it was.
fn measure(insight: &mut Insight, measured: &HashMap<i64, Measured>) {
    let Some(measured) = measured.get(&insight.id) else {
        return;
    };
    if insight.status != Status::Active {
        return;
    }
    insight.effect = Some(measured.shown());
    if let Some(reason) = measured.verdict(baseline_of(&insight.content.pattern_data)) {
        retire(insight, reason);
    }
}

fn with_baseline(mut content: Content, baseline: Voices) -> Content {
    if let Some(data) = content.pattern_data.as_object_mut() {
        let baseline = json!({"accepted": baseline.accepted, "rejected": baseline.rejected});
        data.insert("baseline".to_owned(), baseline);
    }
    content
}

/// The baseline is that of the day on which it became active.
fn keep_baseline(mut data: Value, before: &Content) -> Value {
    if let Some(data) = data.as_object_mut()
        && let Some(baseline) = before.pattern_data.get("baseline")
    {
        data.insert("baseline".to_owned(), baseline.clone());
    }
    data
}

fn baseline_of(data: &Value) -> Voices {
    let number = |name: &str| {
        let number = data.get("baseline").and_then(|base| base.get(name));
        number.and_then(Value::as_f64).unwrap_or_default().max(0.0)
    };
    Voices {
        accepted: number("accepted"),
        rejected: number("rejected"),
    }
}
